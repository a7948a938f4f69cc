"""Maintenance windows on a real server: scripts run on its machine when a window opens, as told."""

from __future__ import annotations

import io
import json
import time
import zipfile
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import Running, role, until

OPEN = {"Duration": 1, "Cutoff": 0, "AllowUnassociatedTargets": True}
ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


SUNDAY = "cron(0 4 ? * SUN *)"


def made(server: Running, name: str) -> str:
    """A window that opens on Sundays."""
    found: str = server.client("ssm").create_maintenance_window(Name=name, Schedule=SUNDAY, **OPEN)[
        "WindowId"
    ]
    return found


def opens(server: Running, window: str, seconds: float = 2) -> float:
    """Nobody waits for Sunday: the window opens in a moment, once. Gives the moment."""
    moment = datetime.fromtimestamp(int(time.time() + seconds), UTC)
    server.client("ssm").update_maintenance_window(
        WindowId=window, Schedule=f"at({moment:%Y-%m-%dT%H:%M:%S})"
    )
    return moment.timestamp()


def machine(server: Running) -> str:
    """The id of the machine that the server runs on."""
    rows = server.client("ssm").describe_instance_information()["InstanceInformationList"]
    found: str = next(row["InstanceId"] for row in rows if row["ResourceType"] == "ManagedInstance")
    return found


def target(server: Running, window: str) -> str:
    """The machine, registered with the window once more."""
    found: str = server.client("ssm").register_target_with_maintenance_window(
        WindowId=window,
        ResourceType="INSTANCE",
        Targets=[{"Key": "InstanceIds", "Values": [machine(server)]}],
    )["WindowTargetId"]
    return found


def command(server: Running, window: str, targets: list[str], script: str, **params: Any) -> str:
    """A task that runs a script on registered targets."""
    given = {"Parameters": {"commands": [script], "executionTimeout": [params.pop("seconds", "60")]}}
    found: str = server.client("ssm").register_task_with_maintenance_window(
        **{
            "WindowId": window,
            "TaskType": "RUN_COMMAND",
            "TaskArn": "AWS-RunShellScript",
            "Targets": [{"Key": "WindowTargetIds", "Values": targets}],
            "MaxConcurrency": "1",
            "MaxErrors": "0",
            "TaskInvocationParameters": {"RunCommand": given},
            **params,
        }
    )["WindowTaskId"]
    return found


def opened(server: Running, window: str, seconds: float = 40) -> dict[str, Any]:
    """The window's only execution once it is over, with its tasks and their invocations."""
    ssm = server.client("ssm")

    def look() -> dict[str, Any] | None:
        rows = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        return rows[0] if rows and rows[0]["Status"] not in ("PENDING", "IN_PROGRESS") else None

    execution: dict[str, Any] = until(look, seconds)
    id = execution["WindowExecutionId"]
    tasks = ssm.describe_maintenance_window_execution_tasks(WindowExecutionId=id)[
        "WindowExecutionTaskIdentities"
    ]
    for task in tasks:
        task["Invocations"] = ssm.describe_maintenance_window_execution_task_invocations(
            WindowExecutionId=id, TaskId=task["TaskExecutionId"]
        )["WindowExecutionTaskInvocationIdentities"]
    return {**execution, "Tasks": tasks}


def test_a_window_runs_a_script_on_the_servers_machine_and_its_output_is_there(server: Running) -> None:
    ssm = server.client("ssm")
    arn = role(
        server,
        "runs-commands",
        "ssm.amazonaws.com",
        {"Effect": "Allow", "Action": ["ssm:SendCommand"], "Resource": "*"},
    )
    window = made(server, "retrain")
    script = "echo trained in {{ WINDOW_ID }}; echo careful >&2"
    command(server, window, [target(server, window)], script, ServiceRoleArn=arn)
    opens(server, window)
    assert "NextExecutionTime" in ssm.get_maintenance_window(WindowId=window)
    found = opened(server, window)
    run = found["Tasks"][0]["Invocations"][0]
    assert (found["Status"], run["Status"], run["StatusDetails"]) == ("SUCCESS", "SUCCESS", "Success")
    printed = ssm.get_command_invocation(CommandId=run["ExecutionId"], InstanceId=machine(server))
    assert printed["StandardOutputContent"] == f"trained in {window}\n"
    assert printed["StandardErrorContent"] == "careful\n"
    assert json.loads(run["Parameters"])["instanceIds"] == [machine(server)]
    assert "NextExecutionTime" not in ssm.get_maintenance_window(WindowId=window)


