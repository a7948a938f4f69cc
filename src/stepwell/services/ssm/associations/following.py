"""What operations of other nouns mean for associations: the document or the instances that they name changed.

Documents and tags know nothing of associations; here their rows are given what follows in the same decision.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from stepwell.api.operations import Operation
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.ssm.associations.scheduling import associated, document_changed, targets_changed
from stepwell.services.ssm.errors import AssociatedInstances

Follow = Callable[[Mapping[str, Any], Draft], None]


def _updated(params: Mapping[str, Any], draft: Draft) -> None:
    document_changed(draft, params["Name"], "$LATEST")


def _default(params: Mapping[str, Any], draft: Draft) -> None:
    document_changed(draft, params["Name"], "$DEFAULT")


def _deleted(params: Mapping[str, Any], draft: Draft) -> None:
    whole = "DocumentVersion" not in params and "VersionName" not in params
    if whole and associated(draft, params["Name"]):
        raise AssociatedInstances(
            f"The document {params['Name']} is associated: delete its associations before it."
        )


def _tagged(params: Mapping[str, Any], draft: Draft) -> None:
    if params["ResourceType"] == "ManagedInstance":
        targets_changed(draft)


#: operation → what follows it
FOLLOWED: dict[str, Follow] = {
    "UpdateDocument": _updated,
    "UpdateDocumentDefaultVersion": _default,
    "DeleteDocument": _deleted,
    "AddTagsToResource": _tagged,
    "RemoveTagsFromResource": _tagged,
}


def followed(operations: Iterable[Operation]) -> list[Operation]:
    """The rows, with what follows of them for associations."""
    return [
        _with(operation, FOLLOWED[operation.name]) if operation.name in FOLLOWED else operation
        for operation in operations
    ]


def _with(operation: Operation, follow: Follow) -> Operation:
    decide = operation.decide
    if decide is None:
        raise TypeError(f"{operation.name} decides nothing that could be followed")

    def both(call: Call, draft: Draft, *prepared: Any) -> Any:
        answer = decide(call, draft, *prepared)
        follow(call.params, draft)
        return answer

    return replace(operation, decide=both)
