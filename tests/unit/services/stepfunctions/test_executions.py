"""Executions through the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import fail, single
from engine.world import World

WAIT = single(Type="Wait", Seconds=60)


def test_a_named_start_is_idempotent_while_it_runs(world: World) -> None:
    """Same name and input: the same execution; another input, or after its end: it exists already."""
    machine = world.create(WAIT)
    first = world.call("StartExecution", stateMachineArn=machine, name="one", input='{"a":1}')
    world.clock.advance(5)
    again = world.call("StartExecution", stateMachineArn=machine, name="one", input='{"a":1}')
    assert again == first
    exists = ("ExecutionAlreadyExists", f"Execution Already Exists: '{first['executionArn']}'")
    assert world.refused("StartExecution", stateMachineArn=machine, name="one", input="{}") == exists
    world.advance(60)
    assert world.describe(first["executionArn"])["status"] == "SUCCEEDED"
    assert world.refused("StartExecution", stateMachineArn=machine, name="one", input='{"a":1}') == exists


def test_a_start_without_a_name_gets_a_fresh_one(world: World) -> None:
    """And without an input an empty object."""
    machine = world.create(single(Type="Pass"))
    one, two = (world.call("StartExecution", stateMachineArn=machine)["executionArn"] for _ in range(2))
    assert one != two
    assert world.describe(one)["input"] == world.describe(one)["output"] == "{}"


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (
            "not some json",
            "Unrecognized token 'not': was expecting (JSON String, Number, Array, Object or token 'null', "
            "'true' or 'false')",
        ),
        (
            "{'not': 'json'",
            "Unexpected character (''' (code 39)): was expecting double-quote to start field name",
        ),
        ("", "Invalid execution input."),
        ('"' + "é" * 131_072 + '"', "The payload has more than 262144 bytes"),
    ],
    ids=["word", "quote", "empty", "large"],
)
def test_inputs_that_are_none(world: World, text: str, why: str) -> None:
    """InvalidExecutionInput, in AWS's words where they are known."""
    machine = world.create(single(Type="Pass"))
    assert world.refused("StartExecution", stateMachineArn=machine, input=text) == (
        "InvalidExecutionInput",
        f"Invalid State Machine Execution Input: '{why}'",
    )


@pytest.mark.parametrize("text", ["2", '"some text"', "null", "[1, 2]"])
def test_any_json_is_an_input(world: World, text: str) -> None:
    """Not objects alone; the text is kept as it was given."""
    machine = world.create(single(Type="Pass"))
    execution = world.call("StartExecution", stateMachineArn=machine, input=text)["executionArn"]
    assert world.describe(execution)["input"] == text
    assert world.output(execution) == json.loads(text)


def test_describe_tells_how_it_ended(world: World) -> None:
    """Output when it succeeded, error and cause when it failed, and that it cannot be redriven."""
    good = world.describe(world.start(world.create(single(Type="Pass", Result=1), "good")))
    assert (good["status"], good["output"], good["outputDetails"]) == ("SUCCEEDED", "1", {"included": True})
    assert good["stopDate"] == good["startDate"]
    assert good["redriveStatusReason"] == "Execution is SUCCEEDED and cannot be redriven"
    bad = world.describe(world.start(world.create(fail("E", "C"), "bad")))
    assert (bad["status"], bad["error"], bad["cause"]) == ("FAILED", "E", "C")
    assert "output" not in bad
    lean = world.call("DescribeExecution", executionArn=good["executionArn"], includedData="METADATA_ONLY")
    assert "input" not in lean and "output" not in lean


def test_a_name_is_free_again_90_days_after_the_end(world: World) -> None:
    """Not earlier; what ran under it before is forgotten then."""
    machine = world.create(fail("E", "C"))
    first = world.start(machine, {"a": 1}, name="n")
    world.run()
    world.advance(90 * 86_400)
    again = {"stateMachineArn": machine, "name": "n", "input": "{}"}
    assert world.refused("StartExecution", **again)[0] == "ExecutionAlreadyExists"
    world.advance(1)
    assert world.call("StartExecution", **again)["executionArn"] == first
    world.run()
    assert world.describe(first)["input"] == "{}"
    assert len(world.call("ListExecutions", stateMachineArn=machine)["executions"]) == 1
    assert len(world.types(first)) == 3


