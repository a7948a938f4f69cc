"""What the server does at the moment: calm is when no effect is under way and nothing is due."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

from stepwell.durable import Effect, EffectKind

#: seconds between two looks at effects that may have become ones that nobody waits for
LOOK = 0.01


class Activity:
    """The effects under way. Used on the server's event loop."""

    def __init__(self) -> None:
        self._under_way: dict[str, tuple[EffectKind, Effect]] = {}
        self._ended = asyncio.Event()
        #: how many effects have begun
        self.begun = 0

    def watched(self, kind: EffectKind) -> EffectKind:
        """The kind, whose effects are known while they are performed."""

        async def perform(effect: Effect) -> Any:
            self.begun += 1
            self._under_way[effect.token] = kind, effect
            try:
                return await kind.perform(effect)
            finally:
                del self._under_way[effect.token]
                self._ended.set()

        return replace(kind, perform=perform)

    def busy(self) -> list[str]:
        """The effects that somebody waits for, as text."""
        return [described(effect) for kind, effect in self._under_way.values() if not kind.keeps(effect)]

    async def pause(self) -> None:
        """Return when none is under way that somebody waits for."""
        while self.busy():
            self._ended.clear()
            try:
                await asyncio.wait_for(self._ended.wait(), LOOK)
            except TimeoutError:
                continue


def described(effect: Effect) -> str:
    """An effect for people: its kind, and what it is about."""
    body = effect.body
    about = [str(body[name]) for name in ("execution", "state", "key", "endpoint", "target") if name in body]
    return " ".join([effect.kind, *about])
