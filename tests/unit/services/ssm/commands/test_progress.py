"""How commands go on: turns, errors, time-outs, cancels, a server that comes back."""

from __future__ import annotations

import pytest
from services.ssm.machine import ALIASES, World

from stepwell.errors import AwsError
from stepwell.services.ssm.commands.rates import concurrency, tolerated
from stepwell.workers.commands import StepResult
from stepwell.workers.jobs import WorkerError

A, B, C, D = ALIASES
COMMAND, INVOCATION = (
    "EC2 Command Status-change Notification",
    "EC2 Command Invocation Status-change Notification",
)


@pytest.mark.parametrize(
    ("end", "status", "details", "code"),
    [
        (("Success", 0), "Success", "Success", 0),
        (("Failed", 3), "Failed", "Failed", 3),
        (("TimedOut", 137), "TimedOut", "ExecutionTimedOut", 137),
    ],
)
def test_a_commands_status_is_its_scripts(
    machine: World, end: tuple[str, int], status: str, details: str, code: int
) -> None:
    id = machine.send(machine.id)
    assert machine.command(id)["Status"] == "InProgress"
    assert machine.invocation(id, machine.id)["ResponseCode"] == -1
    machine.end(id, machine.id, end)
    command = machine.command(id)
    assert (command["Status"], command["StatusDetails"]) == (status, details)
    assert (command["TargetCount"], command["CompletedCount"]) == (1, 1)
    assert command["ErrorCount"] == (status != "Success")
    invocation = machine.invocation(id, machine.id)
    assert (invocation["Status"], invocation["StatusDetails"]) == (status, details)
    assert invocation["ResponseCode"] == code
    assert invocation["ExecutionElapsedTime"] == "PT1.5S"
    assert machine.commands.forgotten == [f"command-{id}-{machine.id}"]


def test_every_change_of_status_is_told_once(machine: World) -> None:
    id = machine.send(A, commands=["date"])
    machine.end(id, A)
    told = [(kind, detail["status"]) for kind, detail in machine.told]
    assert set(told[:2]) == {(INVOCATION, "InProgress"), (COMMAND, "InProgress")}
    assert set(told[2:]) == {(INVOCATION, "Success"), (COMMAND, "Success")}
    assert len(told) == 4
    details = dict(machine.told)
    assert details[COMMAND]["parameters"] == {"commands": ["date"]}
    assert details[COMMAND]["document-name"] == "AWS-RunShellScript"
    assert details[INVOCATION]["instance-id"] == A
    assert {detail["command-id"] for _, detail in machine.told} == {id}


def test_no_more_invocations_run_at_once_than_max_concurrency(machine: World) -> None:
    id = machine.send(*ALIASES, MaxConcurrency="2")
    assert len(machine.commands.started) == 2
    machine.end(id, A)
    assert machine.statuses(id) == {A: "Success", B: "InProgress", C: "InProgress", D: "Pending"}
    for each in (B, C, D):
        machine.end(id, each)
    assert machine.command(id)["Status"] == "Success"


@pytest.mark.parametrize(
    ("most", "ends", "statuses", "details"),
    [
        ("0", {A: "Failed"}, {A: "Failed", B: "Terminated", C: "Terminated", D: "Terminated"}, "Failed"),
        (
            "1",
            {A: "Failed", B: "Success", C: "Failed"},
            {A: "Failed", B: "Success", C: "Failed", D: "Terminated"},
            "Failed",
        ),
        (
            "3",
            {A: "Failed", B: "Success", C: "Failed", D: "Success"},
            {A: "Failed", B: "Success", C: "Failed", D: "Success"},
            "Incomplete",
        ),
    ],
)
def test_after_more_errors_than_max_errors_no_further_invocation_begins(
    machine: World, most: str, ends: dict[str, str], statuses: dict[str, str], details: str
) -> None:
    id = machine.send(*ALIASES, MaxConcurrency="1", MaxErrors=most)
    for instance, status in ends.items():
        machine.end(id, instance, (status, int(status != "Success")))
    assert machine.statuses(id) == statuses
    assert (machine.command(id)["Status"], machine.command(id)["StatusDetails"]) == ("Failed", details)


@pytest.mark.parametrize(
    ("text", "targets", "at_once", "errors"),
    [("1", 10, 1, 1), ("10%", 10, 1, 1), ("50%", 3, 2, 1), ("100%", 7, 7, 7), ("1%", 5, 1, 0)],
)
def test_rates_are_numbers_or_shares(text: str, targets: int, at_once: int, errors: int) -> None:
    assert (concurrency(text, targets), tolerated(text, targets)) == (at_once, errors)


def test_what_has_not_begun_in_time_is_timed_out_undelivered(machine: World) -> None:
    id = machine.send(A, B, MaxConcurrency="1", TimeoutSeconds=30)
    machine.later(29)
    assert machine.statuses(id)[B] == "Pending"
    machine.later(1)
    assert machine.statuses(id) == {A: "InProgress", B: "DeliveryTimedOut"}
    machine.end(id, A)
    command = machine.command(id)
    assert (command["Status"], command["StatusDetails"]) == ("Failed", "Incomplete")
    assert (command["DeliveryTimedOutCount"], command["ErrorCount"]) == (1, 0)


