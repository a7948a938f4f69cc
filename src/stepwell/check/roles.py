"""The roles of a program: who takes them on, and what they may do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal as Choice

from stepwell.calls import Caller
from stepwell.check import packages
from stepwell.check.json_values import ACCOUNT, arn, document, name, plain
from stepwell.check.program import Program
from stepwell.check.resources import Declared, referred
from stepwell.check.sources import Place
from stepwell.check.values import Value, get, items, text
from stepwell.identity import evaluate, managed, policy

Kind = Choice["inline", "managed", "resource", "trust"]
ROLE = "aws:iam/role:Role"

#: types and their properties that are policies
LOG_POLICY = "aws:cloudwatch/logResourcePolicy:LogResourcePolicy"
_POLICIES: tuple[tuple[str, str, Kind], ...] = (
    (ROLE, "assumeRolePolicy", "trust"),
    ("aws:iam/rolePolicy:RolePolicy", "policy", "inline"),
    ("aws:iam/userPolicy:UserPolicy", "policy", "inline"),
    ("aws:iam/groupPolicy:GroupPolicy", "policy", "inline"),
    ("aws:iam/policy:Policy", "policy", "managed"),
    ("aws:s3/bucketPolicy:BucketPolicy", "policy", "resource"),
    ("aws:sqs/queuePolicy:QueuePolicy", "policy", "resource"),
    ("aws:sns/topicPolicy:TopicPolicy", "policy", "resource"),
    (LOG_POLICY, "policyDocument", "resource"),
)
#: types, the property that names a role, and the service that takes it on
USERS = (
    ("aws:lambda/function:Function", "role", "lambda.amazonaws.com"),
    ("aws:sfn/stateMachine:StateMachine", "roleArn", "states.amazonaws.com"),
    ("aws:sagemaker/model:Model", "executionRoleArn", "sagemaker.amazonaws.com"),
    ("aws:ssm/maintenanceWindowTask:MaintenanceWindowTask", "serviceRoleArn", "ssm.amazonaws.com"),
    ("aws:cloudwatch/eventTarget:EventTarget", "roleArn", "events.amazonaws.com"),
    ("aws:ssm/activation:Activation", "iamRole", "ssm.amazonaws.com"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A policy that the program writes."""

    resource: Declared
    property: str
    kind: Kind
    value: Value


@dataclass(slots=True, kw_only=True, eq=False)
class Role:
    """A role of the program."""

    resource: Declared
    #: its own documents: inline, and of the policies that are attached to it
    documents: list[Document] = field(default_factory=list)
    #: the ARNs of AWS's policies that are attached to it, with where they are named
    managed: list[tuple[Value, str]] = field(default_factory=list)
    #: what takes it on
    users: list[Declared] = field(default_factory=list)
    #: whether it may be allowed more than is known
    open: bool = False

    @property
    def place(self) -> Place:
        return self.resource.place

    def policies(self) -> tuple[policy.Policy, ...]:
        """All that it is allowed; what isn't known of a resource's ARN counts as any."""
        found = []
        for each in self.documents:
            compiled = compiled_leniently(each)
            if compiled is not None:
                found.append(compiled)
        found += [known.policy for _, named in self.managed if (known := closest(named)) is not None]
        return tuple(found)

    def may(self, action: str, resource: str, context: Mapping[str, str] | None = None) -> bool:
        """Whether the role is allowed the action on the resource, or may be for all that is known."""
        if self.open:
            return True
        role_arn = arn(self.resource) or f"arn:aws:iam::{ACCOUNT}:role/{self.resource.label}"
        caller = Caller(
            arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/{name(self.resource)}/check",
            account=ACCOUNT,
            kind="role",
            role=role_arn,
        )
        request = evaluate.Request(
            action=action, resource=resource, principal=caller, context=dict(context or {})
        )
        return evaluate.decide(request, evaluate.Policies(identity=self.policies())).allowed

    def may_somewhere(self, action: str) -> bool:
        """Whether any statement allows the action, on whatever resource and condition."""
        return self.open or any(
            statement.actions.match(action.lower()) is not statement.actions_inverted
            for each in self.policies()
            for statement in each.allows
        )


def closest(named: str) -> managed.ManagedPolicy | None:
    """AWS's policy with this ARN, or with this name and another path."""
    same = (each for each in managed.arns() if each.rpartition("/")[2] == named.rpartition("/")[2])
    return managed.find(named) or managed.find(next(same, ""))


