"""What only FIFO queues do: message groups, deduplication, sequence numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from stepwell.durable import Draft
from stepwell.services.sqs import settings
from stepwell.services.sqs.errors import InvalidParameterValue, missing
from stepwell.services.sqs.records import Message, Queue, Seen, SeenUntil, digest

#: seconds for which a deduplication id lets nothing more in
INTERVAL = 300.0
#: forgotten ids that one message takes along: more than it adds, so that they do not pile up
_SWEPT = 2


def group(queue: Queue, params: Mapping[str, Any]) -> str | None:
    """The message's group. Raises MissingParameter: every message of a FIFO queue has one."""
    found: str | None = params.get("MessageGroupId") or None
    if queue.fifo and found is None:
        raise missing("MessageGroupId")
    return found


def deduplication(queue: Queue, params: Mapping[str, Any], body: str) -> str | None:
    """The message's deduplication id. Raises InvalidParameterValue where there is none."""
    found: str | None = params.get("MessageDeduplicationId") or None
    if not queue.fifo:
        if found is not None:
            raise not_for(found, "MessageDeduplicationId")
        return None
    if found is None:
        if settings.choice(queue, "ContentBasedDeduplication") != "true":
            raise InvalidParameterValue(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
                "provided explicitly"
            )
        return hashlib.sha256(body.encode()).hexdigest()
    return found


def known(draft: Draft, queue: Queue, message: Message) -> Seen | None:
    """What the message repeats, if it does."""
    if not queue.fifo:
        return None
    found = draft.get(Seen, f"{queue.box}/{_digest(queue, message)}")
    return found if found is not None and found.until > draft.now else None


def remember(draft: Draft, queue: Queue, message: Message) -> None:
    """Let no repeat of the message in for a while."""
    for old in draft.scan(SeenUntil, prefix=f"{queue.box}/", limit=_SWEPT):
        if old.until > draft.now:
            break
        draft.delete(SeenUntil, old.key)
        seen = draft.get(Seen, f"{queue.box}/{old.digest}")
        if seen is not None and seen.until == old.until:
            draft.delete(Seen, seen.key)
    until = round(draft.now + INTERVAL, 3)
    name = _digest(queue, message)
    draft.put(Seen(box=queue.box, digest=name, message=message.id, number=message.number, until=until))
    draft.put(SeenUntil(box=queue.box, digest=name, until=until))


def sequence(number: int) -> str:
    """A sequence number as AWS writes them: twenty digits."""
    return f"{10**19 + number:020d}"


def not_for(value: Any, parameter: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"Value {value} for parameter {parameter} is invalid. Reason: The request include parameter that is "
        "not valid for this queue type"
    )


def _digest(queue: Queue, message: Message) -> str:
    by_group = settings.choice(queue, "DeduplicationScope") == "messageGroup"
    return digest(message.group or "" if by_group else "", message.deduplication or "")
