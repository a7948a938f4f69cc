"""The clock moves when it is told, and everything that is due happens at its own time, in order."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta

import pytest
from testing.machines import FUNCTION, TRAINING, machine, task, work

from stepwell.testing import Stepwell, StillRunning, TestingError, raises, returns


def schedule(stepwell: Stepwell, machine_arn: str, expression: str, name: str = "weekly") -> None:
    """A rule that starts a machine by a schedule."""
    events = stepwell.client("events")
    events.put_rule(Name=name, ScheduleExpression=expression)
    role = stepwell.role(f"{name}-events", "events.amazonaws.com")
    events.put_targets(Rule=name, Targets=[{"Id": "machine", "Arn": machine_arn, "RoleArn": role}])


def test_a_clock_begins_where_it_is_told() -> None:
    with Stepwell(start="2026-03-29T04:00+02:00") as stepwell:
        assert stepwell.now == datetime(2026, 3, 29, 2, tzinfo=UTC)


def test_an_hour_of_the_workflow_is_none_of_the_test() -> None:
    """A wait in real time would not end before the test is ended."""
    with Stepwell() as stepwell:
        arn = stepwell.machine("m", work(Retry=[{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 3600}]))
        stepwell.mock(arn, "Work", raises("Busy"), returns("done"))
        assert stepwell.start(arn).wait().output == "done"


def test_nothing_happens_while_the_clock_stands(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", machine(("Hold", {"Type": "Wait", "Seconds": 1, "End": True})))
    execution = stepwell.start(arn)
    time.sleep(1.1)
    stepwell.settle()
    assert (execution.status, stepwell.now) == ("RUNNING", execution.started)


def test_what_is_due_on_the_way_happens_at_its_own_time_in_order(stepwell: Stepwell) -> None:
    hold = {"Type": "Wait", "SecondsPath": "$.seconds", "End": True}
    arn = stepwell.machine("m", machine(("Hold", hold)))
    executions = [stepwell.start(arn, {"seconds": seconds}) for seconds in (300, 100, 200)]
    began = stepwell.now
    stepwell.advance("5 minutes")
    assert [execution.stopped for execution in executions] == [
        began + timedelta(seconds=seconds) for seconds in (300, 100, 200)
    ]
    assert stepwell.now == began + timedelta(minutes=5)


def test_the_clock_moves_to_a_moment_and_never_back(stepwell: Stepwell) -> None:
    stepwell.advance_to("2026-03-29T04:00", "Europe/Berlin")
    assert stepwell.now == datetime(2026, 3, 29, 2, tzinfo=UTC)
    stepwell.advance_to(stepwell.now)
    with pytest.raises(TestingError, match="it is 2026-03-29T02:00:00"):
        stepwell.advance_to("2026-03-29")
    with pytest.raises(TestingError, match="time only goes on"):
        stepwell.advance(-1)


def test_waiting_for_an_execution_moves_the_clock_no_further_than_its_end(stepwell: Stepwell) -> None:
    hold = {"Type": "Wait", "Seconds": 3600, "End": True}
    arn = stepwell.machine("m", machine(("Hold", hold)))
    schedule(stepwell, arn, "rate(1 day)")
    began = stepwell.now
    assert stepwell.start(arn).wait().status == "SUCCEEDED"
    assert stepwell.now == began + timedelta(hours=1)


def test_an_execution_that_waits_for_somebody_says_where_it_stands(stepwell: Stepwell) -> None:
    token = "arn:aws:states:::lambda:invoke.waitForTaskToken"
    arn = stepwell.machine("m", machine(("Approve", task(token, Parameters={}))))
    stepwell.mock(arn, "Approve", returns=1, after="40 days")
    execution = stepwell.start(arn, name="one")
    with pytest.raises(StillRunning, match="m/one is RUNNING in Approve: nothing ended it within 31 days"):
        execution.wait()
    assert execution.wait("10 days").output == 1


def test_a_year_of_sundays_takes_seconds(stepwell: Stepwell) -> None:
    states = (
        ("Train", task(TRAINING, Parameters={"TrainingJobName.$": "$.id"}, Next="Settle")),
        ("Settle", {"Type": "Wait", "Seconds": 600, "Next": "Deploy"}),
        ("Deploy", task(f"{FUNCTION}deploy", Retry=[{"ErrorEquals": ["States.ALL"]}])),
    )
    arn = stepwell.machine("retrain", machine(*states))
    schedule(stepwell, arn, "cron(0 4 ? * SUN *)")
    train = stepwell.mock(arn, "Train", returns={"TrainingJobStatus": "Completed"}, after="2 hours")
    stepwell.mock(arn, "Deploy", raises("Busy"), returns("deployed"))
    began = time.monotonic()
    stepwell.advance("364 days")
    took = time.monotonic() - began
    executions = stepwell.executions(arn)
    assert len(executions) == len(train.calls) == 52
    assert {execution.status for execution in executions} == {"SUCCEEDED"}
    first = datetime(2026, 1, 4, 4, tzinfo=UTC)
    assert [execution.started for execution in executions] == [
        first + timedelta(weeks=week) for week in range(52)
    ]
    assert {execution.stopped - execution.started for execution in executions} == {
        timedelta(hours=2, minutes=10, seconds=1)
    }
    assert took < 10


def test_boto3_goes_on_working_years_later(stepwell: Stepwell) -> None:
    stepwell.advance("2000 days")
    role = stepwell.role("worker", "states.amazonaws.com")
    sts = stepwell.client("sts")
    assert sts.get_caller_identity()["Account"] == "000000000000"
    assert role == stepwell.client("iam").get_role(RoleName="worker")["Role"]["Arn"]


def test_an_input_starts_a_rule_s_machine_without_the_clock_s_moving(stepwell: Stepwell) -> None:
    arn = stepwell.machine("m", work())
    stepwell.mock(arn, "Work", returns="judged")
    events, s3 = stepwell.client("events"), stepwell.client("s3")
    s3.create_bucket(Bucket="uploads")
    s3.put_bucket_notification_configuration(
        Bucket="uploads", NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    events.put_rule(Name="uploads", EventPattern=json.dumps({"source": ["aws.s3"]}))
    role = stepwell.role("uploads-events", "events.amazonaws.com")
    events.put_targets(Rule="uploads", Targets=[{"Id": "m", "Arn": arn, "RoleArn": role}])
    s3.put_object(Bucket="uploads", Key="batch.csv", Body=b"1,2")
    stepwell.settle()
    (execution,) = stepwell.executions(arn)
    assert execution.status == "SUCCEEDED"
    assert execution.input["detail"]["object"]["key"] == "batch.csv"


def test_a_window_opens_by_the_wall_clock_of_its_zone_across_the_clock_change() -> None:
    with Stepwell(start="2026-03-16") as stepwell:
        arn = stepwell.machine("m", work())
        stepwell.mock(arn, "Work", returns="trained", after="20 minutes")
        ssm = stepwell.client("ssm")
        window = ssm.create_maintenance_window(
            Name="sundays",
            Schedule="cron(0 4 ? * SUN *)",
            ScheduleTimezone="Europe/Berlin",
            Duration=3,
            Cutoff=1,
            AllowUnassociatedTargets=True,
        )["WindowId"]
        ssm.register_task_with_maintenance_window(
            WindowId=window,
            TaskType="STEP_FUNCTIONS",
            TaskArn=arn,
            ServiceRoleArn=stepwell.role("window", "ssm.amazonaws.com"),
            TaskInvocationParameters={"StepFunctions": {"Input": "{}"}},
        )
        stepwell.advance_to("2026-04-06", "Europe/Berlin")
        executions = stepwell.executions(arn)
        assert [f"{each.started:%m-%d %H:%M}" for each in executions] == [
            "03-22 03:00",
            "03-29 02:00",
            "04-05 02:00",
        ]
        runs = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
        assert {(run["Status"], run["EndTime"] - run["StartTime"]) for run in runs} == {
            ("SUCCESS", timedelta(minutes=20))
        }
