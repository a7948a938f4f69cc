"""State machines: create, update, describe, list, delete."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec import field
from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.engine import Engine
from stepwell.engine.programs import blob
from stepwell.errors import ValidationException
from stepwell.services.stepfunctions import managed_rules, names, pages
from stepwell.services.stepfunctions.definitions import EXPRESS, prepare_definition
from stepwell.services.stepfunctions.errors import (
    InvalidLoggingConfiguration,
    ManagedRuleDenied,
    MissingRequiredParameter,
    StateMachineAlreadyExists,
    StateMachineDoesNotExist,
    StateMachineTypeNotSupported,
    TooManyTags,
)
from stepwell.services.stepfunctions.roles import SERVICE, require_trusted

TAGS_LIMIT = 50
_NO_LOGGING: Mapping[str, Any] = {"level": "OFF", "includeExecutionData": False}
_NO_TRACING: Mapping[str, Any] = {"enabled": False}


class StateMachine(Record, frozen=True, kw_only=True):
    """A state machine as it is now; executions keep what they began with."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "state-machine"

    name: str
    arn: str
    role: str
    #: the digest of the definition's text
    definition: str
    created: float
    updated: float
    #: empty until the first update
    revision: str = ""
    logging: dict[str, Any] = field(default_factory=dict)
    tracing: dict[str, Any] = field(default_factory=dict)
    encryption: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name


def find(view: View, arn: str) -> StateMachine:
    """The machine with this ARN. Raises InvalidArn, StateMachineDoesNotExist."""
    name = names.machine_name(arn)
    found = None if name is None else view.get(StateMachine, name)
    if found is None or found.arn != arn:
        raise StateMachineDoesNotExist(arn)
    return found


def definition_of(view: View, digest: str) -> str:
    """A definition's text."""
    data = view.small_blob(digest)
    assert data is not None, "a definition lives as long as a record needs it"
    return data.decode()


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
                pass_role,
            ),
            honoured=words("name definition roleArn type tags publish versionDescription"),
            recorded=words("loggingConfiguration tracingConfiguration encryptionConfiguration"),
            prepare=prepare_create,
            decide=create,
        ),
        Operation(
            name="UpdateStateMachine",
            rights=(Right(action="states:UpdateStateMachine", resource="{stateMachineArn}"), pass_role),
            honoured=words("stateMachineArn definition roleArn publish versionDescription"),
            recorded=words("loggingConfiguration tracingConfiguration encryptionConfiguration"),
            prepare=prepare_update,
            decide=update,
        ),
        Operation(
            name="DescribeStateMachine",
            rights=(Right(action="states:DescribeStateMachine", resource="{stateMachineArn}"),),
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
        Operation(
            name="ListStateMachineVersions",
            rights=(Right(action="states:ListStateMachineVersions", resource="{stateMachineArn}"),),
            honoured=words("stateMachineArn maxResults nextToken"),
            read=list_versions,
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
        same = (found.definition, found.logging, found.tracing, found.encryption) == (
            definition.digest,
            params.get("loggingConfiguration", {}),
            params.get("tracingConfiguration", {}),
            params.get("encryptionConfiguration", {}),
        )
        if not same:
            raise StateMachineAlreadyExists(arn)
        return {"stateMachineArn": arn, "creationDate": found.created}
    tags = {tag["key"]: tag["value"] for tag in params.get("tags", ())}
    if len(tags) > TAGS_LIMIT:
        raise TooManyTags(arn)
    _require_role(draft, params["roleArn"], arn, permitted)
    save(
        draft,
        StateMachine(
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
        ),
    )
    return {"stateMachineArn": arn, "creationDate": draft.now}


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
    revision = draft.uuid()
    save(draft, replace(found, **changed, updated=draft.now, revision=revision))
    return {"updateDate": draft.now, "revisionId": revision}


def _require_role(draft: Draft, role: str, machine: str, permitted: bool) -> None:
    """Raise RoleNotTrusted or ManagedRuleDenied."""
    require_trusted(draft, role, machine)
    if not permitted:
        raise ManagedRuleDenied(role)


def save(draft: Draft, machine: StateMachine) -> None:
    """Write a machine; its definition lives as long as it does."""
    draft.put(machine, blobs=[machine.definition])


def describe(call: Call, view: View) -> Answer:
    """DescribeStateMachine."""
    found = find(view, call.params["stateMachineArn"])
    shown: dict[str, Any] = {
        "stateMachineArn": found.arn,
        "name": found.name,
        "status": "ACTIVE",
        "roleArn": found.role,
        "type": "STANDARD",
        "creationDate": found.created,
        **configuration(found),
    }
    if found.revision:
        shown["revisionId"] = found.revision
    if found.encryption:
        shown["encryptionConfiguration"] = found.encryption
    if call.params.get("includedData") == "METADATA_ONLY":
        return shown
    return {**shown, "definition": definition_of(view, found.definition)}


def configuration(machine: StateMachine) -> dict[str, Any]:
    """Logging and tracing as AWS shows them where nobody has said anything."""
    return {
        "loggingConfiguration": {**_NO_LOGGING, **machine.logging},
        "tracingConfiguration": {**_NO_TRACING, **machine.tracing},
    }


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


def list_versions(call: Call, view: View) -> Answer:
    """ListStateMachineVersions: nothing is ever published here."""
    pages.place("ListStateMachineVersions", call.params)
    names.machine_name(call.params["stateMachineArn"])
    return {"stateMachineVersions": []}


def _refuse(params: Mapping[str, Any]) -> None:
    """What AWS refuses, and what this server does not have."""
    if "name" in params:
        names.check_name(params["name"])
    if "versionDescription" in params and not params.get("publish"):
        raise ValidationException("Version description can only be set when publish is true")
    if params.get("publish"):
        raise ValidationException("Stepwell does not support publishing versions of state machines")
    logging = params.get("loggingConfiguration", {})
    if logging.get("level", "OFF") != "OFF" and len(logging.get("destinations", ())) != 1:
        raise InvalidLoggingConfiguration


def _arn_of_name(params: Mapping[str, Any], site: Site) -> str:
    return names.machine_arn(site.region, site.account, params["name"])
