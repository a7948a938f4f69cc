"""Tasks that are registered with windows: what they may say, and how they are shown."""

from __future__ import annotations

from typing import Any

import pytest
from harness import ACCOUNT
from services.ssm.windows.world import FUNCTION, IDS, MACHINE, ROLE, World, refusal

BY_ID = [{"Key": "InstanceIds", "Values": IDS[:1]}]
LINKED = f"arn:aws:iam::{ACCOUNT}:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"


def shown(world: World, window: str, task: str) -> dict[str, Any]:
    return world.call("GetMaintenanceWindowTask", WindowId=window, WindowTaskId=task)


def test_a_command_is_shown_as_it_was_registered(world: World) -> None:
    window = world.window()
    command = {"Comment": "retrain", "Parameters": {"commands": ["true"]}, "TimeoutSeconds": 60}
    task = world.task(window, Priority=1, Name="train", TaskInvocationParameters={"RunCommand": command})
    whole = {
        "WindowId": window,
        "WindowTaskId": task,
        "TaskType": "RUN_COMMAND",
        "TaskArn": "AWS-RunShellScript",
        "ServiceRoleArn": ROLE,
        "Targets": BY_ID,
        "TaskInvocationParameters": {"RunCommand": command},
        "Priority": 1,
        "MaxConcurrency": "1",
        "MaxErrors": "0",
        "Name": "train",
    }
    assert shown(world, window, task) == whole
    row = world.call("DescribeMaintenanceWindowTasks", WindowId=window)["Tasks"][0]
    hidden = {"TaskInvocationParameters", "TaskType"}
    assert row == {**{k: v for k, v in whole.items() if k not in hidden}, "Type": "RUN_COMMAND"}


def test_a_functions_payload_is_shown_as_the_bytes_that_it_was(world: World) -> None:
    window = world.window()
    payload = {"Lambda": {"Payload": b'{"a": "\xc3\xa4"}', "Qualifier": "live"}}
    task = world.task(window, TaskType="LAMBDA", TaskArn=FUNCTION, TaskInvocationParameters=payload)
    assert shown(world, window, task)["TaskInvocationParameters"] == payload
    answer = world.call("UpdateMaintenanceWindowTask", WindowId=window, WindowTaskId=task, Priority=5)
    assert answer["TaskInvocationParameters"] == payload and answer["Priority"] == 5


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"TaskType": "AUTOMATION"}, "task type AUTOMATION is not supported by Stepwell"),
        ({"Targets": None}, "For Run Command tasks, you must specify at least one resource"),
        (
            {"Targets": [{"Key": "target-a", "Values": ["x"]}]},
            "target-a is an invalid window task target type, use WindowTargetIds or InstanceIds.",
        ),
        ({"Targets": [{"Key": "InstanceIds", "Values": []}]}, "between 1 and 50 instance IDs"),
        ({"Targets": [{"Key": "WindowTargetIds", "Values": ["x"] * 11}]}, "maximum number of window targets"),
        ({"MaxErrors": None}, "need MaxErrors"),
        ({"MaxConcurrency": "101%"}, "maxConcurrency"),
        (
            {"TaskType": "LAMBDA", "TaskArn": FUNCTION, "Targets": None, "MaxErrors": "2"},
            "without targets do not support MaxErrors values. Maintenance window tasks without targets do not"
            " support MaxConcurrency values.",
        ),
        ({"TaskType": "LAMBDA", "TaskArn": "judge"}, "ARN of a function"),
        ({"TaskType": "STEP_FUNCTIONS", "TaskArn": FUNCTION}, "ARN of a stateMachine"),
        ({"TaskInvocationParameters": {"Lambda": {}}}, "Lambda does not go with a task of type RUN_COMMAND"),
        ({"TaskInvocationParameters": {"Automation": {}}}, "TaskInvocationParameters.Automation is not"),
        (
            {
                "TaskParameters": {"commands": {"Values": ["true"]}},
                "TaskInvocationParameters": {"RunCommand": {}},
            },
            "TaskParameters and TaskInvocationParameters exclude each other",
        ),
        (
            {
                "TaskType": "LAMBDA",
                "TaskArn": FUNCTION,
                "LoggingInfo": {"S3BucketName": "logs", "S3Region": "us-east-1"},
            },
            "does not support LoggingInfo of LAMBDA tasks",
        ),
        ({"ServiceRoleArn": f"{ROLE}-other"}, "cannot be assumed by Systems Manager"),
    ],
)
def test_a_senseless_task_is_refused(world: World, params: dict[str, Any], says: str) -> None:
    window = world.window()
    whole = {
        "TaskType": "RUN_COMMAND",
        "TaskArn": "AWS-RunShellScript",
        "ServiceRoleArn": ROLE,
        "Targets": BY_ID,
        "MaxConcurrency": "1",
        "MaxErrors": "0",
        **params,
    }
    said = {name: value for name, value in whole.items() if value is not None}
    error = refusal(world, "RegisterTaskWithMaintenanceWindow", WindowId=window, **said)
    assert error.error_code == "ValidationException"
    assert says in error.message


