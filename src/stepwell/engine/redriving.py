"""Redriving an execution: its history goes on, and the states that failed begin again.

What had come to its end stays as it is; where each thread of control goes on is the frames' business
(`frames.revive`). Source: AWS's developer guide, "Redriving executions".
"""

from __future__ import annotations

from stepwell.asl.program import FailState
from stepwell.engine.frames import Phase
from stepwell.engine.states import ready_frames
from stepwell.engine.turn import DEADLINE, Turn


def redrive(turn: Turn) -> None:
    """Let an execution that ended without success go on; its record says already that it runs."""
    root = turn.run.root
    turn.emit(
        root,
        "ExecutionRedriven",
        {"redriveCount": turn.execution.redrives},
        previous=turn.run.next_id - 1,
    )
    if turn.execution.deadline is not None:
        turn.timer(root, DEADLINE, turn.execution.deadline)
    for frame in ready_frames(turn):
        # a Fail state alone is entered again: there is nothing in it that could begin again
        if frame.phase is Phase.ENTERED and isinstance(turn.state(frame), FailState):
            turn.enter(frame, frame.state, frame.value, None)
        else:
            turn.ready.append(frame)
