"""CreateMaintenanceWindow and its siblings: the window itself, and the timer that opens it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import asdict, replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.errors import ResourceLimitExceededException
from stepwell.services.ssm.windows import rights, times, tokens
from stepwell.services.ssm.windows.events import tell_window
from stepwell.services.ssm.windows.records import (
    Window,
    WindowTarget,
    WindowTask,
    targets_of,
    tasks_of,
    window_of,
)

#: windows that an account may have (Systems Manager endpoints and quotas)
LIMIT = 50
#: the resource type of windows' tags
TAGGED = "MaintenanceWindow"
#: the timer that opens a window
OPEN = "ssm-window-open"
#: member of the API → field of the record
FIELDS = {
    "Name": "name",
    "Description": "description",
    "StartDate": "start_date",
    "EndDate": "end_date",
    "Schedule": "schedule",
    "ScheduleTimezone": "timezone",
    "ScheduleOffset": "offset",
    "Duration": "duration",
    "Cutoff": "cutoff",
    "AllowUnassociatedTargets": "unassociated",
    "Enabled": "enabled",
}
#: what an update with Replace must name
REQUIRED = words("Name Schedule Duration Cutoff AllowUnassociatedTargets")
#: fields whose change makes the schedule count anew
TIMING = words("start_date end_date schedule timezone offset enabled")


def exists(view: View, id: str) -> bool:
    """Whether there is such a window."""
    return view.get(Window, id) is not None


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateMaintenanceWindow."""
    params = call.params

    def make() -> str:
        if sum(1 for _ in draft.scan(Window)) >= LIMIT:
            raise ResourceLimitExceededException(f"An account may have at most {LIMIT} maintenance windows.")
        window = Window(
            id=f"mw-{draft.unique()[:17]}",
            created=draft.now,
            modified=draft.now,
            since=draft.now,
            **{field: params[member] for member, field in FIELDS.items() if params.get(member) is not None},
        )
        times.check(window)
        tags.put(draft, TAGGED, window.id, params.get("Tags"))
        schedule(draft, replace(window, since=times.began(window, draft.now)), draft.now)
        return window.id

    return {"WindowId": tokens.once(call, draft, make)}


def schedule(draft: Draft, window: Window, after: float) -> None:
    """Write the window, to open at its first start behind `after`, or never."""
    start = times.start_after(window, after) if window.enabled else None
    draft.put(replace(window, next=start))
    if start is None:
        draft.cancel(f"{OPEN}/{window.id}")
    else:
        draft.timer(f"{OPEN}/{window.id}", start, OPEN, {"window": window.id, "start": start})


def update(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateMaintenanceWindow."""
    params = call.params
    before = window_of(draft, params["WindowId"])
    said = {field: params[member] for member, field in FIELDS.items() if params.get(member) is not None}
    if params.get("Replace"):
        missing = [member for member in REQUIRED if params.get(member) is None]
        if missing:
            raise ValidationException(f"An update with Replace must name {', '.join(missing)}.")
        said = dict.fromkeys(words("description start_date end_date timezone offset")) | said
    window = replace(before, modified=draft.now, **said)
    times.check(window)
    if any(getattr(window, name) != getattr(before, name) for name in TIMING):
        schedule(draft, replace(window, since=times.began(window, draft.now)), draft.now)
    else:
        draft.put(window)
    if window.enabled != before.enabled:
        tell_window(draft, window)
    shown = described(window)
    return {name: shown[name] for name in ("WindowId", *FIELDS) if name in shown}


def described(window: Window) -> dict[str, Any]:
    """GetMaintenanceWindow's output."""
    fields = asdict(window)
    shown = {member: fields[field] for member, field in FIELDS.items() if fields[field] is not None}
    more = {} if window.next is None else {"NextExecutionTime": times.written(window.next, window.timezone)}
    return {
        "WindowId": window.id,
        **shown,
        **more,
        "CreatedDate": window.created,
        "ModifiedDate": window.modified,
    }


def delete(call: Call, draft: Draft) -> Mapping[str, Any]:
    """DeleteMaintenanceWindow: no error for one that is gone. An execution under way goes on to its end."""
    id = call.params["WindowId"]
    for target in targets_of(draft, id):
        draft.delete(WindowTarget, target.key)
    for task in tasks_of(draft, id):
        draft.delete(WindowTask, task.key)
    tags.drop(draft, TAGGED, id)
    draft.cancel(f"{OPEN}/{id}")
    draft.delete(Window, id)
    return {"WindowId": id}


OPERATIONS = (
    Operation(
        name="CreateMaintenanceWindow",
        rights=(
            rights.right("CreateMaintenanceWindow"),
            Right(
                action="ssm:AddTagsToResource",
                resource="arn:aws:ssm:{region}:{account}:maintenancewindow/*",
                when=lambda params: bool(params.get("Tags")),
            ),
        ),
        honoured=words(
            "Name Description StartDate EndDate Schedule ScheduleTimezone ScheduleOffset Duration Cutoff"
            " AllowUnassociatedTargets ClientToken Tags"
        ),
        decide=create,
    ),
    Operation(
        name="UpdateMaintenanceWindow",
        rights=(rights.right("UpdateMaintenanceWindow", rights.WINDOW),),
        honoured=("WindowId", "Replace", *FIELDS),
        decide=update,
    ),
    Operation(
        name="GetMaintenanceWindow",
        rights=(rights.right("GetMaintenanceWindow", rights.WINDOW),),
        honoured=("WindowId",),
        read=lambda call, view: described(window_of(view, call.params["WindowId"])),
    ),
    Operation(
        name="DeleteMaintenanceWindow",
        rights=(rights.right("DeleteMaintenanceWindow", rights.WINDOW),),
        honoured=("WindowId",),
        decide=delete,
    ),
)
