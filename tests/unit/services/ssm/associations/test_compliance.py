"""Compliance: by executions, by what is told, and its summaries."""

from __future__ import annotations

from typing import Any

from services.ssm.associations.world import World
from services.ssm.machine import ALIASES

RESOURCE = {"ResourceType": "ManagedInstance"}


def items(world: World, **params: Any) -> dict[str, str]:
    """Statuses by Id."""
    found = world.call("ListComplianceItems", **params)["ComplianceItems"]
    return {each["Id"]: each["Status"] for each in found}


def told(world: World, type: str, *entries: dict[str, Any], **params: Any) -> None:
    world.do(
        "PutComplianceItems",
        ResourceId=world.id,
        ComplianceType=type,
        ExecutionSummary={"ExecutionTime": world.now()},
        Items=list(entries),
        **{**RESOURCE, **params},
    )


def test_executions_judge_an_association(world: World) -> None:
    good = world.associate(AssociationName="good", ComplianceSeverity="HIGH")
    assert items(world) == {}
    world.finish(good)
    bad = world.associate()
    world.finish(bad, ("Failed", 1))
    assert items(world) == {good: "COMPLIANT", bad: "NON_COMPLIANT"}
    [item] = world.call(
        "ListComplianceItems", Filters=[{"Key": "Status", "Values": ["COMPLIANT"], "Type": "EQUAL"}]
    )["ComplianceItems"]
    assert (item["Title"], item["Severity"], item["ResourceId"]) == ("good", "HIGH", world.id)
    assert item["ExecutionSummary"]["ExecutionId"] == world.executions(good)[0]["ExecutionId"]
    assert item["Details"]["DocumentName"] == "AWS-RunShellScript"


def test_a_run_under_way_leaves_the_last_judgement(world: World) -> None:
    id = world.associate()
    world.finish(id)
    world.do("StartAssociationsOnce", AssociationIds=[id])
    assert items(world) == {id: "COMPLIANT"}


def test_a_manual_association_is_judged_by_what_is_told(world: World) -> None:
    id = world.associate(SyncCompliance="MANUAL")
    world.finish(id)
    assert items(world) == {}
    entry = {"Id": id, "Severity": "LOW", "Status": "NON_COMPLIANT"}
    told(world, "Association", entry, UploadType="PARTIAL")
    assert items(world) == {id: "NON_COMPLIANT"}
    told(world, "Association", {**entry, "Status": "COMPLIANT"}, UploadType="PARTIAL")
    assert items(world) == {id: "COMPLIANT"}


def test_an_association_that_judges_itself_is_not_told(world: World) -> None:
    id = world.associate()
    refused = world.refusal(
        "PutComplianceItems",
        ResourceId=world.id,
        ComplianceType="Association",
        ExecutionSummary={"ExecutionTime": 1.0},
        Items=[{"Id": id, "Severity": "LOW", "Status": "COMPLIANT"}],
        **RESOURCE,
    )
    assert refused.error_code == "InvalidItemContentException"


def test_custom_items_are_replaced_whole_unless_their_hash_is_the_same(world: World) -> None:
    first = {"Id": "a", "Title": "A", "Severity": "CRITICAL", "Status": "COMPLIANT"}
    told(world, "Custom:Licence", first, ItemContentHash="1")
    told(world, "Custom:Licence", {**first, "Id": "b"}, ItemContentHash="1")
    assert items(world) == {"a": "COMPLIANT"}
    told(world, "Custom:Licence", {**first, "Id": "b"}, ItemContentHash="2")
    assert items(world) == {"b": "COMPLIANT"}


def test_summaries_count_resources_and_items(world: World) -> None:
    id = world.associate(*ALIASES[:2], ComplianceSeverity="CRITICAL")
    first, second = world.targets(id)
    world.end(first["OutputSource"]["OutputSourceId"], first["ResourceId"])
    world.end(second["OutputSource"]["OutputSourceId"], second["ResourceId"], ("Failed", 1))
    [summary] = world.call("ListComplianceSummaries")["ComplianceSummaryItems"]
    assert summary["ComplianceType"] == "Association"
    assert summary["CompliantSummary"]["CompliantCount"] == 1
    assert summary["NonCompliantSummary"]["SeveritySummary"]["CriticalCount"] == 1
    rows = world.call("ListResourceComplianceSummaries")["ResourceComplianceSummaryItems"]
    assert {row["ResourceId"]: (row["Status"], row["OverallSeverity"]) for row in rows} == {
        ALIASES[0]: ("COMPLIANT", "UNSPECIFIED"),
        ALIASES[1]: ("NON_COMPLIANT", "CRITICAL"),
    }


def test_what_compliance_cannot_be_asked_is_refused(world: World) -> None:
    wrong = world.refusal("ListComplianceItems", Filters=[{"Key": "Colour", "Values": ["red"]}])
    assert wrong.error_code == "InvalidFilter"
    whole = {"ComplianceType": "Custom:Licence", "ExecutionSummary": {"ExecutionTime": 1.0}, "Items": []}
    gone = world.refusal("PutComplianceItems", ResourceId="i-00000bad", **whole, **RESOURCE)
    assert gone.error_code == "InvalidResourceId"
    kind = world.refusal("PutComplianceItems", ResourceId=world.id, **whole, ResourceType="Bucket")
    assert kind.error_code == "InvalidResourceType"
