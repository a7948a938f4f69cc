"""Temporary credentials: sessions of roles and users, and who a key belongs to."""

from __future__ import annotations

import base64
import random
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any, ClassVar
from urllib.parse import unquote

from stepwell.api.authorise import condition_keys
from stepwell.api.callers import role_session, root
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call, Caller
from stepwell.clock import iso
from stepwell.durable import Draft, Record, Timer, View
from stepwell.errors import AccessDenied, AwsError, ValidationException
from stepwell.identity import policy, trust
from stepwell.identity.evaluate import Policies
from stepwell.identity.policy import Policy
from stepwell.services.sts.errors import AssumeRoleDenied, PackedPolicyTooLarge

#: seconds
DEFAULT_DURATION = 3600
#: a role session that assumes a further role gets at most this long
CHAINED_DURATION = 3600
#: how long GetSessionToken's credentials last by default, and root's at the longest
TOKEN_DURATION = 43_200
ROOT_TOKEN_DURATION = 3600
#: seconds for which an expired session is remembered, so that its key is called expired and not unknown
REMEMBERED = 86_400
#: characters of a session's policies (API reference, AssumeRole)
POLICY_LIMIT = 2048
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
EXPIRE = "sts/expire"
_EVERYTHING = policy.parse(
    {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
)


class Session(Record, frozen=True, kw_only=True):
    """A session's key pair and token."""

    SERVICE: ClassVar[str] = "sts"
    KIND: ClassVar[str] = "session"

    access_key_id: str
    secret: str
    token: str
    #: the ARN of the role, or of the user or root that GetSessionToken was for
    holder: str
    #: what tells the holder from earlier ones of its name: `AROA...`, `AIDA...`, or root's account
    holder_id: str
    #: the session's name; empty where the holder is no role
    name: str = ""
    #: seconds since the epoch
    issued: float = 0.0
    expires: float
    #: the session policy's text
    policy: str | None = None
    #: managed policies that limit the session
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    #: keys of tags that further sessions, assumed from this one, have too
    transitive: tuple[str, ...] = ()
    #: the ARN of the function that Lambda assumed it for; empty for all others
    function: str = ""

    @property
    def key(self) -> str:
        return self.access_key_id

    @property
    def caller(self) -> Caller:
        """Who signs with this key."""
        if ":role/" in self.holder:
            caller = role_session(self.holder, self.name, self.holder_id)
            return replace(caller, access_key_id=self.access_key_id)
        return Caller(
            arn=self.holder,
            account=self.holder.split(":")[4],
            kind="user" if ":user/" in self.holder else "root",
            user_id=self.holder_id,
            access_key_id=self.access_key_id,
        )

    @property
    def credentials(self) -> dict[str, Any]:
        """AWS's Credentials structure."""
        return {
            "AccessKeyId": self.access_key_id,
            "SecretAccessKey": self.secret,
            "SessionToken": self.token,
            "Expiration": self.expires,
        }

    def policies(self, managed: Iterable[Policy]) -> tuple[Policy, ...] | None:
        """What AssumeRole was given to limit the session, compiled; None where nothing limits it.

        managed: the policies that `policy_arns` name.
        """
        if self.policy is None and not self.policy_arns:
            return None
        return (*(() if self.policy is None else (_compiled(self.policy),)), *managed)

    @property
    def keys(self) -> dict[str, str]:
        """The condition keys that the session brings along: its tags, its age, that no device proved it."""
        return {
            **{f"aws:PrincipalTag/{key}": value for key, value in self.tags.items()},
            "aws:TokenIssueTime": iso(self.issued),
            "aws:MultiFactorAuthPresent": "false",
            **({"lambda:SourceFunctionArn": self.function} if self.function else {}),
        }


def key_id(prefix: str, source: random.Random) -> str:
    """`AKIA` or `ASIA` and 16 characters."""
    return prefix + "".join(source.choice(ALPHABET) for _ in range(16))


def secret(source: random.Random, size: int = 30) -> str:
    """A secret in base64; `size` bytes of it are random."""
    return base64.b64encode(source.getrandbits(size * 8).to_bytes(size, "big")).decode()


def session_of(view: View, caller: Caller) -> Session | None:
    """The session whose key signed; None for permanent keys, and for those who act as a role without one."""
    return view.get(Session, caller.access_key_id) if caller.access_key_id is not None else None


@lru_cache(maxsize=1024)
def _compiled(text: str) -> Policy:
    return policy.parse(text, name="session policy")


def assume_role(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    arn = params["RoleArn"]
    role = _trusting(call, draft)
    duration = params.get("DurationSeconds", DEFAULT_DURATION)
    limit = CHAINED_DURATION if call.caller.kind == "role" else role["MaxSessionDuration"]
    if duration > limit:
        raise ValidationException(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            code="ValidationError",
        )
    limits = params.get("Policy")
    if limits is not None:
        policy.parse(limits)
    arns = tuple(each["arn"] for each in params.get("PolicyArns") or ())
    packed = len(limits or "") + sum(len(each) for each in arns)
    if packed > POLICY_LIMIT:
        raise PackedPolicyTooLarge(100 * packed // POLICY_LIMIT)
    earlier = session_of(draft, call.caller)
    inherited = {} if earlier is None else {key: earlier.tags[key] for key in earlier.transitive}
    given = {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}
    session = Session(
        access_key_id=key_id("ASIA", draft.random),
        secret=secret(draft.random),
        token=secret(draft.random, 96),
        holder=arn,
        holder_id=role["RoleId"],
        name=params["RoleSessionName"],
        issued=draft.now,
        expires=draft.now + duration,
        policy=limits,
        policy_arns=arns,
        tags={**given, **inherited},
        function=_function_of(call),
        transitive=tuple(dict.fromkeys((*(params.get("TransitiveTagKeys") or ()), *inherited))),
    )
    _begin(session, draft)
    answer: dict[str, Any] = {
        "Credentials": session.credentials,
        "AssumedRoleUser": {"AssumedRoleId": session.caller.user_id, "Arn": session.caller.arn},
    }
    return answer | ({"PackedPolicySize": 100 * packed // POLICY_LIMIT} if packed else {})


def _function_of(call: Call) -> str:
    """The function for which Lambda assumes its role; empty for everybody else."""
    by_lambda = call.caller.kind == "service" and call.caller.arn == "lambda.amazonaws.com"
    return (call.origin.source_arn or "") if by_lambda else ""


def _trusting(call: Call, draft: Draft) -> Mapping[str, Any]:
    """The role, which trusts the caller. Raises AssumeRoleDenied.

    Whether the caller's own policies let it assume the role was decided before. AWS lets no root user
    assume a role; here root is the one human there is, and may where the trust policy names the account.
    """
    arn = call.params["RoleArn"]
    denied = AssumeRoleDenied(
        f"User: {call.caller.arn} is not authorized to perform: sts:AssumeRole on resource: {arn}"
    )
    look = Call(
        service="iam",
        operation="GetRole",
        params={"RoleName": arn.rpartition("/")[2]},
        caller=root(draft.account),
    )
    try:
        role: Mapping[str, Any] = draft.ask(look).output["Role"]
    except AwsError:
        raise denied from None
    document = unquote(role["AssumeRolePolicyDocument"])
    decision = trust.may_assume(
        policy.parse(document, kind="trust", name=role["RoleName"]),
        call.caller,
        role["Arn"],
        policies=Policies(identity=(_EVERYTHING,)),
        context=condition_keys(call, ASSUMING, draft, draft.now),
    )
    if role["Arn"] != arn or not decision.allowed:
        raise denied
    return role


def get_session_token(call: Call, draft: Draft) -> dict[str, Any]:
    """Temporary credentials of the user or root itself. A session cannot get another."""
    caller = call.caller
    if caller.kind not in ("user", "root") or session_of(draft, caller) is not None:
        raise AccessDenied(
            "Cannot call GetSessionToken with session credentials", code="AccessDenied", status=403
        )
    longest = ROOT_TOKEN_DURATION if caller.kind == "root" else 3 * TOKEN_DURATION
    session = Session(
        access_key_id=key_id("ASIA", draft.random),
        secret=secret(draft.random),
        token=secret(draft.random, 96),
        holder=caller.arn,
        holder_id=caller.user_id,
        issued=draft.now,
        expires=draft.now + min(call.params.get("DurationSeconds", TOKEN_DURATION), longest),
    )
    _begin(session, draft)
    return {"Credentials": session.credentials}


def _begin(session: Session, draft: Draft) -> None:
    draft.put(session)
    forgotten = session.expires + REMEMBERED
    draft.timer(f"{EXPIRE}/{session.access_key_id}", forgotten, EXPIRE, {"key": session.access_key_id})


def expire(timer: Timer, draft: Draft) -> None:
    """Forget a session that is over."""
    draft.delete(Session, timer.body["key"])


def get_caller_identity(call: Call, view: View) -> dict[str, Any]:
    return {"UserId": call.caller.user_id, "Account": call.caller.account, "Arn": call.caller.arn}


ASSUMING = Right(
    action="sts:AssumeRole",
    resource="{RoleArn}",
    keys={
        "sts:ExternalId": "ExternalId",
        "sts:RoleSessionName": "RoleSessionName",
        "sts:TransitiveTagKeys": "TransitiveTagKeys",
    },
)

OPERATIONS = (
    Operation(
        name="AssumeRole",
        rights=(
            ASSUMING,
            Right(
                action="sts:TagSession", resource="{RoleArn}", when=lambda params: bool(params.get("Tags"))
            ),
        ),
        honoured=(
            *words("RoleArn RoleSessionName DurationSeconds ExternalId Policy PolicyArns.arn"),
            *words("Tags TransitiveTagKeys"),
        ),
        decide=assume_role,
    ),
    Operation(
        name="GetSessionToken",
        rights=(),
        honoured=words("DurationSeconds"),
        decide=get_session_token,
    ),
    Operation(name="GetCallerIdentity", rights=(), read=get_caller_identity),
)
