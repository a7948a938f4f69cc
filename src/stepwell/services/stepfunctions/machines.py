"""State machines: create, update, describe, list, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine import Engine
from stepwell.engine.programs import blob
from stepwell.errors import ValidationException
from stepwell.services.stepfunctions import managed_rules, names, pages, qualifiers, versions
from stepwell.services.stepfunctions.definitions import EXPRESS, prepare_definition
from stepwell.services.stepfunctions.errors import (
    InvalidLoggingConfiguration,
    ManagedRuleDenied,
    MissingRequiredParameter,
    StateMachineAlreadyExists,
    StateMachineTypeNotSupported,
    TooManyTags,
)
from stepwell.services.stepfunctions.records import (
    OWN_KEY,
    StateMachine,
    StateMachineAlias,
    StateMachineVersion,
    aliases_of,
    configuration,
    definition_of,
    find,
    save,
    shown_definition,
    target,
    versions_of,
)
from stepwell.services.stepfunctions.roles import SERVICE, require_trusted

TAGS_LIMIT = 50


def operations(engine: Engine) -> tuple[Operation, ...]:
    """The operations of this noun."""

    async def prepare_create(call: Call, context: Context) -> bool:
        """Whether the role may make the managed rules."""
        _refuse(call.params)
        await prepare_definition(engine, call, context)
        if call.params.get("type") == EXPRESS:
            raise StateMachineTypeNotSupported("Stepwell does not support state machines of type EXPRESS")
        role, definition = call.params["roleArn"], call.params["definition"]
        return await context.read(lambda view: managed_rules.permitted(context, view, role, definition))

    async def prepare_update(call: Call, context: Context) -> bool:
        """Whether the role, the new one or the machine's, may make the managed rules."""
        _refuse(call.params)
        await prepare_definition(engine, call, context)

        def look(view: View) -> bool:
            found = find(view, call.params["stateMachineArn"])
            role = call.params.get("roleArn", found.role)
            definition = call.params.get("definition") or definition_of(view, found.definition)
            return managed_rules.permitted(context, view, role, definition)

        return await context.read(look)

    def delete(call: Call, draft: Draft) -> Answer:
        arn = call.params["stateMachineArn"]
        name = names.machine_name(arn)
        found = None if name is None else draft.get(StateMachine, name)
        if found is not None and found.arn == arn:
            draft.delete(StateMachine, found.key)
            for alias in aliases_of(draft, found.name):
                draft.delete(StateMachineAlias, alias.key)
            for version in list(versions_of(draft, found.name)):
                draft.delete(StateMachineVersion, version.key)
            engine.forget_all(draft, found.name)
        return {}

    pass_role = Right(
        action="iam:PassRole",
        resource="{roleArn}",
        keys={"iam:PassedToService": f"={SERVICE}"},
        when=lambda params: "roleArn" in params,
    )
    return (
        Operation(
            name="CreateStateMachine",
            rights=(
                Right(action="states:CreateStateMachine", resource=_arn_of_name),
                Right(
                    action="states:TagResource",
                    resource=_arn_of_name,
                    when=lambda params: bool(params.get("tags")),
                ),
                Right(
                    action="states:PublishStateMachineVersion",
                    resource=_arn_of_name,
                    when=lambda params: bool(params.get("publish")),
                ),
                pass_role,
            ),
            honoured=words("name definition roleArn type tags publish versionDescription"),
            recorded=words("loggingConfiguration tracingConfiguration encryptionConfiguration"),
            prepare=prepare_create,
            decide=create,
        ),
        Operation(
            name="UpdateStateMachine",
            rights=(
                Right(action="states:UpdateStateMachine", resource="{stateMachineArn}"),
                Right(
                    action="states:PublishStateMachineVersion",
                    resource="{stateMachineArn}",
                    when=lambda params: bool(params.get("publish")),
                ),
                pass_role,
            ),
            honoured=words("stateMachineArn definition roleArn publish versionDescription"),
            recorded=words("loggingConfiguration tracingConfiguration encryptionConfiguration"),
            prepare=prepare_update,
            decide=update,
        ),
        Operation(
            name="DescribeStateMachine",
            rights=(qualifiers.right("states:DescribeStateMachine"),),
            honoured=words("stateMachineArn includedData"),
            read=describe,
        ),
        Operation(
            name="ListStateMachines",
            rights=(
                Right(
                    action="states:ListStateMachines",
                    resource="arn:aws:states:{region}:{account}:stateMachine:*",
                ),
            ),
            honoured=words("maxResults nextToken"),
            read=list_all,
        ),
        Operation(
            name="DeleteStateMachine",
            rights=(Right(action="states:DeleteStateMachine", resource="{stateMachineArn}"),),
            honoured=words("stateMachineArn"),
            decide=delete,
        ),
    )


