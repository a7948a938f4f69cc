"""Maintenance windows, their targets and their tasks: the calls of their lives."""

from __future__ import annotations

from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

HERE = "arn:aws:ssm:us-east-1:000000000000:"
WINDOW, OWN = f"mw-{'0' * 17}", "11111111-2222-3333-4444-555555555555"
GONE = "DoesNotExistException"
CREATED = {
    "Name": "win",
    "Schedule": "rate(1 day)",
    "Duration": 3,
    "Cutoff": 1,
    "AllowUnassociatedTargets": False,
}
TARGETS, API_TARGETS = (
    [{"key": "InstanceIds", "values": ["i-1"]}],
    [{"Key": "InstanceIds", "Values": ["i-1"]}],
)
RUN = {
    "runCommandParameters": {
        "comment": "c",
        "documentHashType": "Sha256",
        "outputS3Bucket": "bucket",
        "outputS3KeyPrefix": "p",
        "serviceRoleArn": "arn:aws:iam::000000000000:role/r",
        "timeoutSeconds": 600,
        "cloudwatchConfig": {"cloudwatchLogGroupName": "/g", "cloudwatchOutputEnabled": True},
        "parameters": [{"name": "commands", "values": ["date", "true"]}],
    }
}
API_RUN = {
    "RunCommand": {
        "Comment": "c",
        "DocumentHashType": "Sha256",
        "OutputS3BucketName": "bucket",
        "OutputS3KeyPrefix": "p",
        "ServiceRoleArn": "arn:aws:iam::000000000000:role/r",
        "TimeoutSeconds": 600,
        "CloudWatchOutputConfig": {"CloudWatchLogGroupName": "/g", "CloudWatchOutputEnabled": True},
        "Parameters": {"commands": ["date", "true"]},
    }
}
TASK = {
    "TaskArn": "AWS-RunShellScript",
    "Name": "task",
    "Priority": 1,
    "MaxConcurrency": "2",
    "MaxErrors": "1",
    "Targets": API_TARGETS,
    "TaskInvocationParameters": API_RUN,
}


def _task(kind: str, declared: dict[str, Any], api: dict[str, Any]) -> Life:
    register = {"WindowId": WINDOW, "TaskType": kind, "TaskArn": "arn:x", "Name": "task"}
    return Life(
        token="aws:ssm/maintenanceWindowTask:MaintenanceWindowTask",
        inputs={
            "windowId": WINDOW,
            "taskType": kind,
            "taskArn": "arn:x",
            "name": "task",
            "taskInvocationParameters": declared,
        },
        id=OWN,
        answers={
            "RegisterTaskWithMaintenanceWindow": {"WindowTaskId": OWN},
            "GetMaintenanceWindowTask": {**register, "TaskInvocationParameters": api},
        },
        creating=[("RegisterTaskWithMaintenanceWindow", {**register, "TaskInvocationParameters": api})],
        reads={
            "windowId": WINDOW,
            "windowTaskId": OWN,
            "arn": f"{HERE}windowtask/{OWN}",
            "taskType": kind,
            "taskArn": "arn:x",
            "name": "task",
            "taskInvocationParameters": declared,
        },
        deleting=[
            ("DeregisterTaskFromMaintenanceWindow", {"WindowId": WINDOW, "WindowTaskId": OWN}),
        ],
        gone={"GetMaintenanceWindowTask": GONE, "DeregisterTaskFromMaintenanceWindow": GONE},
    )


