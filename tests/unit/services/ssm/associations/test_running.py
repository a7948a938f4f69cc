"""When associations run, on which instances, and what is known then."""

from __future__ import annotations

from typing import Any

import pytest
from services.ssm.associations.world import DOCUMENT, NAMED, World
from services.ssm.machine import ALIASES

from stepwell.services import ssm


def test_a_new_association_runs_at_once_and_shows_its_success(world: World) -> None:
    id = world.associate(AssociationName="keep")
    shown = world.described(id)
    assert shown["Overview"] == {
        "Status": "Pending",
        "DetailedStatus": "InProgress",
        "AssociationStatusAggregatedCount": {"InProgress": 1},
    }
    world.later(5)
    world.finish(id)
    shown = world.described(id)
    assert shown["Overview"] == {
        "Status": "Success",
        "DetailedStatus": "Success",
        "AssociationStatusAggregatedCount": {"Success": 1},
    }
    assert shown["LastExecutionDate"] == shown["LastSuccessfulExecutionDate"] == world.now() - 5
    [execution] = world.executions(id)
    assert (execution["Status"], execution["AssociationVersion"]) == ("Success", "1")
    assert execution["ResourceCountByStatus"] == "{Success=1}"
    [target] = world.targets(id)
    assert (target["ResourceId"], target["Status"], target["ResourceType"]) == (
        world.id,
        "Success",
        "ManagedInstance",
    )


def test_it_acts_as_systems_managers_own_role(world: World) -> None:
    id = world.associate()
    command = world.targets(id)[0]["OutputSource"]["OutputSourceId"]
    found = world.server.read(lambda view: view.get(ssm.Command, command))
    assert found is not None
    assert found.caller.role == (
        "arn:aws:iam::000000000000:role/aws-service-role/ssm.amazonaws.com/AWSServiceRoleForAmazonSSM"
    )


def test_a_role_that_is_gone_fails_the_execution(world: World) -> None:
    id = world.associate(ScheduleExpression="rate(1 hour)")
    world.finish(id)
    world.server.call("iam", "DeleteServiceLinkedRole", RoleName="AWSServiceRoleForAmazonSSM")
    world.until("2025-01-01T13:00:00+00:00")
    assert world.statuses(id) == ["Failed", "Success"]
    [status] = world.call("DescribeInstanceAssociationsStatus", InstanceId=world.id)[
        "InstanceAssociationStatusInfos"
    ]
    assert (status["Status"], status["ErrorCode"]) == ("Failed", "InvalidRole")


def test_a_failure_shows_and_keeps_the_last_success(world: World) -> None:
    id = world.associate(ScheduleExpression="rate(30 minutes)")
    world.finish(id)
    before = world.described(id)["LastSuccessfulExecutionDate"]
    world.until("2025-01-01T12:30:00+00:00")
    world.finish(id, ("Failed", 3))
    shown = world.described(id)
    assert shown["Overview"]["Status"] == "Failed"
    assert shown["LastSuccessfulExecutionDate"] == before
    assert shown["LastExecutionDate"] == before + 1800


@pytest.mark.parametrize(
    ("expression", "starts"),
    [
        ("rate(6 hours)", ["2025-01-01T18:00", "2025-01-02T00:00", "2025-01-02T06:00"]),
        ("cron(0 0/12 * * ? *)", ["2025-01-02T00:00", "2025-01-02T12:00", "2025-01-03T00:00"]),
        ("cron(15 13 ? * MON *)", ["2025-01-06T13:15", "2025-01-13T13:15", "2025-01-20T13:15"]),
        ("cron(30 23 ? * TUE#3 *)", ["2025-01-21T23:30", "2025-02-18T23:30", "2025-03-18T23:30"]),
        ("cron(0 2 ? * 6L *)", ["2025-01-31T02:00", "2025-02-28T02:00", "2025-03-28T02:00"]),
        ("at(2025-01-05T10:00:00)", ["2025-01-05T10:00"]),
    ],
)
def test_it_runs_again_by_its_schedule(world: World, expression: str, starts: list[str]) -> None:
    id = world.associate(ScheduleExpression=expression)
    world.finish(id)
    for start in starts:
        world.until(f"{start}:00+00:00")
        world.finish(id)
        assert world.described(id)["LastExecutionDate"] == world.now()


def test_only_its_cron_runs_an_association_that_says_so(world: World) -> None:
    id = world.associate(ScheduleExpression="cron(0 14 * * ? *)", ApplyOnlyAtCronInterval=True)
    assert world.executions(id) == []
    assert world.described(id)["Overview"]["Status"] == "Pending"
    world.until("2025-01-01T14:00:00+00:00")
    assert world.statuses(id) == ["Pending"]


