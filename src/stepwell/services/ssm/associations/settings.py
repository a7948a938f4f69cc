"""What an association is told: its settings as they are kept, and what AWS refuses of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import words
from stepwell.api.roles import trusts
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import ValidationException
from stepwell.services.ssm import instances, linked
from stepwell.services.ssm.associations import targets, times
from stepwell.services.ssm.commands import sending
from stepwell.services.ssm.errors import InvalidOutputFolder, InvalidOutputLocation

#: members that act as on AWS, of a creation and of an update
HONOURED = words(
    "Name DocumentVersion Parameters Targets ScheduleExpression ScheduleOffset AssociationName MaxErrors"
    " MaxConcurrency ComplianceSeverity SyncCompliance ApplyOnlyAtCronInterval Duration"
    " OutputLocation.S3Location.OutputS3BucketName OutputLocation.S3Location.OutputS3KeyPrefix"
)
#: there is one region and no alarm here
RECORDED = words("OutputLocation.S3Location.OutputS3Region AlarmConfiguration")
#: the role that sends the commands: beside an entry in a batch, a member of all others
ROLE = "AssociationDispatchAssumeRole"
#: the members that are kept, by their first words
MEMBERS = tuple(dict.fromkeys(path.partition(".")[0] for path in (*HONOURED, *RECORDED, ROLE)))
#: what does not go with InstanceId (the API reference of CreateAssociation)
NOT_WITH_INSTANCE = words(
    "Targets AssociationName DocumentVersion MaxErrors MaxConcurrency OutputLocation ScheduleExpression"
)
#: the schema of documents that go with InstanceId
LEGACY_SCHEMA = "1.2"


def command_of(settings: Mapping[str, Any], ids: Sequence[str]) -> dict[str, Any]:
    """SendCommand's parameters for a run on those instances."""
    location = settings.get("OutputLocation", {}).get("S3Location", {})
    params = {
        "DocumentName": settings["Name"],
        "DocumentVersion": settings["DocumentVersion"],
        "InstanceIds": list(ids),
        "Parameters": settings.get("Parameters"),
        "MaxConcurrency": settings.get("MaxConcurrency", "100%"),
        "MaxErrors": settings.get("MaxErrors", "100%"),
        "OutputS3BucketName": location.get("OutputS3BucketName"),
        "OutputS3KeyPrefix": location.get("OutputS3KeyPrefix"),
    }
    return {name: value for name, value in params.items() if value}


def completed(params: Mapping[str, Any]) -> dict[str, Any]:
    """The settings among a request's parameters, with their defaults. Raises ValidationException."""
    found = {name: params[name] for name in MEMBERS if params.get(name) not in (None, {}, [])}
    found = {"DocumentVersion": "$DEFAULT", "ApplyOnlyAtCronInterval": False, **found}
    instance = params.get("InstanceId")
    if instance is None:
        return found
    extra = [name for name in NOT_WITH_INSTANCE if params.get(name)]
    if extra:
        raise ValidationException(f"InstanceId does not go with {', '.join(extra)}: use Targets.")
    return {**found, "InstanceId": instance, "Targets": [{"Key": targets.IDS, "Values": [instance]}]}


async def prepare(call: Call, context: Context, settings: Mapping[str, Any]) -> None:
    """Check the document, its parameters and the bucket, as the command that will be sent does.

    Raises what SendCommand answers, InvalidOutputLocation, ValidationException.
    """
    sent = command_of(settings, ())
    asking = Call(service="ssm", operation="SendCommand", params=sent, caller=call.caller)
    try:
        prepared = await sending.prepare(asking, context)
    except InvalidOutputFolder as error:
        raise InvalidOutputLocation(error.message) from error
    schema = prepared.version.read().schema
    if "InstanceId" in settings and schema != LEGACY_SCHEMA:
        raise ValidationException(
            f"Document schema version, {schema}, is not supported by association that is created with "
            "instance id"
        )
    if ROLE not in settings:
        await linked.ensure(call, context)


def check(draft: Draft, settings: Mapping[str, Any]) -> None:
    """What only a decision can tell. Raises InvalidTarget, InvalidSchedule, InvalidInstanceId, ..."""
    targets.check(settings.get("Targets", ()))
    if "InstanceId" in settings:
        instances.resolve(draft, (), [settings["InstanceId"]])
    times.check(settings)
    role = settings.get(ROLE)
    if role is not None and not trusts(draft, role, linked.PRINCIPAL):
        raise ValidationException(
            f"The role {role} cannot be assumed by Systems Manager: it must exist, and its trust policy must "
            f"let {linked.PRINCIPAL} assume it."
        )
