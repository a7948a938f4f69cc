"""What each type of state does when it is its turn. One function a type, in the table at the end."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Protocol

from stepwell.asl.faults import StateError
from stepwell.asl.json import loads
from stepwell.asl.limits import MAX_INLINE_CONCURRENCY
from stepwell.asl.program import (
    Block,
    ChoiceState,
    FailState,
    MapState,
    ParallelState,
    WaitState,
)
from stepwell.engine.context import environment, map_items
from stepwell.engine.evaluations import evaluating
from stepwell.engine.frames import READY, Frame, Phase
from stepwell.engine.history import WAITING
from stepwell.engine.tasks import schedule
from stepwell.engine.turn import WAIT, Turn


def step(turn: Turn, frame: Frame) -> None:
    """Let a frame take one step: enter a state, do a state's work, or join what is around it."""
    if frame.phase is Phase.DONE:
        join(turn, frame)
    elif frame.phase is Phase.BETWEEN:
        name = frame.next if frame.next is not None else block(turn, frame).start_at
        turn.enter(frame, name, frame.value, frame.text)
    elif frame.phase is Phase.ENTERED:
        work(turn, frame)


def work(turn: Turn, frame: Frame) -> None:
    """Do the work of the state that the frame is in."""
    with evaluating(turn, frame):
        _WORK[turn.state(frame).type](turn, frame)


def again(turn: Turn, frame: Frame) -> None:
    """Take the step again that waited for an expression's value."""
    if frame.phase is Phase.WAITING:
        wait_over(turn, frame)
    elif frame.phase is Phase.OVER:
        with evaluating(turn, frame):
            turn.succeed_state(frame, loads(frame.result or "null"))
    elif frame.phase is Phase.RETRYING:
        work(turn, frame)
    else:
        turn.ready.append(frame)


def ready_frames(turn: Turn) -> list[Frame]:
    """The frames that can go on, in the order of their paths' making; needed after a fold.

    Of branches that are done, one goes on for all, and only once all are: the others would take the steps
    of those that are not.
    """
    return [
        frame
        for frame in turn.run.root.walk()
        if frame.evaluating is None and (frame.phase in READY or _joins(turn, frame))
    ]


def _joins(turn: Turn, frame: Frame) -> bool:
    if frame.phase is not Phase.DONE or frame.parent is None:
        return False
    state = turn.state(frame.parent)
    if not isinstance(state, ParallelState):
        return True
    return frame.index == len(state.branches) - 1 and _all_done(frame.parent)


def _all_done(parent: Frame) -> bool:
    # From the end, for branches are mostly done in their order.
    return all(child.phase is Phase.DONE for child in reversed(parent.children.values()))


def block(turn: Turn, frame: Frame) -> Block:
    """The block that the frame runs: the machine, a branch, a Map's processor."""
    if frame.parent is None:
        return turn.machine.program
    above = turn.state(frame.parent)
    if isinstance(above, ParallelState):
        return above.branches[frame.index]
    assert isinstance(above, MapState)
    return above.processor


def join(turn: Turn, frame: Frame) -> None:
    """A branch or an iteration came to its end: go on with what is around it where it was the last."""
    parent = frame.parent
    assert parent is not None
    state = turn.state(parent)
    with evaluating(turn, frame, of=parent):
        if isinstance(state, ParallelState):
            _join_branches(turn, parent, state)
        elif isinstance(state, MapState):
            _join_iteration(turn, parent, state, frame)


def _join_branches(turn: Turn, parent: Frame, state: ParallelState) -> None:
    children = parent.children
    if len(children) < len(state.branches) or not _all_done(parent):
        return
    outputs = [children[index].value for index in range(len(state.branches))]
    leave = turn.shaped(parent, outputs)
    turn.emit(parent, "ParallelStateSucceeded")
    leave()


def _join_iteration(turn: Turn, parent: Frame, state: MapState, frame: Frame) -> None:
    items = map_items(turn, parent)
    follow: Callable[[], None] | None = None
    if len(parent.outputs) + 1 == len(items):
        follow = _map_succeeded(turn, parent, {frame.index: frame.value})
    elif parent.begun < len(items):
        # the next iteration follows the last event of the one whose place it takes
        follow = partial(_iteration(turn, parent, state, parent.begun), previous=frame.last)
    turn.emit(frame, "MapIterationSucceeded", {"name": state.name, "index": frame.index})
    if follow is not None:
        follow()


