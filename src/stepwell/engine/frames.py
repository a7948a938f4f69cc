"""Where an execution stands: a tree of frames, each at a state with its raw input.

`Run.apply` is the only code that moves a frame, and it takes events only. So what a live decision leaves
behind and what `fold` makes of the journal cannot differ: no snapshot is needed after a crash.

The root frame runs the machine; a Parallel state has one child frame a branch, a Map state one per
iteration under way. A frame's path names it: `""` is the root, `"3.1"` the branch (or iteration) 1 of
what event 3 started, `"3.1/9.0"` a branch within it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from stepwell.asl.json import loads
from stepwell.engine.history import EVALUATED, EVALUATING, RETRYING, WAITING, Event, details

#: no value was handed over: it is in the event's text
_IN_TEXT = object()


class Phase(Enum):
    """What a frame does, or what it waits for."""

    #: between two states: `next` is to be entered
    BETWEEN = "between"
    #: a state was entered and has not begun to work
    ENTERED = "entered"
    #: a Wait state waits for its timer
    WAITING = "waiting"
    #: a failed state waits to be tried again
    RETRYING = "retrying"
    #: a task waits for its effect's outcome
    TASK = "task"
    #: a task was submitted, or fetched by a worker, and waits for a job's end or for a task token
    SUBMITTED = "submitted"
    #: a task has ended; it is left at that only while an expression of its output is evaluated
    OVER = "over"
    #: a Parallel or Map state waits for its children
    CHILDREN = "children"
    #: the block came to its end; `value` is its output
    DONE = "done"


#: phases in which the frame can go on at once
READY = frozenset({Phase.BETWEEN, Phase.ENTERED})


@dataclass(slots=True, kw_only=True)
class Failed:
    """What a Parallel or Map state had under way when it failed: a redrive goes on with it."""

    started: int
    length: int
    begun: int
    children: dict[int, Frame]
    outputs: dict[int, Any]


@dataclass(slots=True, eq=False)
class Frame:
    """One thread of control."""

    path: str
    parent: Frame | None
    #: which branch or iteration of its parent it is
    index: int
    #: id of the last event of its causal chain: the next event's `previousEventId`
    last: int
    #: what was last when its present step began: an evaluation that fails stands behind that
    before: int = 0
    phase: Phase = Phase.BETWEEN
    #: the state that it is in
    state: str = ""
    #: where it goes next; None is the start of its block
    next: str | None = None
    #: the state's raw input; between states the next one's; at the end the block's output
    value: Any = None
    #: the same as JSON text, where an event had it
    text: str | None = None
    #: id and time of the state's Entered event
    entered: int = 0
    entered_at: float = 0.0
    #: retries so far, by the index of the retrier
    attempts: dict[int, int] = field(default_factory=dict)
    #: id of the current attempt's Scheduled event
    scheduled: int = 0
    #: seconds from the Scheduled event, or None
    timeout: int | None = None
    heartbeat: int | None = None
    #: what SendTaskSuccess must bring
    task_token: str | None = None
    #: the key of a task that waits for a worker
    queued: str | None = None
    #: the ARN of the job that a submitted task waits for
    job: str | None = None
    #: the role of the task's own Credentials
    role: str | None = None
    #: a finished task's result as JSON text
    result: str | None = None
    #: the key of the expression whose value it waits for, or None
    evaluating: str | None = None
    #: values of expressions that were evaluated elsewhere, while it is at this state
    answers: Mapping[str, Any] = field(default_factory=dict)
    #: id of the current attempt's MapStateStarted or ParallelStateStarted event
    started: int = 0
    #: the length that MapStateStarted told
    length: int = 0
    children: dict[int, Frame] = field(default_factory=dict)
    #: outputs of finished iterations, by index
    outputs: dict[int, Any] = field(default_factory=dict)
    #: how many iterations have been started
    begun: int = 0
    #: the variables of its own scope; those of the frames around it are seen too. Never changed in place.
    variables: Mapping[str, Any] = field(default_factory=dict)
    #: bytes of each variable's text
    sizes: Mapping[str, int] = field(default_factory=dict)
    #: a Map's items and concurrency, worked out again when needed
    items: Sequence[Any] | None = None
    concurrency: int = 0
    #: the children of a Parallel or Map state that failed and was not caught
    failed: Failed | None = None

    @property
    def retries(self) -> int:
        """How often the current state was retried."""
        return sum(self.attempts.values())

    def visible(self) -> Mapping[str, Any]:
        """The variables in scope: no scope has a name that one around it has."""
        if self.parent is None:
            return self.variables
        around = self.parent.visible()
        return {**around, **self.variables} if self.variables else around

    def walk(self) -> Iterator[Frame]:
        """This frame and all below it."""
        yield self
        for child in self.children.values():
            yield from child.walk()


class Run:
    """An execution's frames, and the counters that its journal gives."""

    def __init__(self) -> None:
        self.root = Frame(path="", parent=None, index=0, last=0)
        #: the execution's input, parsed
        self.input: Any = None
        #: the id of the next event
        self.next_id = 1
        self.ended = False

    def find(self, path: str) -> Frame | None:
        """The frame at `path`, or None when it is gone."""
        frame: Frame | None = self.root
        for part in path.split("/") if path else ():
            started, index = part.split(".")
            if frame is None or frame.started != int(started):
                return None
            frame = frame.children.get(int(index))
        return frame

    def frame(self, path: str) -> Frame:
        """The frame at `path`; made when its first event comes."""
        found = self.find(path)
        if found is not None:
            return found
        above, _, place = path.rpartition("/")
        parent = self.frame(above)
        started, index = place.split(".")
        child = Frame(path=path, parent=parent, index=int(index), last=int(started))
        parent.children[child.index] = child
        return child

    def apply(self, event: Event, value: Any = _IN_TEXT, assigned: Mapping[str, Any] | None = None) -> None:
        """Take in one event. `value` is its input or output parsed, and `assigned` are its variables, where
        the caller has them.
        """
        event_type: str = event["type"]
        if "id" in event:
            self.next_id = event["id"] + 1
        path: str = event.get("_frame", "")
        if event_type == "ExecutionStarted":
            self.input = _value(event, "input", value)
            self.root.value = self.input
            self.root.text = details(event)["input"]
        elif event_type == "ExecutionRedriven":
            self.ended = False
            revive(self.root, event["id"])
        elif event_type.startswith("Execution"):
            self.ended = True
        elif event_type.endswith("StateEntered"):
            self._entered(self.frame(path), event, value)
        elif event_type.endswith("StateExited"):
            self._exited(self.frame(path), event, value, assigned)
        elif event_type == "MapIterationSucceeded":
            self._iteration_succeeded(self.frame(path), event)
        else:
            move = _MOVES.get(event_type)
            if move is not None:
                move(self.frame(path), event)
        frame = self.find(path) if "id" in event else None
        if frame is not None and frame.last == event["id"]:
            frame.before = event["previousEventId"]

    def _entered(self, frame: Frame, event: Event, value: Any) -> None:
        frame.phase = Phase.ENTERED
        frame.state = details(event)["name"]
        if "input" in details(event):
            frame.value = _value(event, "input", value)
        frame.text = None
        frame.entered = frame.last = event["id"]
        frame.entered_at = event["timestamp"]
        frame.attempts = {}
        frame.answers = {}

    def _exited(self, frame: Frame, event: Event, value: Any, assigned: Mapping[str, Any] | None) -> None:
        texts: Mapping[str, str] = details(event).get("assignedVariables", {})
        if texts:
            if assigned is None:
                assigned = {name: loads(text) for name, text in texts.items()}
            frame.variables = {**frame.variables, **assigned}
            frame.sizes = {**frame.sizes, **{name: len(text.encode()) for name, text in texts.items()}}
        frame.next = event.get("_next")
        frame.phase = Phase.DONE if frame.next is None else Phase.BETWEEN
        frame.value = _value(event, "output", value)
        frame.text = details(event)["output"]
        frame.last = event["id"]
        _forget(frame)
        if frame.phase is Phase.DONE and frame.parent is not None:
            # the branch that ends last is what ParallelStateSucceeded and -Exited point at
            frame.parent.last = frame.last

    def _iteration_succeeded(self, child: Frame, event: Event) -> None:
        parent = child.parent
        assert parent is not None
        parent.outputs[child.index] = child.value
        del parent.children[child.index]
        parent.last = event["id"]