def test_executions_are_listed_newest_first_and_by_status(world: World) -> None:
    """Pages of one machine's executions; an end changes the status, not the place."""
    machine = world.create(WAIT)
    other = world.create(single(Type="Pass"), "other")
    started = []
    for index in range(5):
        started.append(world.start(machine, name=f"e{index}"))
        world.start(other)
        world.clock.advance(1)
    world.call("StopExecution", executionArn=started[3])
    found: list[str] = []
    params: dict[str, Any] = {"stateMachineArn": machine, "maxResults": 2}
    while True:
        page = world.call("ListExecutions", **params)
        found += [execution["name"] for execution in page["executions"]]
        if "nextToken" not in page:
            break
        params["nextToken"] = page["nextToken"]
    assert found == ["e4", "e3", "e2", "e1", "e0"]
    aborted = world.call("ListExecutions", stateMachineArn=machine, statusFilter="ABORTED")["executions"]
    assert [(each["name"], each["status"]) for each in aborted] == [("e3", "ABORTED")]
    running = world.call("ListExecutions", stateMachineArn=machine, statusFilter="RUNNING")["executions"]
    assert [each["name"] for each in running] == ["e4", "e2", "e1", "e0"]


def test_stopping_twice_changes_nothing(world: World) -> None:
    """The first stop counts."""
    execution = world.start(world.create(WAIT))
    first = world.call("StopExecution", executionArn=execution, cause="first")
    world.clock.advance(5)
    assert world.call("StopExecution", executionArn=execution, cause="second") == first
    assert world.describe(execution)["cause"] == "first"


def test_histories_come_in_pages_forwards_and_backwards(world: World) -> None:
    """Every event once; without data on request; a token belongs to its order."""
    execution = world.start(world.create(single(Type="Pass")))
    for reverse in (False, True):
        found: list[int] = []
        params: dict[str, Any] = {"executionArn": execution, "maxResults": 1, "reverseOrder": reverse}
        while True:
            page = world.call("GetExecutionHistory", **params)
            found += [event["id"] for event in page["events"]]
            if "nextToken" not in page:
                break
            params["nextToken"] = page["nextToken"]
        assert found == ([4, 3, 2, 1] if reverse else [1, 2, 3, 4])
    params["reverseOrder"] = False
    assert world.refused("GetExecutionHistory", **params)[0] == "InvalidToken"
    bare = world.call("GetExecutionHistory", executionArn=execution, includeExecutionData=False)["events"]
    assert bare[1]["stateEnteredEventDetails"] == {"name": "Only"}


def test_histories_have_nothing_private(world: World) -> None:
    """No member of an event is ours."""
    definition = {
        "StartAt": "P",
        "States": {"P": {"Type": "Parallel", "Branches": [single(Type="Wait", Seconds=1)], "End": True}},
    }
    execution = world.execute(definition)
    world.advance(1)
    events = world.history(execution)
    assert len(events) == 8
    assert {name for event in events for name in event if name.startswith("_")} == set()


@pytest.mark.parametrize(
    "operation",
    ["DescribeExecution", "StopExecution", "GetExecutionHistory", "DescribeStateMachineForExecution"],
)
def test_executions_that_do_not_exist(world: World, operation: str) -> None:
    """ExecutionDoesNotExist names the ARN; what is no execution's ARN is an InvalidArn."""
    arn = world.start(world.create(WAIT)) + "x"
    found = world.refused(operation, executionArn=arn)
    assert found == ("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'")
    assert world.refused(operation, executionArn="no-arn")[0] == "InvalidArn"


@pytest.mark.parametrize("operation", ["SendTaskSuccess", "SendTaskFailure", "SendTaskHeartbeat"])
def test_task_tokens_that_are_none(world: World, operation: str) -> None:
    """InvalidToken for what is no token of ours."""
    params = {"output": "{}"} if operation == "SendTaskSuccess" else {}
    for token in ("nonsense", "AAAA", "é"):
        found = world.refused(operation, taskToken=token, **params)
        assert found == ("InvalidToken", "Invalid Token: 'Invalid token'")


def test_an_output_that_is_not_json(world: World) -> None:
    """SendTaskSuccess takes JSON only."""
    assert world.refused("SendTaskSuccess", taskToken="AAAA", output="{")[0] == "InvalidOutput"