def _pass(turn: Turn, frame: Frame) -> None:
    """Pass and Succeed: nothing to wait for."""
    state = turn.state(frame)
    env = environment(turn, frame)
    turn.succeed_state(frame, state.result(state.effective_input(frame.value, env)), env)


def _fail(turn: Turn, frame: Frame) -> None:
    state = turn.state(frame)
    assert isinstance(state, FailState)
    error, cause = state.failure(frame.value, environment(turn, frame))
    turn.fail(frame, error, cause)


def _choice(turn: Turn, frame: Frame) -> None:
    state = turn.state(frame)
    assert isinstance(state, ChoiceState)
    env = environment(turn, frame)
    rule = state.choose(frame.value, env)
    result = state.result(state.effective_input(frame.value, env))
    output = (rule.output or state.output)(frame.value, result, env)
    assigned = None if rule.assign is None else rule.assign(frame.value, result, env)
    turn.leave(frame, output, rule.next, assigned)


def _wait(turn: Turn, frame: Frame) -> None:
    state = turn.state(frame)
    assert isinstance(state, WaitState)
    due = state.until(frame.value, environment(turn, frame), turn.draft.now)
    if due <= turn.draft.now:
        _pass(turn, frame)
        return
    turn.note(frame, WAITING)
    turn.timer(frame, WAIT, due)


def wait_over(turn: Turn, frame: Frame) -> None:
    """A Wait state's time has come."""
    with evaluating(turn, frame):
        _pass(turn, frame)


def _parallel(turn: Turn, frame: Frame) -> None:
    state = turn.state(frame)
    assert isinstance(state, ParallelState)
    value = state.effective_input(frame.value, environment(turn, frame))
    started = turn.emit(frame, "ParallelStateStarted")
    for index, branch in enumerate(state.branches):
        _enter_child(turn, f"{frame.path}/{started}.{index}".lstrip("/"), branch, value)
        if turn.run.ended:
            return


def _map(turn: Turn, frame: Frame) -> None:
    state = turn.state(frame)
    assert isinstance(state, MapState)
    frame.items = None
    items = map_items(turn, frame)
    env = environment(turn, frame)
    wanted = state.max_concurrency(frame.value, env)
    limit = min(wanted or MAX_INLINE_CONCURRENCY, MAX_INLINE_CONCURRENCY, len(items))
    iterations = [_iteration(turn, frame, state, index) for index in range(limit)]
    done = None if items else _map_succeeded(turn, frame, {})
    turn.emit(frame, "MapStateStarted", {"length": len(items)})
    frame.items = items
    if done is not None:
        done()
        return
    started = frame.started
    for begin in iterations:
        begin(previous=started)
        if turn.run.ended or frame.started != started:
            return


class Begin(Protocol):
    """Begins an iteration behind the event `previous`, or raises the StateError of its input."""

    def __call__(self, *, previous: int) -> None: ...


def _iteration(turn: Turn, frame: Frame, state: MapState, index: int) -> Begin:
    """Work out the input of an iteration; what begins it."""
    failed: StateError | None = None
    value = None
    try:
        item = map_items(turn, frame)[index]
        value = state.item_input(frame.value, item, index, environment(turn, frame))
    except StateError as error:
        failed = error

    def begin(*, previous: int) -> None:
        if failed is not None:
            raise failed
        path = f"{frame.path}/{frame.started}.{index}".lstrip("/")
        child = turn.run.frame(path)
        turn.emit(child, "MapIterationStarted", {"name": state.name, "index": index}, previous=previous)
        turn.enter(child, state.processor.start_at, value, None)

    return begin


def _enter_child(turn: Turn, path: str, branch: Block, value: Any) -> None:
    turn.enter(turn.run.frame(path), branch.start_at, value, None)


def _map_succeeded(turn: Turn, frame: Frame, last: Mapping[int, Any]) -> Callable[[], None]:
    """Shape a Map's output, with that of the `last` iteration; what leaves with it."""
    outputs = {**frame.outputs, **last}
    leave = turn.shaped(frame, [outputs[index] for index in range(len(outputs))])

    def succeed() -> None:
        turn.emit(frame, "MapStateSucceeded")
        leave()

    return succeed


_WORK: dict[str, Callable[[Turn, Frame], None]] = {
    "Pass": _pass,
    "Succeed": _pass,
    "Fail": _fail,
    "Choice": _choice,
    "Wait": _wait,
    "Parallel": _parallel,
    "Map": _map,
    "Task": schedule,
}
