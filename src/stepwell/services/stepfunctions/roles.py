"""The execution role: it must exist, and trust Step Functions."""

from __future__ import annotations

from urllib.parse import unquote

from stepwell.api import callers
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.identity import policy
from stepwell.identity.trust import may_assume
from stepwell.services.stepfunctions.errors import RoleNotTrusted

PRINCIPAL = "states.amazonaws.com"


def require_trusted(draft: Draft, role: str) -> None:
    """Raise RoleNotTrusted unless Step Functions may assume the role.

    The look at the role is the server's own: the caller needs PassRole, not GetRole.
    """
    name = role.rpartition("/")[2]
    asking = callers.root(draft.account)
    call = Call(service="iam", operation="GetRole", params={"RoleName": name}, caller=asking)
    try:
        found = draft.ask(call).output["Role"]
    except AwsError as error:
        raise RoleNotTrusted from error
    trust = policy.parse(unquote(found["AssumeRolePolicyDocument"]), kind="trust", name=name)
    principals = (PRINCIPAL, f"states.{draft.region}.amazonaws.com")
    trusted = any(
        may_assume(trust, callers.service_principal(principal, draft.account), role).allowed
        for principal in principals
    )
    if found["Arn"] != role or not trusted:
        raise RoleNotTrusted