def fold(journal: Iterable[Event]) -> Run:
    """The frames that a journal leads to."""
    run = Run()
    for event in journal:
        run.apply(event)
    return run


def revive(frame: Frame, last: int) -> None:
    """Let a frame of an ended execution, and all below it, go on where they stopped.

    What is done stays done; a state that did not come to its end begins again, except that a Parallel or
    Map state goes on with those of its children that are not done. `last` is the event that follows.
    """
    # nobody answers any more what it asked for
    frame.evaluating = None
    if frame.phase is Phase.DONE:
        return
    failed = frame.failed
    if failed is not None:
        _forget(frame)
        frame.phase = Phase.CHILDREN
        frame.started, frame.length, frame.begun = failed.started, failed.length, failed.begun
        frame.children, frame.outputs = failed.children, failed.outputs
    frame.last = frame.before = last
    frame.attempts = {}
    if frame.phase is Phase.BETWEEN:
        return
    if any(child.phase is not Phase.DONE for child in frame.children.values()):
        for child in frame.children.values():
            revive(child, last)
        return
    _forget(frame)
    frame.phase = Phase.ENTERED


def _value(event: Event, member: str, value: Any) -> Any:
    return loads(details(event)[member]) if value is _IN_TEXT else value


def _forget(frame: Frame) -> None:
    """Drop what belonged to the state, or to the attempt, that is over."""
    frame.scheduled = frame.started = frame.length = frame.begun = 0
    frame.timeout = frame.heartbeat = frame.task_token = frame.job = frame.role = frame.items = None
    frame.result = frame.evaluating = None
    frame.queued = None
    frame.failed = None
    frame.children = {}
    frame.outputs = {}