def test_a_cancel_ends_what_runs_and_what_waits(machine: World) -> None:
    id = machine.send(A, B, MaxConcurrency="1")
    machine.call("CancelCommand", CommandId=id)
    machine.calm()
    assert machine.statuses(id) == {A: "Cancelling", B: "Cancelled"}
    assert machine.command(id)["Status"] == "Cancelling"
    assert machine.commands.stopped == [f"command-{id}-{A}"]
    machine.end(id, A, ("Cancelled", 137), reason="stopped")
    assert machine.statuses(id) == {A: "Cancelled", B: "Cancelled"}
    assert machine.command(id)["Status"] == "Cancelled"


def test_a_cancel_of_what_is_over_changes_nothing(machine: World) -> None:
    id = machine.send(A)
    machine.end(id, A)
    machine.call("CancelCommand", CommandId=id)
    assert machine.command(id)["Status"] == "Success"


def test_a_cancel_may_name_some_instances(machine: World) -> None:
    id = machine.send(A, B, MaxConcurrency="1")
    machine.call("CancelCommand", CommandId=id, InstanceIds=[B])
    machine.end(id, A)
    assert machine.statuses(id) == {A: "Success", B: "Cancelled"}
    with pytest.raises(AwsError, match=r"Instances \[\[i-0000000000000000d\]\]"):
        machine.call("CancelCommand", CommandId=id, InstanceIds=[D])
    with pytest.raises(AwsError, match="no command") as raised:
        machine.call("CancelCommand", CommandId="0" * 36)
    assert raised.value.error_code == "InvalidCommandId"


def test_a_server_that_comes_back_goes_on_where_the_command_is(machine: World) -> None:
    id = machine.send(A)
    machine.stop()
    machine.start()
    machine.calm()
    assert list(machine.commands.started) == [f"command-{id}-{A}"]
    machine.end(id, A)
    assert machine.command(id)["Status"] == "Success"


@pytest.mark.parametrize(("away", "details"), [(20, "InProgress"), (40, "DeliveryTimedOut")])
def test_a_server_that_slept_over_a_delivery_begins_only_what_is_in_time(
    machine: World, away: float, details: str
) -> None:
    id: str = machine.call(
        "SendCommand",
        DocumentName="AWS-RunShellScript",
        InstanceIds=[A, B],
        MaxConcurrency="1",
        TimeoutSeconds=30,
        Parameters={"commands": ["true"]},
    )["Command"]["CommandId"]
    machine.calm()
    now = machine.server.clock.now()
    machine.stop()
    machine.start(now + away)
    machine.end(id, A)
    assert machine.statuses(id) == {A: "Success", B: details}


def test_a_cancel_that_the_server_did_not_live_to_carry_out_is_carried_out(machine: World) -> None:
    id = machine.send(A)
    machine.call("CancelCommand", CommandId=id)
    machine.stop()
    machine.commands.stopped.clear()
    machine.start()
    machine.calm()
    assert f"command-{id}-{A}" in machine.commands.stopped
    machine.end(id, A, ("Cancelled", 137), reason="stopped")
    assert machine.command(id)["Status"] == "Cancelled"


def test_a_command_that_cannot_start_says_why(machine: World, monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(spec: object) -> None:
        raise WorkerError("no supervisor today")

    monkeypatch.setattr(machine.commands, "start", refuse)
    id = machine.send(A)
    row = machine.call("ListCommandInvocations", CommandId=id)["CommandInvocations"][0]
    assert (row["Status"], row["StatusDetails"]) == ("Failed", "Undeliverable")
    assert row["TraceOutput"] == "no supervisor today"


@pytest.mark.parametrize("reason", ["memory", "processes", "disk", "internal"])
def test_a_script_over_its_limits_fails_and_says_why(machine: World, reason: str) -> None:
    id = machine.send(A)
    machine.end(id, A, ("InProgress", -1), reason=reason)
    assert machine.invocation(id, A)["Status"] == "Failed"
    assert machine.invocation(id, A)["ResponseCode"] == 137
    row = machine.call("ListCommandInvocations", CommandId=id)["CommandInvocations"][0]
    assert row["TraceOutput"] == f"ended for {reason}"


def test_a_script_cannot_make_its_command_unreadable(machine: World) -> None:
    id = machine.send(A)
    worker = f"command-{id}-{A}"
    wild = StepResult(name="x" * 9999, status="Bliss", code=10**12, started=-1e300, ended=1e300)
    machine.end(id, A)
    other = machine.send(A)
    machine.commands.ends[f"command-{other}-{A}"] = (machine.commands.ends[worker][0], (wild, wild))
    machine.calm()
    found = machine.invocation(other, A)
    assert (found["Status"], found["ResponseCode"], found["ExecutionElapsedTime"]) == ("Failed", 137, "PT2S")


def test_commands_are_forgotten_thirty_days_after_their_end(machine: World) -> None:
    id = machine.send(A)
    machine.end(id, A)
    machine.later(30 * 86400 - 1)
    assert machine.command(id)["Status"] == "Success"
    machine.later(1)
    assert machine.call("ListCommands")["Commands"] == []
    assert machine.call("ListCommandInvocations")["CommandInvocations"] == []


def test_a_command_without_targets_succeeds(machine: World) -> None:
    id = machine.send(Targets=[{"Key": "tag:team", "Values": ["models"]}])
    command = machine.command(id)
    assert (command["Status"], command["StatusDetails"]) == ("Success", "NoInstancesInTag")
    assert command["TargetCount"] == 0
