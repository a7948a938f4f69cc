"""What associations are told: what is kept, what an update takes back, what is refused and how."""

from __future__ import annotations

from typing import Any

import pytest
from services.ssm.associations.world import DOCUMENT, NAMED, World
from services.ssm.machine import ALIASES

from stepwell.services import ssm

ONCE = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}}
NOBODY = "00000000-0000-4000-8000-000000000000"
DAILY = "cron(0 14 * * ? *)"


def test_an_association_shows_what_it_was_told(world: World) -> None:
    world.server.call("s3", "CreateBucket", Bucket="outputs")
    said = {
        **ONCE,
        "AssociationName": "keep.it-so",
        "DocumentVersion": "1",
        "Targets": [{**NAMED, "Values": ["*"]}],
        "ScheduleExpression": DAILY,
        "ScheduleOffset": 2,
        "ApplyOnlyAtCronInterval": True,
        "Duration": 3,
        "MaxErrors": "10%",
        "MaxConcurrency": "1",
        "ComplianceSeverity": "HIGH",
        "SyncCompliance": "MANUAL",
        "OutputLocation": {
            "S3Location": {
                "OutputS3Region": "us-east-1",
                "OutputS3BucketName": "outputs",
                "OutputS3KeyPrefix": "kept",
            }
        },
        "AlarmConfiguration": {"Alarms": [{"Name": "hot"}]},
    }
    shown = world.described(world.associate(**said))
    assert {name: shown[name] for name in said} == said
    assert (shown["AssociationVersion"], shown["Date"]) == ("1", world.now())


def test_an_update_is_a_version_that_takes_back_what_it_leaves_out_and_runs(world: World) -> None:
    id = world.associate(AssociationName="first", MaxErrors="3", ScheduleExpression="rate(1 hour)")
    world.finish(id)
    world.later(60)
    parameters = {"commands": ["false"]}
    world.do("UpdateAssociation", AssociationId=id, Parameters=parameters, ScheduleExpression="rate(2 hours)")
    shown = world.described(id)
    assert (shown["AssociationVersion"], shown["Parameters"]) == ("2", parameters)
    assert shown["Targets"] == [{**NAMED, "Values": [world.id]}]
    assert not {"AssociationName", "MaxErrors"} & set(shown)
    assert (shown["Date"], shown["LastUpdateAssociationDate"]) == (world.now() - 60, world.now())
    assert [each["AssociationVersion"] for each in world.executions(id)] == ["2", "1"]
    world.finish(id)
    world.until("2025-01-01T14:00:00+00:00")
    assert len(world.executions(id)) == 2
    world.until("2025-01-01T14:01:00+00:00")
    assert len(world.executions(id)) == 3

    first = world.described(id, AssociationVersion="1")
    assert (first["AssociationName"], first["AssociationVersion"]) == ("first", "1")
    versions = world.call("ListAssociationVersions", AssociationId=id)["AssociationVersions"]
    assert [(each["AssociationVersion"], each.get("AssociationName")) for each in versions] == [
        ("2", None),
        ("1", "first"),
    ]


def test_an_update_that_waits_for_its_cron_does_not_run(world: World) -> None:
    id = world.associate()
    world.finish(id)
    only = {"ScheduleExpression": DAILY, "ApplyOnlyAtCronInterval": True}
    world.do("UpdateAssociation", AssociationId=id, **ONCE, **only)
    assert world.statuses(id) == ["Success"]


def test_a_deleted_association_runs_no_more_and_is_forgotten(world: World) -> None:
    id = world.associate(ScheduleExpression="rate(1 hour)", Tags=[{"Key": "team", "Value": "a"}])
    command = world.targets(id)[0]["OutputSource"]["OutputSourceId"]
    world.do("DeleteAssociation", AssociationId=id)
    world.end(command, world.id)
    world.until("2025-01-01T13:30:00+00:00")
    assert world.refusal("DescribeAssociation", AssociationId=id).error_code == "AssociationDoesNotExist"
    assert len(world.call("ListCommands")["Commands"]) == 1
    assert world.call("ListComplianceItems")["ComplianceItems"] == []
    left = world.server.read(lambda view: list(view.scan(ssm.tags.Tags)))
    assert left == []