def _waiting(frame: Frame, event: Event) -> None:
    frame.phase = Phase.WAITING


def _retrying(frame: Frame, event: Event) -> None:
    frame.phase = Phase.RETRYING
    frame.attempts[event["retrier"]] = frame.attempts.get(event["retrier"], 0) + 1
    frame.last = frame.before = event["last"]
    _forget(frame)


def _scheduled(frame: Frame, event: Event) -> None:
    _forget(frame)
    frame.phase = Phase.TASK
    frame.scheduled = frame.last = event["id"]
    frame.timeout = details(event).get("timeoutInSeconds")
    frame.heartbeat = details(event).get("heartbeatInSeconds")
    frame.task_token = event.get("_token")
    frame.queued = event.get("_queued")
    frame.role = details(event).get("taskCredentials", {}).get("roleArn")


def _submitted(frame: Frame, event: Event) -> None:
    frame.phase = Phase.SUBMITTED
    frame.queued = None
    frame.last = event["id"]
    frame.job = event.get("_job")


def _started_children(frame: Frame, event: Event) -> None:
    _forget(frame)
    frame.phase = Phase.CHILDREN
    frame.started = frame.last = event["id"]
    frame.length = details(event).get("length", 0)


def _iteration_started(child: Frame, event: Event) -> None:
    child.last = event["id"]
    assert child.parent is not None
    child.parent.begun += 1


def _on(frame: Frame, event: Event) -> None:
    frame.last = event["id"]


def _task_over(frame: Frame, event: Event) -> None:
    frame.last = event["id"]
    frame.phase = Phase.OVER
    frame.result = details(event).get("output")


def _evaluating(frame: Frame, event: Event) -> None:
    frame.evaluating = event["key"]


def _evaluated(frame: Frame, event: Event) -> None:
    frame.evaluating = None
    frame.answers = {**frame.answers, event["key"]: event["answer"]}


def _children_failed(frame: Frame, event: Event) -> None:
    frame.last = event["id"]
    failed = Failed(
        started=frame.started,
        length=frame.length,
        begun=frame.begun,
        children=frame.children,
        outputs=frame.outputs,
    )
    _forget(frame)
    frame.failed = failed


#: events that move one frame; those that are missing (aborts, a Map's or Parallel's success, a failed
#: iteration) stand beside the causal chain: what comes next does not point at them
_MOVES = {
    WAITING: _waiting,
    EVALUATING: _evaluating,
    EVALUATED: _evaluated,
    RETRYING: _retrying,
    "TaskScheduled": _scheduled,
    "LambdaFunctionScheduled": _scheduled,
    "ActivityScheduled": _scheduled,
    "ActivityStarted": _submitted,
    "EvaluationFailed": _on,
    "TaskStarted": _on,
    "LambdaFunctionStarted": _on,
    "TaskSubmitted": _submitted,
    "TaskSubmitFailed": _task_over,
    "TaskSucceeded": _task_over,
    "LambdaFunctionSucceeded": _task_over,
    "TaskFailed": _task_over,
    "LambdaFunctionFailed": _task_over,
    "TaskTimedOut": _task_over,
    "LambdaFunctionTimedOut": _task_over,
    "ActivitySucceeded": _task_over,
    "ActivityFailed": _task_over,
    "ActivityTimedOut": _task_over,
    "ParallelStateStarted": _started_children,
    "MapStateStarted": _started_children,
    "ParallelStateFailed": _children_failed,
    "MapStateFailed": _children_failed,
    "MapIterationStarted": _iteration_started,
}
