"""Systems Manager: maintenance windows and the targets that are registered with them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.ssm_tags import present, retag
from stepwell.provision.cloud import Cloud, attempt, calling, gone
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured

_KIND = "MaintenanceWindow"
_WINDOW = {
    "name": "Name",
    "description": "Description",
    "schedule": "Schedule",
    "scheduleTimezone": "ScheduleTimezone",
    "scheduleOffset": "ScheduleOffset",
    "startDate": "StartDate",
    "endDate": "EndDate",
    "duration": "Duration",
    "cutoff": "Cutoff",
    "allowUnassociatedTargets": "AllowUnassociatedTargets",
}


def settings(spelled: dict[str, str], inputs: Inputs) -> dict[str, Any]:
    """The parameters that `inputs` give, by a table of ours to the API's."""
    return given(**{api: inputs.get(ours) for ours, api in spelled.items()})


def shown(spelled: dict[str, str], answer: Inputs) -> dict[str, Any]:
    """The reverse of `settings`."""
    return given(**{ours: answer.get(api) for ours, api in spelled.items()})


def pages(cloud: Cloud, operation: str, **parameters: Any) -> list[dict[str, Any]]:
    """The answers of a paginated operation; none when what it asks about is gone."""
    try:
        with calling(cloud):
            return list(cloud.client("ssm").get_paginator(operation).paginate(**parameters))
    except ResourceFailed as error:
        if gone(error):
            return []
        raise


def agrees(found: Inputs | None, inputs: Inputs) -> bool:
    """Whether what is found is as declared, as far as both tell."""
    return found is not None and all(
        inputs[name] == value for name, value in found.items() if name in inputs and name != "tagsAll"
    )


# --- windows ----------------------------------------------------------------------------------------------


