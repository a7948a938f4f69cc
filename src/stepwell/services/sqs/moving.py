"""Message move tasks: dead letters go back where they came from, or to another queue.

A task is a record and a durable timer, which moves some messages at a time: it outlives the server, and
keeps the rate that it was given.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell import arn
from stepwell.api.bells import Bells
from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, Timer, View
from stepwell.durable.loop import TimerHandler
from stepwell.services.sqs import boxes, names, queues
from stepwell.services.sqs.errors import (
    InvalidParameterValue,
    ResourceNotFoundException,
    UnsupportedOperation,
)
from stepwell.services.sqs.records import (
    Message,
    Opening,
    Place,
    Queue,
    by_arn,
    message_key,
    place_key,
    tally,
)

#: messages that one decision moves
CHUNK = 100
#: tasks that are listed at most, and the highest rate (API reference, StartMessageMoveTask)
_MOST_LISTED = 10
_FASTEST = 500
_RUNNING = "RUNNING"


class MoveTask(Record, frozen=True, kw_only=True):
    """A message move task."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "move-task"

    id: str
    #: names of queues
    source: str
    #: None sends each message back where it came from
    destination: str | None = None
    #: messages a second
    rate: int | None = None
    status: str = _RUNNING
    moved: int = 0
    to_move: int = 0
    failure: str | None = None
    #: seconds since the epoch
    started: float

    @property
    def key(self) -> str:
        return f"{self.source}/{self.started:017.3f}/{self.id}"


def start(call: Call, draft: Draft) -> dict[str, Any]:
    """StartMessageMoveTask."""
    params = call.params
    source = _queue(draft, params["SourceArn"])
    if not queues.sources(draft, source):
        raise InvalidParameterValue("Source queue must be configured as a Dead Letter Queue.")
    destination = _queue(draft, params["DestinationArn"]) if params.get("DestinationArn") else None
    if destination is not None and destination.fifo != source.fifo:
        raise InvalidParameterValue("Source and destination queue must be of the same type.")
    if destination is not None and destination.name == source.name:
        raise InvalidParameterValue("Source queue arn and destination queue arn cannot be the same.")
    rate = params.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= _FASTEST:
        raise InvalidParameterValue(
            f"Value {rate} for parameter MaxNumberOfMessagesPerSecond is invalid. Reason: must be between 1 "
            f"and {_FASTEST}."
        )
    if any(task.status == _RUNNING for task in draft.scan(MoveTask, prefix=f"{source.name}/")):
        raise UnsupportedOperation("There is already a task running. Only one active task is allowed.")
    task = MoveTask(
        id=draft.uuid(),
        source=source.name,
        destination=destination.name if destination is not None else None,
        rate=rate,
        to_move=tally(draft, source.box).messages,
        started=draft.now,
    )
    draft.put(task)
    draft.timer(_timer(task), draft.now, "sqs-move", {"task": task.key})
    return {"TaskHandle": task.key}


def list_tasks(call: Call, view: View) -> dict[str, Any]:
    """ListMessageMoveTasks: the latest first."""
    params = call.params
    source = _queue(view, params["SourceArn"])
    most = params.get("MaxResults") or 1
    if not 1 <= most <= _MOST_LISTED:
        raise InvalidParameterValue(
            f"Value {most} for parameter MaxResults is invalid. Reason: must be between 1 and {_MOST_LISTED}."
        )
    tasks = list(view.scan(MoveTask, prefix=f"{source.name}/"))
    return {"Results": [_shown(task, view) for task in reversed(tasks[-most:])]}


def cancel(call: Call, draft: Draft) -> dict[str, Any]:
    """CancelMessageMoveTask: what was moved stays moved."""
    task = draft.get(MoveTask, call.params["TaskHandle"])
    if task is None:
        raise ResourceNotFoundException("Task does not exist.")
    if task.status != _RUNNING:
        raise UnsupportedOperation("Only active tasks can be cancelled.")
    draft.put(replace(task, status="CANCELLED"))
    draft.cancel(_timer(task))
    return {"ApproximateNumberOfMessagesMoved": task.moved}


def timers(bells: Bells) -> dict[str, TimerHandler]:
    """The handler of a running task's timer."""
    return {"sqs-move": partial(_move, bells)}


