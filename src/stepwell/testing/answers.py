"""What a mocked task answers: a result, a failure, or what a function of the task's input says."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from stepwell.asl.json import dumps, loads
from stepwell.testing.durations import Duration, seconds
from stepwell.testing.errors import TestingError

#: a task's answer computed from what the state hands to it
Function = Callable[[Any], Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """One attempt's answer. Made by `returns` and `raises`."""

    #: the task's result: JSON
    result: Any = None
    #: computes the result, or a whole answer, from the task's input
    function: Function | None = None
    #: the error's name; None for a task that succeeds
    error: str | None = None
    #: the error's cause
    cause: str = ""
    #: seconds of the server's time that the task takes
    after: float = 0.0

    def given(self, value: Any) -> Answer:
        """The answer to a task whose input is `value`."""
        if self.function is None:
            return self
        found = self.function(value)
        if isinstance(found, Answer):
            return found.given(value) if found.after else replace(found.given(value), after=self.after)
        return returns(found, after=self.after)


def returns(result: Any, *, after: Duration = 0) -> Answer:
    """The task succeeds. `result` is what the service would give: JSON, or a function of the task's input
    that gives it (or a whole answer); for `.sync` the finished job, for a function its return value.

    It takes the span `after` of the server's time; nobody waits for it. Raises TestingError for what is no
    JSON.
    """
    if callable(result):
        return Answer(function=result, after=seconds(after))
    try:
        # a copy: what the test changes later is no part of the answer
        return Answer(result=loads(dumps(result)), after=seconds(after))
    except (TypeError, ValueError) as error:
        raise TestingError(f"a mocked result must be JSON: {error}") from error


def raises(error: str, cause: str = "", *, after: Duration = 0) -> Answer:
    """The task fails with an error's name, such as `SageMaker.ResourceLimitExceededException`."""
    return Answer(error=error, cause=cause, after=seconds(after))


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers of a mocked state by attempt: each from its first attempt on, until the next one's."""

    #: (number of the first attempt from 0, answer), in order
    rows: tuple[tuple[int, Answer], ...]

    def of(self, attempt: int) -> Answer:
        """The answer to an attempt; the last answer goes on for ever."""
        return next(answer for first, answer in reversed(self.rows) if first <= attempt)


def in_turn(answers: tuple[Answer | Function, ...]) -> Answers:
    """One answer an attempt."""
    return Answers(
        tuple(
            (number, each if isinstance(each, Answer) else returns(each))
            for number, each in enumerate(answers)
        )
    )


def by_attempt(given: Mapping[str, Answer]) -> Answers:
    """Answers by attempts as MockConfig files number them: `"0"`, `"1-2"`. Raises TestingError."""
    rows: list[tuple[int, Answer]] = []
    expected = 0
    for text, answer in given.items():
        first, _, last = text.partition("-")
        if not (first.isdecimal() and (last or first).isdecimal()):
            raise TestingError(f'{text!r} numbers no attempts: write "0" or "1-2"')
        if int(first) != expected or int(last or first) < int(first):
            raise TestingError(f"attempts are numbered from 0 without gaps: {', '.join(given)}")
        rows.append((expected, answer))
        expected = int(last or first) + 1
    if not rows:
        raise TestingError("a mock needs an answer")
    return Answers(tuple(rows))
