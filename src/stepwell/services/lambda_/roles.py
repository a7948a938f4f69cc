"""The roles that functions run as: checked when handed over, assumed when a process starts."""

from __future__ import annotations

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.api.operations import Right
from stepwell.api.roles import trusts
from stepwell.calls import Call, Origin
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.services.lambda_.errors import (
    NOT_ASSUMABLE,
    InvalidParameterValueException,
    RoleNotAssumable,
)
from stepwell.services.lambda_.names import function_arn
from stepwell.workers.worker_environment import Credentials

SERVICE = "lambda.amazonaws.com"
#: seconds that a session must last beyond the timeout of a function that it is handed to
MARGIN = 300.0

PASSING = Right(
    action="iam:PassRole",
    resource=lambda params, site: str(params.get("Role", "*")),
    keys={"iam:PassedToService": f"={SERVICE}"},
    when=lambda params: params.get("Role") is not None,
)


def require(draft: Draft, role: str, function: str) -> None:
    """Raise InvalidParameterValueException unless the role exists and trusts Lambda."""
    if not trusts(draft, role, SERVICE, source=function_arn(draft, function)):
        raise InvalidParameterValueException(NOT_ASSUMABLE)


class Sessions:
    """Sessions of functions' roles, used again until they are about to expire."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._sessions: dict[tuple[str, str], Credentials] = {}

    async def credentials(self, function: str, arn: str, role: str, timeout: float) -> Credentials:
        """A session that outlasts an invocation of `timeout` seconds; `arn` is the function's.

        Raises RoleNotAssumable.
        """
        known = self._sessions.get((function, role))
        needed = self._context.now + timeout + MARGIN
        if known is not None and known.expires_at is not None and known.expires_at > needed:
            return known
        call = Call(
            service="sts",
            operation="AssumeRole",
            params={"RoleArn": role, "RoleSessionName": session_name(function)},
            caller=callers.service_principal(SERVICE, role.split(":")[4]),
            origin=Origin(source_arn=arn),
        )
        try:
            given = (await self._context.dispatch(call)).output["Credentials"]
        except AwsError as error:
            raise RoleNotAssumable(NOT_ASSUMABLE) from error
        fresh = Credentials(
            access_key_id=given["AccessKeyId"],
            secret_access_key=given["SecretAccessKey"],
            session_token=given["SessionToken"],
            expires_at=given["Expiration"],
        )
        self._sessions[function, role] = fresh
        return fresh

    def forget(self, function: str) -> None:
        """Let the sessions of a deleted function go."""
        for place in [place for place in self._sessions if place[0] == function]:
            del self._sessions[place]


def session_name(function: str) -> str:
    """The function's name; STS wants two characters at least."""
    return function if len(function) > 1 else f"{function}-"
