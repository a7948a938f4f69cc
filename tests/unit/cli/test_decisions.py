"""`approve`, `reject`, `release`: what is refused, and with which sentence; who decides is said."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from stepwell.cli import decisions

STATES = "arn:aws:states:eu-west-3:000000000000"
ARN = f"{STATES}:execution:retrain:run-1"
PACKAGE = "arn:aws:sagemaker:eu-west-3:000000000000:model-package/digits/3"
BEGAN = datetime(2026, 11, 20, 12, tzinfo=UTC)
WAITS = "invoke.waitForTaskToken"


def happened(*rows):
    """Events from (type, previous, details) each."""
    return [
        {
            "id": number,
            "type": kind,
            "previousEventId": before,
            "timestamp": BEGAN + timedelta(seconds=number),
            **details,
        }
        for number, (kind, before, details) in enumerate(rows, 1)
    ]


def entered(state):
    return ("TaskStateEntered", 0, {"stateEnteredEventDetails": {"name": state}})


def scheduled(before, **parameters):
    given = {"resource": WAITS, "resourceType": "lambda", "parameters": json.dumps(parameters)}
    return ("TaskScheduled", before, {"taskScheduledEventDetails": given})


def asked(asks="approve"):
    """A retraining workflow that waits."""
    return happened(
        entered("AwaitDecision"), scheduled(1, Payload={"token": "T", "package": PACKAGE, "asks": asks})
    )


class Run:
    """One execution and its package; what is told to the server changes them."""

    def __init__(self, server):
        self.server = server
        self.status, self.approval, self.events = "RUNNING", "PendingManualApproval", asked()
        self.definition = {"States": {}}
        #: what happens as soon as the answer is given
        self.then = [("TaskSucceeded", 2, {}), entered("Resume")]
        server.answers |= {
            "DescribeExecution": self.describe,
            "GetExecutionHistory": lambda request: {"events": self.events[::-1]},
            "GetCallerIdentity": lambda request: {"Arn": "arn:aws:iam::000000000000:user/ann"},
            "DescribeModelPackage": lambda request: {
                "ModelPackageArn": PACKAGE,
                "ModelApprovalStatus": self.approval,
                "LastModifiedBy": {"IamIdentity": {"Arn": "arn:aws:iam::000000000000:user/bob"}},
            },
            "DescribeStateMachineForExecution": lambda request: {"definition": json.dumps(self.definition)},
            "UpdateModelPackage": self.answer,
            "SendTaskSuccess": self.answer,
            "SendTaskFailure": self.answer,
        }

    def describe(self, request):
        stopped = {} if self.status == "RUNNING" else {"stopDate": BEGAN + timedelta(hours=1)}
        return {
            "executionArn": ARN,
            "stateMachineArn": f"{STATES}:stateMachine:retrain",
            "status": self.status,
            "startDate": BEGAN,
            **stopped,
        }

    def answer(self, request):
        rows = [(each["type"], each["previousEventId"], each) for each in self.events]
        self.events = happened(
            *[(kind, before, _details(each)) for kind, before, each in rows],
            *self.then,
        )
        return {"ModelPackageArn": PACKAGE}

    def told(self, *operations):
        return [request for name, request in self.server.asked if name in operations]


def _details(event):
    return {name: value for name, value in event.items() if name.endswith("EventDetails")}


@pytest.fixture
def execution(server):
    return Run(server)


@pytest.mark.parametrize(
    ("verb", "asks", "status"),
    [
        ("approve", "approve", "Approved"),
        ("release", "release", "Approved"),
        ("reject", "approve", "Rejected"),
        ("reject", "release", "Rejected"),
    ],
)
def test_the_answer_is_the_package_s_approval_status(run, execution, verb, asks, status):
    execution.events = asked(asks)
    ended = run(verb, ARN, "--reason", "looked at it")
    assert ended.code == 0
    assert execution.told("UpdateModelPackage") == [
        {
            "ModelPackageArn": PACKAGE,
            "ModelApprovalStatus": status,
            "ApprovalDescription": "looked at it",
        }
    ]
    assert ended.out == "run-1 goes on in state Resume; see: stepwell history run-1\n"
    assert "package digits/3 as arn:aws:iam::000000000000:user/ann" in ended.err


def test_a_reason_is_asked_for(run, execution):
    assert run("approve", ARN).code == 2


def test_a_package_that_was_decided_on_is_left(run, execution):
    execution.approval = "Rejected"
    ended = run("approve", ARN, "--reason", "x")
    assert ended.code == 1
    assert f"{PACKAGE} is Rejected already, by arn:aws:iam::000000000000:user/bob" in ended.err
    assert not execution.told("UpdateModelPackage")


def test_an_execution_that_does_something_else_says_what(run, execution):
    execution.events = happened(entered("Train"))
    ended = run("approve", ARN, "--reason", "x")
    assert (ended.code, ended.err) == (1, "stepwell: run-1 waits for nobody now: it is in state Train.\n")


def test_an_execution_that_was_answered_says_when(run, execution):
    execution.answer({})
    ended = run("approve", ARN, "--reason", "x")
    assert "it is in state Resume. AwaitDecision waited since" in ended.err
    assert "and was answered at" in ended.err


def test_an_execution_that_does_not_take_the_answer_is_exit_code_1(run, execution, monkeypatch):
    monkeypatch.setattr(decisions, "PATIENCE", 0.01)
    execution.then = []
    ended = run("approve", ARN, "--reason", "x")
    assert ended.code == 1
    assert "has not taken the answer" in ended.err and "rule" in ended.err


def test_where_several_states_wait_one_is_named(run, execution):
    execution.events = happened(entered("Left"), scheduled(1, t="L"), entered("Right"), scheduled(3, t="R"))
    execution.definition = {
        "States": {name: {"Parameters": {"t.$": "$$.Task.Token"}} for name in ("Left", "Right")}
    }
    ended = run("approve", ARN, "--reason", "x")
    assert (ended.code, ended.err) == (
        1,
        "stepwell: run-1 waits in several states, say --state: Left, Right\n",
    )
    execution.then = [("TaskSucceeded", 4, {})]
    assert run("approve", ARN, "--state", "Right", "--reason", "x").code == 0
    (sent,) = execution.told("SendTaskSuccess")
    assert sent["taskToken"] == "R"
    ended = run("approve", ARN, "--state", "Middle", "--reason", "x")
    assert ended.code == 1 and "run-1 does not wait in state Middle now" in ended.err


def test_a_token_that_cannot_be_read_back_is_said(run, execution):
    execution.events = happened(entered("Ask"), scheduled(1, t="wrapped T"))
    execution.definition = {"States": {"Ask": {"Parameters": {"t.$": "States.Format('{}', $$.Task.Token)"}}}}
    ended = run("approve", ARN, "--reason", "x")
    assert ended.code == 1 and "can't be read back" in ended.err


@pytest.mark.parametrize("code", ["TaskTimedOut", "TaskDoesNotExist"])
def test_a_token_that_was_used_up_meanwhile_is_said(run, execution, server, code):
    execution.events = happened(entered("Ask"), scheduled(1, t="T"))
    execution.definition = {"States": {"Ask": {"Parameters": {"t.$": "$$.Task.Token"}}}}
    server.answers["SendTaskFailure"] = lambda request: server.refuse(code, "gone")
    ended = run("reject", ARN, "--reason", "x")
    assert ended.code == 1 and "Ask waits no more" in ended.err
