"""CreateAssociation and its siblings: what an association says, and what a change of it starts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError, ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.associations import rights, running, settings
from stepwell.services.ssm.associations.reading import association_for, described
from stepwell.services.ssm.associations.records import (
    Association,
    AssociationVersion,
    association_of,
    association_with,
    versions_of,
)
from stepwell.services.ssm.associations.runs import Awaited, Condition, Execution, executions_of
from stepwell.services.ssm.associations.scheduling import DUE, schedule
from stepwell.services.ssm.errors import (
    AssociationAlreadyExists,
    AssociationDoesNotExist,
    AssociationLimitExceeded,
    AssociationVersionLimitExceeded,
    InvalidUpdate,
    StatusUnchanged,
)

#: the resource type of associations' tags
TAGGED = "Association"
#: associations that an account may have, versions that one may have (quotas)
LIMIT, VERSIONS = 2000, 1000


async def prepare_new(call: Call, context: Context) -> dict[str, Any]:
    """The settings of a new association, checked as far as that is not for a decision."""
    found = settings.completed(call.params)
    await settings.prepare(call, context, found)
    return found


def create(call: Call, draft: Draft, prepared: Mapping[str, Any]) -> dict[str, Any]:
    """CreateAssociation."""
    association = _made(draft, prepared)
    tags.put(draft, TAGGED, association.id, call.params.get("Tags"))
    return {"AssociationDescription": described(association)}


def _made(draft: Draft, said: Mapping[str, Any]) -> Association:
    settings.check(draft, said)
    instance = said.get("InstanceId")
    if instance is not None and association_with(draft, said["Name"], instance) is not None:
        raise AssociationAlreadyExists(f"The document {said['Name']} is associated with {instance} already.")
    if sum(1 for _ in draft.scan(Association)) >= LIMIT:
        raise AssociationLimitExceeded(f"You can have at most {LIMIT:,} active associations.")
    association = Association(
        id=draft.uuid(), settings=dict(said), created=draft.now, updated=draft.now, since=draft.now
    )
    return _said(draft, association)


def _said(draft: Draft, association: Association) -> Association:
    """Keep what an association says now as its version, schedule it, and run it unless it waits."""
    draft.put(
        AssociationVersion(
            association=association.id,
            number=association.version,
            created=draft.now,
            settings=association.settings,
        )
    )
    association = schedule(draft, association, draft.now)
    return (
        running.aim(draft, association) if association.only_scheduled else running.begin(draft, association)
    )


async def prepare_batch(call: Call, context: Context) -> list[dict[str, Any] | AwsError]:
    """The settings of each entry, or why it is refused."""
    found: list[dict[str, Any] | AwsError] = []
    role = {settings.ROLE: call.params.get(settings.ROLE)}
    for entry in call.params["Entries"]:
        try:
            said = settings.completed({**entry, **role})
            await settings.prepare(call, context, said)
            found.append(said)
        except AwsError as error:
            found.append(error)
    return found


def create_batch(call: Call, draft: Draft, prepared: list[dict[str, Any] | AwsError]) -> dict[str, Any]:
    """CreateAssociationBatch: an entry that is refused keeps no other from being made."""
    made: list[dict[str, Any]] = []
    failed: list[dict[str, Any]] = []
    for entry, said in zip(call.params["Entries"], prepared, strict=True):
        try:
            if isinstance(said, AwsError):
                raise said
            made.append(described(_made(draft, said)))
        except AwsError as error:
            failed.append({"Entry": entry, "Message": error.message, "Fault": "Client"})
    return {"Successful": made, "Failed": failed}


async def prepare_update(call: Call, context: Context) -> dict[str, Any]:
    """The settings after an update: what it leaves out is taken back, but the document and the targets."""
    before = await context.read(lambda view: association_of(view, call.params["AssociationId"]))
    kept = {name: before.settings[name] for name in ("Name", "Targets")}
    found = settings.completed({**kept, **call.params})
    await settings.prepare(call, context, found)
    return found


def update(call: Call, draft: Draft, prepared: Mapping[str, Any]) -> dict[str, Any]:
    """UpdateAssociation: a new version, which runs at once unless it waits for its schedule."""
    before = association_of(draft, call.params["AssociationId"])
    if call.params.get("AssociationVersion", "$LATEST") not in ("$LATEST", str(before.version)):
        raise InvalidUpdate(
            f"Only the latest version of an association can be updated: name $LATEST or {before.version}."
        )
    settings.check(draft, prepared)
    if before.version >= VERSIONS:
        raise AssociationVersionLimitExceeded(f"An association may have at most {VERSIONS:,} versions.")
    changed = replace(
        before,
        version=before.version + 1,
        settings=dict(prepared),
        updated=draft.now,
        since=draft.now,
    )
    return {"AssociationDescription": described(_said(draft, changed))}


def delete(call: Call, draft: Draft) -> None:
    """DeleteAssociation. A command under way goes on to its end."""
    association = association_for(draft, call.params)
    for instance in association.instances:
        draft.delete(Condition, f"{instance}/{association.id}")
    for execution in list(executions_of(draft, association.id)):
        if execution.command is not None:
            draft.delete(Awaited, execution.command)
        for kind in (running.LATEST, running.FORGET):
            draft.cancel(f"{kind}/{execution.id}")
        draft.delete(Execution, execution.key)
    for version in versions_of(draft, association):
        draft.delete(AssociationVersion, version.key)
    tags.drop(draft, TAGGED, association.id)
    draft.cancel(f"{DUE}/{association.id}")
    draft.delete(Association, association.id)


def report(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateAssociationStatus: for associations that name their instance by InstanceId."""
    params = call.params
    association = association_with(draft, params["Name"], params["InstanceId"])
    if association is None:
        raise AssociationDoesNotExist(
            f"The document {params['Name']} is not associated with {params['InstanceId']}."
        )
    told = dict(params["AssociationStatus"])
    if association.reported is not None and association.reported["Name"] == told["Name"]:
        raise StatusUnchanged(f"The status of the association is {told['Name']} already.")
    association = replace(association, reported=told)
    draft.put(association)
    return {"AssociationDescription": described(association)}


