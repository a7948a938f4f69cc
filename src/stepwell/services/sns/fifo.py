"""What only FIFO topics do: deduplication and sequence numbers."""

from __future__ import annotations

import hashlib

from stepwell.durable import Draft
from stepwell.services.sns import attributes
from stepwell.services.sns.errors import invalid
from stepwell.services.sns.records import Seen, SeenUntil, Tally, Topic, digest

#: seconds for which a deduplication id lets nothing more in
INTERVAL = 300.0
#: forgotten ids that one message takes along: more than it adds, so that they do not pile up
_SWEPT = 2


def deduplication(topic: Topic, given: str | None, message: str) -> str | None:
    """The message's deduplication id. Raises InvalidParameter where there is none, or may be none."""
    if not topic.fifo:
        if given is not None:
            raise invalid(
                "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that "
                "is not valid for this topic type"
            )
        return None
    if given is not None:
        return given
    if topic.attributes.get("ContentBasedDeduplication") != "true":
        raise invalid(
            "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId "
            "provided explicitly"
        )
    return hashlib.sha256(message.encode()).hexdigest()


def known(draft: Draft, topic: Topic, group: str, deduplicated_by: str) -> Seen | None:
    """What a message repeats, if it does."""
    found = draft.get(Seen, f"{topic.name}/{_digest(topic, group, deduplicated_by)}")
    return found if found is not None and found.until > draft.now else None


def remember(draft: Draft, topic: Topic, group: str, deduplicated_by: str, message: str) -> int:
    """Count the message, and let no repeat of it in for a while. Gives its number."""
    for old in draft.scan(SeenUntil, prefix=f"{topic.name}/", limit=_SWEPT):
        if old.until > draft.now:
            break
        draft.delete(SeenUntil, old.key)
        seen = draft.get(Seen, f"{topic.name}/{old.digest}")
        if seen is not None and seen.until == old.until:
            draft.delete(Seen, seen.key)
    tally = draft.get(Tally, topic.name) or Tally(topic=topic.name)
    number = tally.messages
    draft.put(Tally(topic=topic.name, messages=number + 1))
    until = round(draft.now + INTERVAL, 3)
    name = _digest(topic, group, deduplicated_by)
    draft.put(Seen(topic=topic.name, digest=name, message=message, number=number, until=until))
    draft.put(SeenUntil(topic=topic.name, digest=name, until=until))
    return number


def forget(draft: Draft, topic: Topic) -> None:
    """A deleted topic remembers nothing."""
    for seen in list(draft.scan(Seen, prefix=f"{topic.name}/")):
        draft.delete(Seen, seen.key)
    for old in list(draft.scan(SeenUntil, prefix=f"{topic.name}/")):
        draft.delete(SeenUntil, old.key)


def sequence(number: int) -> str:
    """A sequence number as AWS writes them: twenty digits."""
    return f"{10**19 + number:020d}"


def _digest(topic: Topic, group: str, deduplicated_by: str) -> str:
    scope = topic.attributes.get("FifoThroughputScope", attributes.OF_FIFO["FifoThroughputScope"])
    return digest(group if scope == "MessageGroup" else "", deduplicated_by)
