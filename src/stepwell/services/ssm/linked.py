"""Systems Manager's own role: what runs windows' tasks and associations that name no other."""

from __future__ import annotations

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.errors import AwsError

#: the service that such roles trust
PRINCIPAL = "ssm.amazonaws.com"
#: the role that AWS makes for Systems Manager
LINKED_ROLE = "AWSServiceRoleForAmazonSSM"


def linked_role(account: str) -> str:
    """The role's ARN."""
    return f"arn:aws:iam::{account}:role/aws-service-role/{PRINCIPAL}/{LINKED_ROLE}"


async def ensure(call: Call, context: Context) -> None:
    """Make the role where it is missing, as whoever calls. Raises what CreateServiceLinkedRole answers."""
    named = {"RoleName": LINKED_ROLE}
    asking = callers.root(context.config.account)
    try:
        await context.dispatch(Call(service="iam", operation="GetRole", params=named, caller=asking))
    except AwsError:
        made = {"AWSServiceName": PRINCIPAL}
        await context.dispatch(
            Call(service="iam", operation="CreateServiceLinkedRole", params=made, caller=call.caller)
        )
