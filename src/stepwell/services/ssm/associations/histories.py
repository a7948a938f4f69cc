"""What associations did: their executions, the executions' targets, and what is so of an instance."""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.api.operations import Operation, Site, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.errors import ValidationException
from stepwell.services.ssm import documents, instances
from stepwell.services.ssm.associations import rights, times
from stepwell.services.ssm.associations.records import Association, association_of
from stepwell.services.ssm.associations.runs import (
    Applied,
    Condition,
    Execution,
    conditions_of,
    document_version,
    executions_of,
)
from stepwell.services.ssm.commands.progress import instance_arn
from stepwell.services.ssm.commands.records import OVER
from stepwell.services.ssm.errors import AssociationExecutionDoesNotExist
from stepwell.services.ssm.paging import listed

T = TypeVar("T")

#: ResourceType of every target
INSTANCE = "ManagedInstance"
COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "EQUAL": operator.eq,
    "LESS_THAN": operator.lt,
    "GREATER_THAN": operator.gt,
}
#: filter → what of an item it looks at
EXECUTION_FILTERS: dict[str, Callable[[Execution], Any]] = {
    "ExecutionId": lambda each: each.id,
    "Status": lambda each: each.status,
    "CreatedTime": lambda each: each.created,
}
TARGET_FILTERS: dict[str, Callable[[Applied], Any]] = {
    "Status": lambda each: each.status,
    "ResourceId": lambda each: each.instance,
    "ResourceType": lambda each: INSTANCE,
}


def _fitting(
    params: Mapping[str, Any], items: Iterable[T], filters: Mapping[str, Callable[[T], Any]]
) -> list[T]:
    """The items that fit all `Filters`. Raises ValidationException for what a key cannot have."""
    wanted = []
    for each in params.get("Filters", ()):
        key, kind = each["Key"], each.get("Type", "EQUAL")
        if key != "CreatedTime" and kind != "EQUAL":
            raise ValidationException(f"The filter {key} takes EQUAL, not {kind}.")
        value = times.moment_of(each["Value"]) if key == "CreatedTime" else each["Value"]
        wanted.append((filters[key], COMPARISONS[kind], value))
    return [item for item in items if all(compare(look(item), value) for look, compare, value in wanted)]


def list_executions(call: Call, view: View) -> dict[str, Any]:
    """DescribeAssociationExecutions, newest first."""
    association = association_of(view, call.params["AssociationId"])
    found = _fitting(call.params, executions_of(view, association.id), EXECUTION_FILTERS)
    page, token = listed(call.params, found, lambda each: each.key)
    return {"AssociationExecutions": [_execution_shown(association, each) for each in page], **token}


def _execution_shown(association: Association, execution: Execution) -> dict[str, Any]:
    counts = Counter(each.status for each in execution.targets)
    shown = {
        "AssociationId": association.id,
        "AssociationVersion": str(execution.version),
        "ExecutionId": execution.id,
        "Status": execution.status,
        "DetailedStatus": execution.details,
        "CreatedTime": execution.created,
        "LastExecutionDate": max(each.changed for each in execution.targets),
        "ResourceCountByStatus": f"{{{', '.join(f'{name}={count}' for name, count in counts.items())}}}",
    }
    if "AlarmConfiguration" in association.settings:
        shown["AlarmConfiguration"] = association.settings["AlarmConfiguration"]
    return shown


def list_targets(call: Call, view: View) -> dict[str, Any]:
    """DescribeAssociationExecutionTargets."""
    association = association_of(view, call.params["AssociationId"])
    wanted = call.params["ExecutionId"]
    execution = next((each for each in executions_of(view, association.id) if each.id == wanted), None)
    if execution is None:
        raise AssociationExecutionDoesNotExist(f"Association {association.id} has no execution {wanted}.")
    found = _fitting(call.params, execution.targets, TARGET_FILTERS)
    page, token = listed(call.params, found, lambda each: each.instance)
    source = {"OutputSourceId": execution.command, "OutputSourceType": "RunCommand"}
    rows = [
        {
            "AssociationId": association.id,
            "AssociationVersion": str(execution.version),
            "ExecutionId": execution.id,
            "ResourceId": each.instance,
            "ResourceType": INSTANCE,
            "Status": each.status,
            "DetailedStatus": each.details,
            "LastExecutionDate": each.changed,
            **({"OutputSource": source} if execution.command is not None else {}),
        }
        for each in page
    ]
    return {"AssociationExecutionTargets": rows, **token}