def test_only_registered_instances_do_unless_the_window_allows_others(world: World) -> None:
    window = world.window(AllowUnassociatedTargets=False)
    said = {
        "TaskType": "RUN_COMMAND",
        "TaskArn": "AWS-RunShellScript",
        "Targets": BY_ID,
        "MaxConcurrency": "1",
        "MaxErrors": "1",
    }
    error = refusal(world, "RegisterTaskWithMaintenanceWindow", WindowId=window, **said)
    assert f"does not allow unassociated targets: register {IDS[0]}" in error.message
    world.call("RegisterTargetWithMaintenanceWindow", WindowId=window, ResourceType="INSTANCE", Targets=BY_ID)
    world.call("RegisterTaskWithMaintenanceWindow", WindowId=window, **said)
    strange = [{"Key": "WindowTargetIds", "Values": ["0" * 8 + "-0000-0000-0000-" + "0" * 12]}]
    error = refusal(
        world, "RegisterTaskWithMaintenanceWindow", WindowId=window, **{**said, "Targets": strange}
    )
    assert error.error_code == "DoesNotExistException"


def test_a_task_without_a_role_runs_as_systems_managers_own(world: World) -> None:
    window = world.window()
    task = world.task(window, ServiceRoleArn=None)
    assert shown(world, window, task)["ServiceRoleArn"] == LINKED
    role = world.server.call("iam", "GetRole", RoleName="AWSServiceRoleForAmazonSSM")["Role"]
    assert role["Arn"] == LINKED
    world.task(window, ServiceRoleArn=None)


def test_a_task_without_targets_shows_placeholders_for_its_rates(world: World) -> None:
    window = world.window()
    task = world.machine_task(window, Targets=None, MaxConcurrency=None, MaxErrors=None)
    found = shown(world, window, task)
    assert (found["MaxConcurrency"], found["MaxErrors"], "Targets" in found) == ("1", "1", False)
    answer = world.call("UpdateMaintenanceWindowTask", WindowId=window, WindowTaskId=task, Name="other")
    assert answer["Name"] == "other"


def test_an_update_with_replace_takes_back_what_it_leaves_out(world: World) -> None:
    window = world.window()
    task = world.task(window, Name="train", Priority=3, CutoffBehavior="CANCEL_TASK")
    named = {"WindowId": window, "WindowTaskId": task}
    error = refusal(world, "UpdateMaintenanceWindowTask", **named, Replace=True, Name="other")
    assert "must name TaskArn" in error.message
    world.call(
        "UpdateMaintenanceWindowTask",
        **named,
        Replace=True,
        TaskArn="AWS-RunShellScript",
        ServiceRoleArn=ROLE,
        Targets=BY_ID,
        MaxConcurrency="2",
        MaxErrors="1",
    )
    found = shown(world, window, task)
    assert (found["Priority"], "CutoffBehavior" in found, "Name" in found) == (0, False, False)


def test_tasks_are_filtered_and_deregistered(world: World) -> None:
    window = world.window()
    command, machine = world.task(window, Priority=1), world.machine_task(window, Priority=2)

    def listed(key: str, value: str) -> list[str]:
        filters = [{"Key": key, "Values": [value]}]
        rows = world.call("DescribeMaintenanceWindowTasks", WindowId=window, Filters=filters)["Tasks"]
        return [row["WindowTaskId"] for row in rows]

    assert listed("TaskType", "RUN_COMMAND") == [command]
    assert listed("Priority", "2") == [machine]
    assert listed("TaskArn", MACHINE) == [machine]
    assert listed("WindowTaskId", command) == [command]
    named = {"WindowId": window, "WindowTaskId": command}
    assert world.call("DeregisterTaskFromMaintenanceWindow", **named) == named
    assert refusal(world, "GetMaintenanceWindowTask", **named).error_code == "DoesNotExistException"
    told = [status for name, status in world.told if name.endswith("Task Registration Notification")]
    assert told == ["REGISTERED", "REGISTERED", "DEREGISTERED"]


def test_a_window_has_twenty_tasks_at_most(world: World) -> None:
    window = world.window()
    for _ in range(20):
        world.task(window)
    with pytest.raises(Exception, match="at most 20") as raised:
        world.task(window)
    assert getattr(raised.value, "error_code", "") == "ResourceLimitExceededException"