def _create_window(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("ssm").create_maintenance_window(
            **settings(_WINDOW, inputs), **given(Tags=tags.pairs(tags.of(inputs)) or None)
        )
    return str(answer["WindowId"])


def _settle_window(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    if not inputs["enabled"]:
        with calling(cloud):
            cloud.client("ssm").update_maintenance_window(WindowId=id_, Enabled=False)


def _update_window(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    asked = {**settings(_WINDOW, new), "Enabled": new["enabled"]}
    if asked != {**settings(_WINDOW, old), "Enabled": old.get("enabled")}:
        with calling(cloud):
            cloud.client("ssm").update_maintenance_window(WindowId=id_, Replace=True, **asked)
    retag(cloud, _KIND, id_, old, new)


def _read_window(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("ssm").get_maintenance_window, WindowId=id_)
    if found is None:
        return None
    return {
        **shown(_WINDOW, found),
        "enabled": found["Enabled"],
        "tagsAll": present(cloud, _KIND, id_, inputs),
    }


def _delete_window(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("ssm").delete_maintenance_window, WindowId=id_)


def _find_window(cloud: Cloud, inputs: Inputs) -> str | None:
    """Names are not unique: it takes a window that agrees in everything that its create sets."""
    filters = [{"Key": "Name", "Values": [inputs["name"]]}]
    created = {name: value for name, value in inputs.items() if name != "enabled"}
    for page in pages(cloud, "describe_maintenance_windows", Filters=filters):
        for entry in page["WindowIdentities"]:
            id_ = str(entry["WindowId"])
            if agrees(_read_window(cloud, id_, inputs), created):
                return id_
    return None


def _check_window(inputs: Inputs) -> Iterator[str]:
    cutoff, duration = inputs.get("cutoff"), inputs.get("duration")
    if isinstance(cutoff, int | float) and isinstance(duration, int | float) and cutoff >= duration:
        yield (
            f"property cutoff: {cutoff:g} is not less than the duration, {duration:g}: no task starts in a "
            "window's last `cutoff` hours, so none ever would"
        )


MAINTENANCE_WINDOW = ResourceType(
    token="aws:ssm/maintenanceWindow:MaintenanceWindow",
    properties={
        "name": honoured(),
        "description": honoured(),
        "schedule": honoured(required=True),
        "scheduleTimezone": honoured(),
        "scheduleOffset": honoured(),
        "startDate": honoured(),
        "endDate": honoured(),
        "duration": honoured(required=True),
        "cutoff": honoured(required=True),
        "allowUnassociatedTargets": honoured(default=False),
        "enabled": honoured(default=True),
        "tags": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"tagsAll"}),
    naming=Naming(longest=128),
    create=_create_window,
    settle=_settle_window,
    update=_update_window,
    read=_read_window,
    delete=_delete_window,
    identify=lambda cloud, inputs: "",
    find=_find_window,
    check=_check_window,
)

# --- targets ----------------------------------------------------------------------------------------------

_TARGET = {"name": "Name", "description": "Description", "ownerInformation": "OwnerInformation"}


def _target_settings(inputs: Inputs) -> dict[str, Any]:
    return {**settings(_TARGET, inputs), "Targets": pascal(inputs.get("targets"))}


def _create_target(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("ssm").register_target_with_maintenance_window(
            WindowId=inputs["windowId"], ResourceType=inputs["resourceType"], **_target_settings(inputs)
        )
    return str(answer["WindowTargetId"])


def _update_target(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    with calling(cloud):
        cloud.client("ssm").update_maintenance_window_target(
            WindowId=new["windowId"], WindowTargetId=id_, Replace=True, **_target_settings(new)
        )


def place(id_: str, inputs: Inputs) -> tuple[str, str]:
    """The window's id and one's own; an import names both, `WINDOW/OWN`."""
    window, _, own = id_.rpartition("/")
    return str(inputs.get("windowId", window)), own


def _targets(cloud: Cloud, window: str, **filters: str) -> Iterator[dict[str, Any]]:
    asked = [{"Key": key, "Values": [value]} for key, value in filters.items()]
    for page in pages(cloud, "describe_maintenance_window_targets", WindowId=window, Filters=asked):
        for entry in page["Targets"]:
            yield {
                **shown(_TARGET, entry),
                "id": entry["WindowTargetId"],
                "windowId": window,
                "resourceType": entry["ResourceType"],
                "targets": camel(entry["Targets"]),
            }


def _read_target(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    window, own = place(id_, inputs)
    found = next((t for t in _targets(cloud, window, WindowTargetId=own) if t["id"] == own), None)
    return None if found is None else {name: value for name, value in found.items() if name != "id"}


def _delete_target(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    window, own = place(id_, inputs)
    deregister = cloud.client("ssm").deregister_target_from_maintenance_window
    attempt(cloud, deregister, WindowId=window, WindowTargetId=own)


def _find_target(cloud: Cloud, inputs: Inputs) -> str | None:
    return next((t["id"] for t in _targets(cloud, inputs["windowId"]) if agrees(t, inputs)), None)


#: a list of blocks that say which machines are meant
TARGETS = {"key": honoured(required=True), "values": honoured(required=True)}

MAINTENANCE_WINDOW_TARGET = ResourceType(
    token="aws:ssm/maintenanceWindowTarget:MaintenanceWindowTarget",
    properties={
        "windowId": honoured(required=True, replaces=True),
        "resourceType": honoured(required=True, replaces=True, choices=("INSTANCE", "RESOURCE_GROUP")),
        "targets": honoured(required=True, many=True, fields=TARGETS),
        "name": honoured(),
        "description": honoured(),
        "ownerInformation": honoured(),
        "region": honoured(replaces=True),
    },
    computed=frozenset(),
    naming=Naming(longest=128),
    create=_create_target,
    update=_update_target,
    read=_read_target,
    delete=_delete_target,
    identify=lambda cloud, inputs: "",
    find=_find_target,
)

TYPES = (MAINTENANCE_WINDOW, MAINTENANCE_WINDOW_TARGET)
