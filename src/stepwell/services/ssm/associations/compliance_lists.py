"""ListComplianceItems and the two summaries: compliance by item, by resource, by type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.services.ssm.associations import rights
from stepwell.services.ssm.associations.compliance import FAILED, PASSED, RESOURCE, items
from stepwell.services.ssm.errors import InvalidFilter, InvalidResourceType
from stepwell.services.ssm.paging import listed

Item = Mapping[str, Any]

#: severities, the gravest first → the member of a SeveritySummary that counts it
SEVERITIES = {
    "CRITICAL": "CriticalCount",
    "HIGH": "HighCount",
    "MEDIUM": "MediumCount",
    "LOW": "LowCount",
    "INFORMATIONAL": "InformationalCount",
    "UNSPECIFIED": "UnspecifiedCount",
}
#: how a filter compares what an item has with one of its values
COMPARISONS: dict[str, Callable[[str, str], bool]] = {
    "EQUAL": lambda found, wanted: found == wanted,
    "NOT_EQUAL": lambda found, wanted: found != wanted,
    "BEGIN_WITH": lambda found, wanted: found.startswith(wanted),
    "LESS_THAN": lambda found, wanted: found < wanted,
    "GREATER_THAN": lambda found, wanted: found > wanted,
}
FILTERS = frozenset(words("ComplianceType ResourceId ResourceType Id Title Status Severity"))


def _fitting(params: Mapping[str, Any], view: View) -> list[Item]:
    """The items that fit all `Filters`, each by one of its values. Raises InvalidFilter."""
    found: list[Item] = list(items(view))
    for each in params.get("Filters", ()):
        key, compare = each.get("Key", ""), COMPARISONS[each.get("Type", "EQUAL")]
        if key not in FILTERS:
            raise InvalidFilter(
                f"The filter key {key} isn't valid. Valid keys: {', '.join(sorted(FILTERS))}."
            )
        combine = all if each.get("Type") == "NOT_EQUAL" else any
        values = each.get("Values", [])
        found = [
            item for item in found if combine(compare(str(item.get(key, "")), value) for value in values)
        ]
    return sorted(found, key=_key)


def _key(item: Item) -> str:
    return f"{item['ComplianceType']}/{item['ResourceId']}/{item.get('Id', '')}/{item.get('Title', '')}"


def _grouped(found: Iterable[Item], *members: str) -> dict[tuple[str, ...], list[Item]]:
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in found:
        groups.setdefault(tuple(item[name] for name in members), []).append(item)
    return groups


def list_items(call: Call, view: View) -> dict[str, Any]:
    """ListComplianceItems."""
    types = call.params.get("ResourceTypes") or [RESOURCE]
    for type in types:
        if type != RESOURCE:
            raise InvalidResourceType(f"The resource type {type} isn't valid. Use {RESOURCE}.")
    ids = call.params.get("ResourceIds")
    found = [item for item in _fitting(call.params, view) if not ids or item["ResourceId"] in ids]
    page, token = listed(call.params, found, _key)
    return {"ComplianceItems": page, **token}


def _counted(name: str, severities: Iterable[str]) -> dict[str, Any]:
    counts = Counter(severities)
    every = {member: counts[severity] for severity, member in SEVERITIES.items()}
    return {f"{name}Count": sum(counts.values()), "SeveritySummary": every}


def _gravest(found: Iterable[Item]) -> str:
    return min((str(item["Severity"]) for item in found), key=list(SEVERITIES).index)


def list_resources(call: Call, view: View) -> dict[str, Any]:
    """ListResourceComplianceSummaries: for each resource, its items of one type."""
    rows = [
        _resource(type, resource, group)
        for (type, resource), group in _grouped(
            _fitting(call.params, view), "ComplianceType", "ResourceId"
        ).items()
    ]
    page, token = listed(call.params, rows, lambda row: f"{row['ComplianceType']}/{row['ResourceId']}")
    return {"ResourceComplianceSummaryItems": page, **token}


def _resource(type: str, resource: str, group: list[Item]) -> dict[str, Any]:
    passed = [item for item in group if item["Status"] == PASSED]
    failed = [item for item in group if item["Status"] == FAILED]
    return {
        "ComplianceType": type,
        "ResourceType": RESOURCE,
        "ResourceId": resource,
        "Status": FAILED if failed else PASSED,
        "OverallSeverity": _gravest(failed) if failed else "UNSPECIFIED",
        "ExecutionSummary": max(
            (item["ExecutionSummary"] for item in group), key=lambda each: each["ExecutionTime"]
        ),
        "CompliantSummary": _counted("Compliant", (item["Severity"] for item in passed)),
        "NonCompliantSummary": _counted("NonCompliant", (item["Severity"] for item in failed)),
    }


def list_summaries(call: Call, view: View) -> dict[str, Any]:
    """ListComplianceSummaries: for each type, how many resources comply."""
    rows = []
    for (type,), group in _grouped(_fitting(call.params, view), "ComplianceType").items():
        passed: list[str] = []
        failed: list[str] = []
        for resource in _grouped(group, "ResourceId").values():
            wrong = [item for item in resource if item["Status"] == FAILED]
            (failed if wrong else passed).append(_gravest(wrong or resource))
        rows.append(
            {
                "ComplianceType": type,
                "CompliantSummary": _counted("Compliant", passed),
                "NonCompliantSummary": _counted("NonCompliant", failed),
            }
        )
    page, token = listed(call.params, rows, lambda row: str(row["ComplianceType"]))
    return {"ComplianceSummaryItems": page, **token}


OPERATIONS = (
    Operation(
        name="ListComplianceItems",
        rights=(rights.right("ListComplianceItems"),),
        honoured=words("Filters ResourceIds ResourceTypes MaxResults NextToken"),
        read=list_items,
    ),
    Operation(
        name="ListComplianceSummaries",
        rights=(rights.right("ListComplianceSummaries"),),
        honoured=words("Filters MaxResults NextToken"),
        read=list_summaries,
    ),
    Operation(
        name="ListResourceComplianceSummaries",
        rights=(rights.right("ListResourceComplianceSummaries"),),
        honoured=words("Filters MaxResults NextToken"),
        read=list_resources,
    ),
)
