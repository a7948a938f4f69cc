"""The engine: finds an execution's frames, lets a turn move them, and keeps what the turn decided.

Frames are kept in memory while an execution has tasks or several waits under way, and worked out from the
journal otherwise. A decision that raises unexpectedly is taken back and fails its execution; the server
goes on.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from msgspec import structs

from stepwell.asl import faults
from stepwell.asl.limits import MAX_EVENTS
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Timer, View, WriteSet
from stepwell.engine import activities, evaluations, executions, integrations, tasks, tokens
from stepwell.engine.activities import QueuedTask
from stepwell.engine.evaluations import EVALUATION
from stepwell.engine.executions import RUNNING, Execution, Waiter
from stepwell.engine.frames import READY, Frame, Phase, Run, fold
from stepwell.engine.history import WHOLE, Event, details, failure, public
from stepwell.engine.performing import Dispatch, perform, stop
from stepwell.engine.programs import Machine, Programs
from stepwell.engine.redriving import redrive
from stepwell.engine.states import again, ready_frames, step, wait_over, work
from stepwell.engine.turn import (
    ABORT,
    CONTINUE,
    DEADLINE,
    FORGET,
    HEARTBEAT,
    RETRY,
    STOP_EFFECT,
    TASK_EFFECT,
    TIMEOUT,
    TIMER,
    WAIT,
    HistoryFull,
    Turn,
    stop_job,
)

log = logging.getLogger(__name__)

#: steps (a state entered, a state's work, a branch joined) that one decision takes at most before it
#: queues itself again
STEPS = 1000
#: executions whose frames are kept in memory at most
KEPT = 4096
#: seconds for which an execution is remembered that its machine's deletion aborted
FORGET_AFTER = 60.0

#: whether the server answers an operation: (service, operation) as botocore names them
Serves = Callable[[str, str], bool]


class Engine:
    """Decides what executions do.

    Its decisions change frames in memory, so a decision that calls the engine calls it last: whatever
    raises behind it would leave frames that nobody committed.
    """

    def __init__(
        self,
        *,
        dispatch: Dispatch,
        serves: Serves,
        programs: Programs | None = None,
        ring: Callable[[str], None] = lambda activity: None,
    ) -> None:
        self._dispatch = dispatch
        #: whether an integration's operation exists here
        self.serves = serves
        #: compiled definitions
        self.programs = programs or Programs()
        #: told of an activity for which there may be a task: before the commit
        self._ring = ring
        self._runs: OrderedDict[str, Run] = OrderedDict()
        self._evaluator = evaluations.Evaluator()
        #: JSONata's expressions as each deciding thread compiled them: on a server there is one
        self._compiled = threading.local()

    def effects(self) -> list[EffectKind]:
        """The effects that executions ask for."""
        return [
            EffectKind(
                name=TASK_EFFECT,
                perform=lambda effect: perform(effect, self._dispatch),
                complete=self._task_done,
            ),
            EffectKind(
                name=STOP_EFFECT,
                perform=lambda effect: stop(effect, self._dispatch),
                complete=_stop_done,
            ),
            EffectKind(name=EVALUATION, perform=self._evaluator.perform, complete=self._evaluation_done),
        ]

    def timers(self) -> dict[str, Callable[[Timer, Draft], None]]:
        """The timers that executions set."""
        return {TIMER: self._timer}

    def discard(self) -> None:
        """A commit failed: forget all frames in memory, they are worked out again from the journal."""
        self._runs.clear()

    # -- what services ask for

    def start(self, draft: Draft, execution: Execution, value: Any) -> Execution:
        """Begin an execution and run it until it waits; `value` is its input, parsed.

        Returns its record as it is then.
        """
        machine = self._machine(draft, execution)
        seconds = machine.program.timeout_seconds
        if seconds is not None:
            execution = structs.replace(execution, deadline=draft.now + seconds)
        executions.add(draft, execution)
        draft.send("event", executions.status_change(execution))
        run = self._runs[execution.id] = Run()
        turn = Turn(draft=draft, execution=execution, run=run, machine=machine, compiled=self._expressions())
        details = {
            "input": execution.input,
            "inputDetails": WHOLE,
            "roleArn": execution.role,
            **execution.qualified,
        }
        turn.emit(run.root, "ExecutionStarted", details, value=value)
        if execution.deadline is not None:
            turn.timer(run.root, DEADLINE, execution.deadline)
        turn.flush()
        return self._decide(draft, execution, lambda turn: turn.ready.append(turn.run.root))

    def stop(self, draft: Draft, execution: Execution, *, error: str | None, cause: str | None) -> Execution:
        """Abort a running execution."""
        return self._decide(
            draft, execution, lambda turn: turn.end(executions.ABORTED, error=error, cause=cause)
        )

    def redrive(self, draft: Draft, execution: Execution, token: str | None) -> Execution:
        """Let an execution that ended without success go on where it failed.

        `token` is that of whoever asked. What must be true of the execution is the caller's to see to.
        """
        seconds = self._machine(draft, execution).program.timeout_seconds
        deadline = None if seconds is None else draft.now + seconds
        execution = executions.reopen(draft, execution, token, deadline=deadline)
        draft.send("event", executions.status_change(execution))
        return self._decide(draft, execution, redrive)

    def forget_all(self, draft: Draft, machine: str) -> None:
        """A machine goes, and its executions with it: those that run are aborted first.

        Each is aborted in a decision of its own; one that was aborted is remembered for a while, so that
        a job that was being made for it is still ended.
        """
        forget = {"machine": machine, "before": draft.now, "purpose": FORGET}
        draft.send(TIMER, forget)
        running = list(executions.newest_first(draft, machine, status=RUNNING))
        for listed in running:
            key = f"{listed.machine}:{listed.name}"
            draft.send(TIMER, {"execution": key, "purpose": ABORT})
        if running:
            draft.timer(f"forget/{draft.unique()}", draft.now + FORGET_AFTER, TIMER, forget)

    def task_succeeded(self, draft: Draft, token: str, output: Any) -> bool:
        """SendTaskSuccess. False when nothing waits for the token any more."""
        return self._for_token(draft, token, lambda turn, frame: tasks.succeeded(turn, frame, output))

    def task_failed(self, draft: Draft, token: str, error: str | None, cause: str | None) -> bool:
        """SendTaskFailure. False when nothing waits for the token any more."""
        return self._for_token(draft, token, lambda turn, frame: tasks.failed(turn, frame, error, cause))

    def task_alive(self, draft: Draft, token: str) -> bool:
        """SendTaskHeartbeat. False when nothing waits for the token any more."""
        return self._for_token(draft, token, tasks.heartbeat)

    def next_task(self, draft: Draft, activity: str, worker: str | None) -> QueuedTask | None:
        """GetActivityTask: give the task that waits longest at an activity to a worker; None without any."""
        while (task := activities.first(draft, activity)) is not None:
            draft.delete(QueuedTask, task.key)
            if self._for_token(draft, task.token, partial(activities.started, task=task, worker=worker)):
                return task
        return None

    def hand_back(self, draft: Draft, task: QueuedTask) -> None:
        """A task's worker has left before it got it: the next one may have it."""
        draft.put(structs.replace(task, started=True))
        self._ring(task.activity)

    def task_ended(self, draft: Draft, body: Mapping[str, Any], act: Callable[[Turn, Frame], None]) -> bool:
        """End the task of a task effect's body by `act`, whatever would end it otherwise: the reply, the
        job's end, the token's holder. False when it waits for nothing any more."""
        execution = draft.get(Execution, body["execution"])
        frame = None if execution is None else self._performed(draft, execution, body)
        if execution is None or frame is None:
            return False
        self._decide(draft, execution, lambda turn: act(turn, frame))
        return True

    def history(self, view: View, execution: Execution, *, data: bool = True) -> list[Event]:
        """All events as GetExecutionHistory shows them; without payloads where `data` is false."""
        return list(public(view.journal(execution.journal), data=data))

    def on_event(self, event: Mapping[str, Any], draft: Draft) -> None:
        """An event of a service, in EventBridge's form: ends `.sync` tasks that wait for its resources."""
        detail = event["detail"]
        for resource in event.get("resources", ()):
            for waiter in list(draft.scan(Waiter, prefix=f"{resource} ")):
                self._job_changed(draft, waiter, detail)

    # -- what comes in from the core

    def _job_changed(self, draft: Draft, waiter: Waiter, detail: Any) -> None:
        execution = draft.get(Execution, waiter.execution)
        if execution is None or execution.status != RUNNING:
            return
        frame = self._run(draft, execution).find(waiter.frame)
        if frame is None or frame.job != waiter.job:
            return
        self._decide(draft, execution, lambda turn: tasks.job_changed(turn, frame, detail))

    def _task_done(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        body = effect.body
        execution = draft.get(Execution, body["execution"])
        if execution is None:
            return
        frame = self._performed(draft, execution, body)
        if frame is not None:
            self._decide(draft, execution, lambda turn: tasks.replied(turn, frame, body, outcome))
            return
        resource = integrations.parse(body["resource"])
        job = None if resource is None else resource.job
        if job is not None and outcome.error is None and "result" in outcome.value:
            # the execution was stopped, or the task timed out, while the job was being made
            stop_job(draft, job, outcome.value["result"][job.arn], execution, body["task_role"])

    def _evaluation_done(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        body = effect.body
        execution = draft.get(Execution, body["execution"])
        if execution is None or execution.status != RUNNING:
            return
        frame = self._run(draft, execution).find(body["frame"])
        if frame is None or frame.evaluating != body["key"]:
            return
        answer = outcome.value if outcome.error is None else {"failed": outcome.error.message}

        def resume(turn: Turn) -> None:
            evaluations.answered(turn, frame, body["key"], answer)
            again(turn, frame)

        self._decide(draft, execution, resume)

    def _performed(self, draft: Draft, execution: Execution, body: Mapping[str, Any]) -> Frame | None:
        """The frame that still waits for a task's effect."""
        if execution.status != RUNNING:
            return None
        frame = self._run(draft, execution).find(body["frame"])
        live = frame is not None and frame.phase is Phase.TASK and frame.scheduled == body["scheduled"]
        return frame if live else None

    def _timer(self, timer: Timer, draft: Draft) -> None:
        body = timer.body
        purpose = body["purpose"]
        if purpose == FORGET:
            if executions.forget(draft, body["machine"], before=body["before"]):
                draft.send(TIMER, body)
            return
        execution = draft.get(Execution, body["execution"])
        if execution is None or execution.status != RUNNING:
            return
        if purpose == CONTINUE:
            self._decide(draft, execution, lambda turn: turn.ready.extend(ready_frames(turn)))
            return
        if purpose == ABORT:
            self.stop(draft, execution, error=None, cause="The state machine was deleted")
            return
        if purpose == DEADLINE:
            self._decide(draft, execution, lambda turn: turn.end(executions.TIMED_OUT))
            return
        frame = self._run(draft, execution).find(body["frame"])
        if frame is None or (frame.scheduled or frame.entered) != body["event"]:
            return
        phases, act = _PURPOSES[purpose]
        if frame.phase in phases:
            self._decide(draft, execution, lambda turn: act(turn, frame))

    # -- one decision

    def _for_token(self, draft: Draft, text: str, act: Callable[[Turn, Frame], None]) -> bool:
        token = tokens.parse(text)
        execution = None if token is None else draft.get(Execution, token.execution)
        if token is None or execution is None or execution.status != RUNNING:
            return False
        frame = self._run(draft, execution).find(token.frame)
        if frame is None or frame.task_token != text:
            return False
        self._decide(draft, execution, lambda turn: act(turn, frame))
        return True

    def _decide(self, draft: Draft, execution: Execution, act: Callable[[Turn], None]) -> Execution:
        before = _copy(draft.writes)
        try:
            turn = self._turn(draft, execution)
        except Exception as error:
            log.exception("%s cannot be continued", execution.arn)
            self._runs.pop(execution.id, None)
            return _give_up(draft, execution, error)
        try:
            try:
                act(turn)
                _advance(turn)
            except HistoryFull:
                cause = f"The execution reached the maximum number of history events ({MAX_EVENTS})."
                turn.end(executions.FAILED, error=faults.RUNTIME, cause=cause)
        except Exception as error:
            log.exception("deciding %s failed: the execution ends", execution.arn)
            draft.writes = before
            self._runs.pop(execution.id, None)
            turn = self._turn(draft, execution)
            turn.end(executions.FAILED, error=faults.RUNTIME, cause=_internal(error))
        for event in turn.events:
            if event["type"] == activities.SCHEDULED:
                self._ring(details(event)["resource"].rpartition(":")[2])
        turn.flush()
        self._keep(turn)
        return turn.execution

    def _turn(self, draft: Draft, execution: Execution) -> Turn:
        return Turn(
            draft=draft,
            execution=execution,
            run=self._run(draft, execution),
            machine=self._machine(draft, execution),
            compiled=self._expressions(),
        )

    def _expressions(self) -> dict[str, Any]:
        """What the running thread compiled."""
        found: dict[str, Any] = self._compiled.__dict__
        return found

    def _run(self, draft: Draft, execution: Execution) -> Run:
        run = self._runs.get(execution.id)
        if run is None:
            run = self._runs[execution.id] = fold(draft.journal(execution.journal))
        return run

    def _machine(self, draft: Draft, execution: Execution) -> Machine:
        found = self.programs.known(execution.definition)
        if found is not None:
            return found
        data = draft.small_blob(execution.definition)
        if data is None:
            raise RuntimeError(f"the definition of {execution.arn} is gone")
        return self.programs.machine(data.decode(), execution.definition)

    def _keep(self, turn: Turn) -> None:
        """Keep the frames of an execution that will go on soon.

        One that waits for a single thing may wait for long; many things come one after the other.
        """
        run = turn.run
        phases = [frame.phase for frame in run.root.walk()]
        soon = any(phase in _SOON for phase in phases)
        if run.ended or (not soon and sum(phase in _LATER for phase in phases) < 2):
            self._runs.pop(turn.execution.id, None)
            return
        self._runs.move_to_end(turn.execution.id)
        while len(self._runs) > KEPT:
            self._runs.popitem(last=False)


_SOON = READY | {Phase.TASK}
_LATER = frozenset({Phase.WAITING, Phase.RETRYING, Phase.SUBMITTED})
_TASK_PHASES = frozenset({Phase.TASK, Phase.SUBMITTED})

#: what a timer's purpose is in which phases
_PURPOSES: dict[str, tuple[frozenset[Phase], Callable[[Turn, Frame], None]]] = {
    WAIT: (frozenset({Phase.WAITING}), wait_over),
    RETRY: (frozenset({Phase.RETRYING}), work),
    TIMEOUT: (_TASK_PHASES, lambda turn, frame: tasks.timed_out(turn, frame, faults.TIMEOUT)),
    HEARTBEAT: (_TASK_PHASES, lambda turn, frame: tasks.timed_out(turn, frame, faults.HEARTBEAT_TIMEOUT)),
}


def _advance(turn: Turn) -> None:
    """Let frames take their steps until all wait, or until it is another decision's turn."""
    for _ in range(STEPS):
        if turn.run.ended or not turn.ready:
            return
        frame = turn.ready.popleft()
        if turn.run.find(frame.path) is frame:
            step(turn, frame)
    if not turn.run.ended and turn.ready:
        turn.draft.send(TIMER, {"execution": turn.execution.key, "purpose": CONTINUE})


def _internal(error: Exception) -> str:
    return f"An internal error ended the execution: {type(error).__name__}: {error}"


def _give_up(draft: Draft, execution: Execution, error: Exception) -> Execution:
    """End an execution whose definition this release cannot run.

    What it waited for comes to nothing by itself: timers and outcomes look for running executions.
    """
    ids = [event["id"] for event in draft.journal(execution.journal) if "id" in event]
    found = failure(faults.RUNTIME, _internal(error))
    ended: Event = {
        "id": ids[-1] + 1,
        "previousEventId": ids[-1],
        "timestamp": draft.now,
        "type": "ExecutionFailed",
        "executionFailedEventDetails": found,
    }
    draft.append(execution.journal, [ended])
    execution = executions.close(
        draft,
        execution,
        executions.FAILED,
        error=found["error"],
        cause=found["cause"],
        events=ids[-1] + 1,
    )
    draft.send("event", executions.status_change(execution))
    return execution


def _stop_done(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """Nobody waits for a job's stop."""


def _copy(writes: WriteSet) -> WriteSet:
    """A copy that later writes of a decision leave as it is; journals are not touched by a turn."""
    return replace(
        writes,
        records=dict(writes.records),
        references=dict(writes.references),
        effects=dict(writes.effects),
        settled=set(writes.settled),
        timers=dict(writes.timers),
    )
