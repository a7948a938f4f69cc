"""Roles of jobs, windows and rules, and what lets S3 invoke a function."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.calls import Caller
from stepwell.identity import policy
from stepwell.identity.derive import Need, job_role, notification, target_role, window_role
from stepwell.identity.evaluate import Policies, Request, decide

A, R = "111122223333", "us-east-1"
HERE = {"account": A, "region": R}
FUNCTION = f"arn:aws:lambda:{R}:{A}:function:f"
MACHINE = f"arn:aws:states:{R}:{A}:stateMachine:m"
NODES = {f"arn:aws:ec2:{R}:{A}:instance/*", f"arn:aws:ssm:{R}:{A}:managed-instance/*"}


def rights(found: tuple[Need, ...]) -> dict[str, set[str]]:
    by_action: dict[str, set[str]] = {}
    for need in found:
        by_action.setdefault(need.action, set()).add(need.resource)
    return by_action


def s3(uri: str) -> dict[str, Any]:
    return {"DataSource": {"S3DataSource": {"S3Uri": uri}}}


def test_a_training_job_reads_its_channels_and_writes_its_output_and_logs() -> None:
    found = rights(
        job_role(
            "CreateTrainingJob",
            {
                "InputDataConfig": [s3("s3://data/train/"), s3("s3://data/test.csv")],
                "OutputDataConfig": {"S3OutputPath": "s3://models/out"},
                "CheckpointConfig": {"S3Uri": "s3://models/check/"},
            },
            **HERE,
        )
    )
    check = "arn:aws:s3:::models/check/*"
    assert found["s3:GetObject"] == {"arn:aws:s3:::data/train/*", "arn:aws:s3:::data/test.csv*", check}
    assert found["s3:PutObject"] == {"arn:aws:s3:::models/out*", check}
    assert found["s3:ListBucket"] == {"arn:aws:s3:::data", "arn:aws:s3:::models"}
    assert found["logs:PutLogEvents"] == {f"arn:aws:logs:{R}:{A}:log-group:/aws/sagemaker/TrainingJobs:*"}
    assert found["cloudwatch:PutMetricData"] == {"*"}
    assert not [action for action in found if action.startswith("ecr:")]


def test_a_processing_job_and_a_model_have_theirs() -> None:
    processing = {
        "ProcessingInputs": [{"InputName": "i", "S3Input": {"S3Uri": "s3://in/raw/"}}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://out/x"}}]},
    }
    found = rights(job_role("CreateProcessingJob", processing, **HERE))
    assert (found["s3:GetObject"], found["s3:PutObject"]) == (
        {"arn:aws:s3:::in/raw/*"},
        {"arn:aws:s3:::out/x*"},
    )
    model = {"PrimaryContainer": {"ModelDataUrl": "s3://models/m.tar.gz"}}
    assert rights(job_role("CreateModel", model, **HERE))["s3:GetObject"] == {"arn:aws:s3:::models/m.tar.gz"}


def test_data_that_run_time_names_may_be_anywhere() -> None:
    parameters = {"InputDataConfig": [{"DataSource": {"S3DataSource": {"S3Uri.$": "$.uri"}}}]}
    found = rights(job_role("CreateTrainingJob", parameters, **HERE))
    assert (found["s3:GetObject"], found["s3:ListBucket"]) == ({"arn:aws:s3:::*/*"}, {"arn:aws:s3:::*"})
    with pytest.raises(KeyError):
        job_role("CreateBucket", {}, **HERE)


WINDOWS: list[tuple[str, dict[str, Any], dict[str, set[str]]]] = [
    (
        "RUN_COMMAND",
        {"TaskArn": "AWS-RunShellScript"},
        {
            "ssm:SendCommand": {f"arn:aws:ssm:{R}::document/AWS-RunShellScript", *NODES},
            "ssm:ListCommands": {"*"},
            "ssm:ListCommandInvocations": {"*"},
        },
    ),
    (
        "LAMBDA",
        {"TaskArn": FUNCTION, "TaskInvocationParameters": {"Lambda": {"Qualifier": "live"}}},
        {"lambda:InvokeFunction": {f"{FUNCTION}:live"}},
    ),
    (
        "STEP_FUNCTIONS",
        {"TaskArn": MACHINE},
        {
            "states:StartExecution": {MACHINE},
            "states:DescribeExecution": {f"arn:aws:states:{R}:{A}:execution:m:*"},
        },
    ),
    (
        "AUTOMATION",
        {"TaskArn": "Mend"},
        {
            "ssm:StartAutomationExecution": {f"arn:aws:ssm:{R}:{A}:automation-definition/Mend:*"},
            "ssm:GetAutomationExecution": {"*"},
        },
    ),
]


@pytest.mark.parametrize(("kind", "task", "expected"), WINDOWS, ids=[case[0] for case in WINDOWS])
def test_a_windows_role_starts_and_watches_its_tasks(
    kind: str, task: dict[str, Any], expected: dict[str, set[str]]
) -> None:
    assert rights(window_role([{"TaskType": kind, **task}], **HERE)) == expected


def test_a_window_passes_the_role_for_notifications_and_looks_tags_up() -> None:
    role = f"arn:aws:iam::{A}:role/sns"
    task = {
        "TaskType": "RUN_COMMAND",
        "TaskArn": "Own",
        "TaskInvocationParameters": {"RunCommand": {"ServiceRoleArn": role}},
    }
    targets = [{"Targets": [{"Key": "tag:app", "Values": ["x"]}]}]
    found = window_role([task], targets=targets, **HERE)
    assert (
        Need(
            action="iam:PassRole",
            resource=role,
            keys=(("iam:PassedToService", "ssm.amazonaws.com"),),
            why="RUN_COMMAND",
        )
        in found
    )
    assert {"tag:GetResources", "resource-groups:ListGroups"} <= rights(found).keys()
    assert f"arn:aws:ssm:{R}:{A}:document/Own" in rights(found)["ssm:SendCommand"]
    by_id = window_role([task], targets=[{"Targets": [{"Key": "InstanceIds", "Values": ["i-1"]}]}], **HERE)
    assert "tag:GetResources" not in rights(by_id)


def test_a_rules_role_starts_machines_and_commands_and_needs_nothing_for_functions() -> None:
    bus = f"arn:aws:events:{R}:{A}:event-bus/b"
    document = f"arn:aws:ssm:{R}::document/AWS-RunShellScript"
    targets = [
        {"Id": "1", "Arn": MACHINE},
        {"Id": "2", "Arn": FUNCTION},
        {"Id": "3", "Arn": bus},
        {"Id": "4", "Arn": document},
        {"Id": "5", "Arn": f"arn:aws:sqs:{R}:{A}:q"},
        {"Id": "6", "Arn": f"arn:aws:logs:{R}:{A}:log-group:/g"},
    ]
    assert rights(target_role(targets, **HERE)) == {
        "states:StartExecution": {MACHINE},
        "events:PutEvents": {bus},
        "ssm:SendCommand": {document, *NODES},
    }


@pytest.mark.parametrize(
    ("bucket", "account", "allowed"),
    [("mine", A, True), ("other", A, False), ("mine", "444455556666", False)],
)
def test_only_the_named_bucket_of_the_account_may_invoke(bucket: str, account: str, allowed: bool) -> None:
    statement = notification(FUNCTION, "arn:aws:s3:::mine", A)
    on_function = policy.parse({"Version": "2012-10-17", "Statement": [statement]}, kind="resource")
    request = Request(
        action="lambda:InvokeFunction",
        resource=FUNCTION,
        principal=Caller(arn="s3.amazonaws.com", account=A, kind="service"),
        context={"aws:SourceArn": f"arn:aws:s3:::{bucket}", "aws:SourceAccount": account},
    )
    assert decide(request, Policies(resource=on_function)).allowed is allowed
