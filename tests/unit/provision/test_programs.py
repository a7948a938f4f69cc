"""Real programs with the real SDK, each in a process of its own, against the AWS in memory."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from stepwell import provision

RETRAINING = """
import json
import pulumi
import pulumi_aws as aws


def trust(service):
    return json.dumps({
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": service}},
        ],
    })


class Storage(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("team:data:Storage", name)
        self.bucket = aws.s3.Bucket(
            f"{name}-data", force_destroy=True, opts=pulumi.ResourceOptions(parent=self)
        )
        self.register_outputs({"bucket": self.bucket.bucket})


config = pulumi.Config()
storage = Storage("retraining")
bucket = storage.bucket
role = aws.iam.Role("function", assume_role_policy=trust("lambda.amazonaws.com"))
rights = aws.iam.RolePolicy(
    "function",
    role=role.name,
    policy=aws.iam.get_policy_document_output(
        statements=[{"actions": ["s3:GetObject"], "resources": [pulumi.Output.concat(bucket.arn, "/*")]}]
    ).json,
)
function = aws.lambda_.Function(
    "prepare",
    role=role.arn,
    runtime="python3.11",
    handler="prepare.handler",
    timeout=config.require_int("timeout"),
    code=pulumi.AssetArchive({
        ".": pulumi.FileArchive("./prepare"),
        "version.txt": pulumi.StringAsset("1"),
    }),
    environment={"variables": {"BUCKET_NAME": bucket.bucket, "TOKEN": config.require_secret("token")}},
    opts=pulumi.ResourceOptions(depends_on=[rights]),
)
may_start = aws.lambda_.Permission(
    "bucket",
    action="lambda:InvokeFunction",
    function=function.name,
    principal="s3.amazonaws.com",
    source_arn=bucket.arn,
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
    opts=pulumi.ResourceOptions(depends_on=[may_start]),
)
machine_role = aws.iam.Role("machine", assume_role_policy=trust("states.amazonaws.com"))
aws.iam.RolePolicyAttachment(
    "machine",
    role=machine_role.name,
    policy_arn=aws.iam.ManagedPolicy.AWS_STEP_FUNCTIONS_FULL_ACCESS,
)
machine = aws.sfn.StateMachine(
    "retraining",
    role_arn=machine_role.arn,
    definition=pulumi.Output.json_dumps({
        "StartAt": "Prepare",
        "States": {"Prepare": {"Type": "Task", "Resource": function.arn, "End": True}},
    }),
)
aws.sagemaker.ModelPackageGroup("models", model_package_group_name="digits")
aws.cloudwatch.LogGroup("jobs", name="/aws/sagemaker/TrainingJobs", retention_in_days=7)
pulumi.log.info("declared")
pulumi.export("machine", machine.arn)
pulumi.export("bucket", bucket.bucket)
pulumi.export("account", aws.get_caller_identity().account_id)
pulumi.export("region", aws.get_region().region)
pulumi.export("token", config.require_secret("token"))
"""


@pytest.fixture
def retraining(stack: Any) -> Any:
    (stack.folder / "prepare").mkdir()
    (stack.folder / "prepare" / "prepare.py").write_text("def handler(event, context): return event\n")
    stack.write(RETRAINING)
    stack.write("name: program\nruntime: python\n", "Pulumi.yaml")
    stack.write("config:\n  program:timeout: 30\n  token: abc\n", "Pulumi.dev.yaml")
    return stack


def test_a_retraining_program_lives_its_life(retraining: Any, aws: Any) -> None:
    """Made, unchanged, changed, destroyed: real SDK, real gRPC, a component, an invoke, config, assets."""
    first = retraining.run("up")
    assert first.ok, first.errors
    assert first.counts["create"] == 12
    machine = first.outputs["machine"].value
    definition = json.loads(aws.table("machine")[machine]["definition"])
    (function,) = aws.table("function").values()
    assert definition["States"]["Prepare"]["Resource"] == function["FunctionArn"]
    bucket = first.outputs["bucket"].value
    assert function["Environment"] == {"Variables": {"BUCKET_NAME": bucket, "TOKEN": "abc"}}
    assert function["Timeout"] == 30
    (policy,) = aws.table("role")[function["Role"].split("/")[-1]]["policies"].values()
    assert json.loads(policy)["Statement"][0]["Resource"] == f"arn:aws:s3:::{bucket}/*"
    rule = aws.table("bucket")[bucket]["notification"]["LambdaFunctionConfigurations"][0]
    assert rule["Filter"]["Key"]["FilterRules"][0] == {"Name": "prefix", "Value": "data/"}
    assert (first.outputs["account"].value, first.outputs["region"].value) == ("000000000000", "us-east-1")
    assert any(isinstance(e, provision.Diagnostic) and e.message == "declared" for e in retraining.events)

    second = retraining.run("up")
    assert second.ok, second.errors
    assert aws.writes() == []
    assert set(second.counts) == {"same"}
    assert second.outputs == first.outputs

    (retraining.folder / "prepare" / "prepare.py").write_text("def handler(event, context): return 1\n")
    third = retraining.run("up")
    assert [(c.name, c.operation, [p.path for p in c.properties]) for c in third.changes] == [
        ("prepare", "update", ["code.hash"])
    ]
    assert aws.writes() == ["UpdateFunctionCode"]

    last = retraining.run("destroy")
    assert last.ok, last.errors
    # tags are kept by ARN here, whatever becomes of what they are on
    assert {kind: things for kind, things in aws.things.items() if things and kind != "tags"} == {}


FAULTY = """import pulumi
import pulumi_aws as aws

logs = aws.cloudwatch.LogGroup("logs")


def broken(arn):
    return iam_for_lambda.arn


pulumi.export("arn", broken(logs.arn))
"""


def test_a_fault_of_the_program_is_told_from_its_own_frame_on(stack: Any, aws: Any) -> None:
    """File, line and traceback are the user's; nothing was made."""
    stack.write(FAULTY)
    outcome = stack.run("up")
    (problem,) = outcome.errors
    assert problem.message == "NameError: name 'iam_for_lambda' is not defined"
    assert (Path(problem.file).name, problem.line) == ("__main__.py", 8)
    assert "return iam_for_lambda.arn" in problem.traceback
    assert "launcher.py" not in problem.traceback
    assert "asyncio" not in problem.traceback
    assert aws.calls == []


SURROUNDINGS = """import json
import os
import sys

import pulumi

pulumi.export("environment", dict(os.environ))
pulumi.export("stepwell", "stepwell" in sys.modules)
pulumi.export("path", sys.path[0])
print("to standard output")
print("to standard error", file=sys.stderr)
pulumi.export("known", pulumi.Output.secret({"a": [1, 2.5, None]}))
"""


def test_a_program_sees_nothing_of_the_callers_surroundings(stack: Any, monkeypatch: Any) -> None:
    """Keys, profiles and endpoints of the shell stay outside; the server's are there."""
    foreign = {
        "AWS_PROFILE": "production",
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SESSION_TOKEN": "real",
        "AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com",
        "AWS_CONFIG_FILE": "/root/.aws/config",
        "HTTPS_PROXY": "http://proxy:3128",
        "PULUMI_ACCESS_TOKEN": "pul-1",
        "PYTHONPATH": "/nowhere",
    }
    for name, value in foreign.items():
        monkeypatch.setenv(name, value)
    stack.write(SURROUNDINGS)
    outcome = stack.run("up")
    assert outcome.ok, outcome.errors
    seen = outcome.outputs["environment"].value
    assert not {"AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_S3", "HTTPS_PROXY", "PYTHONPATH"} & set(
        seen
    )
    assert not any(name.startswith("PULUMI") for name in seen)
    assert seen["AWS_ACCESS_KEY_ID"] == "AKID"
    assert seen["AWS_ENDPOINT_URL"] == "http://127.0.0.1:9"
    assert seen["AWS_CONFIG_FILE"] == seen["AWS_SHARED_CREDENTIALS_FILE"] == "/dev/null"
    assert seen["HOME"] != os.environ.get("HOME")
    assert outcome.outputs["stepwell"].value is False
    assert outcome.outputs["path"].value == str(stack.folder)
    assert outcome.outputs["known"] == provision.Output(value={"a": [1, 2.5, None]}, secret=True)
    lines = {e.message: e.severity for e in stack.events if isinstance(e, provision.Diagnostic)}
    assert lines["to standard output"] == "info"
    assert lines["to standard error"] == "warning"


UNSUPPORTED = """import pulumi
import pulumi_aws as aws

aws.ec2.Vpc("vpc", cidr_block="10.0.0.0/16")
function = aws.lambda_.Function(
    "f", role="r", runtime="python3.11", handler="h.h", layers=["l"], code=pulumi.FileArchive("./absent")
)
aws.cloudwatch.LogGroup("after", name=function.name)
pulumi.export("name", function.name)
"""


def test_all_faults_are_told_and_the_program_runs_on_to_tell_them(stack: Any, aws: Any) -> None:
    """A refused resource's outputs are unknown; what hangs on them is still checked; nothing is made."""
    stack.write(UNSUPPORTED)
    outcome = stack.run("up")
    told = [problem.message for problem in outcome.errors]
    assert any("type aws:ec2/vpc:Vpc is not supported" in message for message in told)
    assert any(
        "asset absent" in message or "archive ./absent" in message or "absent" in message for message in told
    )
    assert len(told) == 2
    main = stack.folder / "__main__.py"
    assert sorted(problem.declared for problem in outcome.errors) == [f"{main}:4", f"{main}:5"]
    assert aws.calls == []


READING = """import pulumi
import pulumi_aws as aws

found = aws.s3.Bucket.get("found", "there")
provider = aws.Provider("mine", region="us-east-1", default_tags={"tags": {"owner": "me"}})
group = aws.cloudwatch.LogGroup(
    "g",
    name=found.bucket.apply(lambda name: f"/{name}"),
    opts=pulumi.ResourceOptions(provider=provider),
)
pulumi.export("arn", found.arn)
pulumi.export("tags", group.tags_all)
"""


def test_a_program_reads_what_exists_and_names_a_provider(stack: Any, aws: Any) -> None:
    """`get` answers the endpoint's properties and owns nothing; the provider's tags arrive."""
    aws.client("s3").create_bucket(Bucket="there")
    stack.write(READING)
    outcome = stack.run("up")
    assert outcome.ok, outcome.errors
    assert outcome.outputs["arn"].value == "arn:aws:s3:::there"
    assert outcome.outputs["tags"].value == {"owner": "me"}
    assert list(aws.table("log-group")) == ["/there"]
    assert stack.run("destroy").ok
    assert list(aws.table("bucket")) == ["there"]
