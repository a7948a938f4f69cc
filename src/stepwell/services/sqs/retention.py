"""How long a queue keeps its messages: when the oldest must go, and when all must.

What is due then is done by `expiry`.
"""

from __future__ import annotations

from msgspec.structs import replace

from stepwell.durable import Draft
from stepwell.services.sqs import settings
from stepwell.services.sqs.records import Message, Queue, Tally, tally


def expect(draft: Draft, queue: Queue, sent: float) -> None:
    """A message came that was sent at that time: see to it that it goes in time."""
    due = sent + settings.number(queue, "MessageRetentionPeriod")
    now = tally(draft, queue.box)
    if now.expiry is None or due < now.expiry:
        _set(draft, queue, due)


def wind(draft: Draft, queue: Queue) -> None:
    """Look for old messages when the oldest one's time is over, by the retention as it is now."""
    oldest = next(draft.scan(Message, prefix=f"{queue.box}/", limit=1), None)
    if oldest is not None:
        _set(draft, queue, oldest.sent + settings.number(queue, "MessageRetentionPeriod"))


def empty(draft: Draft, queue: Queue) -> None:
    """Forget a box that its queue has no longer."""
    draft.cancel(_key(queue.box))
    draft.delete(Tally, queue.box)
    draft.timer(f"sqs-sweep/{queue.box}", draft.now, "sqs-sweep", {"box": queue.box})


def _key(box: str) -> str:
    return f"sqs-expiry/{box}"


def _set(draft: Draft, queue: Queue, due: float) -> None:
    draft.put(replace(tally(draft, queue.box), expiry=due))
    draft.timer(_key(queue.box), due, "sqs-expiry", {"queue": queue.name, "box": queue.box})