def compiled_leniently(found: Document) -> policy.Policy | None:
    """The policy, with `*` for what isn't known of it; None where it is no policy."""
    value = document(found.value)
    if value is None:
        return None
    try:
        return policy.parse(plain(value, untold="*").value, kind=found.kind, name=found.resource.label)
    except policy.MalformedPolicyDocument:
        return None


def documents(program: Program) -> Iterator[Document]:
    """All policies that the program writes."""
    for resource in program.resources:
        for kind, prop, sort in _POLICIES:
            value = resource.get(prop) if resource.type == kind else None
            if value is not None:
                yield Document(resource=resource, property=prop, kind=sort, value=value)
        if resource.type == ROLE:
            for each in items(resource.get("inlinePolicies")):
                value = get(each, "policy")
                if value is not None:
                    yield Document(resource=resource, property="policy", kind="inline", value=value)


def attachments(program: Program) -> Iterator[tuple[Declared | None, Value]]:
    """Policies attached to roles: the role (None where that isn't known) and the policy's ARN."""
    by_name = {name(each): each for each in program.of(ROLE)}
    for resource in program.resources:
        if resource.type == ROLE:
            for each in items(resource.get("managedPolicyArns")):
                yield resource, each
        elif resource.type == "aws:iam/rolePolicyAttachment:RolePolicyAttachment":
            value = resource.get("policyArn")
            if value is not None:
                yield _role(resource.get("role"), by_name), value
        elif resource.type == "aws:iam/policyAttachment:PolicyAttachment":
            value = resource.get("policyArn")
            if value is not None:
                yield from ((_role(each, by_name), value) for each in items(resource.get("roles")))


def _role(value: Value | None, by_name: Mapping[str, Declared]) -> Declared | None:
    found = referred(value)
    if found is not None and found.type == ROLE:
        return found
    return by_name.get(text(value) or "")


def managed_arns(program: Program) -> Iterator[tuple[Value, str]]:
    """The literal ARNs of policies that are attached to anything."""
    named = [value for _, value in attachments(program)]
    for kind in (
        "aws:iam/userPolicyAttachment:UserPolicyAttachment",
        "aws:iam/groupPolicyAttachment:GroupPolicyAttachment",
    ):
        for resource in program.of(kind):
            named += items(resource.get("policyArn"))
    for value in named:
        found = text(value)
        if found is not None:
            yield value, found


def roles(program: Program) -> dict[Declared, Role]:
    """The roles of a program, with all that it says of them."""
    found = {each: Role(resource=each, open=each.open) for each in program.of(ROLE)}
    by_name = {name(each): each for each in found}
    for written in documents(program):
        if written.kind == "managed":
            continue
        owner = _owner(written, by_name)
        if owner is None:
            # whose policy this is isn't known: it may be any role's
            if written.resource.type == "aws:iam/rolePolicy:RolePolicy":
                _open(found)
            continue
        if written.kind == "inline" and owner in found:
            found[owner].documents.append(written)
            found[owner].open = found[owner].open or document(written.value) is None
        elif written.kind == "trust" and written.resource.open:
            found[owner].open = True
    attached = {
        each: doc for doc in documents(program) if (each := doc.resource).type == "aws:iam/policy:Policy"
    }
    for role, value in attachments(program):
        if role is None:
            _open(found)
            continue
        target = found.get(role)
        literal, declared = text(value), referred(value)
        if target is None:
            continue
        if literal is not None:
            target.managed.append((value, literal))
            unread = closest(literal) is None and (
                not literal.startswith("arn:aws:iam::aws:") or literal in packages.managed_policies()
            )
            target.open = target.open or unread
        elif declared is not None and declared in attached:
            target.documents.append(attached[declared])
            target.open = target.open or document(attached[declared].value) is None
        else:
            target.open = True
    for kind, prop, _ in USERS:
        for resource in program.of(kind):
            owner = _role(resource.get(prop), by_name)
            if owner in found:
                found[owner].users.append(resource)
    return found


def _owner(written: Document, by_name: Mapping[str, Declared]) -> Declared | None:
    if written.resource.type == ROLE:
        return written.resource
    return _role(written.resource.get("role"), by_name)


def _open(found: Mapping[Declared, Role]) -> None:
    for role in found.values():
        role.open = True
