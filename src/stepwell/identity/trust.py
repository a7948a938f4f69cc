"""Who may take on a role: its trust policy, asked as AWS asks it.

A trust policy is a resource policy without whose consent nothing happens, not even within the account;
naming the account instead of the caller leaves the choice to the caller's identity policies.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from stepwell.calls import Caller
from stepwell.identity.evaluate import Decision, Policies, Request, decide
from stepwell.identity.policy import Policy


def service(name: str, account: str) -> Caller:
    """The service principal `name` (`states.amazonaws.com`) acting in `account`."""
    return Caller(arn=name, account=account, kind="service")


def may_assume(
    trust: Policy,
    principal: Caller,
    role: str,
    *,
    action: str = "sts:AssumeRole",
    policies: Policies | None = None,
    external_id: str | None = None,
    source_arn: str | None = None,
    source_account: str | None = None,
    context: Mapping[str, str | Sequence[str]] | None = None,
) -> Decision:
    """Whether `principal` may assume the role with the ARN `role` and the trust policy `trust`.

    `policies` are a user's or role's own (its `resource` is not looked at); a service needs none.
    `external_id`, `source_arn` and `source_account` become `sts:ExternalId`, `aws:SourceArn` and
    `aws:SourceAccount`. Whether root may assume roles (AWS: never) is the caller's to refuse.
    """
    keys = dict(context or {})
    for key, value in (
        ("sts:ExternalId", external_id),
        ("aws:SourceArn", source_arn),
        ("aws:SourceAccount", source_account),
    ):
        if value is not None:
            keys[key] = value
    return decide(
        Request(action=action, resource=role, principal=principal, context=keys),
        replace(
            policies or Policies(),
            resource=trust,
            resource_must_allow=True,
            resource_label="role trust policy",
        ),
    )