def test_an_association_can_have_tags(world: World) -> None:
    id = world.associate(Tags=[{"Key": "team", "Value": "a"}])
    named = {"ResourceType": "Association", "ResourceId": id}
    world.do("AddTagsToResource", **named, Tags=[{"Key": "b", "Value": "c"}])
    assert world.call("ListTagsForResource", **named)["TagList"] == [
        {"Key": "team", "Value": "a"},
        {"Key": "b", "Value": "c"},
    ]


def test_an_instance_named_by_itself_has_one_association_with_a_document(world: World) -> None:
    id = world.associate(InstanceId=ALIASES[0], **ONCE)
    pair = {"Name": "AWS-RunShellScript", "InstanceId": ALIASES[0]}
    shown = world.call("DescribeAssociation", **pair)["AssociationDescription"]
    assert (shown["AssociationId"], shown["InstanceId"]) == (id, ALIASES[0])
    assert shown["Status"]["Name"] == "Pending"
    again = world.refusal("CreateAssociation", InstanceId=ALIASES[0], **ONCE)
    assert again.error_code == "AssociationAlreadyExists"
    told = {"Date": 1.0, "Name": "Success", "Message": "done"}
    reported = world.do("UpdateAssociationStatus", **pair, AssociationStatus=told)
    assert reported["AssociationDescription"]["Status"] == told
    unchanged = world.refusal("UpdateAssociationStatus", **pair, AssociationStatus=told)
    assert unchanged.error_code == "StatusUnchanged"
    world.do("DeleteAssociation", **pair)
    assert world.call("ListAssociations")["Associations"] == []


def test_a_batch_makes_what_it_can(world: World) -> None:
    good = {**ONCE, "Targets": [{**NAMED, "Values": [world.id]}]}
    bad = {**good, "ScheduleExpression": "rate(5 minutes)"}
    answer = world.do("CreateAssociationBatch", Entries=[good, bad, {**good, "Name": "Nobodys"}])
    [made] = answer["Successful"]
    assert world.statuses(made["AssociationId"]) == ["Pending"]
    assert [each["Entry"]["Name"] for each in answer["Failed"]] == ["AWS-RunShellScript", "Nobodys"]
    assert "30 minutes" in answer["Failed"][0]["Message"]
    assert {each["Fault"] for each in answer["Failed"]} == {"Client"}