def list_effective(call: Call, view: View) -> dict[str, Any]:
    """DescribeEffectiveInstanceAssociations: the documents that an instance is to be as."""
    id = call.params["InstanceId"]
    instances.resolve(view, (), [id])
    found = [each for each in view.scan(Association) if id in each.instances]
    page, token = listed(call.params, found, lambda each: each.id)
    return {"Associations": [_effective(view, id, each) for each in page], **token}


def _effective(view: View, instance: str, association: Association) -> dict[str, Any]:
    document = documents.find(view, association.settings["Name"])
    version = documents.find_version(view, document, association.settings["DocumentVersion"])
    return {
        "AssociationId": association.id,
        "InstanceId": instance,
        "Content": version.content,
        "AssociationVersion": str(association.version),
    }


def list_statuses(call: Call, view: View) -> dict[str, Any]:
    """DescribeInstanceAssociationsStatus."""
    id = call.params["InstanceId"]
    instances.resolve(view, (), [id])
    page, token = listed(call.params, conditions_of(view, id), lambda each: each.key)
    return {"InstanceAssociationStatusInfos": [_status(view, each) for each in page], **token}


def _status(view: View, condition: Condition) -> dict[str, Any]:
    association = association_of(view, condition.association)
    settings = association.settings
    shown = {
        "AssociationId": association.id,
        "Name": settings["Name"],
        "DocumentVersion": document_version(view, condition, settings["DocumentVersion"]),
        "AssociationVersion": str(condition.version),
        "InstanceId": condition.instance,
        "ExecutionDate": condition.changed,
        "Status": condition.status,
        "DetailedStatus": condition.details,
    }
    if condition.error is not None:
        shown["ErrorCode"], shown["ExecutionSummary"] = condition.error
    if "AssociationName" in settings:
        shown["AssociationName"] = settings["AssociationName"]
    return shown


def associated(view: View, instance: str) -> dict[str, Any]:
    """What DescribeInstanceInformation says of associations; nothing where none was for the instance."""
    found = conditions_of(view, instance)
    if not found:
        return {}
    counts = Counter(each.status if each.status in OVER else "Pending" for each in found)
    worst = "Pending" if "Pending" in counts else "Success" if set(counts) == {"Success"} else "Failed"
    shown = {
        "AssociationStatus": worst,
        "LastAssociationExecutionDate": max(each.changed for each in found),
        "AssociationOverview": {
            "DetailedStatus": worst,
            "InstanceAssociationStatusAggregatedCount": dict(counts),
        },
    }
    successes = [each.succeeded for each in found if each.succeeded is not None]
    return {**shown, **({"LastSuccessfulAssociationExecutionDate": max(successes)} if successes else {})}


def _instance(params: Mapping[str, Any], site: Site) -> str:
    return instance_arn(site, params["InstanceId"])


OPERATIONS = (
    Operation(
        name="DescribeAssociationExecutions",
        rights=(rights.right("DescribeAssociationExecutions", rights.ASSOCIATION),),
        honoured=words("AssociationId Filters MaxResults NextToken"),
        read=list_executions,
    ),
    Operation(
        name="DescribeAssociationExecutionTargets",
        rights=(rights.right("DescribeAssociationExecutionTargets", rights.ASSOCIATION),),
        honoured=words("AssociationId ExecutionId Filters MaxResults NextToken"),
        read=list_targets,
    ),
    Operation(
        name="DescribeEffectiveInstanceAssociations",
        rights=(rights.right("DescribeEffectiveInstanceAssociations", _instance),),
        honoured=words("InstanceId MaxResults NextToken"),
        read=list_effective,
    ),
    Operation(
        name="DescribeInstanceAssociationsStatus",
        rights=(rights.right("DescribeInstanceAssociationsStatus", _instance),),
        honoured=words("InstanceId MaxResults NextToken"),
        read=list_statuses,
    ),
)
