"""Expressions that take longer than a decision may: evaluated in a process of their own.

A step that meets one stops before it has done anything. Its frame waits, and takes the step again once the
value is in the journal; whatever the expression, the loop goes on meanwhile.
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from stepwell.asl.faults import StateError
from stepwell.asl.jsonata import QueryFailed, Question, Unfinished
from stepwell.durable import Effect
from stepwell.engine.frames import Frame
from stepwell.engine.history import EVALUATED, EVALUATING
from stepwell.engine.turn import Turn

log = logging.getLogger(__name__)

#: the effect's kind
EVALUATION = "evaluation"
#: seconds for the whole process, whose own limit for the expression is AWS's
WALL_LIMIT = 20.0


@contextmanager
def evaluating(turn: Turn, frame: Frame, *, of: Frame | None = None) -> Iterator[None]:
    """A step of `frame` that evaluates the text of its state, or of the state of the frame `of`.

    What fails in the text fails the state; what needs more time makes `frame` wait.
    """
    turn.answers = frame.answers
    try:
        yield
    except StateError as error:
        turn.fail_in_text(of or frame, error)
    except Unfinished as unfinished:
        _ask(turn, frame, unfinished.question)


def _ask(turn: Turn, frame: Frame, question: Question) -> None:
    turn.note(frame, EVALUATING, key=question.key)
    turn.draft.effect(
        EVALUATION,
        {
            "execution": turn.execution.key,
            "frame": frame.path,
            "key": question.key,
            "text": question.text,
            "bindings": question.bindings,
            "now": turn.draft.now,
            "seed": turn.draft.random.getrandbits(64),
        },
        token=f"{turn.execution.id}/{turn.draft.unique()}",
    )


def answered(turn: Turn, frame: Frame, key: str, answer: dict[str, Any]) -> None:
    """The value is there."""
    turn.note(frame, EVALUATED, key=key, answer=answer)


class Evaluator:
    """Evaluates in processes of their own, few at a time."""

    def __init__(self, most: int = 2) -> None:
        self._slots = asyncio.Semaphore(most)

    async def perform(self, effect: Effect) -> dict[str, Any]:
        """The answer to an effect's question."""
        async with self._slots:
            return await _evaluate(effect)


async def _evaluate(effect: Effect) -> dict[str, Any]:
    """Evaluate in a new process, which nothing that the expression does can outlive."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-m",
        "stepwell.engine.evaluator",
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        output, _ = await asyncio.wait_for(process.communicate(json.dumps(effect.body).encode()), WALL_LIMIT)
    except TimeoutError:
        output = b""
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if not output:
        log.warning("the evaluation of an expression ended with %s", process.returncode)
        return {"failed": str(QueryFailed("D1012: The evaluation took too much time or memory"))}
    found: dict[str, Any] = json.loads(output)
    return found
