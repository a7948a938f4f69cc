"""Retraining of a digits reader, declared once: runs in Stepwell and deploys to AWS.

A CSV lands under `data/` in the bucket; the notification starts the state machine (see workflow.py).
"""

import gzip
import io
import json
import pathlib
import tarfile

import pulumi
import pulumi_aws as aws
import workflow

from stepwell.retrain import archives

HERE = pathlib.Path(__file__).parent
config = pulumi.Config()
NAME = config.get("name") or "digits"
IMAGE = (
    config.get("image") or "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
)
account = aws.get_caller_identity().account_id
region = aws.get_region().region


def arn(service, resource):
    return f"arn:aws:{service}:{region}:{account}:{resource}"


def allow(actions, resources, **condition):
    statement = {"Effect": "Allow", "Action": actions, "Resource": resources}
    return {**statement, **({"Condition": condition} if condition else {})}


def role(name, service, *statements):
    """A role that `service` takes on, with what it may do."""
    return aws.iam.Role(
        name,
        name=f"{NAME}-{name}",
        assume_role_policy=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": [
                    {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
                ],
            }
        ),
        inline_policies=[
            aws.iam.RoleInlinePolicyArgs(
                name="rights",
                policy=pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": list(statements)}),
            )
        ],
    )


def function(name, function_role, **variables):
    """A function whose code is the folder of its name."""
    return aws.lambda_.Function(
        name,
        name=f"{NAME}-{name}",
        runtime="python3.12",
        handler=f"{name}.handler",
        timeout=60,
        memory_size=512,
        role=function_role.arn,
        code=pulumi.FileArchive(str(HERE / name)),
        environment={"variables": variables},
    )


def training_code():
    """The training scripts as the archive that SageMaker's script mode wants; the same bytes every time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name in ("train.py", "inference.py"):
            content = (HERE / "jobs" / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    target = HERE / "build" / "sourcedir.tar.gz"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(packed.getvalue())
    return pulumi.FileAsset(str(target))


bucket = aws.s3.Bucket("bucket", bucket=f"{NAME}-{account}-{region}", force_destroy=True)
objects = bucket.arn.apply(lambda value: f"{value}/*")
code = aws.s3.BucketObjectv2(
    "training-code", bucket=bucket.id, key="code/sourcedir.tar.gz", source=training_code()
)
gate = aws.s3.BucketObjectv2(
    "gate-code",
    bucket=bucket.id,
    key="code/gate.zip",
    source=pulumi.FileAsset(str(archives.write("gate", HERE / "build" / "gate.zip"))),
)
gate_settings = aws.s3.BucketObjectv2(
    "gate-settings", bucket=bucket.id, key="code/gate.json", content=json.dumps(workflow.GATE)
)
packages = aws.sagemaker.ModelPackageGroup("packages", model_package_group_name=NAME)

logs = allow(
    ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
    arn("logs", "*"),
)
own_jobs = [
    arn("sagemaker", f"{kind}/*")
    for kind in ("training-job", "processing-job", "model", "endpoint-config", "model-package")
]
own_endpoint = arn("sagemaker", f"endpoint/{NAME}")

job_role = role(
    "job",
    "sagemaker.amazonaws.com",
    logs,
    allow("s3:ListBucket", bucket.arn),
    allow(["s3:GetObject", "s3:PutObject"], objects),
    allow("ecr:GetAuthorizationToken", "*"),
    allow(
        ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer", "ecr:BatchCheckLayerAvailability"],
        f"arn:aws:ecr:{region}:683313688378:repository/sagemaker-scikit-learn",
    ),
)
prepare = function(
    "prepare",
    role(
        "prepare",
        "lambda.amazonaws.com",
        logs,
        allow("s3:ListBucket", bucket.arn),
        allow(["s3:GetObject", "s3:PutObject"], objects),
        allow(
            ["sagemaker:DescribeEndpoint", "sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"],
            [own_endpoint, arn("sagemaker", "endpoint-config/*"), arn("sagemaker", "model/*")],
        ),
    ),
    ENDPOINT_NAME=NAME,
)
machine_role = role(
    "machine",
    "states.amazonaws.com",
    allow("lambda:InvokeFunction", [prepare.arn, prepare.arn.apply(lambda value: f"{value}:*")]),
    allow(["s3:GetObject", "s3:PutObject"], objects),
    allow(
        [
            "sagemaker:CreateTrainingJob",
            "sagemaker:DescribeTrainingJob",
            "sagemaker:StopTrainingJob",
            "sagemaker:CreateProcessingJob",
            "sagemaker:DescribeProcessingJob",
            "sagemaker:StopProcessingJob",
            "sagemaker:CreateModel",
            "sagemaker:CreateEndpointConfig",
            "sagemaker:CreateModelPackage",
            "sagemaker:AddTags",
        ],
        [*own_jobs, packages.arn],
    ),
    allow(
        ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"],
        [own_endpoint, arn("sagemaker", "endpoint-config/*")],
    ),
    allow("sagemaker:ListTags", "*"),
    allow("iam:PassRole", job_role.arn, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    allow(
        ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        [
            arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
            arn("events", "rule/StepFunctionsGetEventsForSageMakerProcessingJobsRule"),
        ],
    ),
)
machine = aws.sfn.StateMachine(
    "machine",
    name=NAME,
    role_arn=machine_role.arn,
    definition=pulumi.Output.json_dumps(
        workflow.definition(
            prepare=prepare.arn,
            job_role=job_role.arn,
            image=IMAGE,
            endpoint=NAME,
            package_group=packages.model_package_group_name,
            code=pulumi.Output.concat("s3://", bucket.id, "/", code.key),
        )
    ),
    opts=pulumi.ResourceOptions(depends_on=[gate, gate_settings]),
)
start = function(
    "start",
    role("start", "lambda.amazonaws.com", logs, allow("states:StartExecution", machine.arn)),
    STATE_MACHINE_ARN=machine.arn,
)
permission = aws.lambda_.Permission(
    "bucket-may-start",
    action="lambda:InvokeFunction",
    function=start.name,
    principal="s3.amazonaws.com",
    source_arn=bucket.arn,
    source_account=account,
)
aws.s3.BucketNotification(
    "arrivals",
    bucket=bucket.id,
    lambda_functions=[
        aws.s3.BucketNotificationLambdaFunctionArgs(
            lambda_function_arn=start.arn,
            events=["s3:ObjectCreated:*"],
            filter_prefix="data/",
            filter_suffix=".csv",
        )
    ],
    opts=pulumi.ResourceOptions(depends_on=[permission]),
)

pulumi.export("bucket", bucket.id)
pulumi.export("machine", machine.arn)
pulumi.export("endpoint", NAME)
