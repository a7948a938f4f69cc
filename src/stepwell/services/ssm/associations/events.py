"""What associations tell EventBridge.

Source: the Systems Manager user guide, "Amazon EventBridge event examples for Systems Manager". Lists and
maps stand in these events as JSON in a string.
"""

from __future__ import annotations

import json
from typing import Any

from stepwell.api.operations import Site
from stepwell.arn import build
from stepwell.clock import iso
from stepwell.durable import Draft
from stepwell.services.ssm.associations.records import Association
from stepwell.services.ssm.associations.runs import Condition, document_version
from stepwell.services.ssm.commands.progress import instance_arn
from stepwell.services.ssm.documents import document_arn

#: the form of the events that is documented
FORM = "1.0"


def tell_association(draft: Draft, association: Association) -> None:
    """An association is in another status."""
    detail = {
        **_common(association),
        "association-version": str(association.version),
        "document-version": association.settings["DocumentVersion"],
        "last-updated-date": iso(association.updated),
        "status": association.status,
        "association-status-aggregated-count": _text(association.counts),
        "schedule-expression": association.settings.get("ScheduleExpression", ""),
        "association-cwe-version": FORM,
    }
    if "AssociationName" in association.settings:
        detail["association-name"] = association.settings["AssociationName"]
    _send(draft, "EC2 State Manager Association State Change", [_document(draft, association)], detail)


def tell_instance(draft: Draft, association: Association, condition: Condition) -> None:
    """What an association does to an instance is in another status."""
    code, message = condition.error or ("", "")
    detail = {
        **_common(association),
        "instance-id": condition.instance,
        "document-version": document_version(draft, condition, association.settings["DocumentVersion"]),
        "status": condition.status,
        "detailed-status": condition.details,
        "error-code": code,
        "execution-summary": message,
        "instance-association-cwe-version": FORM,
    }
    resources = [instance_arn(draft, condition.instance), _document(draft, association)]
    _send(draft, "EC2 State Manager Instance Association State Change", resources, detail)


def tell_compliance(draft: Draft, condition: Condition) -> None:
    """An instance complies with an association, or no longer does."""
    arn = build("ssm", draft.region, draft.account, f"managed-instance/{condition.instance}")
    detail = {
        "last-runtime": iso(condition.changed),
        "compliance-status": "compliant" if condition.compliant else "non_compliant",
        "resource-type": "managed-instance",
        "resource-id": condition.instance,
        "compliance-type": "Association",
    }
    _send(draft, "Configuration Compliance State Change", [arn], detail)


def _common(association: Association) -> dict[str, Any]:
    targets = [
        {"key": target["Key"], "values": target.get("Values", [])}
        for target in association.settings["Targets"]
    ]
    shown = {
        "association-id": association.id,
        "document-name": association.settings["Name"],
        "targets": _text(targets),
        "creation-date": iso(association.created),
    }
    if association.ran is not None:
        shown["last-execution-date"] = iso(association.ran)
    if association.succeeded is not None:
        shown["last-successful-execution-date"] = iso(association.succeeded)
    return shown


def _document(draft: Draft, association: Association) -> str:
    return document_arn(association.settings["Name"], Site(account=draft.account, region=draft.region))


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def _send(draft: Draft, name: str, resources: list[str], detail: dict[str, Any]) -> None:
    draft.send("event", {"source": "aws.ssm", "detail-type": name, "resources": resources, "detail": detail})
