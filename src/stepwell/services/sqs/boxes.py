"""What happens to the messages in a queue's box: put in, hidden, shown again, taken out.

Every change is a handful of records, however many messages there are. In a FIFO queue it is groups that have
openings: a group opens when none of its messages is in flight.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from stepwell.api.bells import Bells
from stepwell.durable import Draft
from stepwell.services.sqs import retention
from stepwell.services.sqs.records import (
    Group,
    Message,
    Opening,
    Place,
    Queue,
    digest,
    message_key,
    opening_key,
    tally,
)


def add(draft: Draft, queue: Queue, message: Message, visible: float, bells: Bells) -> Message:
    """Put a message in; gives it with its number."""
    shelf = digest(message.group or "") if queue.fifo else ""
    now = tally(draft, queue.box)
    message = replace(message, box=queue.box, number=now.next)
    draft.put(message)
    place = Place(
        box=queue.box, shelf=shelf, number=message.number, sent=message.sent, visible=_rounded(visible)
    )
    draft.put(place)
    draft.put(replace(now, messages=now.messages + 1, next=now.next + 1))
    retention.expect(draft, queue, message.sent)
    if queue.fifo:
        group = draft.get(Group, f"{queue.box}/{shelf}")
        if group is None:
            draft.put(Group(box=queue.box, shelf=shelf, at=place.visible))
            draft.put(Opening(box=queue.box, at=place.visible, shelf=shelf))
    else:
        draft.put(Opening(box=queue.box, at=place.visible, shelf=shelf, number=message.number))
    bells.ring(queue.name)
    return message


def move(draft: Draft, place: Place, visible: float, *, fifo: bool) -> Place:
    """Give a message's place another time from which it can be received."""
    moved = replace(place, visible=_rounded(visible))
    if fifo:
        group = draft.get(Group, f"{place.box}/{place.shelf}")
        assert group is not None
        draft.put(moved)
        _settle(draft, replace(group, held={**group.held, str(place.number): moved.visible}), group.at)
    else:
        draft.delete(Opening, opening_key(place.box, place.visible, place.shelf, place.number))
        draft.put(Opening(box=place.box, at=moved.visible, shelf=place.shelf, number=place.number))
        draft.put(moved)
    return moved


def remove(draft: Draft, place: Place, *, fifo: bool) -> None:
    """Take a message out."""
    draft.delete(Place, place.key)
    draft.delete(Message, message_key(place.box, place.sent, place.number))
    now = tally(draft, place.box)
    draft.put(replace(now, messages=now.messages - 1))
    if not fifo:
        draft.delete(Opening, opening_key(place.box, place.visible, place.shelf, place.number))
        return
    group = draft.get(Group, f"{place.box}/{place.shelf}")
    assert group is not None
    held = {number: until for number, until in group.held.items() if number != str(place.number)}
    _settle(draft, replace(group, held=held), group.at)


def _settle(draft: Draft, group: Group, before: float) -> None:
    """Keep a group with the opening that its messages give it; forget it when it has none."""
    draft.delete(Opening, opening_key(group.box, before, group.shelf, 0))
    first = next(draft.scan(Place, prefix=f"{group.box}/{group.shelf}/", limit=1), None)
    if first is None:
        draft.delete(Group, group.key)
        return
    held = {number: until for number, until in group.held.items() if until > draft.now}
    at = max(first.visible, *held.values(), 0.0)
    draft.put(replace(group, held=held, at=at))
    draft.put(Opening(box=group.box, at=at, shelf=group.shelf))


def _rounded(at: float) -> float:
    """As precise as keys are, and never later."""
    return math.floor(at * 1000) / 1000
