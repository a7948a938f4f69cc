"""Old messages go when their queue's retention is over, and so does all that deleted and purged queues held.

Both are done by durable timers, a limited number of messages at a time, so that nobody waits for them.
"""

from __future__ import annotations

import itertools
from typing import Any

from msgspec.structs import replace

from stepwell.durable import Draft, Record, Timer
from stepwell.durable.loop import TimerHandler
from stepwell.services.sqs import boxes, retention, settings
from stepwell.services.sqs.records import (
    Group,
    Message,
    Opening,
    Place,
    Queue,
    Seen,
    SeenUntil,
    digest,
    place_key,
    tally,
)

#: messages that one decision removes
CHUNK = 100
_KINDS: tuple[type[Record], ...] = (Message, Place, Opening, Group, Seen, SeenUntil)


def timers() -> dict[str, TimerHandler]:
    """The handlers of this module's timers."""
    return {"sqs-expiry": _expire, "sqs-sweep": _sweep}


def _expire(timer: Timer, draft: Draft) -> None:
    queue = draft.get(Queue, timer.body["queue"])
    if queue is None or queue.box != timer.body["box"]:
        return
    kept = settings.number(queue, "MessageRetentionPeriod")
    for message in list(draft.scan(Message, prefix=f"{queue.box}/", limit=CHUNK)):
        if message.sent + kept > draft.now:
            break
        shelf = digest(message.group or "") if queue.fifo else ""
        place = draft.get(Place, place_key(queue.box, shelf, message.number))
        assert place is not None
        boxes.remove(draft, place, fifo=queue.fifo)
    draft.put(replace(tally(draft, queue.box), expiry=None))
    retention.wind(draft, queue)


def _sweep(timer: Timer, draft: Draft) -> None:
    prefix = f"{timer.body['box']}/"
    found: list[Any] = []
    for kind in _KINDS:
        found += itertools.islice(draft.scan(kind, prefix=prefix, limit=CHUNK), CHUNK)
    for record in found:
        draft.delete(type(record), record.key)
    if found:
        draft.timer(timer.key, draft.now, timer.kind, timer.body)
