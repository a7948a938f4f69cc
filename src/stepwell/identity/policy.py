"""Policy documents, read once: JSON in, compiled statements out, AWS's errors when there is a fault.

Grammar: IAM User Guide, "Grammar of the IAM JSON policy language". The messages are those that IAM
answers as MalformedPolicyDocument, as far as they are publicly known; every other fault of shape is
"Syntax errors in policy.", which is also what IAM says of most.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from stepwell.calls import Caller
from stepwell.errors import AwsError
from stepwell.identity import conditions, principals
from stepwell.identity.match import Context, Names, Resources
from stepwell.identity.principals import Naming, Principals

SYNTAX = "Syntax errors in policy."
LEGACY = "The policy failed legacy parsing"

_VARIABLES = re.compile(r"\$\{\s*([^},\s]+)")
_VENDOR = re.compile(r"[a-zA-Z0-9.-]+")
_TOP = {"Version", "Id", "Statement"}
_PAIRS = (("Principal", "NotPrincipal"), ("Action", "NotAction"), ("Resource", "NotResource"))
_ELEMENTS = {"Sid", "Effect", "Condition", *(element for pair in _PAIRS for element in pair)}


class MalformedPolicyDocument(AwsError):
    """The document is no valid policy."""

    code = "MalformedPolicyDocument"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """What a kind of policy must and must not have."""

    #: the versions that it may be written in
    versions: tuple[str, ...] = ("2008-10-17", "2012-10-17")
    #: whether a statement has a Principal; where not, it must not have one
    principal: bool
    #: whether a statement has a Resource; where not, it must not have one
    resource: bool = True
    #: the only vendor of its actions
    vendor: str | None = None
    #: the message for a document that is not JSON
    not_json: str = SYNTAX


#: `inline`: on a role or user, and session policies; `managed`: policies of their own, and boundaries;
#: `resource`: of buckets, functions, ...; `trust`: who may assume a role
KINDS: dict[str, Kind] = {
    "inline": Kind(principal=False),
    "managed": Kind(principal=False, versions=("2012-10-17",)),
    "resource": Kind(principal=True),
    "trust": Kind(principal=True, resource=False, vendor="sts", not_json="This policy contains invalid Json"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement, compiled."""

    #: the statement's Sid; empty when it has none
    sid: str
    #: the policy's name
    policy: str
    #: the statement's place in its policy, from 0
    index: int
    effect: Literal["Allow", "Deny"]
    #: action patterns in lower case
    actions: Names
    #: NotAction: everything but these
    actions_inverted: bool
    #: None in trust policies
    resources: Resources | None
    #: None in identity policies
    principals: Principals | None
    conditions: tuple[conditions.Condition, ...]

    def applies(self, action: str, resource: str, context: Context) -> bool:
        """Whether the statement speaks of `action` (in lower case) on `resource`, whoever asks."""
        return (
            self.actions.match(action) is not self.actions_inverted
            and (self.resources is None or self.resources.match(resource, context))
            and all(condition.holds(context) for condition in self.conditions)
        )

    def naming(self, caller: Caller) -> Naming:
        """How firmly the statement names `caller`; an identity policy speaks of whoever bears it."""
        return Naming.DIRECT if self.principals is None else self.principals.naming(caller)


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A compiled policy document."""

    #: the policy's name or ARN, as logs show it
    name: str
    version: str
    allows: tuple[Statement, ...]
    denies: tuple[Statement, ...]
    #: the condition keys and variables that its statements look at, in lower case
    keys: frozenset[str]


def parse(
    document: str | Mapping[str, Any],
    *,
    kind: Literal["inline", "managed", "resource", "trust"] = "inline",
    name: str = "",
) -> Policy:
    """The policy in `document`: its JSON text, or that text read. `name` is shown with its statements.

    Raises MalformedPolicyDocument.
    """
    rules = KINDS[kind]
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except (ValueError, RecursionError) as error:
            raise MalformedPolicyDocument(rules.not_json) from error
    if not isinstance(document, Mapping) or not document.keys() <= _TOP:
        raise MalformedPolicyDocument(SYNTAX)
    version = document.get("Version", "2008-10-17")
    bodies = document.get("Statement")
    if isinstance(bodies, Mapping):
        bodies = [bodies]
    if (
        version not in ("2008-10-17", "2012-10-17")
        or not isinstance(document.get("Id", ""), str)
        or not isinstance(bodies, list)
        or not bodies
        or not all(_well_formed(body) for body in bodies)
    ):
        raise MalformedPolicyDocument(SYNTAX)
    if version not in rules.versions:
        raise MalformedPolicyDocument("Policy document must be version 2012-10-17 or greater.")
    if any(body["Effect"] not in ("Allow", "Deny") for body in bodies):
        raise MalformedPolicyDocument(LEGACY)
    sids = [body["Sid"] for body in bodies if body.get("Sid")]
    if len(sids) != len(set(sids)):
        raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")
    for body in bodies:
        _check(body, rules)
    statements = [
        _statement(body, name=name, index=index, variables=version == "2012-10-17")
        for index, body in enumerate(bodies)
    ]
    return Policy(
        name=name,
        version=version,
        allows=tuple(statement for statement in statements if statement.effect == "Allow"),
        denies=tuple(statement for statement in statements if statement.effect == "Deny"),
        keys=frozenset(key for body in bodies for key in _keys(body)),
    )


def _keys(body: Mapping[str, Any]) -> Iterator[str]:
    """The condition keys that a statement's text names: as keys, and as variables in values and ARNs."""
    for keys in body.get("Condition", {}).values():
        yield from (key.lower() for key in keys)
    texts = (body.get("Resource"), body.get("NotResource"), body.get("Condition"))
    yield from (found.lower() for found in _VARIABLES.findall(json.dumps(texts)))


