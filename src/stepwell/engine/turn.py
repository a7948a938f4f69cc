"""One execution's part of one decision: events, and what failing, leaving and ending mean.

A turn moves the frames by the events it emits, collects what the commit shall do beside (effects, timers),
and hands the events to the journal when it is over.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from stepwell.asl import faults
from stepwell.asl.faults import StateError
from stepwell.asl.json import dumps
from stepwell.asl.limits import MAX_DATA_BYTES, MAX_ERROR, MAX_EVENTS
from stepwell.asl.program import Environment, HandlingState, MapState, State
from stepwell.asl.queries import QueryError
from stepwell.durable import Draft
from stepwell.engine import executions, integrations, variables
from stepwell.engine.activities import QueuedTask
from stepwell.engine.context import LAST_PATIENCE, constant_context, environment
from stepwell.engine.executions import Execution, Waiter
from stepwell.engine.frames import Frame, Phase, Run
from stepwell.engine.history import REFERRED, RETRYING, SAME, WHOLE, Event, details_member, failure
from stepwell.engine.programs import Machine

#: the kind of the engine's timers
TIMER = "execution"
#: effect kinds
TASK_EFFECT = "task"
STOP_EFFECT = "stop-job"

#: what a timer is for
WAIT = "wait"
RETRY = "retry"
TIMEOUT = "timeout"
HEARTBEAT = "heartbeat"
DEADLINE = "deadline"
CONTINUE = "continue"
ABORT = "abort"
FORGET = "forget"

_IN_TEXT: Any = object()


class HistoryFull(Exception):
    """The history has as many events as AWS allows."""


@dataclass(slots=True, eq=False)
class Turn:
    """What one decision does to one execution."""

    draft: Draft
    execution: Execution
    run: Run
    machine: Machine
    #: compiled JSONata, of the thread that decides
    compiled: MutableMapping[str, Any]
    #: values of expressions that were evaluated elsewhere for the frame whose step it is
    answers: Mapping[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    #: frames that can go on
    ready: deque[Frame] = field(default_factory=deque)
    #: the part of the context object that all states share
    context: Mapping[str, Any] = field(init=False)

    def __post_init__(self) -> None:
        self.context = constant_context(self.execution, self.run.input)

    def state(self, frame: Frame) -> State:
        """The state that the frame is in."""
        return self.machine.states[frame.state]

    def emit(
        self,
        frame: Frame,
        event_type: str,
        details: Mapping[str, Any] | None = None,
        *,
        previous: int | None = None,
        value: Any = _IN_TEXT,
        assigned: Mapping[str, Any] | None = None,
        private: Mapping[str, Any] | None = None,
    ) -> int:
        """Add an event and move the frame by it. Returns its id; raises HistoryFull."""
        number = self.run.next_id
        if number >= MAX_EVENTS and not event_type.startswith("Execution"):
            raise HistoryFull
        event: Event = {
            "id": number,
            "previousEventId": frame.last if previous is None else previous,
            "timestamp": self.draft.now,
            "type": event_type,
        }
        if details is not None:
            event[details_member(event_type)] = details
        if frame.path:
            event["_frame"] = frame.path
        if private:
            event.update(private)
        self._take(event, value, assigned)
        return number

    def note(self, frame: Frame, event_type: str, **fields: Any) -> None:
        """Add an entry that the history does not show."""
        self._take({"type": event_type, "_frame": frame.path, **fields}, _IN_TEXT)

    def _take(self, event: Event, value: Any, assigned: Mapping[str, Any] | None = None) -> None:
        if value is _IN_TEXT:
            self.run.apply(event)
        else:
            self.run.apply(event, value, assigned)
        self.events.append(event)

    def flush(self) -> None:
        """Hand the events over to the journal."""
        if self.events:
            self.draft.append(self.execution.journal, self.events)
            self.events = []

    # -- timers

    def timer(self, frame: Frame, purpose: str, due: float) -> None:
        """Wake this frame at `due`."""
        self.draft.timer(
            self._timer_key(frame.path, purpose),
            due,
            TIMER,
            {
                "execution": self.execution.key,
                "frame": frame.path,
                "purpose": purpose,
                # a frame that has moved on since is not woken
                "event": frame.scheduled or frame.entered,
            },
        )

    def start_clocks(self, frame: Frame) -> None:
        """The task that the frame waits for has begun: its time counts from now."""
        if frame.timeout is not None:
            self.timer(frame, TIMEOUT, self.draft.now + frame.timeout)
        if frame.heartbeat is not None:
            self.timer(frame, HEARTBEAT, self.draft.now + frame.heartbeat)

    def cancel(self, frame: Frame, purpose: str) -> None:
        """Forget a timer of this frame."""
        self.draft.cancel(self._timer_key(frame.path, purpose))

    def _timer_key(self, path: str, purpose: str) -> str:
        return f"execution/{self.execution.id}/{path}/{purpose}"

    # -- from state to state

    def enter(
        self, frame: Frame, name: str, value: Any, text: str | None, *, previous: int | None = None
    ) -> None:
        """Enter a state. An input that is too large ends the execution."""
        if text is None:
            text = dumps(value)
        event_type = f"{self.machine.states[name].type}StateEntered"
        details: dict[str, Any] = {"name": name, "inputDetails": WHOLE}
        private = None
        if frame.text is text and len(text) > REFERRED:
            private = {SAME: frame.last or 1}
        else:
            details["input"] = text
            if too_large(text):
                self.end(
                    executions.FAILED,
                    previous=frame.last if previous is None else previous,
                    error=faults.DATA_LIMIT_EXCEEDED,
                    cause=TOO_LARGE.format(name),
                )
                return
        self.emit(frame, event_type, details, previous=previous, value=value, private=private)
        self.ready.append(frame)

    def leave(
        self, frame: Frame, output: Any, target: str | None, assigned: Mapping[str, Any] | None = None
    ) -> None:
        """Leave the frame's state with `output`, for the state `target` or for the end of the block.

        `assigned`: the variables that the state sets; None where it has no Assign.
        """
        state = self.state(frame)
        text = dumps(output)
        details: dict[str, Any] = {"name": state.name, "output": text, "outputDetails": WHOLE}
        problem = TOO_LARGE.format(state.name) if too_large(text) else None
        if assigned is not None:
            texts = {name: dumps(value) for name, value in assigned.items()}
            details.update(assignedVariables=texts, assignedVariablesDetails=WHOLE)
            problem = problem or variables.too_large(self.run, frame, texts)
        if problem is not None:
            self.fail(frame, faults.DATA_LIMIT_EXCEEDED, problem, fatal=True)
            return
        self.emit(
            frame,
            f"{state.type}StateExited",
            details,
            value=output,
            assigned=assigned,
            private=None if target is None else {"_next": target},
        )
        if target is None and frame.parent is None:
            self.succeed(text)
        else:
            self.ready.append(frame)

    def succeed_state(self, frame: Frame, result: Any, env: Environment | None = None) -> None:
        """The state's work is done: shape its output and leave. Raises StateError."""
        self.shaped(frame, result, env)()

    def shaped(self, frame: Frame, result: Any, env: Environment | None = None) -> Callable[[], None]:
        """Shape the output of a state whose work is done; what leaves with it, or raises the StateError.

        Nothing has happened before that is called: an expression may turn out to need more time.
        """
        state = self.state(frame)
        env = env or environment(self, frame)
        try:
            # both from what was there before: Output sees none of the variables that Assign sets
            output = state.output(frame.value, result, env)
            assigned = None if state.assign is None else state.assign(frame.value, result, env)
        except StateError as error:
            return partial(_raise, error)
        return lambda: self.leave(frame, output, state.next, assigned)

    # -- failures

    def fail(
        self,
        frame: Frame,
        error: str | None,
        cause: str | None,
        *,
        previous: int | None = None,
        fatal: bool = False,
        evaluating: bool = False,
    ) -> None:
        """The frame's state failed: retry it, catch the error, or fail what is around it.

        `previous` is the event that tells of the failure, where the frame's last event does not.
        A `fatal` error meets no retrier and no catcher. `evaluating`: the state failed in its own JSONata.
        """
        state = self.state(frame)
        last = frame.last if previous is None else previous
        children = tuple(frame.children.values())
        for child in children:
            self.abandon(child, aborted=True)
        if isinstance(state, HandlingState):
            if not fatal and self._retry(frame, state, error, last):
                return
            if frame.started or (evaluating and state.type != "Task"):
                last = self.emit(frame, f"{state.type}StateFailed", previous=last)
            if not fatal and self._catch(frame, state, error, cause):
                return
        parent = frame.parent
        if parent is None:
            self.end(executions.FAILED, previous=last, error=error, cause=cause)
            return
        if state.type == "Task":
            self.emit(frame, "TaskStateAborted", previous=last)
        above = self.state(parent)
        if isinstance(above, MapState):
            self.emit(frame, "MapIterationFailed", {"name": above.name, "index": frame.index}, previous=last)
        del parent.children[frame.index]
        self.fail(parent, error, cause, previous=last, fatal=fatal)

    def fail_in_text(self, frame: Frame, error: StateError) -> None:
        """The state failed while its own text was evaluated."""
        cause = error.cause(frame.state, frame.entered)
        if not isinstance(error, QueryError):
            self.fail(frame, error.error, cause)
            return
        # recorded on AWS: an evaluation that fails stands beside the event that led to it
        told = self.emit(
            frame,
            "EvaluationFailed",
            {**failure(error.error, cause), "location": error.location[:MAX_ERROR], "state": frame.state},
            previous=frame.before if error.evaluating else frame.last,
        )
        self.fail(frame, error.error, cause, previous=told, evaluating=True)

    def _retry(self, frame: Frame, state: HandlingState, error: str | None, last: int) -> bool:
        index = state.retrier(error or "")
        if index is None:
            return False
        retrier = state.retriers[index]
        attempt = frame.attempts.get(index, 0) + 1
        if attempt > retrier.max_attempts:
            return False
        due = self.draft.now + retrier.delay(attempt, self.draft.random.random())
        self.note(frame, RETRYING, retrier=index, last=last)
        self.timer(frame, RETRY, due)
        return True

    def _catch(self, frame: Frame, state: HandlingState, error: str | None, cause: str | None) -> bool:
        index = state.catcher(error or "")
        if index is None:
            return False
        catcher = state.catchers[index]
        env = replace(environment(self, frame), answers=None, time_limit=LAST_PATIENCE)
        told = {"Error": _shown(error), "Cause": cause}
        try:
            output = catcher.output(frame.value, told, env)
            assigned = None if catcher.assign is None else catcher.assign(frame.value, told, env)
        except StateError as problem:
            self.fail(frame, problem.error, problem.cause(frame.state, frame.entered), fatal=True)
        else:
            self.leave(frame, output, catcher.next, assigned)
        return True

    def abandon(self, frame: Frame, *, aborted: bool = False) -> None:
        """Give up what the frame waits for; `aborted` says so in the history."""
        for child in tuple(frame.children.values()):
            self.abandon(child, aborted=aborted)
        if frame.phase is Phase.WAITING:
            self.cancel(frame, WAIT)
        elif frame.phase is Phase.RETRYING:
            self.cancel(frame, RETRY)
        elif frame.phase in (Phase.TASK, Phase.SUBMITTED):
            self.release(frame, stop=True)
        if not aborted or frame.phase in (Phase.BETWEEN, Phase.DONE):
            return
        state = self.state(frame)
        if state.type in ("Task", "Wait", "Parallel", "Map"):
            self.emit(frame, f"{state.type}StateAborted")
        above = None if frame.parent is None else self.state(frame.parent)
        if isinstance(above, MapState):
            self.emit(frame, "MapIterationAborted", {"name": above.name, "index": frame.index})

    def release(self, frame: Frame, *, stop: bool = False) -> None:
        """A task is over, or (`stop`) no longer wanted: forget its timers, its waiting, its effect."""
        if frame.timeout is not None:
            self.cancel(frame, TIMEOUT)
        if frame.heartbeat is not None:
            self.cancel(frame, HEARTBEAT)
        resource = integrations.parse(getattr(self.state(frame), "resource", ""))
        job = None if resource is None else resource.job
        if frame.queued is not None:
            self.draft.delete(QueuedTask, frame.queued)
        elif frame.job is not None:
            waiter = Waiter(job=frame.job, execution=self.execution.key, frame=frame.path)
            self.draft.delete(Waiter, waiter.key)
            if stop and job is not None:
                stop_job(self.draft, job, frame.job, self.execution, frame.role)
        elif stop and frame.phase is Phase.TASK and job is None:
            # a job's creation under way is let come to its end: its outcome tells which job to stop
            self.draft.settle(self.token(frame.scheduled))

    def token(self, scheduled: int) -> str:
        """The token of the effect that the Scheduled event `scheduled` asks for."""
        return f"{self.execution.id}/{scheduled}"

    # -- the end

    def succeed(self, text: str) -> None:
        """The machine came to its end; `text` is its output."""
        root = self.run.root
        details: dict[str, Any] = {"outputDetails": WHOLE}
        private = None
        if len(text) > REFERRED:
            private = {SAME: root.last}
        else:
            details["output"] = text
        self.emit(root, "ExecutionSucceeded", details, private=private)
        self._close(executions.SUCCEEDED, output=text)

    def end(
        self,
        status: str,
        *,
        previous: int | None = None,
        error: str | None = None,
        cause: str | None = None,
    ) -> None:
        """The execution ends otherwise: FAILED, TIMED_OUT or ABORTED."""
        self.abandon(self.run.root)
        event_type = {
            "FAILED": "ExecutionFailed",
            "TIMED_OUT": "ExecutionTimedOut",
            "ABORTED": "ExecutionAborted",
        }
        found = failure(_shown(error), cause)
        self.emit(self.run.root, event_type[status], found, previous=previous)
        self._close(status, error=found.get("error"), cause=found.get("cause"))

    def _close(self, status: str, **outcome: str | None) -> None:
        self.ready.clear()
        if self.execution.deadline is not None:
            self.cancel(self.run.root, DEADLINE)
        self.execution = executions.close(
            self.draft, self.execution, status, **outcome, events=self.run.next_id - 1
        )
        self.draft.send("event", executions.status_change(self.execution))