def _move(bells: Bells, timer: Timer, draft: Draft) -> None:
    task = draft.get(MoveTask, timer.body["task"])
    assert task is not None
    source = draft.get(Queue, task.source)
    if source is None:
        draft.put(replace(task, status="FAILED", failure="AWS.SimpleQueueService.NonExistentQueue"))
        return
    moved = 0
    for place in _visible(draft, source, min(CHUNK, task.rate or CHUNK)):
        message = draft.get(Message, message_key(place.box, place.sent, place.number))
        assert message is not None
        to = _destination(draft, task, message)
        if to is None:
            failure = "CouldNotDetermineMessageSource"
            draft.put(replace(task, status="FAILED", moved=task.moved + moved, failure=failure))
            return
        boxes.remove(draft, place, fifo=source.fifo)
        fresh = replace(message, sent=round(draft.now, 3), source=None, before=0)
        boxes.add(draft, to, fresh, draft.now, bells)
        moved += 1
    if moved:
        draft.put(replace(task, moved=task.moved + moved))
        # at a rate of more than one chunk a second, chunks follow each other sooner
        pause = moved / task.rate if task.rate is not None else 0.0
        draft.timer(timer.key, draft.now + pause, timer.kind, timer.body)
    else:
        draft.put(replace(task, status="COMPLETED"))


def _visible(draft: Draft, queue: Queue, most: int) -> list[Place]:
    found: list[Place] = []
    for opening in draft.scan(Opening, prefix=f"{queue.box}/"):
        if opening.at > draft.now or len(found) >= most:
            break
        if queue.fifo:
            places = draft.scan(Place, prefix=f"{queue.box}/{opening.shelf}/", limit=most - len(found))
            found += [place for place in places if place.visible <= draft.now]
        else:
            place = draft.get(Place, place_key(opening.box, opening.shelf, opening.number))
            assert place is not None
            found.append(place)
    return found


def _destination(draft: Draft, task: MoveTask, message: Message) -> Queue | None:
    if task.destination is not None:
        return draft.get(Queue, task.destination)
    return None if message.source is None else by_arn(draft, message.source)


def _shown(task: MoveTask, view: View) -> dict[str, Any]:
    found = {
        "TaskHandle": task.key if task.status == _RUNNING else None,
        "Status": task.status,
        "SourceArn": names.queue_arn(view, task.source),
        "DestinationArn": names.queue_arn(view, task.destination) if task.destination is not None else None,
        "MaxNumberOfMessagesPerSecond": task.rate,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.to_move,
        "FailureReason": task.failure,
        "StartedTimestamp": round(task.started * 1000),
    }
    return {name: value for name, value in found.items() if value is not None}


def _queue(view: View, name: str) -> Queue:
    queue = by_arn(view, name)
    if queue is None:
        raise ResourceNotFoundException("The resource that you specified for the queue doesn't exist.")
    return queue


def _timer(task: MoveTask) -> str:
    return f"sqs-move/{task.id}"


def _of_task(params: Mapping[str, Any], site: Site) -> str:
    """The ARN of the queue whose messages a task moves: its handle begins with the queue's name."""
    return arn.build("sqs", site.region, site.account, params["TaskHandle"].partition("/")[0])


OPERATIONS = (
    Operation(
        name="StartMessageMoveTask",
        rights=(
            *(
                Right(action=f"sqs:{action}", resource="{SourceArn}")
                for action in (
                    "StartMessageMoveTask",
                    "ReceiveMessage",
                    "DeleteMessage",
                    "GetQueueAttributes",
                )
            ),
            Right(
                action="sqs:SendMessage",
                resource="{DestinationArn}",
                when=lambda params: bool(params.get("DestinationArn")),
            ),
        ),
        honoured=words("SourceArn DestinationArn MaxNumberOfMessagesPerSecond"),
        decide=start,
    ),
    Operation(
        name="ListMessageMoveTasks",
        rights=(Right(action="sqs:ListMessageMoveTasks", resource="{SourceArn}"),),
        honoured=words("SourceArn MaxResults"),
        read=list_tasks,
    ),
    Operation(
        name="CancelMessageMoveTask",
        rights=(Right(action="sqs:CancelMessageMoveTask", resource=_of_task),),
        honoured=words("TaskHandle"),
        decide=cancel,
    ),
)