def _texts(value: Any) -> list[str] | None:
    """A string or a list of strings as a list, or None."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return value
    return None


def _well_formed(body: Any) -> bool:
    """Whether a statement's elements are known and have the right shapes."""
    return (
        isinstance(body, Mapping)
        and body.keys() <= _ELEMENTS
        and isinstance(body.get("Sid", ""), str)
        and isinstance(body.get("Effect"), str)
        and body["Effect"].lower() in ("allow", "deny")
        and not any(first in body and second in body for first, second in _PAIRS)
        and all(
            _texts(body[element]) is not None
            for element in ("Action", "NotAction", "Resource", "NotResource")
            if element in body
        )
        and isinstance(body.get("Condition", {}), Mapping)
        and all(isinstance(keys, Mapping) for keys in body.get("Condition", {}).values())
    )


def _check(body: Mapping[str, Any], rules: Kind) -> None:
    """Raises MalformedPolicyDocument for what this kind of policy may not say."""
    named = "Principal" in body or "NotPrincipal" in body
    if named and not rules.principal:
        raise MalformedPolicyDocument("Policy document should not specify a principal.")
    if rules.principal and not named:
        raise MalformedPolicyDocument("Missing required field Principal")
    if "NotPrincipal" in body and body["Effect"] == "Allow":
        raise MalformedPolicyDocument("Allow with NotPrincipal is not allowed.")
    actions = _texts(body.get("Action", body.get("NotAction", [])))
    resources = _texts(body.get("Resource", body.get("NotResource", [])))
    if not actions:
        raise MalformedPolicyDocument("Policy statement must contain actions.")
    if rules.resource and not resources:
        raise MalformedPolicyDocument("Policy statement must contain resources.")
    if not rules.resource:
        for element in ("Resource", "NotResource"):
            if element in body:
                raise MalformedPolicyDocument(f"Has prohibited field {element}")
    for resource in resources or []:
        _check_resource(resource)
    for action in actions:
        _check_action(action)
        if rules.vendor is not None and action.partition(":")[0].lower() != rules.vendor:
            raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")


def _check_resource(resource: str) -> None:
    if resource == "*":
        return
    if ":" not in resource:
        raise MalformedPolicyDocument(f'Resource {resource} must be in ARN format or "*".')
    scheme, partition, *rest = resource.split(":", 5)
    if scheme != "arn":
        raise MalformedPolicyDocument(LEGACY)
    if partition not in ("aws", "aws-cn", "aws-us-gov", "*"):
        shown = ":".join([*rest, "*", "*", "*", "*"][: max(4, len(rest))])
        raise MalformedPolicyDocument(
            f'Partition "{partition}" is not valid for resource "arn:{partition}:{shown}".'
        )
    if not rest or not _VENDOR.fullmatch(rest[0]):
        raise MalformedPolicyDocument("Resource vendor must be fully qualified and cannot contain regexes.")
    if rest[0] == "iam" and len(rest) > 1 and rest[1] not in ("", "*"):
        raise MalformedPolicyDocument(f"IAM resource {resource} cannot contain region information.")
    if rest[0] == "s3" and len(rest) == 4 and rest[1] and not rest[2]:
        raise MalformedPolicyDocument(f"Resource {resource} can not contain region information.")


def _check_action(action: str) -> None:
    if action == "*":
        return
    vendor, *names = action.split(":")
    if not names:
        raise MalformedPolicyDocument(
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
        )
    if len(names) > 1:
        raise MalformedPolicyDocument("Actions/Condition can contain only one colon.")
    if vendor != "*" and not _VENDOR.fullmatch(vendor):
        raise MalformedPolicyDocument(f"Vendor {vendor} is not valid")


def _statement(body: Mapping[str, Any], *, name: str, index: int, variables: bool) -> Statement:
    named: Principals | None = None
    for element in ("Principal", "NotPrincipal"):
        if element in body:
            try:
                named = principals.parse(body[element], inverted=element == "NotPrincipal")
            except principals.InvalidPrincipal as error:
                raise MalformedPolicyDocument(str(error)) from error
            if named is None:
                raise MalformedPolicyDocument(SYNTAX)
    inverted = "NotResource" in body
    resources = _texts(body.get("NotResource" if inverted else "Resource"))
    return Statement(
        sid=body.get("Sid", ""),
        policy=name,
        index=index,
        effect=body["Effect"],
        actions=Names.of(
            action.lower() for action in _texts(body.get("Action", body.get("NotAction"))) or []
        ),
        actions_inverted="NotAction" in body,
        resources=None
        if resources is None
        else Resources.of(resources, inverted=inverted, variables=variables),
        principals=named,
        conditions=tuple(
            _condition(operator, key, values, variables=variables)
            for operator, keys in body.get("Condition", {}).items()
            for key, values in keys.items()
        ),
    )


def _condition(operator: str, key: str, values: Any, *, variables: bool) -> conditions.Condition:
    listed = values if isinstance(values, list) else [values]
    texts: list[str] = []
    for value in listed:
        if isinstance(value, bool):
            texts.append("true" if value else "false")
        elif isinstance(value, str | int | float):
            texts.append(str(value))
        else:
            raise MalformedPolicyDocument(SYNTAX)
    try:
        condition = conditions.parse(operator, key, texts, variables=variables)
    except ValueError as error:
        raise MalformedPolicyDocument(LEGACY) from error
    if condition is None:
        raise MalformedPolicyDocument(SYNTAX)
    return condition
