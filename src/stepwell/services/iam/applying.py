"""What applies to a caller: the policies that it bears, its boundary, its tags."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import Literal

from stepwell.calls import Caller
from stepwell.durable import Record, View
from stepwell.identity import managed
from stepwell.identity.evaluate import Policies
from stepwell.identity.policy import Policy, parse
from stepwell.services.iam.entities import find_arn
from stepwell.services.iam.pins import trust_of
from stepwell.services.iam.records import Entity, Group, InstanceProfile, ManagedPolicy, Role, User


@lru_cache(maxsize=4096)
def compiled(text: str, name: str, kind: Literal["inline", "trust"] = "inline") -> Policy:
    """A stored document, parsed once."""
    return parse(text, kind=kind, name=name)


def policies_of(view: View, caller: Caller) -> Policies:
    """The identity policies, the boundary and the tags of a user or a role's session.

    Nothing for root, services, and identities that are gone.
    """
    entity = find_arn(view, caller.role or caller.arn) if caller.kind in ("role", "user") else None
    if not isinstance(entity, Role | User):
        return Policies()
    own = tuple(policy for holder in (entity, *_groups(view, entity)) for policy in _held(view, holder))
    return Policies(
        identity=own,
        boundary=managed_policy(view, entity.boundary) if entity.boundary is not None else None,
        keys=tag_keys(entity.tags),
    )


def tag_keys(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a principal as condition keys."""
    return {f"aws:PrincipalTag/{key}": value for key, value in tags.items()}


def trust_policy(view: View, role_arn: str) -> Policy | None:
    """Who may assume the role, compiled; None for an unknown role."""
    role = find_arn(view, role_arn)
    return compiled(trust_of(view, role), role.name, "trust") if isinstance(role, Role) else None


def tags_of(view: View, arn: str) -> Mapping[str, str]:
    """The tags of the role, user, managed policy or instance profile with that ARN; none for any other."""
    found: Record | None = find_arn(view, arn) or view.get(ManagedPolicy, arn)
    if found is None and ":instance-profile/" in arn:
        found = view.get(InstanceProfile, arn.rpartition("/")[2].lower())
    return found.tags if isinstance(found, Role | User | ManagedPolicy | InstanceProfile) else {}


def identity_id(view: View, arn: str) -> str | None:
    """The id that tells a role or a user from earlier ones of its name; None for an unknown one."""
    entity = find_arn(view, arn)
    return entity.id if entity is not None else None


def _groups(view: View, entity: Entity) -> Iterator[Group]:
    for key in entity.groups if isinstance(entity, User) else ():
        group = view.get(Group, key)
        if group is not None:
            yield group


def _held(view: View, entity: Entity) -> Iterator[Policy]:
    for name, text in entity.inline.items():
        yield compiled(text, name)
    for arn in entity.attached:
        policy = managed_policy(view, arn)
        if policy is not None:
            yield policy


def managed_policy(view: View, arn: str) -> Policy | None:
    """A managed policy, the account's or AWS's own, compiled; None for an unknown one."""
    own = view.get(ManagedPolicy, arn)
    if own is not None:
        return compiled(own.document, arn)
    aws = managed.find(arn)
    return aws.policy if aws is not None else None
