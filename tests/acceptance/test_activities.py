"""Activities and redrives on a real server, by boto3: what waits survives `kill -9`, and lost workers."""

from __future__ import annotations

import json
import threading
import time
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError
from running import Running, allow, ended, role
from test_iam_enforced import refused, session


def activity(running: Running, name: str) -> str:
    found: str = running.client("stepfunctions").create_activity(name=name)["activityArn"]
    return found


def machine(running: Running, name: str, definition: dict[str, Any], **params: Any) -> str:
    """A machine without rights of its own; gives its ARN."""
    return str(
        running.client("stepfunctions").create_state_machine(
            name=name,
            definition=json.dumps(definition),
            roleArn=role(running, name, "states.amazonaws.com"),
            **params,
        )["stateMachineArn"]
    )


def work(resource: str, **fields: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "End": True, **fields}
    return {"StartAt": "Work", "States": {"Work": state}}


def start(running: Running, machine_arn: str, value: Any = None) -> str:
    text = json.dumps({} if value is None else value)
    found = running.client("stepfunctions").start_execution(stateMachineArn=machine_arn, input=text)
    return str(found["executionArn"])


def types(running: Running, execution: str) -> list[str]:
    events = running.client("stepfunctions").get_execution_history(executionArn=execution)["events"]
    return [event["type"] for event in events]


def test_a_task_survives_kills_in_line_and_in_its_workers_hands(own_server: Running) -> None:
    """Killed while the task waits, and again while a worker has it: the token is as good as before."""
    resource = activity(own_server, "survivor")
    execution = start(own_server, machine(own_server, "survivor", work(resource, TimeoutSeconds=60)), [1])
    own_server.kill()
    own_server.start()
    states = own_server.client("stepfunctions")
    task = states.get_activity_task(activityArn=resource, workerName="me")
    assert task["input"] == "[1]"
    own_server.kill()
    own_server.start()
    states = own_server.client("stepfunctions")
    states.send_task_heartbeat(taskToken=task["taskToken"])
    states.send_task_success(taskToken=task["taskToken"], output='{"done": true}')
    found = ended(own_server, execution)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"done": True})
    assert types(own_server, execution).count("ActivityStarted") == 1


def test_a_waiting_worker_is_woken(server: Running) -> None:
    """A poll that began before there was a task gets it as soon as there is one."""
    resource = activity(server, "woken")
    machine_arn = machine(server, "woken", work(resource))
    found: list[dict[str, Any]] = []

    def poll() -> None:
        found.append(server.client("stepfunctions").get_activity_task(activityArn=resource))

    worker = threading.Thread(target=poll)
    worker.start()
    time.sleep(0.3)
    began = time.monotonic()
    start(server, machine_arn, {"a": 1})
    worker.join(20)
    assert json.loads(found[0]["input"]) == {"a": 1}
    assert time.monotonic() - began < 10


def test_a_worker_that_left_takes_no_task_along(server: Running) -> None:
    """Its connection is gone before there is a task: the next worker gets it."""
    resource = activity(server, "left")
    machine_arn = machine(server, "left", work(resource))
    config = Config(read_timeout=1, retries={"total_max_attempts": 1})
    hasty = boto3.client("stepfunctions", config=config, **server.settings)
    with pytest.raises(ReadTimeoutError):
        hasty.get_activity_task(activityArn=resource)
    hasty.close()
    execution = start(server, machine_arn, "kept")
    states = server.client("stepfunctions")
    task = states.get_activity_task(activityArn=resource)
    assert task["input"] == '"kept"'
    states.send_task_success(taskToken=task["taskToken"], output="1")
    assert ended(server, execution)["output"] == "1"


def test_a_redriven_execution_goes_on_after_a_kill(own_server: Running) -> None:
    """Only the branch that failed runs again, whenever the server was killed."""
    resource = activity(own_server, "again")
    beside = {"StartAt": "Beside", "States": {"Beside": {"Type": "Pass", "Result": "kept", "End": True}}}
    parallel = {"Type": "Parallel", "Branches": [beside, work(resource)], "End": True}
    both = {"StartAt": "Both", "States": {"Both": parallel}}
    execution = start(own_server, machine(own_server, "again", both))
    states = own_server.client("stepfunctions")
    token = states.get_activity_task(activityArn=resource)["taskToken"]
    states.send_task_failure(taskToken=token, error="Boom", cause="no luck")
    found = ended(own_server, execution)
    assert (found["status"], found["error"], found["redriveStatus"]) == ("FAILED", "Boom", "REDRIVABLE")
    own_server.kill()
    own_server.start()
    states = own_server.client("stepfunctions")
    states.redrive_execution(executionArn=execution)
    own_server.kill()
    own_server.start()
    states = own_server.client("stepfunctions")
    assert states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    token = states.get_activity_task(activityArn=resource)["taskToken"]
    states.send_task_success(taskToken=token, output='"second"')
    found = ended(own_server, execution)
    assert (json.loads(found["output"]), found["redriveCount"]) == (["kept", "second"], 1)
    assert types(own_server, execution).count("PassStateEntered") == 1


def test_an_alias_leads_to_its_version_and_its_rights(server: Running) -> None:
    """A caller may be held to one alias by `states:StateMachineQualifier`."""
    passes = {"StartAt": "P", "States": {"P": {"Type": "Pass", "Result": 1, "End": True}}}
    machine_arn = machine(server, "held", passes, publish=True)
    states = server.client("stepfunctions")
    alias = states.create_state_machine_alias(
        name="PROD", routingConfiguration=[{"stateMachineVersionArn": f"{machine_arn}:1", "weight": 100}]
    )["stateMachineAliasArn"]
    condition = {"ForAnyValue:StringEquals": {"states:StateMachineQualifier": ["PROD"]}}
    keys = session(server, "held-caller", allow("states:StartExecution", machine_arn, **condition))
    held = server.client("stepfunctions", **keys)
    execution = held.start_execution(stateMachineArn=alias)["executionArn"]
    found = ended(server, execution)
    assert (found["stateMachineAliasArn"], found["stateMachineVersionArn"]) == (alias, f"{machine_arn}:1")
    for other in (machine_arn, f"{machine_arn}:1"):
        assert refused(held.start_execution, stateMachineArn=other)[0] == "AccessDeniedException"
    assert refused(states.delete_state_machine_version, stateMachineVersionArn=f"{machine_arn}:1")[:2] == (
        "ConflictException",
        409,
    )
