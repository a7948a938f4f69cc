"""Mocked tasks: the effect of a Task state is answered by the test instead of being performed.

The language, retries, catchers, time-outs and histories are the server's own; only the call is not made.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from stepwell.asl import faults
from stepwell.asl.json import dumps, loads
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Timer
from stepwell.engine import Engine, tasks
from stepwell.engine.frames import Frame
from stepwell.engine.turn import Turn
from stepwell.testing.answers import Answer, Answers

#: the kind of the timers of answers that take time
MOCKED = "mocked-task"


@dataclass(slots=True, eq=False)
class Mock:
    """A mocked state, and what it was called with."""

    #: the machine's name
    machine: str
    state: str
    answers: Answers = field(repr=False)
    #: what the state handed to its task, attempt by attempt, of all executions
    calls: list[Any] = field(default_factory=list)
    #: attempts so far, by the execution and its branch or iteration
    attempts: Counter[tuple[str, str]] = field(default_factory=Counter, repr=False)

    def next(self, effect: Effect, value: Any) -> Answer:
        """The answer to the next attempt."""
        place = effect.body["session"], effect.body["frame"]
        attempt = self.attempts[place]
        self.attempts[place] += 1
        self.calls.append(value)
        return self.answers.of(attempt)


class Mocks:
    """The mocks of one server."""

    def __init__(self) -> None:
        self._mocks: dict[tuple[str, str], Mock] = {}
        #: what functions of the test raised; whoever waits for the server raises it
        self.raised: list[BaseException] = []

    def put(self, mock: Mock) -> None:
        """Mock a state, in the place of an earlier mock."""
        self._mocks[mock.machine, mock.state] = mock

    def drop(self, machine: str, state: str | None) -> None:
        """Let a state, or all states of a machine, do their real work again."""
        for key in [key for key in self._mocks if key[0] == machine and state in (None, key[1])]:
            del self._mocks[key]

    def around(self, kind: EffectKind, engine: Engine) -> EffectKind:
        """The kind of task effects, whose mocked ones are answered here."""

        async def perform(effect: Effect) -> Any:
            machine = effect.body["execution"].partition(":")[0]
            mock = self._mocks.get((machine, effect.body["state"]))
            return await kind.perform(effect) if mock is None else await self._answer(mock, effect)

        def complete(effect: Effect, outcome: Outcome, draft: Draft) -> None:
            if not isinstance(outcome.value, Answer):
                kind.complete(effect, outcome, draft)
            elif outcome.value.after:
                draft.timer(
                    f"{MOCKED}/{effect.token}",
                    draft.now + outcome.value.after,
                    MOCKED,
                    {"task": dict(effect.body), **written(outcome.value)},
                )
            else:
                engine.task_ended(draft, effect.body, ending(**written(outcome.value)))

        return replace(kind, perform=perform, complete=complete)

    def timers(self, engine: Engine) -> dict[str, Callable[[Timer, Draft], None]]:
        """What ends tasks that take time."""

        def over(timer: Timer, draft: Draft) -> None:
            body = dict(timer.body)
            engine.task_ended(draft, body.pop("task"), ending(**body))

        return {MOCKED: over}

    async def _answer(self, mock: Mock, effect: Effect) -> Answer:
        value = loads(effect.body["parameters"])
        answer = mock.next(effect, value)
        try:
            # on a thread: a test's function may take its time, and may call the server
            return await asyncio.to_thread(answer.given, value)
        except Exception as error:
            self.raised.append(error)
            return Answer(error=faults.TASK_FAILED, cause=f"{type(error).__name__}: {error}")


def written(answer: Answer) -> dict[str, Any]:
    """An answer as a timer keeps it; the result as text, as histories keep it."""
    return {"result": dumps(answer.result), "error": answer.error, "cause": answer.cause}


def ending(*, result: str, error: str | None, cause: str) -> Callable[[Turn, Frame], None]:
    """What an answer does to the task that waits for it."""

    def act(turn: Turn, frame: Frame) -> None:
        if error is None:
            tasks.succeeded(turn, frame, loads(result))
        else:
            tasks.failed(turn, frame, error, cause)

    return act
