"""Permissions boundaries of roles and users: managed policies that limit what the others may grant."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.iam.entities import ROLES, USERS, Kind
from stepwell.services.iam.errors import NoSuchEntity
from stepwell.services.iam.policies import find_policy
from stepwell.services.iam.records import Bounding, Role, User


def bound(draft: Draft, kind: Kind[Any], entity: Role | User, arn: str | None) -> None:
    """Write the entity with this boundary, or without one. Raises NoSuchEntity for an unknown policy."""
    if arn is not None:
        find_policy(draft, arn)
    release(draft, kind, entity)
    draft.put(replace(entity, boundary=arn))
    if arn is not None:
        draft.put(Bounding(policy=arn, kind=kind.word, entity=entity.key))


def release(draft: Draft, kind: Kind[Any], entity: Role | User) -> None:
    """Forget that the entity's boundary bounds it."""
    if entity.boundary is not None:
        index = Bounding(policy=entity.boundary, kind=kind.word, entity=entity.key)
        draft.delete(Bounding, index.key)


def _operations(kind: Kind[Any]) -> tuple[Operation, ...]:
    def put(call: Call, draft: Draft) -> None:
        bound(draft, kind, kind.changeable(draft, call.params), call.params["PermissionsBoundary"])

    def delete(call: Call, draft: Draft) -> None:
        entity = kind.changeable(draft, call.params)
        if entity.boundary is None:
            raise NoSuchEntity(
                f"The {kind.word} with name {entity.name} does not have a permissions boundary."
            )
        bound(draft, kind, entity, None)

    return (
        kind.operation(
            f"Put{kind.noun}PermissionsBoundary",
            "PermissionsBoundary",
            keys="iam:PermissionsBoundary=PermissionsBoundary",
            decide=put,
        ),
        kind.operation(f"Delete{kind.noun}PermissionsBoundary", decide=delete),
    )


OPERATIONS = (*_operations(ROLES), *_operations(USERS))
