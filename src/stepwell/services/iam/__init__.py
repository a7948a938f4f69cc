"""Identity and Access Management: roles, users, groups, policies, access keys, simulations.

Policies' language and decisions are `stepwell.identity`; this package remembers the documents.
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.calls import Caller
from stepwell.durable import View
from stepwell.services.iam import (
    attachments,
    boundaries,
    groups,
    inline,
    keys,
    linked,
    policies,
    profiles,
    roles,
    simulation,
    summary,
    tags,
    users,
)
from stepwell.services.iam.applying import (
    identity_id,
    managed_policy,
    policies_of,
    tags_of,
    trust_policy,
)
from stepwell.services.iam.records import AccessKey, User
from stepwell.services.iam.uses import KeyUses

__all__ = [
    "AccessKey",
    "KeyUses",
    "find_key",
    "identity_id",
    "managed_policy",
    "policies_of",
    "service",
    "tags_of",
    "trust_policy",
]

_NOUNS = (
    roles,
    users,
    groups,
    inline,
    policies,
    attachments,
    boundaries,
    tags,
    keys,
    profiles,
    linked,
    simulation,
    summary,
)


def service() -> Service:
    """The service's operations."""
    return Service("iam", (operation for noun in _NOUNS for operation in noun.OPERATIONS))


def find_key(view: View, access_key_id: str) -> tuple[AccessKey, Caller] | None:
    """A user's active access key and who signs with it; None for unknown and inactive ones."""
    access_key = view.get(AccessKey, access_key_id)
    user = view.get(User, access_key.user) if access_key is not None else None
    if access_key is None or user is None or access_key.status != "Active":
        return None
    caller = Caller(
        arn=user.arn,
        account=view.account,
        kind="user",
        user_id=user.id,
        access_key_id=access_key.id,
    )
    return access_key, caller
