"""The roles that SageMaker acts as: checked when handed over, assumed when work begins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.api.roles import trusts
from stepwell.calls import Call, Caller, Origin
from stepwell.durable import Draft
from stepwell.errors import AwsError, ValidationException

SERVICE = "sagemaker.amazonaws.com"
#: the session's name in the ARN that jobs see
SESSION = "SageMaker"


def refusal(role: str) -> str:
    """AWS's words for a role that SageMaker may not assume."""
    return (
        f"Could not assume role {role}. Please ensure that the role exists and allows principal "
        f"'{SERVICE}' to assume the role."
    )


def require(draft: Draft, role: str, source: str) -> None:
    """Raise ValidationException unless the role exists and trusts SageMaker to act for the ARN `source`."""
    if not trusts(draft, role, SERVICE, source=source):
        raise ValidationException(refusal(role))


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A session of a role."""

    #: who acts
    caller: Caller
    #: STS's `Credentials`
    credentials: Mapping[str, Any]


async def assume(context: Context, role: str, source: str) -> Session:
    """A fresh session of the role, for the resource `source`; its trust policy is asked anew.

    Raises ValidationException.
    """
    account = role.split(":")[4]
    call = Call(
        service="sts",
        operation="AssumeRole",
        params={"RoleArn": role, "RoleSessionName": SESSION},
        caller=callers.service_principal(SERVICE, account),
        origin=Origin(source_arn=source),
    )
    try:
        output = (await context.dispatch(call)).output
    except AwsError as error:
        raise ValidationException(refusal(role)) from error
    role_id = str(output["AssumedRoleUser"]["AssumedRoleId"]).partition(":")[0]
    return Session(caller=callers.role_session(role, SESSION, role_id), credentials=output["Credentials"])
