"""Compliance: whether instances are as associations, or whoever judges them, want them.

An association that is not MANUAL judges by its last execution that is over. Whatever else is judged
(`Custom:…`, and MANUAL associations) comes from PutComplianceItems.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.services.ssm import instances
from stepwell.services.ssm.associations import rights
from stepwell.services.ssm.associations.records import Association
from stepwell.services.ssm.associations.runs import Condition, Execution, document_version
from stepwell.services.ssm.commands.progress import instance_arn
from stepwell.services.ssm.errors import (
    InvalidInstanceId,
    InvalidItemContentException,
    InvalidResourceId,
    InvalidResourceType,
)

#: ResourceType of every resource
RESOURCE = "ManagedInstance"
ASSOCIATION, CUSTOM = "Association", "Custom:"
PASSED, FAILED = "COMPLIANT", "NON_COMPLIANT"


class Judged(Record, frozen=True, kw_only=True):
    """What PutComplianceItems told of one resource, by one type of compliance."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "compliance"

    resource: str
    #: ComplianceType
    type: str
    summary: dict[str, Any]
    #: ComplianceItemEntry, as they were told
    items: list[dict[str, Any]]
    #: ItemContentHash
    hash: str | None = None

    @property
    def key(self) -> str:
        return f"{self.resource}/{self.type}"


def put(call: Call, draft: Draft) -> None:
    """PutComplianceItems: in place of what was told before; PARTIAL replaces only items of the same ids."""
    params = call.params
    resource, type = params["ResourceId"], params["ComplianceType"]
    if params["ResourceType"] != RESOURCE:
        raise InvalidResourceType(f"The resource type {params['ResourceType']} isn't valid. Use {RESOURCE}.")
    try:
        instances.resolve(draft, (), [resource])
    except InvalidInstanceId as error:
        raise InvalidResourceId(f"There is no managed instance {resource}.") from error
    if type != ASSOCIATION and not type.startswith(CUSTOM):
        raise InvalidItemContentException(
            f"Stepwell keeps no compliance of the type {type}. Use {ASSOCIATION} or {CUSTOM}NAME."
        )
    items = [dict(item) for item in params["Items"]]
    if type == ASSOCIATION:
        for item in items:
            _require_manual(draft, item)
    before = draft.get(Judged, f"{resource}/{type}")
    hash = params.get("ItemContentHash")
    if before is not None and hash is not None and before.hash == hash:
        return
    if params.get("UploadType") == "PARTIAL":
        if type != ASSOCIATION:
            raise InvalidItemContentException(f"PARTIAL goes with the type {ASSOCIATION} only.")
        told = {item.get("Id") for item in items}
        kept = before.items if before is not None else []
        items = [*(item for item in kept if item.get("Id") not in told), *items]
    summary = dict(params["ExecutionSummary"])
    draft.put(Judged(resource=resource, type=type, summary=summary, items=items, hash=hash))


def _require_manual(draft: Draft, item: dict[str, Any]) -> None:
    association = draft.get(Association, item.get("Id", ""))
    if association is None or association.settings.get("SyncCompliance") != "MANUAL":
        raise InvalidItemContentException(
            f"The Id {item.get('Id')} is not that of an association whose SyncCompliance is MANUAL."
        )


def items(view: View) -> Iterator[dict[str, Any]]:
    """Every ComplianceItem."""
    for condition in view.scan(Condition):
        association = view.get(Association, condition.association)
        if association is None or condition.compliant is None:
            continue
        if association.settings.get("SyncCompliance") != "MANUAL":
            yield _item(view, association, condition)
    for judged in view.scan(Judged):
        for item in judged.items:
            if judged.type == ASSOCIATION and view.get(Association, item["Id"]) is None:
                continue
            yield {
                "ComplianceType": judged.type,
                "ResourceType": RESOURCE,
                "ResourceId": judged.resource,
                "ExecutionSummary": judged.summary,
                **item,
            }


def _item(view: View, association: Association, condition: Condition) -> dict[str, Any]:
    execution = view.get(Execution, condition.execution)
    summary = {"ExecutionTime": condition.judged, "ExecutionType": "Command"}
    if execution is not None:
        summary["ExecutionId"] = execution.id
    settings = association.settings
    return {
        "ComplianceType": ASSOCIATION,
        "ResourceType": RESOURCE,
        "ResourceId": condition.instance,
        "Id": association.id,
        "Title": settings.get("AssociationName", ""),
        "Status": PASSED if condition.compliant else FAILED,
        "Severity": settings.get("ComplianceSeverity", "UNSPECIFIED"),
        "ExecutionSummary": summary,
        "Details": {
            "DocumentName": settings["Name"],
            "DocumentVersion": document_version(view, condition, settings["DocumentVersion"]),
        },
    }


OPERATIONS = (
    Operation(
        name="PutComplianceItems",
        rights=(
            rights.right("PutComplianceItems", lambda params, site: instance_arn(site, params["ResourceId"])),
        ),
        honoured=words(
            "ResourceId ResourceType ComplianceType ExecutionSummary Items ItemContentHash UploadType"
        ),
        decide=put,
    ),
)
