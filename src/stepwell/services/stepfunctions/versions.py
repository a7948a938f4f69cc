"""Versions: a state machine as it was at one moment, under a number that is never used again."""

from __future__ import annotations

from msgspec.structs import replace

from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.stepfunctions import names, pages, qualifiers
from stepwell.services.stepfunctions.errors import Conflict, InvalidArn, QuotaExceeded
from stepwell.services.stepfunctions.records import (
    StateMachine,
    StateMachineVersion,
    aliases_of,
    find,
    find_version,
    save,
    version_key,
    versions_of,
)

#: versions that a machine may have
LIMIT = 1000
#: what callers call the revision of a machine that was never changed
INITIAL = "INITIAL"


def publish(draft: Draft, machine: StateMachine, description: str | None) -> StateMachineVersion:
    """The version of a machine's current revision, made where there is none. Raises QuotaExceeded."""
    latest = draft.get(StateMachineVersion, version_key(machine.name, machine.versions))
    if latest is not None and latest.revision == machine.revision:
        return latest
    if sum(1 for _ in versions_of(draft, machine.name)) >= LIMIT:
        raise QuotaExceeded(f"Maximum number of versions ({LIMIT}) for a state machine has been reached")
    version = StateMachineVersion(
        machine=machine.name,
        machine_arn=machine.arn,
        number=machine.versions + 1,
        created=draft.now,
        description=description,
        role=machine.role,
        definition=machine.definition,
        updated=machine.updated,
        revision=machine.revision,
        logging=machine.logging,
        tracing=machine.tracing,
        encryption=machine.encryption,
    )
    save(draft, version)
    save(draft, replace(machine, versions=version.number))
    return version


def publish_version(call: Call, draft: Draft) -> Answer:
    """PublishStateMachineVersion: of the current revision."""
    params = call.params
    machine = find(draft, params["stateMachineArn"])
    wanted = params.get("revisionId")
    current = machine.revision or INITIAL
    if wanted is not None and wanted != current:
        raise Conflict(
            f"Failed to publish the State Machine version for revision {wanted}. The current State Machine "
            f"revision is {current}."
        )
    version = publish(draft, machine, params.get("description"))
    return {"stateMachineVersionArn": version.arn, "creationDate": version.created}


def delete_version(call: Call, draft: Draft) -> Answer:
    """DeleteStateMachineVersion: executions of it run on; one that is not there is no error."""
    arn = call.params["stateMachineVersionArn"]
    if not names.qualified(arn)[1].isdecimal():
        raise InvalidArn(f"Invalid ARN: {arn}")
    found = find_version(draft, arn)
    if found is None:
        return {}
    using = [
        alias.name
        for alias in aliases_of(draft, found.machine)
        if any(route.version == found.number for route in alias.routes)
    ]
    if using:
        raise Conflict(
            "Version to be deleted must not be referenced by an alias. Current list of aliases referencing "
            f"this version: [{', '.join(using)}]"
        )
    draft.delete(StateMachineVersion, found.key)
    return {}


def list_versions(call: Call, view: View) -> Answer:
    """ListStateMachineVersions, the latest first."""
    params = call.params
    after = pages.place("ListStateMachineVersions", params)
    name = names.machine_name(params["stateMachineArn"])
    if name is None:
        raise InvalidArn(f"Invalid ARN: {params['stateMachineArn']}")
    listed = versions_of(view, name, after=after)
    found, more = pages.page("ListStateMachineVersions", params, listed, lambda version: version.key)
    shown = [
        {"stateMachineVersionArn": version.arn, "creationDate": version.created}
        for version in found
        if version.machine_arn == params["stateMachineArn"]
    ]
    return {"stateMachineVersions": shown, **more}


OPERATIONS = (
    Operation(
        name="PublishStateMachineVersion",
        rights=(Right(action="states:PublishStateMachineVersion", resource="{stateMachineArn}"),),
        honoured=words("stateMachineArn revisionId description"),
        decide=publish_version,
    ),
    Operation(
        name="DeleteStateMachineVersion",
        rights=(qualifiers.right("states:DeleteStateMachineVersion", "stateMachineVersionArn"),),
        honoured=words("stateMachineVersionArn"),
        decide=delete_version,
    ),
    Operation(
        name="ListStateMachineVersions",
        rights=(Right(action="states:ListStateMachineVersions", resource="{stateMachineArn}"),),
        honoured=words("stateMachineArn maxResults nextToken"),
        read=list_versions,
    ),
)
