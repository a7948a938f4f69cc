"""Maintenance windows: when they open, on which instances, what they do there.

OPERATIONS           the rows
effects(context)     what makes and takes back invocations
timers()             openings, cutoffs, ends
on_event             learns how commands and executions ended
exists(view, id)     whether there is such a window: it can have tags
"""

from stepwell.services.ssm.windows import executions, listing, opening, targets, tasks, windows
from stepwell.services.ssm.windows.invoking import effects, on_event
from stepwell.services.ssm.windows.opening import timers
from stepwell.services.ssm.windows.windows import TAGGED, exists

__all__ = ["OPERATIONS", "TAGGED", "effects", "exists", "on_event", "timers"]

OPERATIONS = (
    *windows.OPERATIONS,
    *listing.OPERATIONS,
    *targets.OPERATIONS,
    *tasks.OPERATIONS,
    *executions.OPERATIONS,
    *opening.OPERATIONS,
)
