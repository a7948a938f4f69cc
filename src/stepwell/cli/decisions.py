"""`approve`, `reject`, `release`: a person's answer to an execution that waits for one.

They speak AWS's own APIs only, so that whoever decides by boto3 or in a console decides the same. A
retraining workflow asks by a model package, whose ModelApprovalStatus is the answer; any other task that
waits is answered through its token.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from stepwell.cli.connection import F, connect, data_option
from stepwell.cli.histories import States
from stepwell.cli.runs import PAUSE, described, execution_arn, newest_first
from stepwell.cli.waiting import Wait, waits
from stepwell.errors import StepwellError

#: what a model package becomes by each answer
STATUSES = {"approve": "Approved", "release": "Approved", "reject": "Rejected"}
#: what each answer is called once it is given
DONE = {"approve": "approved", "release": "released", "reject": "rejected"}
#: what a task that is answered by its token fails with
REJECTED = "Rejected"
#: seconds that an execution gets to take an answer
PATIENCE = 15.0


class NotWaiting(StepwellError):
    """The execution doesn't wait for that answer; the message says what it does instead."""


def _command(verb: str) -> Callable[[F], F]:
    """What the three commands have in common."""

    def decorate(command: F) -> F:
        for each in (
            data_option,
            click.option("--state", metavar="STATE", help="Which state, where several wait."),
            click.option("--reason", required=True, help="Why; it is kept with who and when."),
            click.argument("execution"),
        ):
            command = each(command)
        return command

    return decorate


@click.command(short_help="Let a workflow that waits for a person go on.")
@_command("approve")
def approve(execution: str, reason: str, state: str | None, data: Path) -> None:
    """Approve what EXECUTION (a name, a name's unique beginning, or an ARN) waits for.

    A retraining workflow's model package becomes Approved; a state that hands its task token on gets
    {"action": "approve", "by", "at", "reason"} as its result.
    """
    _decide("approve", execution, reason, state, data)


@click.command(short_help="Have a workflow that waits for a person end without a new model.")
@_command("reject")
def reject(execution: str, reason: str, state: str | None, data: Path) -> None:
    """Reject what EXECUTION (a name, a name's unique beginning, or an ARN) waits for.

    A retraining workflow's model package becomes Rejected; a state that hands its task token on fails with
    the error Rejected, the reason as its cause.
    """
    _decide("reject", execution, reason, state, data)


@click.command(short_help="Let a quarantined batch go on.")
@_command("release")
def release(execution: str, reason: str, state: str | None, data: Path) -> None:
    """Release the batch for which EXECUTION (a name, a name's unique beginning, or an ARN) is in quarantine.

    The champion hardly recognised the batch's labels. Released, they count as right: the gate runs again and
    compares the models.
    """
    _decide("release", execution, reason, state, data)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """A person's answer."""

    verb: str
    reason: str
    #: the caller's ARN
    by: str


def _decide(verb: str, execution: str, reason: str, state: str | None, data: Path) -> None:
    connection = connect(data)
    states = connection.client("stepfunctions")
    arn = execution_arn(states, execution)
    wait = _waiting(states, arn, state)
    _fit(verb, wait, arn)
    answer = Answer(verb=verb, reason=reason, by=connection.client("sts").get_caller_identity()["Arn"])
    if wait.package is not None:
        _decide_package(connection.client("sagemaker"), wait.package, answer)
    else:
        _answer_token(states, arn, wait, answer)
    what = f"package {wait.package.partition('/')[2]}" if wait.package is not None else f"state {wait.state}"
    click.echo(f"{DONE[verb]} {what} as {answer.by}", err=True)
    click.echo(_taken(states, arn, wait))


