"""ReceiveMessage: what can be received is given out and hidden in one commit; who finds nothing may wait.

A message that was received too often is not given out: it goes to the dead-letter queue in that commit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from msgspec.structs import replace

from stepwell.api.bells import Bells
from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.sqs import boxes, handles, names, settings, showing
from stepwell.services.sqs.errors import InvalidParameterValue
from stepwell.services.sqs.records import Message, Opening, Place, Queue, by_arn, find, message_key, place_key

#: messages that one decision moves to a dead-letter queue; the next ones go with the next receive
_MOST_DEAD = 100
#: parameter → the least, the most
_LIMITS = {"MaxNumberOfMessages": (1, 10), "WaitTimeSeconds": (0, 20), "VisibilityTimeout": (0, 43_200)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What one look into a queue gave."""

    messages: list[dict[str, Any]]
    #: seconds that a caller without a wish of its own waits
    wait: int
    #: when the next message can be received, as far as is known
    following: float | None


async def receive(bells: Bells, call: Call, context: Context) -> dict[str, Any]:
    """ReceiveMessage."""
    for name, (low, high) in _LIMITS.items():
        value = call.params.get(name)
        if value is not None and not low <= value <= high:
            raise InvalidParameterValue(
                f"Value {value} for parameter {name} is invalid. Reason: Must be >= {low} and <= {high}, if "
                "provided."
            )
    show = showing.of(call.params)
    queue = await context.read(lambda view: names.queue_name(call.params["QueueUrl"], view))
    clock = asyncio.get_running_loop().time
    began = clock()
    while True:
        with bells.hung(queue) as bell:
            found = await context.decide(partial(take, bells, show, call.params))
            wait = call.params.get("WaitTimeSeconds")
            left = began + (found.wait if wait is None else wait) - clock()
            if found.messages or left <= 0 or bells.closed:
                return {"Messages": found.messages} if found.messages else {}
            if found.following is not None:
                left = min(left, max(0.0, found.following - context.now) + 0.001)
            await bell.wait(left)


def take(bells: Bells, show: showing.Show, params: Mapping[str, Any], draft: Draft) -> Found:
    """Give out and hide what can be received."""
    queue = find(draft, params["QueueUrl"])
    timeout = params.get("VisibilityTimeout")
    until = draft.now + (settings.number(queue, "VisibilityTimeout") if timeout is None else timeout)
    dead = settings.redrive(queue)
    target = by_arn(draft, dead[0]) if dead is not None else None
    most = params.get("MaxNumberOfMessages") or 1
    given: list[dict[str, Any]] = []
    moved = 0
    candidates = _Candidates(draft, queue)
    for place in candidates:
        message = draft.get(Message, message_key(place.box, place.sent, place.number))
        assert message is not None
        if dead is not None and target is not None and place.received >= dead[1]:
            bury(draft, queue, place, message, target, bells)
            moved += 1
            if moved >= _MOST_DEAD:
                break
            continue
        taken = replace(
            place,
            received=place.received + 1,
            first=place.first if place.first is not None else draft.now,
            last=draft.now,
            receipt=draft.unique()[:16],
        )
        taken = boxes.move(draft, taken, until, fifo=queue.fifo)
        given.append(show(message, taken, handles.write(queue, taken)))
        if len(given) >= most:
            break
    wait = settings.number(queue, "ReceiveMessageWaitTimeSeconds")
    return Found(messages=given, wait=wait, following=candidates.following)


def bury(draft: Draft, queue: Queue, place: Place, message: Message, dead: Queue, bells: Bells) -> None:
    """Move a message to a dead-letter queue: a standard one's keeps the time of sending, a FIFO one's not."""
    boxes.remove(draft, place, fifo=queue.fifo)
    source = names.queue_arn(draft, queue.name)
    sent = round(draft.now, 3) if queue.fifo else message.sent
    before = message.before + place.received
    boxes.add(draft, dead, replace(message, sent=sent, before=before, source=source), draft.now, bells)


class _Candidates:
    """Messages that can be received, those first that opened first; those of a group in their order."""

    def __init__(self, draft: Draft, queue: Queue) -> None:
        self._draft = draft
        self._queue = queue
        #: the first opening that is still to come, once all others were given
        self.following: float | None = None

    def __iter__(self) -> Iterator[Place]:
        draft, queue = self._draft, self._queue
        for opening in draft.scan(Opening, prefix=f"{queue.box}/"):
            if opening.at > draft.now:
                self.following = opening.at
                return
            if queue.fifo:
                yield from self._of_group(opening.shelf)
            else:
                place = draft.get(Place, place_key(opening.box, opening.shelf, opening.number))
                assert place is not None
                yield place

    def _of_group(self, shelf: str) -> Iterator[Place]:
        for place in self._draft.scan(Place, prefix=f"{self._queue.box}/{shelf}/"):
            if place.visible > self._draft.now:
                return
            yield place


def operations(bells: Bells) -> tuple[Operation, ...]:
    """The operation of this noun."""
    return (
        Operation(
            name="ReceiveMessage",
            rights=(names.right("ReceiveMessage"),),
            honoured=words(
                "QueueUrl AttributeNames MessageSystemAttributeNames MessageAttributeNames "
                "MaxNumberOfMessages VisibilityTimeout WaitTimeSeconds"
            ),
            act=partial(receive, bells),
        ),
    )
