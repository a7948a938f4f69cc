"""May this caller do that? AWS's decision over all policies that apply to one request.

The order is AWS's (IAM User Guide, "Policy evaluation logic"): an explicit deny anywhere ends it; then
the resource's policy, the identity's policies, the permissions boundary and the session policy.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from stepwell import arn
from stepwell.calls import Caller
from stepwell.identity.match import Context
from stepwell.identity.policy import Policy, Statement
from stepwell.identity.principals import Naming

#: condition keys and their values
Keys = Mapping[str, str | Sequence[str]]

_NONE: Keys = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: an IAM action on a resource, by someone, under circumstances."""

    #: `s3:GetObject`
    action: str
    #: the resource's ARN; `*` for actions without one
    resource: str
    principal: Caller
    #: condition keys and their values; `aws:Principal...`, `aws:userid` and `aws:username` are added
    context: Keys = field(default_factory=dict)
    #: the account that owns the resource where its ARN does not tell and it is not the caller's
    resource_account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies that apply to a request."""

    #: the caller's own: attached and inline
    identity: tuple[Policy, ...] = ()
    #: the permissions boundary of the user or role
    boundary: Policy | None = None
    #: what AssumeRole was given; several are one session's, any of which may allow
    session: tuple[Policy, ...] | None = None
    #: the resource's own policy
    resource: Policy | None = None
    #: role trust policies, key policies: nothing happens without the resource policy's consent
    resource_must_allow: bool = False
    #: how a denial names the resource's policy
    resource_label: str = "resource-based policy"
    #: condition keys of the principal's own, whatever it asks for: its tags
    keys: Keys = field(default_factory=dict)

    def asks(self, part: str) -> bool:
        """Whether any of them looks at a condition key that contains `part` (in lower case)."""
        single = (self.boundary, self.resource)
        every = (*self.identity, *(self.session or ()), *(policy for policy in single if policy is not None))
        return any(part in key for policy in every for key in policy.keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer, and what made it."""

    reason: Literal["allowed", "explicitDeny", "implicitDeny"]
    #: the statements that allowed or denied; none behind an implicit deny
    matched: tuple[Statement, ...] = ()
    #: the type of policy that denied: `identity-based policy`, `permissions boundary`, ...
    policy_type: str = ""

    @property
    def allowed(self) -> bool:
        return self.reason == "allowed"

    def message(self, caller_arn: str, action: str, resource: str | None) -> str:
        """AWS's text for a denial (IAM User Guide, "Troubleshoot access denied error messages").

        Raises ValueError when nothing was denied.
        """
        if self.allowed:
            raise ValueError("the request is allowed")
        article = "the" if self.policy_type == "role trust policy" else "a"
        if self.policy_type.startswith("identity"):
            article = "an"
        because = (
            f"with an explicit deny in {article} {self.policy_type}"
            if self.reason == "explicitDeny"
            else f"because no {self.policy_type} allows the {action} action"
        )
        on = f" on resource: {resource}" if resource is not None else ""
        return f"User: {caller_arn} is not authorized to perform: {action}{on} {because}"


_PRINCIPAL_TYPES = {"root": "Account", "user": "User", "role": "AssumedRole", "service": "Service"}


def request_context(request: Request, own: Keys = _NONE) -> Context:
    """All condition keys in lower case, with the principal's `own`; what `request.context` says wins."""
    caller = request.principal
    keys: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (caller.role or caller.arn,),
        "aws:principalaccount": (caller.account,),
        "aws:principaltype": (_PRINCIPAL_TYPES.get(caller.kind, caller.kind),),
        "aws:principalisawsservice": ("true" if caller.kind == "service" else "false",),
    }
    if caller.user_id:
        keys["aws:userid"] = (caller.user_id,)
    if caller.kind == "user":
        keys["aws:username"] = (caller.arn.rpartition("/")[2],)
    elif caller.kind == "service":
        keys["aws:principalservicename"] = (caller.arn,)
        del keys["aws:principalarn"], keys["aws:principalaccount"]
    for key, value in (*own.items(), *request.context.items()):
        keys[key.lower()] = (value,) if isinstance(value, str) else tuple(value)
    return keys


def owner(request: Request) -> str:
    """The account of the resource."""
    if request.resource_account is not None:
        return request.resource_account
    named = arn.parse(request.resource)
    if named is None or not named.account.isdigit():
        return request.principal.account
    return named.account


class _Asked:
    """One request put to statement after statement."""

    __slots__ = ("action", "caller", "context", "resource")

    def __init__(self, request: Request, own: Keys) -> None:
        self.action = request.action.lower()
        self.resource = request.resource
        self.caller = request.principal
        self.context = request_context(request, own)

    def first(self, statements: Iterable[Statement]) -> Statement | None:
        for statement in statements:
            if (
                statement.applies(self.action, self.resource, self.context)
                and statement.naming(self.caller) is not Naming.NONE
            ):
                return statement
        return None

    def denial(self, policies: Iterable[Policy]) -> Statement | None:
        return self.first(statement for policy in policies for statement in policy.denies)

    def consent(self, policies: Iterable[Policy]) -> Statement | None:
        return self.first(statement for policy in policies for statement in policy.allows)

    def firmest(self, policy: Policy | None) -> tuple[Naming, Statement | None]:
        """How the resource's policy allows it: by the statement that names the caller most firmly."""
        best, by = Naming.NONE, None
        for statement in policy.allows if policy is not None else ():
            naming = statement.naming(self.caller)
            if naming > best and statement.applies(self.action, self.resource, self.context):
                best, by = naming, statement
        return best, by


def decide(request: Request, policies: Policies) -> Decision:
    """AWS's decision.

    The account's root is bound by resource policies' denies only, a service by resource policies only.
    Across accounts both sides must allow.
    """
    caller = request.principal
    asked = _Asked(request, policies.keys)
    own = caller.kind not in ("root", "service")
    resource = (policies.resource,) if policies.resource is not None else ()
    boundary = (policies.boundary,) if policies.boundary is not None and own else ()
    session = policies.session or () if own else ()
    for policy_type, layer in (
        ("identity-based policy", policies.identity if own else ()),
        (policies.resource_label, resource),
        ("permissions boundary", boundary),
        ("session policy", session),
    ):
        if layer and (denied := asked.denial(layer)) is not None:
            return Decision(reason="explicitDeny", matched=(denied,), policy_type=policy_type)

    naming, consent = asked.firmest(policies.resource)
    by_resource = (consent,) if consent is not None else ()
    foreign = caller.kind != "service" and owner(request) != caller.account
    if naming is Naming.NONE and (caller.kind == "service" or foreign or policies.resource_must_allow):
        return Decision(reason="implicitDeny", policy_type=policies.resource_label)
    if not own or (naming is Naming.DIRECT and not foreign):
        return Decision(reason="allowed", matched=by_resource)

    matched = list(by_resource)
    needed: list[tuple[str, tuple[Policy, ...]]] = []
    if foreign or naming < Naming.ROLE:
        needed.append(("identity-based policy", policies.identity))
    if boundary:
        needed.append(("permissions boundary", boundary))
    if policies.session is not None:
        needed.append(("session policy", session))
    for policy_type, layer in needed:
        allowing = asked.consent(layer)
        if allowing is None:
            return Decision(reason="implicitDeny", policy_type=policy_type)
        matched.append(allowing)
    return Decision(reason="allowed", matched=tuple(matched))