def _waiting(states: Any, arn: str, state: str | None) -> Wait:
    """The execution's wait that is to be answered. Raises NotWaiting."""
    events = list(newest_first(states, arn))[::-1]
    every = waits(events)
    name = arn.rpartition(":")[2]
    found = described(states, arn)
    if found["status"] != "RUNNING":
        ended = f"{name} waits for nobody: it ended as {found['status']} at {_moment(found['stopDate'])}."
        raise NotWaiting(f"{ended}{_last(every)}")
    waiting = [each for each in every if each.ended is None and state in (None, each.state)]
    if len(waiting) == 1:
        return waiting[0]
    if waiting:
        names = ", ".join(each.state for each in waiting)
        raise NotWaiting(f"{name} waits in several states, say --state: {names}")
    waits_so = "waits for nobody" if state is None else f"does not wait in state {state}"
    raise NotWaiting(f"{name} {waits_so} now: it is in {_current(events)}.{_last(every)}")


def _last(every: list[Wait]) -> str:
    """How the newest wait ended."""
    for wait in reversed(every):
        if wait.ended is not None:
            kind, moment = wait.ended
            how = "timed out: nobody answered" if kind == "TaskTimedOut" else "was answered"
            return f" {wait.state} waited since {_moment(wait.since)} and {how} at {_moment(moment)}."
    return ""


def _current(events: list[dict[str, Any]]) -> str:
    """The state of the newest event."""
    named = States()
    names = [named.name(event) for event in events]
    return next((f"state {name}" for name in reversed(names) if name), "no state yet")


def _fit(verb: str, wait: Wait, arn: str) -> None:
    """Raises NotWaiting when another answer is asked for."""
    asks = wait.asks or "approve"
    if verb not in (asks, "reject"):
        name = arn.rpartition(":")[2]
        sentence = {
            "approve": "its gate let the model pass and a person is to approve it",
            "release": "its batch is in quarantine",
        }
        why = sentence[asks] if wait.asks is not None else f"{wait.state} is not a gate's quarantine"
        raise NotWaiting(f"{name} can't be {DONE[verb]}: {why}. Say: stepwell {asks} {name}, or reject")


def _decide_package(sagemaker: Any, package: str, answer: Answer) -> None:
    found = sagemaker.describe_model_package(ModelPackageName=package)
    status = found["ModelApprovalStatus"]
    if status != "PendingManualApproval":
        by = found.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn", "somebody")
        raise NotWaiting(f"{package} is {status} already, by {by}")
    sagemaker.update_model_package(
        ModelPackageArn=package,
        ModelApprovalStatus=STATUSES[answer.verb],
        ApprovalDescription=answer.reason,
    )


def _answer_token(states: Any, arn: str, wait: Wait, answer: Answer) -> None:
    """Answer a task through the token among its parameters. Raises NotWaiting when it isn't there."""
    definition = json.loads(states.describe_state_machine_for_execution(executionArn=arn)["definition"])
    token = wait.token(definition)
    if token is None:
        raise NotWaiting(
            f"{wait.state} hands its token on in a form that can't be read back; whoever has it answers with "
            "SendTaskSuccess or SendTaskFailure"
        )
    try:
        if answer.verb == "reject":
            states.send_task_failure(taskToken=token, error=REJECTED, cause=answer.reason)
        else:
            output = {
                "action": answer.verb,
                "by": answer.by,
                "at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "reason": answer.reason,
            }
            states.send_task_success(taskToken=token, output=json.dumps(output))
    except (states.exceptions.TaskTimedOut, states.exceptions.TaskDoesNotExist):
        raise NotWaiting(f"{wait.state} waits no more: it timed out or was answered just now") from None


def _taken(states: Any, arn: str, wait: Wait) -> str:
    """What the execution does with the answer. Raises NotWaiting when it hasn't taken it after a while."""
    name = arn.rpartition(":")[2]
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        events = list(newest_first(states, arn))[::-1]
        if any(each.event == wait.event and each.ended is not None for each in waits(events)):
            found = described(states, arn)
            if found["status"] != "RUNNING":
                return f"{name} has ended: {found['status']}"
            return f"{name} goes on in {_current(events)}; see: stepwell history {name}"
        time.sleep(PAUSE)
    raise NotWaiting(
        f"{name} has not taken the answer within {PATIENCE:.0f} s: look whether the rule on the package's "
        "state changes is enabled, and what the function that it calls has logged"
    )


def _moment(moment: datetime) -> str:
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S}"
