"""The policy simulator: what policies would decide, without anyone doing anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepwell import arn as arns
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call, Caller
from stepwell.durable import View
from stepwell.identity import documents
from stepwell.identity.conditions import OPERATORS
from stepwell.identity.evaluate import Request
from stepwell.identity.policy import MalformedPolicyDocument
from stepwell.identity.simulate import Result, Simulation, Source
from stepwell.services.iam import paging
from stepwell.services.iam.applying import tag_keys
from stepwell.services.iam.entities import GROUPS, PAGING, find_arn, kind_of
from stepwell.services.iam.errors import InvalidInput, NoSuchEntity
from stepwell.services.iam.policies import find_policy
from stepwell.services.iam.records import Entity, Role, User

_ACTION = re.compile(r"[A-Za-z0-9.-]+:[A-Za-z0-9]+")
_ACCOUNT = re.compile(r"(?:arn:aws[a-z-]*:iam::)?(\d{12})(?::root)?")
#: characters of policies, times cases, times thousands of characters of a context value, in one answer
WORK = 100_000_000
#: which operator reads values of a context entry's type
_READERS = {"numeric": "NumericEquals", "boolean": "Bool", "ip": "IpAddress", "date": "DateEquals"}


def _read(texts: list[str], name: str) -> list[Source]:
    """Policies that came with the call. Raises InvalidInput."""
    try:
        return [Source.read(text, f"{name}.{index}") for index, text in enumerate(texts, 1)]
    except MalformedPolicyDocument as error:
        raise InvalidInput(f"Invalid Policy: {error.message}") from error


def _resource(params: Mapping[str, Any]) -> Source | None:
    text = params.get("ResourcePolicy")
    if text is None:
        return None
    if "CallerArn" not in params:
        raise InvalidInput("A CallerArn is required when a ResourcePolicy is given.")
    try:
        return Source.read(text, "ResourcePolicy", resource=True)
    except MalformedPolicyDocument as error:
        raise InvalidInput(f"Invalid Policy: {error.message}") from error


def _boundary(params: Mapping[str, Any]) -> Source | None:
    given = _read(
        params.get("PermissionsBoundaryPolicyInputList") or [], "PermissionsBoundaryPolicyInputList"
    )
    if len(given) > 1:
        raise InvalidInput("Only one permissions boundary policy can be simulated.")
    return given[0] if given else None


def _entries(params: Mapping[str, Any]) -> dict[str, list[str]]:
    """The context of the call. Raises InvalidInput for values that are not of their type."""
    context: dict[str, list[str]] = {}
    for entry in params.get("ContextEntries") or ():
        name, kind = entry.get("ContextKeyName"), entry.get("ContextKeyType", "string")
        values = entry.get("ContextKeyValues") or []
        if not name:
            raise InvalidInput("A context entry must have a ContextKeyName.")
        reader = _READERS.get(kind.removesuffix("List"))
        for value in values if reader is not None else ():
            try:
                OPERATORS[reader or ""][0](value)
            except ValueError:
                raise InvalidInput(f"The value {value} of {name} is not of the type {kind}.") from None
        context[name] = values
    return context


def _user(arn: str) -> Caller:
    """The caller that CallerArn names. Raises InvalidInput."""
    named = arns.parse(arn)
    if named is None or named.service != "iam" or not named.resource.startswith("user/"):
        raise InvalidInput(f"Invalid caller ARN: {arn}. It must be the ARN of an IAM user.")
    return Caller(arn=arn, account=named.account, kind="user")


def _begin(params: Mapping[str, Any]) -> int:
    """The number of the page's first case. Raises InvalidInput."""
    after = paging.start(params)
    if not re.fullmatch(r"[0-9]{0,18}", after):
        raise InvalidInput("The provided marker is not valid.")
    return int(after) + 1 if after else 0