def test_days_after_a_match_are_counted(world: World) -> None:
    id = world.associate(
        ScheduleExpression="cron(0 0 ? * THU#2 *)", ScheduleOffset=3, ApplyOnlyAtCronInterval=True
    )
    world.until("2025-01-11T23:59:00+00:00")
    assert world.executions(id) == []
    world.until("2025-01-12T00:00:00+00:00")
    assert world.statuses(id) == ["Pending"]


def test_starts_that_the_server_slept_through_are_made_up_for_once(world: World) -> None:
    id = world.associate(ScheduleExpression="rate(1 hour)")
    world.finish(id)
    world.absent("2025-01-01T18:20:00+00:00")
    assert world.statuses(id) == ["Pending", "Success"]
    world.finish(id)
    world.until("2025-01-01T19:00:00+00:00")
    assert world.statuses(id) == ["Pending", "Success", "Success"]


def test_a_clock_that_jumps_ahead_starts_one_run(world: World) -> None:
    id = world.associate(ScheduleExpression="cron(0/30 * * * ? *)")
    world.finish(id)
    world.later(86_400 + 600)
    world.finish(id)
    assert world.statuses(id) == ["Success", "Success"]
    world.until("2025-01-02T12:30:00+00:00")
    assert len(world.executions(id)) == 3


def test_of_instances_that_it_is_no_longer_for_an_association_says_nothing(world: World) -> None:
    id = world.associate(*ALIASES[:2])
    world.finish(id)
    only = [{**NAMED, "Values": ALIASES[1:2]}]
    wish = {"Parameters": {"commands": ["true"]}, "Targets": only}
    world.do("UpdateAssociation", AssociationId=id, **wish)
    world.finish(id)
    found = world.call("ListComplianceItems")["ComplianceItems"]
    assert [each["ResourceId"] for each in found] == ALIASES[1:2]
    left = world.call("DescribeInstanceAssociationsStatus", InstanceId=ALIASES[0])
    assert left["InstanceAssociationStatusInfos"] == []


def test_a_run_that_is_due_times_out_the_one_before_it(world: World) -> None:
    id = world.associate(ScheduleExpression="rate(30 minutes)")
    first = world.targets(id)[0]["OutputSource"]["OutputSourceId"]
    world.until("2025-01-01T12:30:00+00:00")
    assert world.statuses(id) == ["Pending", "TimedOut"]
    assert world.targets(id, 1)[0]["DetailedStatus"] == "TimedOut"
    assert world.command(first)["Status"] == "Cancelling"
    assert world.commands.stopped == [f"command-{first}-{world.id}"]
    world.end(first, world.id, reason="stopped")
    assert world.statuses(id) == ["Pending", "TimedOut"]
    world.finish(id)
    assert world.described(id)["Overview"]["Status"] == "Success"


def test_its_duration_cancels_it(world: World) -> None:
    id = world.associate(ScheduleExpression="cron(0 14 * * ? *)", ApplyOnlyAtCronInterval=True, Duration=2)
    world.until("2025-01-01T15:59:00+00:00")
    assert world.statuses(id) == ["Pending"]
    world.until("2025-01-01T16:00:00+00:00")
    assert world.statuses(id) == ["Cancelled"]
    assert world.described(id)["Overview"]["Status"] == "Failed"
    assert len(world.commands.stopped) == 1


def test_rates_limit_it(world: World) -> None:
    id = world.associate(*ALIASES, MaxConcurrency="1", MaxErrors="0")
    assert [each["Status"] for each in world.targets(id)] == ["InProgress", "Pending", "Pending", "Pending"]
    world.finish(id, ("Failed", 1))
    assert [(each["Status"], each["DetailedStatus"]) for each in world.targets(id)] == [
        ("Failed", "Failed"),
        *[("Cancelled", "Terminated")] * 3,
    ]
    assert world.described(id)["Overview"]["AssociationStatusAggregatedCount"] == {
        "Failed": 1,
        "Cancelled": 3,
    }


def test_without_rates_it_runs_everywhere_at_once_and_errors_stop_nothing(world: World) -> None:
    id = world.associate(*ALIASES)
    world.finish(id, ("Failed", 1))
    assert [each["Status"] for each in world.targets(id)] == ["Failed"] * 4


def test_an_instance_that_comes_to_be_a_target_is_run_on(world: World) -> None:
    tagged = world.associate(Targets=[{"Key": "tag:team", "Values": ["models"]}])
    scheduled = world.associate(
        Targets=[{"Key": "tag:team", "Values": ["models"]}],
        ScheduleExpression="cron(0 14 * * ? *)",
        ApplyOnlyAtCronInterval=True,
    )
    assert world.executions(tagged) == []
    assert world.described(tagged)["Overview"] == {"Status": "Pending", "DetailedStatus": "Creating"}
    tags = {"ResourceType": "ManagedInstance", "ResourceId": world.id}
    world.do("AddTagsToResource", **tags, Tags=[{"Key": "team", "Value": "models"}])
    assert world.statuses(tagged) == ["Pending"]
    assert world.executions(scheduled) == []
    world.finish(tagged)
    world.do("AddTagsToResource", **tags, Tags=[{"Key": "other", "Value": "x"}])
    assert world.statuses(tagged) == ["Success"]