@pytest.mark.parametrize(
    ("said", "code", "text"),
    [
        ({"ScheduleExpression": "rate(29 minutes)"}, "InvalidSchedule", "30 minutes or more"),
        ({"ScheduleExpression": "rate(31 days)"}, "InvalidSchedule", "less than 31 days"),
        ({"ScheduleExpression": "cron(0 4 ? 6 SUN *)"}, "InvalidSchedule", "write * for the month"),
        ({"ScheduleExpression": "cron(30 0 4 ? * SUN *)"}, "InvalidSchedule", "leave the seconds out"),
        ({"ScheduleExpression": "cron(0/20 * * * ? *)"}, "InvalidSchedule", "did you mean 0/30?"),
        ({"ScheduleExpression": "cron(0,45 * * * ? *)"}, "InvalidSchedule", "less than 30 minutes apart"),
        ({"ScheduleExpression": "cron(0 4 * * * *)"}, "InvalidSchedule", "?"),
        ({"ScheduleExpression": "daily"}, "InvalidSchedule", "daily"),
        (
            {"ScheduleExpression": "rate(1 hour)", "ApplyOnlyAtCronInterval": True},
            "InvalidSchedule",
            "not with rates",
        ),
        (
            {"ScheduleExpression": DAILY, "ScheduleOffset": 2},
            "InvalidSchedule",
            "ScheduleOffset needs ApplyOnlyAtCronInterval",
        ),
        ({"ScheduleExpression": DAILY, "Duration": 2}, "InvalidSchedule", "Duration needs"),
        ({"Name": "Nobodys"}, "InvalidDocument", "Nobodys does not exist"),
        ({"DocumentVersion": "7"}, "InvalidDocumentVersion", "7"),
        ({"Parameters": {}}, "InvalidParameters", "commands is required"),
        ({"Parameters": {"commands": ["x"], "else": ["y"]}}, "InvalidParameters", "no parameter else"),
        ({"Targets": []}, "InvalidTarget", "Targets are needed"),
        ({"Targets": [{"Key": "colour", "Values": ["red"]}]}, "InvalidTarget", "colour"),
        ({"Targets": [{"Key": "InstanceIds", "Values": []}]}, "InvalidTarget", "no values"),
        (
            {"Targets": [{"Key": "resource-groups:Name", "Values": ["g"]}]},
            "ValidationException",
            "resource-groups",
        ),
        (
            {"OutputLocation": {"S3Location": {"OutputS3BucketName": "nowhere"}}},
            "InvalidOutputLocation",
            "nowhere",
        ),
        (
            {"AssociationDispatchAssumeRole": "arn:aws:iam::000000000000:role/ghost"},
            "ValidationException",
            "ghost",
        ),
        ({"InstanceId": ALIASES[0]}, "ValidationException", "does not go with Targets"),
        ({"InstanceId": "i-00000000000000bad", "Targets": None}, "InvalidInstanceId", "bad"),
        ({"CalendarNames": ["holidays"]}, "ValidationException", "CalendarNames"),
        ({"TargetMaps": [{"a": ["b"]}]}, "ValidationException", "TargetMaps"),
        ({"TargetLocations": [{"Regions": ["us-east-1"]}]}, "ValidationException", "TargetLocations"),
        ({"AutomationTargetParameterName": "x"}, "ValidationException", "AutomationTargetParameterName"),
    ],
)
def test_what_cannot_be_is_refused(world: World, said: dict[str, Any], code: str, text: str) -> None:
    whole = {**ONCE, "Targets": [{**NAMED, "Values": [world.id]}], **said}
    refused = world.refusal(
        "CreateAssociation", **{name: value for name, value in whole.items() if value is not None}
    )
    assert (refused.error_code, text in refused.message) == (code, True), refused.message
    assert world.call("ListAssociations")["Associations"] == []


def test_a_parameter_is_checked_by_its_document(world: World) -> None:
    world.document()
    refused = world.refusal(
        "CreateAssociation",
        Name="Say",
        Parameters={"word": ["; id"]},
        Targets=[{**NAMED, "Values": [world.id]}],
    )
    assert refused.error_code == "InvalidParameters"
    by_id = world.refusal("CreateAssociation", Name="Say", InstanceId=world.id)
    assert "schema version, 2.2" in by_id.message


@pytest.mark.parametrize(
    ("operation", "said", "code"),
    [
        ("UpdateAssociation", {"AssociationId": NOBODY}, "AssociationDoesNotExist"),
        ("DeleteAssociation", {"AssociationId": NOBODY}, "AssociationDoesNotExist"),
        ("DeleteAssociation", {"Name": "AWS-RunShellScript"}, "ValidationException"),
        ("StartAssociationsOnce", {"AssociationIds": [NOBODY]}, "AssociationDoesNotExist"),
        ("ListAssociationVersions", {"AssociationId": NOBODY}, "AssociationDoesNotExist"),
        ("DescribeAssociationExecutions", {"AssociationId": NOBODY}, "AssociationDoesNotExist"),
        (
            "ListAssociations",
            {"AssociationFilterList": [{"key": "ResourceGroupName", "value": "x"}]},
            "ValidationException",
        ),
        ("DescribeInstanceAssociationsStatus", {"InstanceId": "i-00000bad"}, "InvalidInstanceId"),
    ],
)
def test_what_is_not_there_is_not_found(
    world: World, operation: str, said: dict[str, Any], code: str
) -> None:
    assert world.refusal(operation, **said).error_code == code


def test_versions_and_executions_that_are_not_there_are_not_found(world: World) -> None:
    id = world.associate()
    assert world.refusal("DescribeAssociation", AssociationId=id, AssociationVersion="4").error_code == (
        "InvalidAssociationVersion"
    )
    old = world.refusal("UpdateAssociation", AssociationId=id, **ONCE, AssociationVersion="3")
    assert old.error_code == "InvalidUpdate"
    assert world.refusal(
        "DescribeAssociationExecutionTargets", AssociationId=id, ExecutionId=NOBODY
    ).error_code == ("AssociationExecutionDoesNotExist")


