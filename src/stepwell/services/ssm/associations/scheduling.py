"""What makes associations run by themselves: their schedules, and changes of what they name.

A start that the server slept through is made up for once, when it comes back, however many there were.
"""

from __future__ import annotations

from msgspec.structs import replace

from stepwell.durable import Draft, Timer, View
from stepwell.durable.loop import TimerHandler
from stepwell.services.ssm.associations import running, targets, times
from stepwell.services.ssm.associations.records import Association

#: the timer at a scheduled start
DUE = "ssm-association-due"


def timers() -> dict[str, TimerHandler]:
    """Handlers of the timers of associations."""
    return {DUE: _due, running.LATEST: running.latest, running.FORGET: running.forget}


def schedule(draft: Draft, association: Association, after: float) -> Association:
    """Write an association, to run at its first start behind `after`, or never."""
    start = times.start_after(association.settings, after, association.since)
    association = replace(association, next=start)
    draft.put(association)
    if start is None:
        draft.cancel(f"{DUE}/{association.id}")
    else:
        body = {"association": association.id, "start": start}
        draft.timer(f"{DUE}/{association.id}", start, DUE, body)
    return association


def _due(timer: Timer, draft: Draft) -> None:
    association = draft.get(Association, timer.body["association"])
    if association is not None and association.next == timer.body["start"]:
        running.begin(draft, schedule(draft, association, draft.now))


def targets_changed(draft: Draft) -> None:
    """Instances or their tags are others: run the associations that are for one they were not for."""
    for association in list(draft.scan(Association)):
        ids = targets.present(draft, association.settings["Targets"])
        if set(ids) - set(association.instances) and not association.only_scheduled:
            running.begin(draft, association)
        else:
            running.aim(draft, association)


def document_changed(draft: Draft, name: str, version: str) -> None:
    """A document's `$LATEST` or `$DEFAULT` is another: run the associations that follow it."""
    for association in associated(draft, name):
        if association.settings["DocumentVersion"] == version and not association.only_scheduled:
            running.begin(draft, association)


def associated(view: View, name: str) -> list[Association]:
    """The associations of the document of that name or ARN."""
    return [each for each in view.scan(Association) if _plain(each.settings["Name"]) == _plain(name)]


def _plain(name: str) -> str:
    return name.rpartition("document/")[2]