def start(call: Call, draft: Draft) -> None:
    """StartAssociationsOnce."""
    ids = call.params["AssociationIds"]
    if len(set(ids)) != len(ids):
        raise ValidationException("An association can be named only once.")
    for association in [association_of(draft, id) for id in ids]:
        running.begin(draft, association)


def _tagging(resource: Any) -> Right:
    return Right(
        action="ssm:AddTagsToResource", resource=resource, when=lambda params: bool(params.get("Tags"))
    )


OPERATIONS = (
    Operation(
        name="CreateAssociation",
        rights=(
            rights.right("CreateAssociation", rights.EVERY),
            rights.right("CreateAssociation", rights.document),
            rights.right("CreateAssociation", rights.instances),
            _tagging(rights.EVERY),
            rights.PASSING,
        ),
        honoured=(*settings.HONOURED, settings.ROLE, "InstanceId", "Tags"),
        recorded=settings.RECORDED,
        prepare=prepare_new,
        decide=create,
    ),
    Operation(
        name="CreateAssociationBatch",
        rights=(
            rights.right("CreateAssociationBatch", rights.entries(rights.document)),
            rights.right("CreateAssociationBatch", rights.entries(rights.instances)),
            rights.PASSING,
        ),
        honoured=(*(f"Entries.{path}" for path in (*settings.HONOURED, "InstanceId")), settings.ROLE),
        recorded=tuple(f"Entries.{path}" for path in settings.RECORDED),
        prepare=prepare_batch,
        decide=create_batch,
    ),
    Operation(
        name="UpdateAssociation",
        rights=(
            rights.right("UpdateAssociation", rights.ASSOCIATION),
            rights.right("DescribeAssociation", rights.ASSOCIATION),
            rights.named("UpdateAssociation", "Name"),
            rights.PASSING,
        ),
        honoured=(*settings.HONOURED, settings.ROLE, "AssociationId", "AssociationVersion"),
        recorded=settings.RECORDED,
        prepare=prepare_update,
        decide=update,
    ),
    Operation(
        name="DeleteAssociation",
        rights=(
            rights.named("DeleteAssociation", "AssociationId"),
            rights.named("DeleteAssociation", "Name"),
        ),
        honoured=words("AssociationId Name InstanceId"),
        decide=delete,
    ),
    Operation(
        name="UpdateAssociationStatus",
        rights=(
            rights.right("UpdateAssociationStatus", rights.document),
            rights.right("UpdateAssociationStatus", rights.instances),
        ),
        honoured=words("Name InstanceId AssociationStatus"),
        decide=report,
    ),
    Operation(
        name="StartAssociationsOnce",
        rights=(rights.right("StartAssociationsOnce", rights.started),),
        honoured=("AssociationIds",),
        decide=start,
    ),
)