def test_an_associated_document_is_not_deleted(world: World) -> None:
    world.document()
    id = world.associate(Name="Say")
    assert world.refusal("DeleteDocument", Name="Say").error_code == "AssociatedInstances"
    world.do("DeleteAssociation", AssociationId=id)
    world.do("DeleteDocument", Name="Say")


@pytest.mark.parametrize(
    ("key", "value", "fits"),
    [
        ("Name", "AWS-RunShellScript", ["one", "two"]),
        ("Name", "Say", []),
        ("AssociationName", "two", ["two"]),
        ("InstanceId", ALIASES[0], ["two"]),
        ("AssociationStatusName", "Success", ["one"]),
        ("LastExecutedAfter", "2025-01-01T12:30:00Z", ["two"]),
        ("LastExecutedBefore", "2025-01-01T12:30:00Z", ["one"]),
    ],
)
def test_lists_are_filtered(world: World, key: str, value: str, fits: list[str]) -> None:
    world.finish(world.associate(AssociationName="one"))
    world.later(3600)
    world.associate(ALIASES[0], AssociationName="two")
    found = world.call("ListAssociations", AssociationFilterList=[{"key": key, "value": value}])
    assert sorted(each["AssociationName"] for each in found["Associations"]) == fits


def test_lists_come_in_pages(world: World) -> None:
    every = {world.associate() for _ in range(3)}
    first = world.call("ListAssociations", MaxResults=2)
    rest = world.call("ListAssociations", MaxResults=2, NextToken=first["NextToken"])
    assert {each["AssociationId"] for each in [*first["Associations"], *rest["Associations"]]} == every
    assert "NextToken" not in rest


@pytest.mark.parametrize(
    ("key", "kind", "value", "count"),
    [
        ("Status", "EQUAL", "Success", 2),
        ("Status", "EQUAL", "Pending", 1),
        ("CreatedTime", "GREATER_THAN", "2025-01-01T12:30:00Z", 2),
        ("CreatedTime", "LESS_THAN", "2025-01-01T12:30:00Z", 1),
        ("CreatedTime", "EQUAL", "2025-01-01T13:00:00Z", 1),
    ],
)
def test_executions_are_filtered(world: World, key: str, kind: str, value: str, count: int) -> None:
    id = world.associate(ScheduleExpression="rate(1 hour)")
    for hour in (13, 14):
        world.finish(id)
        world.until(f"2025-01-01T{hour}:00:00+00:00")
    assert len(world.executions(id, Filters=[{"Key": key, "Type": kind, "Value": value}])) == count


def test_an_instance_knows_its_associations(world: World) -> None:
    world.document()
    id = world.associate(Name="Say")
    [effective] = world.call("DescribeEffectiveInstanceAssociations", InstanceId=world.id)["Associations"]
    assert (effective["AssociationId"], effective["Content"]) == (id, DOCUMENT)
    assert world.call("DescribeEffectiveInstanceAssociations", InstanceId=ALIASES[0])["Associations"] == []


def test_an_instance_shows_how_its_associations_are(world: World) -> None:
    def shown() -> dict[str, Any]:
        filters = [{"Key": "InstanceIds", "Values": [world.id]}]
        found: dict[str, Any] = world.call("DescribeInstanceInformation", Filters=filters)[
            "InstanceInformationList"
        ][0]
        return found

    assert "AssociationStatus" not in shown()
    id = world.associate()
    assert shown()["AssociationStatus"] == "Pending"
    world.finish(id)
    assert shown()["LastSuccessfulAssociationExecutionDate"] == world.now()
    world.finish(world.associate(), ("Failed", 1))
    assert shown()["AssociationOverview"] == {
        "DetailedStatus": "Failed",
        "InstanceAssociationStatusAggregatedCount": {"Success": 1, "Failed": 1},
    }
    failed = [{"Key": "AssociationStatus", "Values": ["Failed"]}]
    rows = world.call("DescribeInstanceInformation", Filters=failed)["InstanceInformationList"]
    assert [row["InstanceId"] for row in rows] == [world.id]