LIVES = [
    Life(
        token="aws:ssm/maintenanceWindow:MaintenanceWindow",
        inputs={
            "name": "win",
            "schedule": "rate(1 day)",
            "duration": 3,
            "cutoff": 1,
            "enabled": False,
            "tagsAll": {"a": "1"},
        },
        id=WINDOW,
        answers={
            "CreateMaintenanceWindow": {"WindowId": WINDOW},
            "ListTagsForResource": {"TagList": [{"Key": "a", "Value": "1"}]},
            "GetMaintenanceWindow": {**CREATED, "WindowId": WINDOW, "Enabled": False},
        },
        creating=[
            ("CreateMaintenanceWindow", {**CREATED, "Tags": [{"Key": "a", "Value": "1"}]}),
            ("UpdateMaintenanceWindow", {"WindowId": WINDOW, "Enabled": False}),
        ],
        reads={
            "name": "win",
            "schedule": "rate(1 day)",
            "duration": 3,
            "cutoff": 1,
            "allowUnassociatedTargets": False,
            "enabled": False,
            "tagsAll": {"a": "1"},
        },
        changed={"enabled": True, "scheduleTimezone": "Europe/Berlin", "tagsAll": {}},
        updating=[
            (
                "UpdateMaintenanceWindow",
                {
                    **CREATED,
                    "WindowId": WINDOW,
                    "Replace": True,
                    "Enabled": True,
                    "ScheduleTimezone": "Europe/Berlin",
                },
            ),
            (
                "RemoveTagsFromResource",
                {"ResourceType": "MaintenanceWindow", "ResourceId": WINDOW, "TagKeys": ["a"]},
            ),
        ],
        deleting=[("DeleteMaintenanceWindow", {"WindowId": WINDOW})],
        gone={"GetMaintenanceWindow": GONE, "DeleteMaintenanceWindow": GONE},
    ),
    Life(
        token="aws:ssm/maintenanceWindowTarget:MaintenanceWindowTarget",
        inputs={"windowId": WINDOW, "resourceType": "INSTANCE", "targets": TARGETS, "name": "machines"},
        id=OWN,
        answers={
            "RegisterTargetWithMaintenanceWindow": {"WindowTargetId": OWN},
            "DescribeMaintenanceWindowTargets": {
                "Targets": [
                    {
                        "WindowId": WINDOW,
                        "WindowTargetId": OWN,
                        "ResourceType": "INSTANCE",
                        "Targets": API_TARGETS,
                        "Name": "machines",
                    }
                ]
            },
        },
        creating=[
            (
                "RegisterTargetWithMaintenanceWindow",
                {
                    "WindowId": WINDOW,
                    "ResourceType": "INSTANCE",
                    "Targets": API_TARGETS,
                    "Name": "machines",
                },
            )
        ],
        reads={"windowId": WINDOW, "resourceType": "INSTANCE", "targets": TARGETS, "name": "machines"},
        changed={"description": "d"},
        updating=[
            (
                "UpdateMaintenanceWindowTarget",
                {
                    "WindowId": WINDOW,
                    "WindowTargetId": OWN,
                    "Replace": True,
                    "Targets": API_TARGETS,
                    "Name": "machines",
                    "Description": "d",
                },
            )
        ],
        deleting=[
            ("DeregisterTargetFromMaintenanceWindow", {"WindowId": WINDOW, "WindowTargetId": OWN}),
        ],
        gone={
            "DescribeMaintenanceWindowTargets": GONE,
            "DeregisterTargetFromMaintenanceWindow": GONE,
        },
    ),
    Life(
        token="aws:ssm/maintenanceWindowTask:MaintenanceWindowTask",
        inputs={
            "windowId": WINDOW,
            "taskType": "RUN_COMMAND",
            "taskArn": "AWS-RunShellScript",
            "name": "task",
            "priority": 1,
            "maxConcurrency": "2",
            "maxErrors": "1",
            "targets": TARGETS,
            "taskInvocationParameters": RUN,
        },
        id=OWN,
        answers={
            "RegisterTaskWithMaintenanceWindow": {"WindowTaskId": OWN},
            "GetMaintenanceWindowTask": {**TASK, "WindowId": WINDOW, "TaskType": "RUN_COMMAND"},
        },
        creating=[
            (
                "RegisterTaskWithMaintenanceWindow",
                {**TASK, "WindowId": WINDOW, "TaskType": "RUN_COMMAND"},
            )
        ],
        reads={
            "windowId": WINDOW,
            "windowTaskId": OWN,
            "arn": f"{HERE}windowtask/{OWN}",
            "taskType": "RUN_COMMAND",
            "taskArn": "AWS-RunShellScript",
            "name": "task",
            "priority": 1,
            "maxConcurrency": "2",
            "maxErrors": "1",
            "targets": TARGETS,
            "taskInvocationParameters": RUN,
        },
        changed={"maxErrors": "0"},
        updating=[
            (
                "UpdateMaintenanceWindowTask",
                {**TASK, "MaxErrors": "0", "WindowId": WINDOW, "WindowTaskId": OWN, "Replace": True},
            )
        ],
        deleting=[
            ("DeregisterTaskFromMaintenanceWindow", {"WindowId": WINDOW, "WindowTaskId": OWN}),
        ],
        gone={"GetMaintenanceWindowTask": GONE},
    ),
    _task(
        "LAMBDA",
        {"lambdaParameters": {"payload": "{}", "qualifier": "live"}},
        {"Lambda": {"Payload": b"{}", "Qualifier": "live"}},
    ),
    _task(
        "STEP_FUNCTIONS",
        {"stepFunctionsParameters": {"input": "{}", "name": "n"}},
        {"StepFunctions": {"Input": "{}", "Name": "n"}},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.token} {life.inputs.get('taskType', '')}")
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


@pytest.mark.parametrize(
    ("token", "inputs", "faults"),
    [
        (
            "maintenanceWindowTask:MaintenanceWindowTask",
            {
                "windowId": WINDOW,
                "taskType": "RUN_COMMAND",
                "taskArn": "AWS-RunShellScript",
                "taskInvocationParameters": {"runCommandParameters": {"parameters": {"commands": ["date"]}}},
            },
            [
                "property taskInvocationParameters.runCommandParameters.parameters is an object; it takes a "
                "list of objects with name, values"
            ],
        ),
        (
            "maintenanceWindowTask:MaintenanceWindowTask",
            {
                "windowId": WINDOW,
                "taskType": "LAMBDA",
                "taskArn": "arn:x",
                "taskInvocationParameters": {"stepFunctionsParameters": {}},
            },
            [
                "property taskInvocationParameters.stepFunctionsParameters: a task of type LAMBDA takes "
                "lambdaParameters"
            ],
        ),
        (
            "maintenanceWindow:MaintenanceWindow",
            {"schedule": "rate(1 day)", "duration": 1, "cutoff": 1},
            [
                "property cutoff: 1 is not less than the duration, 1: no task starts in a window's last "
                "`cutoff` hours, so none ever would"
            ],
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    token: str, inputs: dict[str, Any], faults: list[str]
) -> None:
    """Each at its own place in the program's properties."""
    assert schema.check(TYPES[f"aws:ssm/{token}"], inputs, "us-east-1") == faults


def test_runbooks_are_refused_as_tasks() -> None:
    """By the type and by the block."""
    inputs = {
        "windowId": WINDOW,
        "taskType": "AUTOMATION",
        "taskArn": "AWS-RestartEC2Instance",
        "taskInvocationParameters": {"automationParameters": {"documentVersion": "1"}},
    }
    kind = TYPES["aws:ssm/maintenanceWindowTask:MaintenanceWindowTask"]
    faults = schema.check(
        kind, {k: v for k, v in inputs.items() if k != "taskType"} | {"taskType": "LAMBDA"}, "us-east-1"
    )
    assert faults[0] == (
        "property taskInvocationParameters.automationParameters is not supported: runbooks are not run here"
    )
    assert "'AUTOMATION'; it can be 'RUN_COMMAND'" in schema.check(kind, inputs, "us-east-1")[0]


def test_a_window_whose_create_was_not_answered_is_found_by_all_that_it_sets(
    cloud: Cloud, script: Any
) -> None:
    """Names are not unique: one that differs in anything is somebody else's."""
    kind = TYPES["aws:ssm/maintenanceWindow:MaintenanceWindow"]
    assert kind.find is not None
    inputs = schema.with_defaults(
        kind, {"name": "win", "schedule": "rate(1 day)", "duration": 3, "cutoff": 1, "enabled": False}
    )
    listed = [{"WindowId": f"mw-{digit * 17}", "Name": "win"} for digit in "12"]
    script.answers = {
        "DescribeMaintenanceWindows": {"WindowIdentities": listed},
        "GetMaintenanceWindow": [
            {**CREATED, "Schedule": "rate(2 days)", "Enabled": True},
            {**CREATED, "Enabled": True},
        ],
    }
    assert kind.find(cloud, inputs) == f"mw-{'2' * 17}"
    script.answers = {"DescribeMaintenanceWindows": {"WindowIdentities": []}}
    assert kind.find(cloud, inputs) is None


@pytest.mark.parametrize(
    ("token", "inputs", "answers"),
    [
        (
            "maintenanceWindowTarget:MaintenanceWindowTarget",
            {"windowId": WINDOW, "resourceType": "INSTANCE", "targets": TARGETS, "name": "name"},
            {
                "DescribeMaintenanceWindowTargets": {
                    "Targets": [
                        {
                            "WindowTargetId": OWN,
                            "ResourceType": "INSTANCE",
                            "Targets": API_TARGETS,
                            "Name": "name",
                        }
                    ]
                }
            },
        ),
        (
            "maintenanceWindowTask:MaintenanceWindowTask",
            {"windowId": WINDOW, "taskType": "LAMBDA", "taskArn": "arn:x", "name": "task"},
            {
                "DescribeMaintenanceWindowTasks": {"Tasks": [{"WindowTaskId": OWN, "Name": "task"}]},
                "GetMaintenanceWindowTask": {"TaskType": "LAMBDA", "TaskArn": "arn:x", "Name": "task"},
            },
        ),
    ],
)
def test_what_was_made_without_an_answer_is_found_again(
    token: str, inputs: dict[str, Any], answers: dict[str, Any], cloud: Cloud, script: Any
) -> None:
    """So that a killed run leaves nothing twice; what differs is not taken."""
    kind = TYPES[f"aws:ssm/{token}"]
    assert kind.find is not None
    script.answers = answers
    assert kind.find(cloud, inputs) == OWN
    assert kind.find(cloud, {**inputs, "name": "other", "targets": [], "taskArn": "arn:y"}) is None
