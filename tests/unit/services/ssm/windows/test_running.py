"""What runs in an open window: priorities, rates, cutoffs, ends, and who is told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from services.ssm.windows.world import FUNCTION, IDS, MACHINE, World, refusal

OPEN = "2025-01-05T04:00:00Z"
CUTOFF = "2025-01-05T06:00:00Z"
END = "2025-01-05T07:00:00Z"
ALL = [{"Key": "InstanceIds", "Values": IDS}]


def executed(world: World) -> str:
    return f"{MACHINE.replace('stateMachine', 'execution')}:{len(world.calls):03d}"


def test_a_command_is_sent_once_for_all_instances_of_a_target_as_the_service_role(world: World) -> None:
    window = world.window()
    command = {"Comment": "retrain", "Parameters": {"commands": ["./train"]}, "TimeoutSeconds": 600}
    world.task(
        window,
        Targets=ALL,
        MaxConcurrency="50%",
        MaxErrors="1",
        TaskInvocationParameters={"RunCommand": command},
    )
    world.until(OPEN)
    operation, caller, params = world.calls[0]
    assert (operation, caller) == ("SendCommand", f"arn:aws:sts::000000000000:assumed-role/window/{window}")
    assert params == {
        "DocumentName": "AWS-RunShellScript",
        "InstanceIds": IDS,
        "MaxConcurrency": "50%",
        "MaxErrors": "1",
        **command,
    }
    shown = json.loads(world.invocations(window)[0]["Parameters"])
    assert (shown["documentName"], shown["instanceIds"]) == ("AWS-RunShellScript", IDS)
    assert shown["parameters"] == {"commands": ["./train"]}


def test_legacy_parameters_and_logging_become_the_commands(world: World) -> None:
    window = world.window()
    logging = {"S3BucketName": "logs", "S3KeyPrefix": "mw", "S3Region": "us-east-1"}
    world.task(window, TaskParameters={"commands": {"Values": ["./train"]}}, LoggingInfo=logging)
    world.until(OPEN)
    params = world.calls[0][2]
    assert params["Parameters"] == {"commands": ["./train"]}
    assert (params["OutputS3BucketName"], params["OutputS3KeyPrefix"]) == ("logs", "mw")


def test_lower_priorities_begin_when_higher_ones_are_over_and_equal_ones_together(world: World) -> None:
    window = world.window()
    world.task(window, Priority=0, Name="first")
    world.task(window, Priority=5, Name="second")
    world.machine_task(window, Priority=5, Name="third")
    world.until(OPEN)
    assert [call[0] for call in world.calls] == ["SendCommand"]
    assert [task["Status"] for task in world.tasks(window)] == ["IN_PROGRESS", "PENDING", "PENDING"]
    world.finish(world.running()[0], "Failed", "Failed", errors=1)
    assert sorted(call[0] for call in world.calls[1:]) == ["SendCommand", "StartExecution"]
    for id in world.running():
        world.finish(id, "SUCCEEDED" if id.startswith("arn:") else "Success", "Success")
    assert world.statuses(window)[:2] == ("FAILED", ["FAILED", "SUCCESS", "SUCCESS"])
    assert world.executions(window)[0]["StatusDetails"] == "One or more tasks in the orchestration failed."


@pytest.mark.parametrize(
    ("concurrency", "at_once"), [("1", 1), ("2", 2), ("10", 3), ("34%", 2), ("100%", 3), ("1%", 1)]
)
def test_no_more_targets_are_under_way_than_max_concurrency(
    world: World, concurrency: str, at_once: int
) -> None:
    window = world.window()
    world.machine_task(window, Targets=ALL, MaxConcurrency=concurrency)
    world.until(OPEN)
    assert len(world.running()) == at_once
    world.finish(world.running()[0], "SUCCEEDED")
    assert len(world.running()) == min(at_once, 2)
    while world.running():
        world.finish(world.running()[0], "SUCCEEDED")
    assert world.statuses(window) == ("SUCCESS", ["SUCCESS"], [["SUCCESS"] * 3])


@pytest.mark.parametrize(
    ("most", "begun"), [("0", 1), ("1", 2), ("2", 3), ("0%", 1), ("33%", 1), ("34%", 2), ("100%", 3)]
)
def test_nothing_begins_after_more_than_max_errors(world: World, most: str, begun: int) -> None:
    window = world.window()
    world.machine_task(window, Targets=ALL, MaxErrors=most)
    world.until(OPEN)
    while world.running():
        world.finish(world.running()[0], "FAILED", "NotConverged")
    rest = ["CANCELLED"] * (3 - begun)
    assert world.statuses(window) == ("FAILED", ["FAILED"], [["FAILED"] * begun + rest])
    assert world.invocations(window)[0]["StatusDetails"] == "NotConverged"


def test_targets_of_one_command_task_share_its_rates(world: World) -> None:
    window = world.window()
    targets = [
        world.call(
            "RegisterTargetWithMaintenanceWindow",
            WindowId=window,
            ResourceType="INSTANCE",
            Targets=[{"Key": "InstanceIds", "Values": [id]}],
            OwnerInformation=f"owner of {id}",
        )["WindowTargetId"]
        for id in IDS
    ]
    world.task(window, Targets=[{"Key": "WindowTargetIds", "Values": targets}], MaxErrors="0")
    world.until(OPEN)
    assert [call[2]["InstanceIds"] for call in world.calls] == [IDS[:1]]
    world.finish(world.running()[0], "Failed", "Failed", errors=1)
    runs = world.invocations(window)
    assert [run["Status"] for run in runs] == ["FAILED", "CANCELLED", "CANCELLED"]
    assert [run["WindowTargetId"] for run in runs] == targets
    assert runs[0]["OwnerInformation"] == f"owner of {IDS[0]}"
    assert world.tasks(window)[0]["StatusDetails"] == "Max errors exceeded."


def test_at_the_cutoff_nothing_new_begins_and_what_runs_goes_on(world: World) -> None:
    window = world.window()
    world.machine_task(window, Targets=ALL)
    world.task(window, Priority=1)
    world.until(CUTOFF)
    assert world.statuses(window) == (
        "IN_PROGRESS",
        ["IN_PROGRESS", "TIMED_OUT"],
        [["IN_PROGRESS", "TIMED_OUT", "TIMED_OUT"], []],
    )
    world.finish(world.running()[0], "SUCCEEDED")
    assert world.statuses(window)[:2] == ("TIMED_OUT", ["TIMED_OUT", "TIMED_OUT"])
    assert world.invocations(window)[0]["Status"] == "SUCCESS"
    assert world.tasks(window)[1]["StatusDetails"] == "The window's cutoff was reached."


def test_at_the_cutoff_commands_are_taken_back_where_the_task_says_so(world: World) -> None:
    window = world.window()
    world.task(window, CutoffBehavior="CANCEL_TASK")
    world.machine_task(window, CutoffBehavior="CANCEL_TASK")
    world.until("2025-01-05T05:59:59Z")
    assert {call[0] for call in world.calls} == {"SendCommand", "StartExecution"}
    world.until(CUTOFF)
    assert world.calls[-1][0] == "CancelCommand"
    assert world.calls[-1][1].endswith(f":assumed-role/window/{window}")
    statuses = {row["TaskType"]: row["Status"] for row in world.tasks(window)}
    assert statuses == {"RUN_COMMAND": "TIMED_OUT", "STEP_FUNCTIONS": "IN_PROGRESS"}
    world.finish(world.running()[0], "SUCCEEDED")
    assert world.executions(window)[0]["Status"] == "TIMED_OUT"


def test_what_is_unfinished_at_the_end_has_timed_out_and_its_later_end_changes_nothing(world: World) -> None:
    window = world.window()
    world.task(window)
    world.until("2025-01-05T06:59:59Z")
    assert world.statuses(window)[0] == "IN_PROGRESS"
    world.until(END)
    assert world.statuses(window) == ("TIMED_OUT", ["TIMED_OUT"], [["TIMED_OUT"]])
    world.finish(world.running()[0], "Success", "Success")
    assert world.statuses(window) == ("TIMED_OUT", ["TIMED_OUT"], [["TIMED_OUT"]])


def test_a_cancelled_execution_lets_what_runs_end_and_begins_nothing_else(world: World) -> None:
    window = world.window()
    world.machine_task(window, Targets=ALL)
    world.task(window, Priority=1)
    world.until(OPEN)
    id = world.executions(window)[0]["WindowExecutionId"]
    assert world.call("CancelMaintenanceWindowExecution", WindowExecutionId=id) == {"WindowExecutionId": id}
    assert world.statuses(window) == (
        "CANCELLING",
        ["IN_PROGRESS", "CANCELLED"],
        [["IN_PROGRESS", "CANCELLED", "CANCELLED"], []],
    )
    world.finish(world.running()[0], "SUCCEEDED")
    assert world.statuses(window)[:2] == ("CANCELLED", ["CANCELLED", "CANCELLED"])
    error = refusal(world, "CancelMaintenanceWindowExecution", WindowExecutionId=id)
    assert "is CANCELLED: it cannot be cancelled" in error.message


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [(None, "SUCCESS", None), ('{"errorMessage": "no rows"}', "FAILED", "no rows"), ("7", "FAILED", "7")],
)
def test_a_function_ends_as_it_answers(
    world: World, error: str | None, status: str, says: str | None
) -> None:
    world.function_error = error
    window = world.window()
    payload = {"Payload": b'{"window": "{{WINDOW_ID}}", "on": "{{ TARGET_ID }}"}', "Qualifier": "live"}
    world.task(window, TaskType="LAMBDA", TaskArn=FUNCTION, TaskInvocationParameters={"Lambda": payload})
    world.until(OPEN)
    run = world.invocations(window)[0]
    assert (run["Status"], run.get("StatusDetails")) == (status, says)
    params = world.calls[0][2]
    assert (params["FunctionName"], params["Qualifier"]) == (FUNCTION, "live")
    assert json.loads(params["Payload"]) == {"window": window, "on": IDS[0]}


def test_a_task_without_targets_is_invoked_once(world: World) -> None:
    window = world.window()
    given = {"StepFunctions": {"Input": '{"id": "{{INVOCATION_ID}}", "on": "{{TARGET_ID}}"}'}}
    world.machine_task(
        window, Targets=None, MaxConcurrency=None, MaxErrors=None, TaskInvocationParameters=given
    )
    world.until(OPEN)
    run = world.invocations(window)[0]
    params = world.calls[0][2]
    assert params["name"] == run["InvocationId"]
    assert json.loads(params["input"]) == {"id": run["InvocationId"], "on": "{{TARGET_ID}}"}


def test_pseudo_parameters_of_a_command_name_everything_but_the_instance(world: World) -> None:
    window = world.window()
    names = "WINDOW_ID WINDOW_TASK_ID WINDOW_EXECUTION_ID TASK_EXECUTION_ID INVOCATION_ID TARGET_TYPE"
    texts = [f"{{{{{name}}}}}" for name in f"{names} TARGET_ID RESOURCE_ID OTHER".split()]
    given = {"RunCommand": {"Parameters": {"commands": texts}}}
    task = world.task(window, TaskInvocationParameters=given)
    world.until(OPEN)
    run = world.invocations(window)[0]
    assert world.calls[0][2]["Parameters"]["commands"] == [
        window,
        task,
        run["WindowExecutionId"],
        run["TaskExecutionId"],
        run["InvocationId"],
        "INSTANCE",
        "{{TARGET_ID}}",
        "{{RESOURCE_ID}}",
        "{{OTHER}}",
    ]


def test_a_denied_right_fails_the_invocation_with_awss_message(world: World) -> None:
    world.denied = True
    window = world.window()
    world.task(window)
    world.task(window, TaskType="LAMBDA", TaskArn=FUNCTION)
    world.until(OPEN)
    assert world.statuses(window) == ("FAILED", ["FAILED"] * 2, [["FAILED"], ["FAILED"]])
    told = {
        run["TaskType"]: run["StatusDetails"] for each in (0, 1) for run in world.invocations(window, each)
    }
    assert told["RUN_COMMAND"].startswith("The provided role does not contain the correct SSM permissions.")
    assert "is not authorized to perform: SendCommand" in told["RUN_COMMAND"]
    assert told["LAMBDA"].endswith("is not authorized to perform: Invoke")


def test_a_role_that_is_gone_fails_its_task(world: World) -> None:
    window = world.window()
    world.task(window)
    world.server.call("iam", "DeleteRole", RoleName="window")
    world.until(OPEN)
    assert world.statuses(window) == ("FAILED", ["FAILED"], [[]])
    assert "cannot be assumed by Systems Manager" in world.tasks(window)[0]["StatusDetails"]


def test_an_unknown_instance_fails_its_invocation_and_no_other(world: World) -> None:
    window = world.window()
    world.task(window, Targets=[{"Key": "InstanceIds", "Values": ["i-00000000000000bad"]}])
    world.task(window, Priority=1)
    world.until(OPEN)
    world.finish(world.running()[0], "Success", "Success")
    statuses = world.statuses(window)
    assert statuses == ("FAILED", ["FAILED", "SUCCESS"], [["FAILED"], ["SUCCESS"]])
    said = world.invocations(window)[0]["StatusDetails"]
    assert said == "Instances [[i-00000000000000bad]] not in a valid state for account 000000000000"


def test_all_instances_and_those_with_a_tag_are_found_when_the_window_opens(world: World) -> None:
    window = world.window()
    own = world.machine_id()
    world.task(window, Targets=[{"Key": "InstanceIds", "Values": ["*"]}])
    targets = [{"Key": "tag:Role", "Values": ["trainer"]}, {"Key": "tag-key", "Values": ["Team"]}]
    registered = world.call(
        "RegisterTargetWithMaintenanceWindow", WindowId=window, ResourceType="INSTANCE", Targets=targets
    )["WindowTargetId"]
    world.task(window, Priority=1, Targets=[{"Key": "WindowTargetIds", "Values": [registered]}])
    tags = [{"Key": "Role", "Value": "trainer"}, {"Key": "Team", "Value": "ml"}]
    world.call("AddTagsToResource", ResourceType="ManagedInstance", ResourceId=own, Tags=tags)
    world.until(OPEN)
    world.finish(world.running()[0], "Success", "Success")
    assert [call[2]["InstanceIds"] for call in world.calls] == [[own], [own]]


def test_a_target_that_fits_nothing_is_no_failure(world: World) -> None:
    window = world.window()
    target = world.call(
        "RegisterTargetWithMaintenanceWindow",
        WindowId=window,
        ResourceType="INSTANCE",
        Targets=[{"Key": "tag:Role", "Values": ["trainer"]}],
    )["WindowTargetId"]
    world.task(window, Targets=[{"Key": "WindowTargetIds", "Values": [target]}])
    world.until(OPEN)
    assert world.statuses(window) == ("SUCCESS", ["SUCCESS"], [[]])
    assert world.tasks(window)[0]["StatusDetails"] == "No invocations to execute."


@pytest.mark.parametrize(
    ("status", "becomes"),
    [("SUCCEEDED", "SUCCESS"), ("FAILED", "FAILED"), ("TIMED_OUT", "TIMED_OUT"), ("ABORTED", "CANCELLED")],
)
def test_an_execution_ends_its_invocation(world: World, status: str, becomes: str) -> None:
    window = world.window()
    world.machine_task(window)
    world.until(OPEN)
    world.finish(executed(world), status)
    assert world.statuses(window) == (becomes, [becomes], [[becomes]])


def test_a_task_keeps_the_settings_that_it_had_when_the_window_opened(world: World) -> None:
    window = world.window()
    task = world.task(window, Targets=ALL, Priority=7)
    world.until(OPEN)
    world.call("UpdateMaintenanceWindowTask", WindowId=window, WindowTaskId=task, Priority=9)
    world.call("DeregisterTaskFromMaintenanceWindow", WindowId=window, WindowTaskId=task)
    row = world.tasks(window)[0]
    found: dict[str, Any] = world.call(
        "GetMaintenanceWindowExecutionTask",
        WindowExecutionId=row["WindowExecutionId"],
        TaskId=row["TaskExecutionId"],
    )
    assert (found["Priority"], found["MaxErrors"], found["Type"]) == (7, "0", "RUN_COMMAND")
    run = world.invocations(window)[0]
    shown = world.call(
        "GetMaintenanceWindowExecutionTaskInvocation",
        WindowExecutionId=run["WindowExecutionId"],
        TaskId=run["TaskExecutionId"],
        InvocationId=run["InvocationId"],
    )
    assert shown == run


def test_of_an_execution_no_more_is_told_than_that_it_is_complete(world: World) -> None:
    window = world.window()
    world.machine_task(window)
    world.until(OPEN)
    world.finish(executed(world), "FAILED")
    told = [status for name, status in world.told if "Target Invocation" in name]
    assert told == ["IN_PROGRESS", "COMPLETE"]


def test_every_change_of_status_is_told(world: World) -> None:
    window = world.window()
    world.task(window)
    world.until(OPEN)
    world.finish(world.running()[0], "Success", "Success")
    short = [
        (name.removeprefix("Maintenance Window ").removesuffix(" State-change Notification"), status)
        for name, status in world.told
    ]
    assert sorted(short) == [
        ("Execution", "IN_PROGRESS"),
        ("Execution", "SUCCESS"),
        ("Task Execution", "IN_PROGRESS"),
        ("Task Execution", "SUCCESS"),
        ("Task Registration Notification", "REGISTERED"),
        ("Task Target Invocation", "IN_PROGRESS"),
        ("Task Target Invocation", "SUCCESS"),
    ]