def _refuse_endless(simulation: Simulation, context: Mapping[str, list[str]], cases: int) -> None:
    """Raise InvalidInput for what would keep the server busy for more than seconds."""
    sources = (*simulation.identity, simulation.resource, simulation.boundary)
    characters = sum(len(source.text) for source in sources if source is not None)
    longest = max((len(value) for values in context.values() for value in values), default=0)
    if characters * cases * (1 + longest // 1_000) > WORK:
        raise InvalidInput("The policies are too long to simulate so many cases at once: lower MaxItems.")


def _answer(
    params: Mapping[str, Any], simulation: Simulation, caller: Caller, keys: Mapping[str, Any]
) -> dict[str, Any]:
    owner = params.get("ResourceOwner")
    account = _ACCOUNT.fullmatch(owner) if owner is not None else None
    if owner is not None and account is None:
        raise InvalidInput(f"Invalid resource owner: {owner}")
    context = _entries(params)
    actions, resources = params["ActionNames"], params.get("ResourceArns") or ("*",)
    for action in actions:
        if not _ACTION.fullmatch(action):
            raise InvalidInput(f"Invalid action name: {action}")
    cases = range(_begin(params), len(actions) * len(resources))
    _refuse_endless(simulation, context, min(len(cases), params.get("MaxItems") or paging.PAGES.default))

    def show(case: int) -> dict[str, Any]:
        action, resource = actions[case // len(resources)], resources[case % len(resources)]
        request = Request(
            action=action,
            resource=resource,
            principal=caller,
            context=context,
            resource_account=_owner(resource, account, caller),
        )
        return _shown(request, simulation.run(request, keys))

    return paging.page(params, "EvaluationResults", cases, str, show)


def _owner(resource: str, account: re.Match[str] | None, caller: Caller) -> str | None:
    """Whose the resource is: its ARN's account, or the one that the call names."""
    named = arns.parse(resource)
    if named is not None and named.account.isdigit():
        return None
    return account[1] if account is not None else caller.account


def _shown(request: Request, result: Result) -> dict[str, Any]:
    """AWS's EvaluationResult structure; with a resource it says the same of that resource again."""
    common: dict[str, Any] = {
        "MatchedStatements": [
            {
                "SourcePolicyId": match.source.id,
                "SourcePolicyType": match.source.type,
                "StartPosition": {"Line": match.start[0], "Column": match.start[1]},
                "EndPosition": {"Line": match.end[0], "Column": match.end[1]},
            }
            for match in result.matches
        ]
    }
    if result.bounded is not None:
        common["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": result.bounded}
    answer = {
        "EvalActionName": request.action,
        "EvalResourceName": request.resource,
        "EvalDecision": result.decision,
        **common,
    }
    missing = list(result.missing)
    if request.resource == "*":
        return {**answer, "MissingContextValues": missing}
    common["EvalDecisionDetails"] = dict(result.sides)
    specific = {
        "EvalResourceName": request.resource,
        "EvalResourceDecision": result.decision,
        "MissingContextValues": missing,
        **common,
    }
    return {**answer, **common, "MissingContextValues": [], "ResourceSpecificResults": [specific]}


def _nobody(account: str) -> tuple[Caller, dict[str, list[str]]]:
    """A caller of whom policies know nothing: its keys count as missing."""
    caller = Caller(arn=f"arn:aws:iam::{account}:user/", account=account, kind="user")
    unknown = ("Arn", "Account", "Type", "IsAWSService")
    return caller, {"aws:username": [], **{f"aws:Principal{name}": [] for name in unknown}}


def simulate_custom_policy(call: Call, view: View) -> dict[str, Any]:
    params = call.params
    caller, keys = _nobody(view.account)
    if "CallerArn" in params:
        caller, keys = _user(params["CallerArn"]), {}
    simulation = Simulation(
        identity=_read(params["PolicyInputList"], "PolicyInputList"),
        boundary=_boundary(params),
        resource=_resource(params),
    )
    return _answer(params, simulation, caller, keys)


def _principal(view: View, arn: str) -> Entity:
    """The user, group or role. Raises NoSuchEntity, InvalidInput."""
    named = arns.parse(arn)
    if named is None or named.service != "iam" or "/" not in named.resource:
        raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")
    word, name = named.resource.partition("/")[0], named.resource.rpartition("/")[2]
    if word not in ("user", "group", "role"):
        raise InvalidInput(f"Invalid Entity Arn: {arn} is not a user, a group or a role.")
    entity = find_arn(view, arn)
    if entity is None:
        raise NoSuchEntity(f"The {word} with name {name} cannot be found.")
    return entity


def _sources(view: View, entity: Entity) -> Iterator[Source]:
    """The policies of a principal, its groups' behind its own."""
    holders = [entity]
    if isinstance(entity, User):
        holders += [GROUPS.find(view, key) for key in entity.groups]
    for holder in holders:
        word = holder.KIND
        for name, text in sorted(holder.inline.items()):
            yield Source.read(text, f"{kind_of(word).word}_{holder.name}_{name}")
        for arn in holder.attached:
            policy = find_policy(view, arn)
            yield Source.read(policy.document, policy.name)


def simulate_principal_policy(call: Call, view: View) -> dict[str, Any]:
    params = call.params
    entity = _principal(view, params["PolicySourceArn"])
    boundary = _boundary(params)
    caller, keys = _nobody(view.account)
    if isinstance(entity, Role | User):
        kind = entity.KIND
        caller = Caller(
            arn=entity.arn,
            account=view.account,
            kind=kind,
            role=entity.arn if kind == "role" else None,
            user_id=entity.id,
        )
        keys = dict(tag_keys(entity.tags))  # type: ignore[arg-type]
        if boundary is None and entity.boundary is not None:
            policy = find_policy(view, entity.boundary)
            boundary = Source.read(policy.document, policy.name)
    if "CallerArn" in params:
        caller = _user(params["CallerArn"])
    simulation = Simulation(
        identity=[*_sources(view, entity), *_read(params.get("PolicyInputList") or [], "PolicyInputList")],
        boundary=boundary,
        resource=_resource(params),
    )
    return _answer(params, simulation, caller, keys)


def get_context_keys_for_custom_policy(call: Call, view: View) -> dict[str, Any]:
    given = _read(call.params["PolicyInputList"], "PolicyInputList")
    return {"ContextKeyNames": documents.all_context_keys(source.text for source in given)}


def get_context_keys_for_principal_policy(call: Call, view: View) -> dict[str, Any]:
    entity = _principal(view, call.params["PolicySourceArn"])
    given = _read(call.params.get("PolicyInputList") or [], "PolicyInputList")
    sources = [*_sources(view, entity), *given]
    return {"ContextKeyNames": documents.all_context_keys(source.text for source in sources)}


_SIMULATED = (
    "PolicyInputList PermissionsBoundaryPolicyInputList ActionNames ResourceArns ResourcePolicy "
    "ResourceOwner CallerArn ContextEntries" + PAGING
)


def _operation(name: str, fields: str, resource: str, **handler: Any) -> Operation:
    rights = (Right(action=f"iam:{name}", resource=resource),)
    return Operation(name=name, rights=rights, honoured=words(fields), **handler)


OPERATIONS = (
    _operation("SimulateCustomPolicy", _SIMULATED, "*", read=simulate_custom_policy),
    _operation(
        "SimulatePrincipalPolicy",
        "PolicySourceArn " + _SIMULATED,
        "{PolicySourceArn}",
        read=simulate_principal_policy,
    ),
    _operation(
        "GetContextKeysForCustomPolicy", "PolicyInputList", "*", read=get_context_keys_for_custom_policy
    ),
    _operation(
        "GetContextKeysForPrincipalPolicy",
        "PolicySourceArn PolicyInputList",
        "{PolicySourceArn}",
        read=get_context_keys_for_principal_policy,
    ),
)