def create(call: Call, draft: Draft, permitted: bool) -> Answer:
    """CreateStateMachine: the same again is the same machine."""
    params = call.params
    name = params["name"]
    names.check_name(name)
    arn = names.machine_arn(draft.region, draft.account, name)
    definition = blob(params["definition"])
    found = draft.get(StateMachine, name)
    if found is not None:
        same = (
            found.definition,
            found.logging,
            found.tracing,
            found.encryption or OWN_KEY,
            found.publishing,
        ) == (
            definition.digest,
            params.get("loggingConfiguration", {}),
            params.get("tracingConfiguration", {}),
            params.get("encryptionConfiguration") or OWN_KEY,
            _publishing(params),
        )
        if not same:
            raise StateMachineAlreadyExists(arn)
        return {"stateMachineArn": arn, "creationDate": found.created, **_published(draft, found, params)}
    tags = {tag["key"]: tag["value"] for tag in params.get("tags", ())}
    if len(tags) > TAGS_LIMIT:
        raise TooManyTags(arn)
    _require_role(draft, params["roleArn"], arn, permitted)
    machine = StateMachine(
        name=name,
        arn=arn,
        role=params["roleArn"],
        definition=draft.keep(definition),
        created=draft.now,
        updated=draft.now,
        logging=params.get("loggingConfiguration", {}),
        tracing=params.get("tracingConfiguration", {}),
        encryption=params.get("encryptionConfiguration", {}),
        tags=tags,
        publishing=_publishing(params),
    )
    save(draft, machine)
    return {"stateMachineArn": arn, "creationDate": draft.now, **_published(draft, machine, params)}


def _publishing(params: Mapping[str, Any]) -> dict[str, Any]:
    said = words("publish versionDescription")
    return {name: params[name] for name in said if params.get(name)}


def _published(draft: Draft, machine: StateMachine, params: Mapping[str, Any]) -> dict[str, str]:
    """The version, where the call asks for one: a new one where this revision has none yet."""
    if not params.get("publish"):
        return {}
    version = versions.publish(draft, machine, params.get("versionDescription"))
    return {"stateMachineVersionArn": version.arn}


def update(call: Call, draft: Draft, permitted: bool) -> Answer:
    """UpdateStateMachine: new executions begin with it, running ones go on with the old."""
    params = call.params
    found = find(draft, params["stateMachineArn"])
    if params.keys() <= {"stateMachineArn", "publish", "versionDescription"}:
        raise MissingRequiredParameter(
            "Either the definition, the role ARN, the LoggingConfiguration, the "
            "TracingConfiguration or the EncryptionConfiguration must be specified"
        )
    changed = {
        member: params[parameter]
        for parameter, member in (
            ("roleArn", "role"),
            ("loggingConfiguration", "logging"),
            ("tracingConfiguration", "tracing"),
            ("encryptionConfiguration", "encryption"),
        )
        if parameter in params
    }
    if "roleArn" in params or "definition" in params:
        _require_role(draft, params.get("roleArn", found.role), found.arn, permitted)
    if "definition" in params:
        changed["definition"] = draft.keep(blob(params["definition"]))
    machine = replace(found, **changed)
    if machine != found:
        # what changes nothing makes no revision: recorded on AWS
        machine = replace(machine, updated=draft.now, revision=draft.uuid())
        save(draft, machine)
    answer: dict[str, Any] = {"updateDate": draft.now, **_published(draft, machine, params)}
    if machine.revision:
        answer["revisionId"] = machine.revision
    return answer


def _require_role(draft: Draft, role: str, machine: str, permitted: bool) -> None:
    """Raise RoleNotTrusted or ManagedRuleDenied."""
    require_trusted(draft, role, machine)
    if not permitted:
        raise ManagedRuleDenied(role)


def describe(call: Call, view: View) -> Answer:
    """DescribeStateMachine: of a machine, or of one of its versions."""
    found = target(view, call.params["stateMachineArn"])
    version, configured = found.version, found.configured
    shown: dict[str, Any] = {
        "stateMachineArn": found.arn,
        "name": found.machine.name,
        "status": "ACTIVE",
        "roleArn": configured.role,
        "type": "STANDARD",
        "creationDate": found.machine.created if version is None else version.created,
        **configuration(configured),
    }
    if version is not None and version.description is not None:
        shown["description"] = version.description
    if call.params.get("includedData") == "METADATA_ONLY":
        return shown
    return {**shown, **shown_definition(view, configured.definition)}


def list_all(call: Call, view: View) -> Answer:
    """ListStateMachines, by name."""
    after = pages.place("ListStateMachines", call.params)
    found, more = pages.page(
        "ListStateMachines", call.params, view.scan(StateMachine, after=after), lambda machine: machine.key
    )
    shown = [
        {
            "stateMachineArn": machine.arn,
            "name": machine.name,
            "type": "STANDARD",
            "creationDate": machine.created,
        }
        for machine in found
    ]
    return {"stateMachines": shown, **more}


def _refuse(params: Mapping[str, Any]) -> None:
    """What AWS refuses, and what this server does not have."""
    if "name" in params:
        names.check_name(params["name"])
    if "versionDescription" in params and not params.get("publish"):
        raise ValidationException("Version description can only be set when publish is true")
    logging = params.get("loggingConfiguration", {})
    if logging.get("level", "OFF") != "OFF" and len(logging.get("destinations", ())) != 1:
        raise InvalidLoggingConfiguration


def _arn_of_name(params: Mapping[str, Any], site: Site) -> str:
    return names.machine_arn(site.region, site.account, params["name"])
