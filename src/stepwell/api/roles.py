"""Roles that are handed to a service: whether one exists, and trusts the service that is to act as it."""

from __future__ import annotations

from urllib.parse import unquote

from stepwell.api import callers
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.identity import policy
from stepwell.identity.trust import may_assume


def trusts(draft: Draft, role: str, *services: str, source: str | None = None) -> bool:
    """Whether the role of that ARN exists and lets any of `services` (`lambda.amazonaws.com`) assume it.

    `source` is the ARN for which the service will act: the `aws:SourceArn` of its AssumeRole.
    The look at the role is the server's own: the caller needs PassRole, not GetRole.
    """
    name = role.rpartition("/")[2]
    asking = callers.root(draft.account)
    call = Call(service="iam", operation="GetRole", params={"RoleName": name}, caller=asking)
    try:
        found = draft.ask(call).output["Role"]
    except AwsError:
        return False
    if found["Arn"] != role:
        return False
    trust = policy.parse(unquote(found["AssumeRolePolicyDocument"]), kind="trust", name=name)
    principals = (callers.service_principal(service, draft.account) for service in services)
    return any(
        may_assume(
            trust,
            principal,
            role,
            source_arn=source,
            source_account=draft.account if source is not None else None,
        ).allowed
        for principal in principals
    )