def test_an_id_that_the_machine_gets_later_is_waited_for(world: World) -> None:
    id = world.associate("i-0000000000000000f")
    assert world.executions(id) == []
    world.server.decide(lambda draft: ssm.put_alias(draft, "i-0000000000000000f"))
    world.calm()
    assert [each["ResourceId"] for each in world.targets(id)] == ["i-0000000000000000f"]
    world.finish(id)
    world.later(1)
    for change in (ssm.delete_alias, ssm.put_alias):
        world.server.decide(lambda draft, change=change: change(draft, "i-0000000000000000f"))
    world.calm()
    assert world.statuses(id) == ["Pending", "Success"]


def test_a_change_of_the_document_runs_those_that_follow_it(world: World) -> None:
    world.document()
    ids = {
        version: world.associate(Name="Say", DocumentVersion=version)
        for version in ("$LATEST", "$DEFAULT", "1")
    }
    for id in ids.values():
        world.finish(id)
    world.do(
        "UpdateDocument",
        Name="Say",
        Content=DOCUMENT.replace("WORD", "say"),
        DocumentFormat="YAML",
        DocumentVersion="$LATEST",
    )
    assert {version: len(world.executions(id)) for version, id in ids.items()} == {
        "$LATEST": 2,
        "$DEFAULT": 1,
        "1": 1,
    }
    world.do("UpdateDocumentDefaultVersion", Name="Say", DocumentVersion="2")
    assert {version: len(world.executions(id)) for version, id in ids.items()} == {
        "$LATEST": 2,
        "$DEFAULT": 2,
        "1": 1,
    }
    script = list(world.commands.started.values())[-1].scripts[0]
    assert script.text.strip() == "say hello"


def test_it_is_started_by_hand(world: World) -> None:
    id = world.associate(ScheduleExpression="cron(0 14 * * ? *)", ApplyOnlyAtCronInterval=True)
    world.do("StartAssociationsOnce", AssociationIds=[id])
    assert world.statuses(id) == ["Pending"]
    world.finish(id)
    assert world.statuses(id) == ["Success"]


def test_executions_are_forgotten_after_thirty_days(world: World) -> None:
    id = world.associate()
    world.finish(id)
    world.until("2025-01-31T11:59:00+00:00")
    assert world.statuses(id) == ["Success"]
    world.until("2025-01-31T12:00:00+00:00")
    assert world.executions(id) == []
    assert world.described(id)["Overview"]["Status"] == "Success"


def test_executions_go_on_over_a_restart_of_the_server(world: World) -> None:
    id = world.associate()
    world.absent("2025-01-01T12:05:00+00:00")
    assert world.statuses(id) == ["Pending"]
    world.finish(id)
    assert world.statuses(id) == ["Success"]


def test_eventbridge_hears_of_the_association_and_of_each_instance(world: World) -> None:
    world.told.clear()
    id = world.associate(*ALIASES[:2])
    world.finish(id)

    def told(name: str) -> list[dict[str, Any]]:
        return [detail for kind, detail in world.told if kind == name]

    whole = told("EC2 State Manager Association State Change")
    assert (whole[0]["status"], whole[0]["association-id"]) == ("Pending", id)
    assert (whole[-1]["status"], whole[-1]["association-status-aggregated-count"]) == (
        "Success",
        '{"Success":2}',
    )
    each = told("EC2 State Manager Instance Association State Change")
    assert [row["status"] for row in each if row["instance-id"] == ALIASES[0]] == [
        "Pending",
        "InProgress",
        "Success",
    ]
    assert [row["compliance-status"] for row in told("Configuration Compliance State Change")] == [
        "compliant",
        "compliant",
    ]


def test_output_goes_to_the_bucket_that_it_names(world: World) -> None:
    world.server.call("s3", "CreateBucket", Bucket="outputs")
    place = {"OutputS3BucketName": "outputs", "OutputS3KeyPrefix": "kept"}
    id = world.associate(OutputLocation={"S3Location": place})
    target = world.targets(id)[0]
    world.end(target["OutputSource"]["OutputSourceId"], world.id, stdout0="hello\n")
    [stored] = world.server.call("s3", "ListObjectsV2", Bucket="outputs")["Contents"]
    assert stored["Key"].startswith("kept/")


def test_named_instances_are_those_that_all_targets_name(world: World) -> None:
    id = world.associate(
        Targets=[{**NAMED, "Values": [*ALIASES[:2], "i-00000000000000bad"]}, {**NAMED, "Values": ALIASES[1:]}]
    )
    assert [each["ResourceId"] for each in world.targets(id)] == [ALIASES[1]]