def test_targets_take_turns_and_a_failure_stops_those_that_wait(server: Running) -> None:
    window = made(server, "turns")
    targets = [target(server, window) for _ in range(3)]
    busy = 'd=/tmp/stepwell-turns-$PPID; mkdir "$d" || exit 9; sleep 0.3; rmdir "$d"'
    command(server, window, targets, busy.replace("$PPID", window), Name="turns")
    command(server, window, targets, "exit 3", Priority=1, Name="fails", MaxErrors="1")
    command(server, window, targets[:1], "sleep 60", Priority=2, Name="hangs", seconds="5")
    opens(server, window)
    found = opened(server, window)
    assert found["Status"] == "FAILED"
    assert found["StatusDetails"] == "One or more tasks in the orchestration failed."
    turns, fails, hangs = found["Tasks"]
    assert [run["Status"] for run in turns["Invocations"]] == ["SUCCESS"] * 3
    assert [run["Status"] for run in fails["Invocations"]] == ["FAILED", "FAILED", "CANCELLED"]
    assert hangs["Invocations"][0]["Status"] in ("FAILED", "TIMED_OUT")
    assert turns["EndTime"] <= fails["StartTime"] <= fails["EndTime"] <= hangs["StartTime"]


def test_functions_and_machines_run_as_the_tasks_role_and_a_missing_right_is_told(server: Running) -> None:
    ssm = server.client("ssm")
    arn = role(
        server,
        "runs-others",
        "ssm.amazonaws.com",
        {"Effect": "Allow", "Action": ["lambda:InvokeFunction", "states:StartExecution"], "Resource": "*"},
    )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("main.py", "def handler(event, context):\n    return event['window']\n")
    function = server.client("lambda").create_function(
        FunctionName="in-window",
        Runtime="python3.12",
        Handler="main.handler",
        Role=role(server, "in-window", "lambda.amazonaws.com", ALL),
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    machine_arn = server.client("stepfunctions").create_state_machine(
        name="in-window",
        roleArn=role(server, "in-window-machine", "states.amazonaws.com"),
        definition=json.dumps({"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}),
    )["stateMachineArn"]
    window = made(server, "others")
    payload = {"Lambda": {"Payload": b'{"window": "{{WINDOW_ID}}"}'}}
    for kind, task, given in (
        ("LAMBDA", function, payload),
        ("STEP_FUNCTIONS", machine_arn, {"StepFunctions": {"Input": '{"from": "{{WINDOW_ID}}"}'}}),
    ):
        ssm.register_task_with_maintenance_window(
            WindowId=window,
            TaskType=kind,
            TaskArn=task,
            ServiceRoleArn=arn,
            TaskInvocationParameters=given,
        )
    command(server, window, [target(server, window)], "true", ServiceRoleArn=arn, Name="denied")
    opens(server, window)
    runs = {task["TaskType"]: task["Invocations"][0] for task in opened(server, window)["Tasks"]}
    denied = runs["RUN_COMMAND"]
    assert denied["Status"] == "FAILED"
    assert denied["StatusDetails"].startswith(
        "The provided role does not contain the correct SSM permissions."
    )
    assert "is not authorized to perform: ssm:SendCommand" in denied["StatusDetails"]
    assert runs["LAMBDA"]["Status"] == "SUCCESS"
    assert runs["STEP_FUNCTIONS"]["Status"] == "SUCCESS"
    started = server.client("stepfunctions").describe_execution(
        executionArn=runs["STEP_FUNCTIONS"]["ExecutionId"]
    )
    assert json.loads(started["input"]) == {"from": window}


def test_a_killed_server_finds_its_windows_again_opens_the_missed_one_late_and_runs_nothing_twice(
    own_server: Running,
) -> None:
    ssm = own_server.client("ssm")
    running, late = made(own_server, "running"), made(own_server, "late")
    command(own_server, running, [target(own_server, running)], "echo once; sleep 3")
    command(own_server, late, [target(own_server, late)], "echo late")
    opens(own_server, running)
    missed = opens(own_server, late, 6)

    def begun() -> bool:
        rows = ssm.list_commands()["Commands"]
        return bool(rows) and rows[0]["Status"] == "InProgress"

    until(begun, 20)
    own_server.kill()
    time.sleep(max(0.0, missed + 0.5 - time.time()))
    own_server.start()
    for window, says in ((running, "once\n"), (late, "late\n")):
        found = opened(own_server, window)
        run = found["Tasks"][0]["Invocations"][0]
        printed = ssm.get_command_invocation(CommandId=run["ExecutionId"], InstanceId=machine(own_server))
        assert (found["Status"], printed["StandardOutputContent"]) == ("SUCCESS", says)
    assert found["StartTime"].timestamp() > missed + 0.5
    assert len(ssm.list_commands()["Commands"]) == 2


def test_a_user_may_be_let_at_windows_with_a_tag_only(server: Running) -> None:
    iam, ssm = server.client("iam"), server.client("ssm")
    statement = {
        "Effect": "Allow",
        "Action": "ssm:GetMaintenanceWindow",
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:ResourceTag/team": "ml"}},
    }
    iam.create_user(UserName="window-keeper")
    iam.put_user_policy(
        UserName="window-keeper",
        PolicyName="ours",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    key = iam.create_access_key(UserName="window-keeper")["AccessKey"]
    user = server.client(
        "ssm",
        aws_access_key_id=key["AccessKeyId"],
        aws_secret_access_key=key["SecretAccessKey"],
    )
    window = made(server, "tagged")
    with pytest.raises(ClientError, match="not authorized to perform: ssm:GetMaintenanceWindow"):
        user.get_maintenance_window(WindowId=window)
    tags = [{"Key": "team", "Value": "ml"}]
    ssm.add_tags_to_resource(ResourceType="MaintenanceWindow", ResourceId=window, Tags=tags)
    assert user.get_maintenance_window(WindowId=window)["Name"] == "tagged"


def test_what_makes_no_sense_is_refused_with_a_hint(server: Running) -> None:
    ssm = server.client("ssm")
    with pytest.raises(ClientError, match=r"day-of-week: SUNDAY is no value.*did you mean SUN"):
        ssm.create_maintenance_window(Name="wrong", Schedule="cron(0 4 ? * SUNDAY *)", **OPEN)
    with pytest.raises(ClientError, match="Cutoff was 2 but must be smaller than 2"):
        ssm.create_maintenance_window(Name="wrong", Schedule=SUNDAY, **{**OPEN, "Duration": 2, "Cutoff": 2})
    window = ssm.create_maintenance_window(
        Name="strict", Schedule=SUNDAY, **{**OPEN, "AllowUnassociatedTargets": False}
    )["WindowId"]
    with pytest.raises(ClientError, match="does not allow unassociated targets"):
        ssm.register_task_with_maintenance_window(
            WindowId=window,
            TaskType="RUN_COMMAND",
            TaskArn="AWS-RunShellScript",
            Targets=[{"Key": "InstanceIds", "Values": ["i-1234567890abcdef0"]}],
            MaxConcurrency="1",
            MaxErrors="1",
        )
    ssm.delete_maintenance_window(WindowId=window)
