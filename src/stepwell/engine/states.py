"""What each type of state does when it is its turn. One function a type, in the table at the end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from stepwell.asl.faults import StateError
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
    try:
        _WORK[turn.state(frame).type](turn, frame)
    except StateError as error:
        turn.fail_in_text(frame, error)


def ready_frames(turn: Turn) -> list[Frame]:
    """The frames that can go on, in the order of their paths' making; needed after a fold.

    Of branches that are done, one goes on for all, and only once all are: the others would take the steps
    of those that are not.
    """
    return [frame for frame in turn.run.root.walk() if frame.phase in READY or _joins(turn, frame)]


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
    try:
        if isinstance(state, ParallelState):
            _join_branches(turn, parent, state)
        elif isinstance(state, MapState):
            _join_iteration(turn, parent, state, frame)
    except StateError as error:
        turn.fail_in_text(parent, error)


def _join_branches(turn: Turn, parent: Frame, state: ParallelState) -> None:
    children = parent.children
    if len(children) < len(state.branches) or not _all_done(parent):
        return
    outputs = [children[index].value for index in range(len(state.branches))]
    turn.emit(parent, "ParallelStateSucceeded")
    turn.succeed_state(parent, outputs)


def _join_iteration(turn: Turn, parent: Frame, state: MapState, frame: Frame) -> None:
    turn.emit(frame, "MapIterationSucceeded", {"name": state.name, "index": frame.index})
    items = map_items(turn, parent)
    if len(parent.outputs) == len(items):
        _map_succeeded(turn, parent)
    elif parent.begun < len(items):
        # the next iteration follows the last event of the one whose place it takes
        _start_iteration(turn, parent, state, previous=frame.last)


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
    try:
        _pass(turn, frame)
    except StateError as error:
        turn.fail_in_text(frame, error)


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
    turn.emit(frame, "MapStateStarted", {"length": len(items)})
    frame.items = items
    if not items:
        _map_succeeded(turn, frame)
        return
    limit = min(wanted or MAX_INLINE_CONCURRENCY, MAX_INLINE_CONCURRENCY, len(items))
    started = frame.started
    for _ in range(limit):
        _start_iteration(turn, frame, state, previous=started)
        if turn.run.ended or frame.started != started:
            return


def _start_iteration(turn: Turn, frame: Frame, state: MapState, *, previous: int) -> None:
    index = frame.begun
    item = map_items(turn, frame)[index]
    value = state.item_input(frame.value, item, index, environment(turn, frame))
    path = f"{frame.path}/{frame.started}.{index}".lstrip("/")
    child = turn.run.frame(path)
    turn.emit(child, "MapIterationStarted", {"name": state.name, "index": index}, previous=previous)
    turn.enter(child, state.processor.start_at, value, None)


def _enter_child(turn: Turn, path: str, branch: Block, value: Any) -> None:
    turn.enter(turn.run.frame(path), branch.start_at, value, None)


def _map_succeeded(turn: Turn, frame: Frame) -> None:
    outputs = [frame.outputs[index] for index in range(len(frame.outputs))]
    turn.emit(frame, "MapStateSucceeded")
    turn.succeed_state(frame, outputs)


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
