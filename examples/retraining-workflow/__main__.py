"""A retraining workflow as one state machine: runs in Stepwell and deploys to AWS.

Start an execution, and it trains on all CSV files under `data/train/` (see workflow.py).
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
NAME = pulumi.Config().get("name") or "retraining-workflow"
#: AWS's account for its images in us-east-1; other regions have others
REGISTRY = "683313688378"
account = aws.get_caller_identity().account_id
region = aws.get_region().region
IMAGE = f"{REGISTRY}.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
BUCKET = f"{NAME}-{account}-{region}"


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
    """The scripts as the archive that SageMaker's script mode wants; the same bytes every time."""
    packed = io.BytesIO()
    with (
        gzip.GzipFile(fileobj=packed, mode="wb", mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w") as archive,
    ):
        for name in ("train.py", "inference.py"):
            content = (HERE / "code" / name).read_bytes()
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    target = HERE / "build" / "sourcedir.tar.gz"
    target.parent.mkdir(exist_ok=True)
    target.write_bytes(packed.getvalue())
    return target


bucket = aws.s3.Bucket("bucket", bucket=BUCKET, force_destroy=True)
uploads = [
    aws.s3.BucketObjectv2(
        key.replace("/", "-"), bucket=bucket.id, key=key, source=pulumi.FileAsset(str(path))
    )
    for key, path in (
        ("code/sourcedir.tar.gz", training_code()),
        ("code/evaluate.py", HERE / "code" / "evaluate.py"),
        ("data/train/first.csv", HERE / "data" / "first.csv"),
        ("data/holdout.csv", HERE / "data" / "holdout.csv"),
    )
]
objects = f"arn:aws:s3:::{BUCKET}"

job_role, job_rights = role(
    "job",
    "sagemaker.amazonaws.com",
    allow("s3:ListBucket", objects),
    allow("s3:GetObject", [f"{objects}/code/*", f"{objects}/data/*", f"{objects}/models/*"]),
    allow("s3:PutObject", [f"{objects}/models/*", f"{objects}/reports/*"]),
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
            "sagemaker:AddTags",
        ],
        [
            arn("sagemaker", f"{kind}/*")
            for kind in ("training-job", "processing-job", "model", "endpoint-config")
        ],
    ),
    allow(
        ["sagemaker:CreateEndpoint", "sagemaker:UpdateEndpoint", "sagemaker:DescribeEndpoint"],
        [arn("sagemaker", f"endpoint/{NAME}"), arn("sagemaker", "endpoint-config/*")],
    ),
    allow("sagemaker:ListTags", "*"),
    allow("iam:PassRole", job_role.arn, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
    # Step Functions learns of a job's end by rules of its own.
    allow(
        ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
        [
            arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule")
            for kind in ("Training", "Processing")
        ],
    ),
    # Without ListBucket an object that isn't there reads as a refusal.
    allow("s3:ListBucket", objects),
    allow("s3:GetObject", [f"{objects}/reports/*", f"{objects}/champion.json"]),
    allow("s3:PutObject", f"{objects}/champion.json"),
)
machine = aws.sfn.StateMachine(
    "machine",
    name=NAME,
    role_arn=machine_role.arn,
    definition=pulumi.Output.json_dumps(
        workflow.definition(bucket=BUCKET, image=IMAGE, job_role=job_role.arn, endpoint=NAME)
    ),
    opts=pulumi.ResourceOptions(depends_on=[machine_rights, job_rights, *uploads]),
)

pulumi.export("bucket", bucket.id)
pulumi.export("machine", machine.arn)
pulumi.export("endpoint", NAME)
