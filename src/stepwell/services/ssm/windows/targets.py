"""RegisterTargetWithMaintenanceWindow and its siblings: instances that a window knows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import UnsupportedParameter, ValidationException
from stepwell.services.ssm.errors import ResourceLimitExceededException, TargetInUseException
from stepwell.services.ssm.windows import filters, rights, tokens
from stepwell.services.ssm.windows.events import tell_registration
from stepwell.services.ssm.windows.records import (
    WindowTarget,
    target_of,
    targets_of,
    tasks_of,
    window_of,
)

#: targets that a window may have, ids and tag values that a target may have (quotas)
LIMIT = 100
IDS, VALUES = 50, 5
#: member of the API → field of the record
FIELDS = {"Targets": "targets", "OwnerInformation": "owner", "Name": "name", "Description": "description"}
FILTERS: dict[str, filters.Fits[WindowTarget]] = {
    "Type": filters.equal(lambda target: target.resource_type),
    "WindowTargetId": filters.equal(lambda target: target.id),
    "OwnerInformation": filters.equal(lambda target: target.owner),
}
FORMATS = (
    'Targets must be specified in one of the following formats: 1) 1 target with "Key=InstanceIds" and '
    f'"Values=" a list of up to {IDS} instance IDs, or 2) Up to 5 targets, each of which can be either '
    '"Key=tag:<key>,Values=<tag_values>" or "Key=tag-key,Values=<tag_keys>", and each with up to '
    f"{VALUES} unique tag keys/values."
)


def check(targets: Sequence[Mapping[str, Any]]) -> None:
    """Raise for targets that are not in one of AWS's formats, or that are resource groups."""
    if not targets:
        raise ValidationException("Please specify at least one target.")
    for target in targets:
        key, values = target["Key"], target.get("Values") or []
        if key.startswith("resource-groups:"):
            raise UnsupportedParameter(f"Stepwell does not support targets by {key}: name ids or tags")
        if key == "InstanceIds":
            right = len(targets) == 1 and len(values) <= IDS
        else:
            right = (key.startswith("tag:") or key == "tag-key") and len(set(values)) <= VALUES
        if not right:
            raise ValidationException(FORMATS)
        if not values:
            raise ValidationException(
                f"Please specify at least one target.  Filter values can't be null and {key} is."
            )


def register(call: Call, draft: Draft) -> dict[str, Any]:
    """RegisterTargetWithMaintenanceWindow."""
    params = call.params
    window = params["WindowId"]

    def make() -> str:
        window_of(draft, window)
        if params["ResourceType"] != "INSTANCE":
            raise UnsupportedParameter(
                f"Stepwell does not support the resource type {params['ResourceType']}: use INSTANCE, with "
                "ids or tags"
            )
        check(params["Targets"])
        if len(targets_of(draft, window)) >= LIMIT:
            raise ResourceLimitExceededException(f"A maintenance window may have at most {LIMIT} targets.")
        fields = {field: params[member] for member, field in FIELDS.items() if params.get(member) is not None}
        target = WindowTarget(id=draft.uuid(), window=window, resource_type=params["ResourceType"], **fields)
        draft.put(target)
        tell_registration(draft, window, "target", target.id, "REGISTERED")
        return target.id

    return {"WindowTargetId": tokens.once(call, draft, make)}


def update(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateMaintenanceWindowTarget."""
    params = call.params
    before = target_of(draft, params["WindowId"], params["WindowTargetId"])
    said = {field: params[member] for member, field in FIELDS.items() if params.get(member) is not None}
    if params.get("Replace"):
        if "targets" not in said:
            raise ValidationException("An update with Replace must name Targets.")
        said = {"owner": None, "name": None, "description": None} | said
    if "targets" in said:
        check(said["targets"])
    target = replace(before, **said)
    draft.put(target)
    return {name: value for name, value in described(target).items() if name != "ResourceType"}


def deregister(call: Call, draft: Draft) -> dict[str, Any]:
    """DeregisterTargetFromMaintenanceWindow."""
    params = call.params
    target = target_of(draft, params["WindowId"], params["WindowTargetId"])
    if params.get("Safe"):
        using = [task.id for task in tasks_of(draft, target.window) if target.id in _named(task.settings)]
        if using:
            raise TargetInUseException(f"Target {target.id} is still referenced by task {using[0]}.")
    draft.delete(WindowTarget, target.key)
    tell_registration(draft, target.window, "target", target.id, "DEREGISTERED")
    return {"WindowId": target.window, "WindowTargetId": target.id}


def _named(settings: Mapping[str, Any]) -> list[str]:
    return [value for target in settings.get("Targets", ()) for value in target.get("Values") or ()]


def described(target: WindowTarget) -> dict[str, Any]:
    """A target as AWS shows it."""
    shown = {member: getattr(target, field) for member, field in FIELDS.items()}
    return {
        "WindowId": target.window,
        "WindowTargetId": target.id,
        "ResourceType": target.resource_type,
        **{member: value for member, value in shown.items() if value is not None},
    }


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowTargets."""
    window = window_of(view, call.params["WindowId"])
    found, more = filters.page(call.params, targets_of(view, window.id), lambda target: target.id, FILTERS)
    return {"Targets": [described(target) for target in found], **more}


OPERATIONS = (
    Operation(
        name="RegisterTargetWithMaintenanceWindow",
        rights=(rights.right("RegisterTargetWithMaintenanceWindow", rights.WINDOW),),
        honoured=("WindowId", "ResourceType", "ClientToken", *FIELDS),
        decide=register,
    ),
    Operation(
        name="UpdateMaintenanceWindowTarget",
        rights=(rights.right("UpdateMaintenanceWindowTarget", rights.WINDOW),),
        honoured=("WindowId", "WindowTargetId", "Replace", *FIELDS),
        decide=update,
    ),
    Operation(
        name="DeregisterTargetFromMaintenanceWindow",
        rights=(rights.right("DeregisterTargetFromMaintenanceWindow", rights.WINDOW),),
        honoured=words("WindowId WindowTargetId Safe"),
        decide=deregister,
    ),
    Operation(
        name="DescribeMaintenanceWindowTargets",
        rights=(rights.right("DescribeMaintenanceWindowTargets", rights.WINDOW),),
        honoured=words("WindowId Filters MaxResults NextToken"),
        read=describe,
    ),
)
