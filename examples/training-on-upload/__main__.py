"""Training on upload: a CSV under `data/` starts a function, which starts a training job on it.

Runs in Stepwell and deploys to AWS.
"""

import gzip
import io
import json
import pathlib
import tarfile

import pulumi
import pulumi_aws as aws

HERE = pathlib.Path(__file__).parent
NAME = pulumi.Config().get("name") or "training-on-upload"
#: AWS's account for its images in us-east-1; other regions have others
REGISTRY = "683313688378"
account = aws.get_caller_identity().account_id
region = aws.get_region().region
IMAGE = f"{REGISTRY}.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"


def arn(service, resource):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


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


bucket = aws.s3.Bucket("bucket", bucket=f"{NAME}-{account}-{region}", force_destroy=True)
code = aws.s3.BucketObjectv2("code", bucket=bucket.id, key="code/sourcedir.tar.gz", source=training_code())


def objects(*folders):
    return [bucket.arn.apply(lambda value, folder=folder: f"{value}/{folder}/*") for folder in folders]


job_role, job_rights = role(
    "job",
    "sagemaker.amazonaws.com",
    allow("s3:ListBucket", bucket.arn),
    allow("s3:GetObject", objects("code", "data")),
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
function_role, function_rights = role(
    "function",
    "lambda.amazonaws.com",
    allow("sagemaker:CreateTrainingJob", arn("sagemaker", f"training-job/{NAME}-*")),
    allow("iam:PassRole", job_role.arn, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    allow(["logs:CreateLogStream", "logs:PutLogEvents"], arn("logs", f"log-group:/aws/lambda/{NAME}:*")),
)
group = aws.cloudwatch.LogGroup("logs", name=f"/aws/lambda/{NAME}", retention_in_days=30)
function = aws.lambda_.Function(
    "retrain",
    name=NAME,
    role=function_role.arn,
    runtime="python3.12",
    handler="retrain.handler",
    timeout=60,
    code=pulumi.FileArchive(str(HERE / "retrain")),
    environment={
        "variables": {
            "CODE": pulumi.Output.concat("s3://", bucket.id, "/", code.key),
            "IMAGE": IMAGE,
            "JOB_PREFIX": NAME,
            "JOB_ROLE_ARN": job_role.arn,
        }
    },
    opts=pulumi.ResourceOptions(depends_on=[function_rights, job_rights, group]),
)
permission = aws.lambda_.Permission(
    "bucket-may-call",
    action="lambda:InvokeFunction",
    function=function.name,
    principal="s3.amazonaws.com",
    source_arn=bucket.arn,
    source_account=account,
)
aws.s3.BucketNotification(
    "arrivals",
    bucket=bucket.id,
    lambda_functions=[
        aws.s3.BucketNotificationLambdaFunctionArgs(
            lambda_function_arn=function.arn,
            events=["s3:ObjectCreated:*"],
            filter_prefix="data/",
            filter_suffix=".csv",
        )
    ],
    opts=pulumi.ResourceOptions(depends_on=[permission]),
)

pulumi.export("bucket", bucket.id)
pulumi.export("function", function.name)
