"""Identity and Access Management: roles, managed policies, attachments.

Policies' language and decisions are `stepwell.identity`; this package remembers the documents.
"""

from __future__ import annotations

from functools import lru_cache

from stepwell.api.operations import Service
from stepwell.durable import View
from stepwell.identity import managed
from stepwell.identity.policy import Policy, parse
from stepwell.services.iam import policies, roles
from stepwell.services.iam.records import ManagedPolicy, Role

__all__ = ["role_id", "role_policies", "service", "trust_policy"]


def service() -> Service:
    """The service's operations."""
    return Service("iam", (*roles.OPERATIONS, *policies.OPERATIONS))


@lru_cache(maxsize=4096)
def _compiled(text: str, name: str) -> Policy:
    return parse(text, name=name)


def role_id(view: View, role_arn: str) -> str | None:
    """The id that tells a role from earlier ones of its name; None for an unknown role."""
    role = view.get(Role, role_arn.rpartition("/")[2].lower())
    return role.id if role is not None and role.arn == role_arn else None


def role_policies(view: View, role_arn: str) -> tuple[tuple[Policy, ...], Policy | None]:
    """A role's own policies, compiled, and its permissions boundary; nothing for an unknown role."""
    role = view.get(Role, role_arn.rpartition("/")[2].lower())
    if role is None or role.arn != role_arn:
        return (), None
    own = [_compiled(text, name) for name, text in role.inline.items()]
    own += [found for arn in role.attached if (found := _managed(view, arn)) is not None]
    return tuple(own), _managed(view, role.boundary) if role.boundary else None


def trust_policy(view: View, role_arn: str) -> Policy | None:
    """Who may assume the role, compiled; None for an unknown role."""
    role = view.get(Role, role_arn.rpartition("/")[2].lower())
    if role is None or role.arn != role_arn:
        return None
    return _compiled_trust(role.trust, role.name)


@lru_cache(maxsize=4096)
def _compiled_trust(text: str, name: str) -> Policy:
    return parse(text, kind="trust", name=name)


def _managed(view: View, arn: str) -> Policy | None:
    own = view.get(ManagedPolicy, arn)
    if own is not None:
        return _compiled(own.document, arn)
    aws = managed.find(arn)
    return aws.policy if aws is not None else None
