"""Aliases: names that lead the starts of executions to one or two versions of a machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Answer, Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.stepfunctions import names, pages, qualifiers
from stepwell.services.stepfunctions.errors import (
    Conflict,
    QuotaExceeded,
    ResourceNotFound,
    StateMachineDoesNotExist,
)
from stepwell.services.stepfunctions.records import (
    Route,
    StateMachineAlias,
    aliases_of,
    find,
    find_alias,
    find_version,
    target,
)

#: aliases that a machine may have
LIMIT = 100


def _find(view: View, arn: str) -> StateMachineAlias:
    found = find_alias(view, arn)
    if found is None:
        raise ResourceNotFound(arn)
    return found


def create_alias(call: Call, draft: Draft) -> Answer:
    """CreateStateMachineAlias: the same again is the same alias."""
    params = call.params
    name = params["name"]
    arns = _version_arns(params["routingConfiguration"])
    machine = find(draft, names.unqualified(arns[0]))
    routes = _routes(draft, params["routingConfiguration"], machine.arn)
    found = draft.get(StateMachineAlias, f"{machine.name}:{name}")
    if found is not None:
        if (found.routes, found.description) != (routes, params.get("description")):
            raise Conflict(
                "Failed to create alias because an alias with the same name and a different routing "
                "configuration already exists."
            )
        return {"stateMachineAliasArn": found.arn, "creationDate": found.created}
    if len(aliases_of(draft, machine.name)) >= LIMIT:
        raise QuotaExceeded(f"Maximum number of aliases ({LIMIT}) for a state machine has been reached")
    alias = StateMachineAlias(
        machine=machine.name,
        machine_arn=machine.arn,
        name=name,
        routes=routes,
        created=draft.now,
        updated=draft.now,
        description=params.get("description"),
    )
    draft.put(alias)
    return {"stateMachineAliasArn": alias.arn, "creationDate": alias.created}


def update_alias(call: Call, draft: Draft) -> Answer:
    """UpdateStateMachineAlias."""
    params = call.params
    found = _find(draft, params["stateMachineAliasArn"])
    changed: dict[str, Any] = {}
    if "description" in params:
        changed["description"] = params["description"]
    if "routingConfiguration" in params:
        changed["routes"] = _routes(draft, params["routingConfiguration"], found.machine_arn)
    if not changed:
        raise ValidationException(
            "Either the description or the routing configuration must be specified",
            fields={"reason": "MISSING_REQUIRED_PARAMETER"},
        )
    draft.put(replace(found, **changed, updated=draft.now))
    return {"updateDate": draft.now}


def delete_alias(call: Call, draft: Draft) -> Answer:
    """DeleteStateMachineAlias: its versions stay."""
    draft.delete(StateMachineAlias, _find(draft, call.params["stateMachineAliasArn"]).key)
    return {}


def describe_alias(call: Call, view: View) -> Answer:
    """DescribeStateMachineAlias."""
    found = _find(view, call.params["stateMachineAliasArn"])
    shown: dict[str, Any] = {
        "stateMachineAliasArn": found.arn,
        "name": found.name,
        "routingConfiguration": [
            {"stateMachineVersionArn": f"{found.machine_arn}:{route.version}", "weight": route.weight}
            for route in found.routes
        ],
        "creationDate": found.created,
        "updateDate": found.updated,
    }
    if found.description is not None:
        shown["description"] = found.description
    return shown


def list_aliases(call: Call, view: View) -> Answer:
    """ListStateMachineAliases: of a machine, or those that lead to a version."""
    params = call.params
    after = pages.place("ListStateMachineAliases", params)
    named = target(view, params["stateMachineArn"])
    if named.alias is not None:
        raise StateMachineDoesNotExist(params["stateMachineArn"])
    listed = [
        alias
        for alias in aliases_of(view, named.machine.name)
        if named.version is None or any(route.version == named.version.number for route in alias.routes)
    ]
    if after:
        places = [alias.name for alias in listed]
        listed = listed[places.index(after) + 1 if after in places else len(listed) :]
    found, more = pages.page("ListStateMachineAliases", params, listed, lambda alias: alias.name)
    shown = [{"stateMachineAliasArn": alias.arn, "creationDate": alias.created} for alias in found]
    return {"stateMachineAliases": shown, **more}


def _version_arns(routing: Sequence[Mapping[str, Any]]) -> list[str]:
    """The versions that a routing configuration names. Raises ValidationException."""
    arns = [route["stateMachineVersionArn"] for route in routing]
    if not all(names.qualified(arn)[1].isdecimal() for arn in arns):
        raise _invalid("contain state machine version ARNs", arns)
    return arns


def _routes(view: View, routing: Sequence[Mapping[str, Any]], machine_arn: str) -> tuple[Route, ...]:
    """The routes to versions of a machine. Raises ValidationException, ResourceNotFound."""
    arns = _version_arns(routing)
    if len(set(arns)) < len(arns):
        raise _invalid("contain distinct state machine version ARNs", arns)
    if any(names.unqualified(arn) != machine_arn for arn in arns):
        raise _invalid("contain versions of the same state machine", arns)
    weights = [route["weight"] for route in routing]
    if sum(weights) != 100:
        raise ValidationException(
            f"Sum of routing configuration weights must equal 100. Received: {weights}", fields=_REASON
        )
    routes = []
    for arn, weight in zip(arns, weights, strict=True):
        version = find_version(view, arn)
        if version is None:
            raise ResourceNotFound(arn)
        routes.append(Route(version=version.number, weight=weight))
    return tuple(routes)


_REASON = {"reason": "INVALID_ROUTING_CONFIGURATION"}


def _invalid(what: str, arns: Sequence[str]) -> ValidationException:
    received = f"Received: [{', '.join(arns)}]"
    return ValidationException(f"Routing configuration must {what}. {received}", fields=_REASON)


def _machine(params: Mapping[str, Any], site: Site) -> str:
    """The machine that a new alias belongs to."""
    return names.unqualified(params["routingConfiguration"][0]["stateMachineVersionArn"])


OPERATIONS = (
    Operation(
        name="CreateStateMachineAlias",
        rights=(
            Right(action="states:CreateStateMachineAlias", resource=_machine, keys={qualifiers.KEY: "name"}),
        ),
        honoured=words("name description routingConfiguration"),
        decide=create_alias,
    ),
    Operation(
        name="UpdateStateMachineAlias",
        rights=(qualifiers.right("states:UpdateStateMachineAlias", "stateMachineAliasArn"),),
        honoured=words("stateMachineAliasArn description routingConfiguration"),
        decide=update_alias,
    ),
    Operation(
        name="DeleteStateMachineAlias",
        rights=(qualifiers.right("states:DeleteStateMachineAlias", "stateMachineAliasArn"),),
        honoured=words("stateMachineAliasArn"),
        decide=delete_alias,
    ),
    Operation(
        name="DescribeStateMachineAlias",
        rights=(qualifiers.right("states:DescribeStateMachineAlias", "stateMachineAliasArn"),),
        honoured=words("stateMachineAliasArn"),
        read=describe_alias,
    ),
    Operation(
        name="ListStateMachineAliases",
        rights=(qualifiers.right("states:ListStateMachineAliases"),),
        honoured=words("stateMachineArn maxResults nextToken"),
        read=list_aliases,
    ),
)