def _raise(error: StateError) -> None:
    raise error


def _shown(error: str | None) -> str | None:
    """An error as AWS shows it: a missed heartbeat is matched by its own name and shown as a timeout."""
    return faults.TIMEOUT if error == faults.HEARTBEAT_TIMEOUT else error


def stop_job(
    draft: Draft, job: integrations.Job, job_arn: str, execution: Execution, task_role: str | None
) -> None:
    """Ask for a job to be stopped that the execution no longer waits for.

    `task_role`: the role of the task's own Credentials, which made the job.
    """
    draft.effect(
        STOP_EFFECT,
        {
            "service": job.service,
            "operation": job.stop,
            "params": {job.key: job.name(job_arn)},
            "role": execution.role,
            "task_role": task_role,
            "session": execution.id,
        },
    )


def too_large(text: str) -> bool:
    """Whether a payload exceeds AWS's limit, counted in UTF-8."""
    if len(text) * 4 <= MAX_DATA_BYTES:
        return False
    return len(text) > MAX_DATA_BYTES or len(text.encode()) > MAX_DATA_BYTES


#: the cause of States.DataLimitExceeded; `{}` names the state, or the service of a task
TOO_LARGE = (
    "The state/task '{}' returned a result with a size exceeding the maximum number of bytes service limit."
)
