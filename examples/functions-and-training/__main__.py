"""A state machine over functions and SageMaker: prepare, train, judge, register.

The training job is started and asked after in a loop, as services without a `.sync` pattern have to be; the
example `retraining-workflow` shows the other way. Runs in Stepwell and deploys to AWS.
"""

import gzip
import io
import json
import pathlib
import tarfile

import pulumi
import pulumi_aws as aws
import workflow

HERE = pathlib.Path(__file__).parent
NAME = pulumi.Config().get("name") or "functions-and-training"
#: AWS's account for its images in us-east-1; other regions have others
REGISTRY = "683313688378"
account = aws.get_caller_identity().account_id
region = aws.get_region().region
IMAGE = f"{REGISTRY}.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = f"{NAME}-{account}-{region}"


def arn(service, resource):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def objects(*folders):
    return [f"arn:aws:s3:::{BUCKET}/{folder}/*" for folder in folders]


def allow(actions, resources, **condition):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, **({"Condition": condition} if condition else {})}


def role(name, service, *statements):
    """A role that `service` takes on, with what it may do and no more."""
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    made = aws.iam.Role(
        name,
        name=f"{NAME}-{name}",
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    rights = aws.iam.RolePolicy(f"{name}-rights", role=made.id, policy=pulumi.Output.json_dumps(policy))
    return made, rights


def function(name, *statements, **variables):
    """A function whose package is the folder of its name, with a role of its own."""
    group = aws.cloudwatch.LogGroup(f"{name}-log", name=f"/aws/lambda/{NAME}-{name}", retention_in_days=30)
    own, rights = role(
        name,
        "lambda.amazonaws.com",
        allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            arn("logs", f"log-group:/aws/lambda/{NAME}-{name}:*"),
        ),
        *statements,
    )
    return aws.lambda_.Function(
        name,
        name=f"{NAME}-{name}",
        role=own.arn,
        runtime="python3.12",
        handler=f"{name}.handler",
        timeout=60,
        code=pulumi.FileArchive(str(HERE / name)),
        environment={"variables": variables},
        opts=pulumi.ResourceOptions(depends_on=[rights, group]),
    )


def training_code():
    """The script as the archive that SageMaker's script mode wants; the same bytes every time."""
    packed = io.BytesIO()
    content = (HERE / "code" / "train.py").read_bytes()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        entry = tarfile.TarInfo("train.py")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    target = HERE / "build" / "sourcedir.tar.gz"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(packed.getvalue())
    return pulumi.FileAsset(str(target))


bucket = aws.s3.Bucket("bucket", bucket=BUCKET, force_destroy=True)
code = aws.s3.BucketObjectv2("code", bucket=bucket.id, key="code/sourcedir.tar.gz", source=training_code())
packages = aws.sagemaker.ModelPackageGroup("packages", model_package_group_name=NAME)
own_packages = [packages.arn, arn("sagemaker", f"model-package/{NAME}/*")]

prepare = function("prepare", allow("s3:GetObject", objects("data")), allow("s3:PutObject", objects("runs")))
judge = function(
    "judge",
    allow("sagemaker:ListModelPackages", "*"),
    allow("sagemaker:DescribeModelPackage", own_packages),
    PACKAGE_GROUP=NAME,
)
job_role, job_rights = role(
    "job",
    "sagemaker.amazonaws.com",
    allow("s3:ListBucket", f"arn:aws:s3:::{BUCKET}"),
    allow("s3:GetObject", objects("code", "runs")),
    allow("s3:PutObject", objects("models")),
    allow(
        ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents"],
        arn("logs", "log-group:/aws/sagemaker/*"),
    ),
    allow("ecr:GetAuthorizationToken", "*"),
    allow(
        ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        f"arn:aws:ecr:{region}:{REGISTRY}:repository/sagemaker-scikit-learn",
    ),
)
machine_role, machine_rights = role(
    "machine",
    "states.amazonaws.com",
    allow("lambda:InvokeFunction", [prepare.arn, judge.arn]),
    allow(
        ["sagemaker:CreateTrainingJob", "sagemaker:DescribeTrainingJob", "sagemaker:AddTags"],
        arn("sagemaker", "training-job/*"),
    ),
    allow("sagemaker:CreateModelPackage", own_packages),
    allow("iam:PassRole", job_role.arn, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    # The registry reads the model that it is handed.
    allow("s3:GetObject", objects("models")),
)
machine = aws.sfn.StateMachine(
    "machine",
    name=NAME,
    role_arn=machine_role.arn,
    definition=pulumi.Output.json_dumps(
        workflow.definition(
            bucket=BUCKET,
            image=IMAGE,
            job_role=job_role.arn,
            package_group=NAME,
            prepare=prepare.arn,
            judge=judge.arn,
        )
    ),
    opts=pulumi.ResourceOptions(depends_on=[machine_rights, job_rights, code]),
)

pulumi.export("bucket", bucket.id)
pulumi.export("machine", machine.arn)
pulumi.export("packages", packages.model_package_group_name)
