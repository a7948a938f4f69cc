"""Effects: what committed decisions ask for, done at least once.

An effect kind is a row: how to perform it (asynchronously, off the loop) and what its outcome decides
(on the loop). The effect stays in the store until the commit that takes its outcome in.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.durable.draft import Draft
from stepwell.durable.writes import Effect
from stepwell.errors import AwsError, InternalFailure

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How an effect ended: a value or an error, never both."""

    value: Any = None
    error: AwsError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EffectKind:
    """One row: how effects of a kind are performed and completed."""

    name: str
    #: does it; an `AwsError` becomes the outcome's error, anything else an `InternalFailure`
    perform: Callable[[Effect], Awaitable[Any]]
    #: decides what the outcome means; runs on the loop and may settle nothing itself: that is done
    complete: Callable[[Effect, Outcome, Draft], None]
    #: whether an effect under way only keeps up what it brought about: nobody waits for its end
    keeps: Callable[[Effect], bool] = lambda effect: False


class Performers:
    """Starts effects on the event loop and hands their outcomes back to the core."""

    def __init__(self, kinds: Mapping[str, EffectKind]) -> None:
        self._kinds = kinds
        self._running: dict[str, asyncio.Task[None]] = {}
        self._submit: Callable[[Callable[[Draft], None]], None] | None = None

    def bind(self, submit: Callable[[Callable[[Draft], None]], None]) -> None:
        """Say where outcomes are decided: `Loop.submit`."""
        self._submit = submit

    def start(self, effect: Effect) -> None:
        """Begin to perform `effect`; on the event loop's thread."""
        if effect.token not in self._running:
            self._running[effect.token] = asyncio.create_task(self._perform(effect))

    def cancel(self, token: str) -> None:
        """Stop waiting for an effect that was settled without its outcome."""
        task = self._running.pop(token, None)
        if task is not None:
            task.cancel()

    async def close(self) -> None:
        """Stop all waiting; what is under way is repeated at the next start."""
        tasks = list(self._running.values())
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _perform(self, effect: Effect) -> None:
        kind = self._kinds[effect.kind]
        try:
            outcome = Outcome(value=await kind.perform(effect))
        except AwsError as error:
            outcome = Outcome(error=error)
        except Exception as error:
            log.exception("effect %s failed unexpectedly", effect.kind)
            outcome = Outcome(error=InternalFailure(f"{type(error).__name__}: {error}"))
        self._running.pop(effect.token, None)
        assert self._submit is not None
        self._submit(lambda draft: complete(kind, effect, outcome, draft))


def complete(kind: EffectKind, effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """Decide an outcome and settle its effect in the same commit."""
    draft.settle(effect.token)
    kind.complete(effect, outcome, draft)
