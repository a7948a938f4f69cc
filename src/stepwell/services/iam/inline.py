"""Inline policies: written into a role, a user or a group, and gone with it."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.iam import paging
from stepwell.services.iam.entities import KINDS, PAGING, Kind, size
from stepwell.services.iam.errors import LimitExceeded, NoSuchEntity
from stepwell.services.iam.records import Entity, encoded


def text_of(kind: Kind[Any], entity: Entity, name: str) -> str:
    """The inline policy. Raises NoSuchEntity."""
    try:
        return entity.inline[name]
    except KeyError:
        raise NoSuchEntity(f"The {kind.word} policy with name {name} cannot be found.") from None


def _operations(kind: Kind[Any]) -> tuple[Operation, ...]:
    noun = kind.noun

    def put(call: Call, draft: Draft) -> None:
        entity = kind.changeable(draft, call.params)
        name, text = call.params["PolicyName"], call.params["PolicyDocument"]
        policy.parse(text, kind="inline", name=name)
        inline = {**entity.inline, name: text}
        if size(inline.values()) > kind.inline_limit:
            raise LimitExceeded(
                f"Maximum policy size of {kind.inline_limit} bytes exceeded for {kind.word} {entity.name}"
            )
        draft.put(replace(entity, inline=inline))

    def get(call: Call, view: View) -> dict[str, Any]:
        entity = kind.named(view, call.params)
        name = call.params["PolicyName"]
        return {
            kind.parameter: entity.name,
            "PolicyName": name,
            "PolicyDocument": encoded(text_of(kind, entity, name)),
        }

    def listed(call: Call, view: View) -> dict[str, Any]:
        entity = kind.named(view, call.params)
        after = paging.start(call.params)
        names = (name for name in sorted(entity.inline) if name > after)
        return paging.page(call.params, "PolicyNames", names, str, str)

    def delete(call: Call, draft: Draft) -> None:
        entity = kind.changeable(draft, call.params)
        gone = call.params["PolicyName"]
        text_of(kind, entity, gone)
        draft.put(
            replace(entity, inline={name: text for name, text in entity.inline.items() if name != gone})
        )

    return (
        kind.operation(f"Put{noun}Policy", "PolicyName PolicyDocument", decide=put),
        kind.operation(f"Get{noun}Policy", "PolicyName", read=get),
        kind.operation(f"List{noun}Policies", PAGING, read=listed),
        kind.operation(f"Delete{noun}Policy", "PolicyName", decide=delete),
    )


OPERATIONS = tuple(operation for kind in KINDS for operation in _operations(kind))
