"""Activities: tasks whose work somebody else comes to fetch.

A task waits in its activity's line until a worker polls; from then on it waits for whoever holds its token.
Its time counts from the poll: what nobody fetches does not time out.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from msgspec import field

from stepwell.asl import faults
from stepwell.asl.faults import StateError
from stepwell.durable import Draft, Record
from stepwell.engine.frames import Frame

if TYPE_CHECKING:
    from stepwell.engine.turn import Turn

#: the event that puts a task into its activity's line
SCHEDULED = "ActivityScheduled"


class Activity(Record, frozen=True, kw_only=True):
    """A name under which workers ask for tasks."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "activity"

    name: str
    arn: str
    created: float
    encryption: dict[str, Any]
    tags: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name


class QueuedTask(Record, frozen=True, kw_only=True):
    """A task that waits for a worker."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "activity-task"

    #: the activity's name
    activity: str
    #: sorts by the time of scheduling
    place: str
    token: str
    #: JSON text
    input: str
    #: whether a worker had it that never got it: its start is in the history already
    started: bool = False

    @property
    def key(self) -> str:
        return f"{self.activity}/{self.place}"


def require(draft: Draft, arn: str) -> str:
    """The name of the activity that a Task state names. Raises StateError where there is none."""
    name = arn.rpartition(":")[2]
    found = draft.get(Activity, name)
    if found is None or found.arn != arn:
        raise StateError(faults.RUNTIME, f"The activity {arn} does not exist.")
    return name


def schedule(turn: Turn, frame: Frame, name: str, details: dict[str, Any], token: str) -> None:
    """Put a task into its activity's line."""
    draft = turn.draft
    place = f"{round(draft.now * 1000):013d}-{draft.unique()}"
    task = QueuedTask(activity=name, place=place, token=token, input=details["input"])
    draft.put(task)
    turn.emit(frame, SCHEDULED, details, private={"_token": token, "_queued": task.key})


def started(turn: Turn, frame: Frame, *, task: QueuedTask, worker: str | None) -> None:
    """A worker has the task: its time begins, unless another one was to have it before."""
    if not task.started:
        turn.emit(frame, "ActivityStarted", {} if worker is None else {"workerName": worker})
        turn.start_clocks(frame)


def first(draft: Draft, activity: str) -> QueuedTask | None:
    """The task that waits longest in an activity's line."""
    return next(iter(draft.scan(QueuedTask, prefix=f"{activity}/", limit=1)), None)
