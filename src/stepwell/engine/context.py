"""The context object (`$$`): what a state's text may know about its execution."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from stepwell.asl.jsonata import ALONE
from stepwell.asl.program import Environment, HandlingState, MapState
from stepwell.clock import iso
from stepwell.engine.executions import Execution
from stepwell.engine.frames import Frame, Phase

if TYPE_CHECKING:
    from stepwell.engine.turn import Turn

#: milliseconds after which an expression is evaluated elsewhere
PATIENCE = 10
#: and those of an expression that is not: a catcher's
LAST_PATIENCE = 150


def environment(turn: Turn, frame: Frame, token: str | None = None) -> Environment:
    """What the text of the frame's state may see; `token` is the task token where there is one."""
    context: dict[str, Any] = {
        **turn.context,
        "State": {"EnteredTime": timestamp(frame.entered_at), "Name": frame.state},
    }
    if isinstance(turn.state(frame), HandlingState):
        context["State"]["RetryCount"] = frame.retries
    if token is not None:
        context["Task"] = {"Token": token}
    item = _item(turn, frame)
    if item is not None:
        context["Map"] = {"Item": item}
    return Environment(
        context=context,
        variables=frame.visible(),
        random=turn.draft.random,
        now=turn.draft.now,
        compiled=turn.compiled,
        time_limit=PATIENCE,
        answers=turn.answers,
    )


def constant_context(execution: Execution, value: Any) -> dict[str, Any]:
    """What is the same in all states of an execution; `value` is its input."""
    redriven = {} if execution.redriven is None else {"RedriveTime": timestamp(execution.redriven)}
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": value,
            "Name": execution.name,
            "RoleArn": execution.role,
            "StartTime": timestamp(execution.started),
            "RedriveCount": execution.redrives,
            **redriven,
        },
        "StateMachine": {"Id": execution.machine_arn, "Name": execution.machine},
    }


def map_items(turn: Turn, frame: Frame) -> Sequence[Any]:
    """The items of the Map state that the frame is in; the same whenever they are worked out."""
    if frame.items is None:
        state = turn.state(frame)
        assert isinstance(state, MapState)
        # a time and a chance of their own: the items are worked out again after a restart
        env = replace(
            environment(turn, frame),
            random=random.Random(f"{turn.execution.id}/{frame.entered}/{frame.retries}"),
            now=frame.entered_at,
        )
        if frame.phase is Phase.CHILDREN:
            # whatever asks, it cannot wait: they were quick the first time, or the answer is kept
            env = replace(env, answers=frame.answers or None, time_limit=ALONE)
        frame.items = state.items(frame.value, env)
    return frame.items


@lru_cache(maxsize=256)
def timestamp(seconds: float) -> str:
    """As the context object has times: milliseconds, and no fraction where it is zero."""
    return iso(seconds).replace(".000Z", "Z")


def _item(turn: Turn, frame: Frame) -> dict[str, Any] | None:
    """`Map.Item` of the innermost Map around the frame."""
    while frame.parent is not None:
        if isinstance(turn.state(frame.parent), MapState):
            return {"Index": frame.index, "Value": map_items(turn, frame.parent)[frame.index]}
        frame = frame.parent
    return None
