"""The lists of windows: all, those of a target, and when they open next."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping, Sequence
from itertools import dropwhile, takewhile
from typing import Any

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.errors import AwsError, UnsupportedParameter, ValidationException
from stepwell.services.ssm import instances, paging
from stepwell.services.ssm.errors import InvalidNextToken
from stepwell.services.ssm.windows import filters, rights, times
from stepwell.services.ssm.windows.records import Window, targets_of, tasks_of, window_of
from stepwell.services.ssm.windows.windows import described

#: seconds from a window's next start to the last that its schedule lists
HORIZON = 366 * 86_400.0
#: members of GetMaintenanceWindow that lists do not show
UNLISTED = frozenset({"AllowUnassociatedTargets", "CreatedDate", "ModifiedDate"})
FILTERS: dict[str, filters.Fits[Window]] = {
    "Name": filters.equal(lambda window: window.name),
    "Enabled": lambda window, wanted: str(window.enabled).lower() == wanted.lower(),
}
#: a start of a window
Start = tuple[float, Window]


def list_windows(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindows."""
    found, more = filters.page(call.params, view.scan(Window), lambda window: window.id, FILTERS)
    rows = [
        {name: value for name, value in described(window).items() if name not in UNLISTED} for window in found
    ]
    return {"WindowIdentities": rows, **more}


def list_for_target(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowsForTarget."""
    params = call.params
    found, more = paging.listed(params, _meant(view, params), lambda window: window.id)
    return {"WindowIdentities": [{"WindowId": each.id, "Name": each.name} for each in found], **more}


def list_schedule(call: Call, view: View) -> dict[str, Any]:
    """DescribeMaintenanceWindowSchedule: the starts of a year, of one window or of a target's windows."""
    params = call.params
    if params.get("WindowId"):
        windows = [window_of(view, params["WindowId"])]
    elif params.get("Targets"):
        if not params.get("ResourceType"):
            raise ValidationException("Targets go with a ResourceType: INSTANCE.")
        windows = _meant(view, params)
    else:
        windows = list(view.scan(Window))
    early, late = _bounds(params.get("Filters") or ())
    behind = _place(params)
    early = max(early, behind[0])
    starts = heapq.merge(*(_starts(window, early) for window in windows), key=_order)
    chosen = takewhile(
        lambda start: start[0] <= late, dropwhile(lambda start: _order(start) <= behind, starts)
    )
    found, more = paging.page(params, chosen, lambda start: "/".join(map(str, _order(start))))
    rows = [
        {"WindowId": window.id, "Name": window.name, "ExecutionTime": times.written(start, window.timezone)}
        for start, window in found
    ]
    return {"ScheduledWindowExecutions": rows, **more}


def _order(start: Start) -> tuple[float, str]:
    return start[0], start[1].id


def _place(params: Mapping[str, Any]) -> tuple[float, str]:
    """Behind which start the page begins. Raises InvalidNextToken."""
    moment, _, window = paging.place(params).partition("/")
    try:
        return float(moment or "-inf"), window
    except ValueError as error:
        raise InvalidNextToken("The specified token isn't valid.") from error


def _starts(window: Window, early: float) -> Iterator[Start]:
    start = window.next
    last = (start or 0.0) + HORIZON
    if start is not None and start < early:
        start = times.start_after(window, early - times.JUST_BEFORE)
    while start is not None and start <= last:
        yield start, window
        start = times.start_after(window, start)


def _bounds(wanted: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    bounds = {"ScheduledAfter": float("-inf"), "ScheduledBefore": float("inf")}
    for each in wanted:
        if each.get("Key") not in bounds or len(each.get("Values") or ()) != 1:
            raise ValidationException(f"The filters are {' and '.join(bounds)}, each with one date and time.")
        bounds[each["Key"]] = times.date_of(each["Values"][0], None, "The filter's value") or 0.0
    return bounds["ScheduledAfter"], bounds["ScheduledBefore"]


def _meant(view: View, params: Mapping[str, Any]) -> list[Window]:
    """The windows with a target or a task that the targets name too, by word or by instance."""
    if params["ResourceType"] != "INSTANCE":
        raise UnsupportedParameter(f"Stepwell does not support the resource type {params['ResourceType']}")
    said, ids = _values(params["Targets"]), _ids(view, params["Targets"])
    return [
        window
        for window in view.scan(Window)
        if any(
            said & _values(targets) or ids & _ids(view, targets)
            for targets in (
                *(target.targets for target in targets_of(view, window.id)),
                *(task.settings.get("Targets") or [] for task in tasks_of(view, window.id)),
            )
        )
    ]


def _values(targets: Sequence[Mapping[str, Any]]) -> set[tuple[str, str]]:
    return {(target["Key"], value) for target in targets for value in target.get("Values") or ()}


def _ids(view: View, targets: Sequence[Mapping[str, Any]]) -> set[str]:
    try:
        return {target.instance_id for target in instances.resolve(view, targets)}
    except AwsError:
        # an unknown instance is no target of any window but by its name
        return set()


OPERATIONS = (
    Operation(
        name="DescribeMaintenanceWindows",
        rights=(rights.right("DescribeMaintenanceWindows"),),
        honoured=words("Filters MaxResults NextToken"),
        read=list_windows,
    ),
    Operation(
        name="DescribeMaintenanceWindowsForTarget",
        rights=(rights.right("DescribeMaintenanceWindowsForTarget"),),
        honoured=words("Targets ResourceType MaxResults NextToken"),
        read=list_for_target,
    ),
    Operation(
        name="DescribeMaintenanceWindowSchedule",
        rights=(rights.right("DescribeMaintenanceWindowSchedule"),),
        honoured=words("WindowId Targets ResourceType Filters MaxResults NextToken"),
        read=list_schedule,
    ),
)
