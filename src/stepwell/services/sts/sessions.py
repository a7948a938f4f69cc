"""Temporary credentials: sessions of roles, and who a key belongs to."""

from __future__ import annotations

import base64
import random
from typing import Any, ClassVar
from urllib.parse import unquote

from stepwell.api.callers import role_session
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call, Caller
from stepwell.durable import Draft, Record, Timer, View
from stepwell.errors import AwsError, ValidationException
from stepwell.identity import policy, trust
from stepwell.identity.principals import Naming
from stepwell.services.sts.errors import AssumeRoleDenied

#: seconds
DEFAULT_DURATION = 3600
#: a role session that assumes a further role gets at most this long
CHAINED_DURATION = 3600
#: seconds for which an expired session is remembered, so that its key is called expired and not unknown
REMEMBERED = 86_400
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
EXPIRE = "sts/expire"


class Session(Record, frozen=True, kw_only=True):
    """A session's key pair and token."""

    SERVICE: ClassVar[str] = "sts"
    KIND: ClassVar[str] = "session"

    access_key_id: str
    secret: str
    token: str
    role: str
    role_id: str
    name: str
    #: seconds since the epoch
    expires: float

    @property
    def key(self) -> str:
        return self.access_key_id

    @property
    def caller(self) -> Caller:
        """Who signs with this key."""
        caller = role_session(self.role, self.name, self.role_id)
        return Caller(
            arn=caller.arn,
            account=caller.account,
            kind="role",
            role=self.role,
            user_id=caller.user_id,
            access_key_id=self.access_key_id,
        )


def key_id(prefix: str, source: random.Random) -> str:
    """`AKIA` or `ASIA` and 16 characters."""
    return prefix + "".join(source.choice(ALPHABET) for _ in range(16))


def secret(source: random.Random, size: int = 30) -> str:
    """A secret in base64; `size` bytes of it are random."""
    return base64.b64encode(source.getrandbits(size * 8).to_bytes(size, "big")).decode()


def assume_role(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    arn = params["RoleArn"]
    denied = AssumeRoleDenied(
        f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )
    try:
        role = draft.ask(
            Call(
                service="iam",
                operation="GetRole",
                params={"RoleName": arn.rpartition("/")[2]},
                caller=Caller(arn="sts.amazonaws.com", account=draft.account, kind="root"),
            )
        ).output["Role"]
    except AwsError:
        raise denied from None
    document = unquote(role["AssumeRolePolicyDocument"])
    trusted = policy.parse(document, kind="trust", name=role["RoleName"])
    decision = trust.may_assume(
        trusted,
        call.caller,
        role["Arn"],
        external_id=params.get("ExternalId"),
        source_arn=call.origin.source_arn,
        source_account=draft.account if call.origin.source_arn else None,
    )
    if role["Arn"] != arn or (not decision.allowed and not _delegated(trusted, call.caller)):
        raise denied
    duration = params.get("DurationSeconds", DEFAULT_DURATION)
    limit = CHAINED_DURATION if call.caller.kind == "role" else role["MaxSessionDuration"]
    if duration > limit:
        raise ValidationException(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            code="ValidationError",
        )
    session = Session(
        access_key_id=key_id("ASIA", draft.random),
        secret=secret(draft.random),
        token=secret(draft.random, 96),
        role=arn,
        role_id=role["RoleId"],
        name=params["RoleSessionName"],
        expires=draft.now + duration,
    )
    draft.put(session)
    forgotten = session.expires + REMEMBERED
    draft.timer(f"{EXPIRE}/{session.access_key_id}", forgotten, EXPIRE, {"key": session.access_key_id})
    return {
        "Credentials": {
            "AccessKeyId": session.access_key_id,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.caller.user_id, "Arn": session.caller.arn},
    }


def _delegated(trusted: policy.Policy, caller: Caller) -> bool:
    """Whether the trust policy names the caller's whole account, which leaves the choice to IAM policies.

    AWS lets no root user assume a role; here root is the one human there is, and may where the trust
    policy names the account.
    """
    return any(statement.naming(caller) is Naming.ACCOUNT for statement in trusted.allows)


def expire(timer: Timer, draft: Draft) -> None:
    """Forget a session that is over."""
    draft.delete(Session, timer.body["key"])


def get_caller_identity(call: Call, view: View) -> dict[str, Any]:
    return {"UserId": call.caller.user_id, "Account": call.caller.account, "Arn": call.caller.arn}


OPERATIONS = (
    Operation(
        name="AssumeRole",
        rights=(Right(action="sts:AssumeRole", resource="{RoleArn}", keys={"sts:ExternalId": "ExternalId"}),),
        honoured=words("RoleArn RoleSessionName DurationSeconds ExternalId"),
        decide=assume_role,
    ),
    Operation(name="GetCallerIdentity", rights=(), read=get_caller_identity),
)
