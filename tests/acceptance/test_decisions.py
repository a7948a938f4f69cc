"""A person answers an execution that waits: by a model package's status, or by its task token."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

import pytest
from running import Running, allow, arn, ended, logging, role, until

#: keeps a waiting task's token, and answers it when the package's status changes: as a workflow's own does
KEEPER = """
import boto3, json
s3, states = boto3.client("s3"), boto3.client("stepfunctions")
def handler(event, context):
    if "token" in event:
        key = event["package"].rpartition("/")[2]
        s3.put_object(Bucket="decisions", Key=key, Body=event["token"].encode())
        return
    detail = event["detail"]
    if detail["ModelApprovalStatus"] == "PendingManualApproval":
        return
    token = s3.get_object(Bucket="decisions", Key=str(detail["ModelPackageVersion"]))["Body"].read().decode()
    answer = {"action": detail["ModelApprovalStatus"], "reason": detail["ApprovalDescription"]}
    states.send_task_success(taskToken=token, output=json.dumps(answer))
"""
GROUP = "decided"


@pytest.fixture(scope="module")
def work(server: Running) -> Running:
    """Two machines: one asks by model packages as a retraining workflow does, one hands its token on."""
    server.client("s3").create_bucket(Bucket="decisions")
    server.client("sqs").create_queue(QueueName="asked")
    keeper = role(
        server,
        "decisions-keeper",
        "lambda.amazonaws.com",
        logging("/aws/lambda/*"),
        allow(["s3:PutObject", "s3:GetObject"], "arn:aws:s3:::decisions/*"),
        allow("states:SendTaskSuccess", "*"),
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("keeper.py", KEEPER)
    function = server.client("lambda").create_function(
        FunctionName="decisions-keeper",
        Runtime="python3.12",
        Role=keeper,
        Handler="keeper.handler",
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    events = server.client("events")
    pattern = {
        "source": ["aws.sagemaker"],
        "detail-type": ["SageMaker Model Package State Change"],
        "detail": {"ModelPackageGroupName": [GROUP]},
    }
    rule = events.put_rule(Name="decided", EventPattern=json.dumps(pattern))["RuleArn"]
    events.put_targets(Rule="decided", Targets=[{"Id": "keeper", "Arn": function}])
    server.client("lambda").add_permission(
        FunctionName="decisions-keeper",
        StatementId="events",
        Action="lambda:InvokeFunction",
        Principal="events.amazonaws.com",
        SourceArn=rule,
    )
    server.client("sagemaker").create_model_package_group(ModelPackageGroupName=GROUP)
    machine = role(
        server,
        "decisions-machine",
        "states.amazonaws.com",
        allow("lambda:InvokeFunction", function),
        allow("sqs:SendMessage", arn("sqs", "asked")),
    )
    payload = {"token.$": "$$.Task.Token", "package.$": "$.package", "asks.$": "$.asks"}
    make(
        server,
        "workflow",
        machine,
        {
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {"FunctionName": function, "Payload": payload},
        },
    )
    message = {"token.$": "$$.Task.Token", "please": "look at it"}
    make(
        server,
        "by-hand",
        machine,
        {
            "Resource": "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Parameters": {
                "QueueUrl": server.client("sqs").get_queue_url(QueueName="asked")["QueueUrl"],
                "MessageBody": message,
            },
        },
    )
    return server


def make(server: Running, name: str, machine: str, task: dict[str, Any]) -> None:
    """A machine of one task, which times out after some time, and a state behind it."""
    states = {
        "AwaitDecision": {"Type": "Task", **task, "TimeoutSecondsPath": "$.patience", "Next": "After"},
        "After": {"Type": "Pass", "End": True},
    }
    server.client("stepfunctions").create_state_machine(
        name=f"decisions-{name}",
        roleArn=machine,
        definition=json.dumps({"StartAt": "AwaitDecision", "States": states}),
    )


def asked(work: Running, name: str, machine: str, asks: str = "approve", patience: int = 300) -> str:
    """An execution of that name that waits; its ARN."""
    given = {"patience": patience, "asks": asks}
    if machine == "workflow":
        specification = {
            "Containers": [{"Image": "any", "ModelDataUrl": "s3://decisions/model.tar.gz"}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        }
        made = work.client("sagemaker").create_model_package(
            ModelPackageGroupName=GROUP,
            ModelApprovalStatus="PendingManualApproval",
            InferenceSpecification=specification,
        )
        given["package"] = made["ModelPackageArn"]
    states = work.client("stepfunctions")
    begun: str = states.start_execution(
        stateMachineArn=arn("states", f"stateMachine:decisions-{machine}"), name=name, input=json.dumps(given)
    )["executionArn"]

    def waits() -> bool:
        events = states.get_execution_history(executionArn=begun, reverseOrder=True, maxResults=1)["events"]
        return bool(events[0]["type"] == "TaskSubmitted")

    until(waits)
    return begun


@pytest.mark.parametrize(
    ("verb", "asks", "status"),
    [
        ("approve", "approve", "Approved"),
        ("release", "release", "Approved"),
        ("reject", "release", "Rejected"),
    ],
)
def test_a_workflow_s_package_gets_the_answer_and_the_workflow_takes_it(
    work: Running, verb: str, asks: str, status: str
) -> None:
    execution = asked(work, f"package-{verb}", "workflow", asks)
    listed = work.stepwell("executions", "decisions-workflow").stdout
    assert f"waits for a person ({asks})" in listed
    done = work.stepwell(verb, f"package-{verb}", "--reason", "looked at it")
    assert done.returncode == 0, done.stderr
    assert "as arn:aws:iam::000000000000:root" in done.stderr
    found = ended(work, execution)
    assert json.loads(found["output"]) == {"action": status, "reason": "looked at it"}
    again = work.stepwell(verb, f"package-{verb}", "--reason", "once more")
    assert again.returncode == 1
    assert "waits for nobody: it ended as SUCCEEDED" in again.stderr
    assert "AwaitDecision waited since" in again.stderr and "was answered at" in again.stderr


@pytest.mark.parametrize(("verb", "asks"), [("approve", "release"), ("release", "approve")])
def test_the_wrong_word_says_the_right_one_and_decides_nothing(work: Running, verb: str, asks: str) -> None:
    execution = asked(work, f"wrong-{verb}", "workflow", asks)
    refused = work.stepwell(verb, f"wrong-{verb}", "--reason", "in haste")
    assert refused.returncode == 1
    assert f"Say: stepwell {asks} wrong-{verb}" in refused.stderr
    states = work.client("stepfunctions")
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    states.stop_execution(executionArn=execution)


def test_a_package_that_somebody_decided_on_is_left_as_it_is(work: Running) -> None:
    execution = asked(work, "decided-before", "workflow")
    given = json.loads(work.client("stepfunctions").describe_execution(executionArn=execution)["input"])
    work.client("sagemaker").update_model_package(
        ModelPackageArn=given["package"], ModelApprovalStatus="Rejected", ApprovalDescription="by boto3"
    )
    assert json.loads(ended(work, execution)["output"])["reason"] == "by boto3"
    refused = work.stepwell("approve", "decided-before", "--reason", "too late")
    assert refused.returncode == 1 and "waits for nobody" in refused.stderr


def test_any_state_that_hands_its_token_on_can_be_approved(work: Running) -> None:
    execution = asked(work, "token-approve", "by-hand")
    assert "waits for an answer" in work.stepwell("executions", "decisions-by-hand").stdout
    wrong = work.stepwell("release", "token-approve", "--reason", "no quarantine here")
    assert wrong.returncode == 1 and "stepwell approve token-approve" in wrong.stderr
    done = work.stepwell("approve", "token-approve", "--reason", "it is fine")
    assert done.returncode == 0, done.stderr
    output = json.loads(ended(work, execution)["output"])
    assert output.pop("at").endswith("Z")
    assert output == {
        "action": "approve",
        "by": "arn:aws:iam::000000000000:root",
        "reason": "it is fine",
    }


def test_any_state_that_hands_its_token_on_can_be_rejected(work: Running) -> None:
    execution = asked(work, "token-reject", "by-hand")
    done = work.stepwell("reject", "token-reject", "--reason", "it is not")
    assert done.returncode == 0 and done.stdout == "token-reject has ended: FAILED\n"
    found = ended(work, execution)
    assert (found["status"], found["error"], found["cause"]) == ("FAILED", "Rejected", "it is not")


def test_an_answer_after_the_time_out_says_when_it_was_over(work: Running) -> None:
    execution = asked(work, "late", "by-hand", patience=1)
    assert ended(work, execution)["status"] == "FAILED"
    refused = work.stepwell("approve", "late", "--reason", "at last")
    assert refused.returncode == 1
    assert "ended as FAILED" in refused.stderr and "timed out: nobody answered at" in refused.stderr
