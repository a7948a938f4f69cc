"""Notes which keys sign: GetAccessKeyLastUsed tells what can be taken away without harm."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Protocol

from stepwell.calls import Call, Reply
from stepwell.clock import Clock
from stepwell.durable import Draft
from stepwell.services.iam.keys import note_use

#: seconds between two notes of a key's use: what is shown is not fresher than this
NOTED_EVERY = 900


class Api(Protocol):
    """Where calls go."""

    def service_known(self, name: str) -> bool: ...

    async def dispatch(self, call: Call) -> Reply: ...


class KeyUses:
    """Hands calls on, and now and then remembers that a user's key signed one."""

    def __init__(self, api: Api, submit: Callable[[Callable[[Draft], Any]], None], clock: Clock) -> None:
        self._api = api
        self._submit = submit
        self._clock = clock
        self._noted: dict[str, float] = {}

    def service_known(self, name: str) -> bool:
        """Whether the service (botocore's name) is served."""
        return self._api.service_known(name)

    async def dispatch(self, call: Call) -> Reply:
        """Answer the call. Raises AwsError."""
        key = call.caller.access_key_id
        if call.caller.kind == "user" and key is not None:
            now = self._clock.now()
            if now - self._noted.get(key, -NOTED_EVERY) >= NOTED_EVERY:
                self._noted[key] = now
                self._submit(partial(note_use, key, call.service))
        return await self._api.dispatch(call)
