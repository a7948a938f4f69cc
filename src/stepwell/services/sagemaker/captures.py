"""Data capture: answered requests become lines, lines become files, files become objects in S3.

Nothing here is on an answer's way: a request that is chosen is put into a list in memory, lines are written
and synced a moment later (`GATHER`), and files are stored as the model's execution role every few seconds by
the server's clock (`AGE`), when they are large, when an endpoint is deleted and when the server stops. What
a killed server left is stored by the next. What S3 refuses is kept, within bounds, and tried again.
"""

from __future__ import annotations

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Coroutine, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from stepwell.api.callers import role_session
from stepwell.api.context import Context, LogSink
from stepwell.calls import Call, Caller
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Timer
from stepwell.errors import AwsError
from stepwell.services.sagemaker.capture_files import CaptureFiles, Entry, Filed, Source
from stepwell.services.sagemaker.capture_lines import Invocation, line
from stepwell.services.sagemaker.data_capture import DataCapture
from stepwell.services.sagemaker.roles import SESSION, assume
from stepwell.services.sagemaker.s3_uris import split_s3

log = logging.getLogger(__name__)

#: the names of the timer and of the effect
DUE = "capture-due"
STORE = "store-captures"
#: seconds that lines are gathered before they are written: what a kill or a power cut may cost
GATHER = 0.05
#: seconds after which lines are stored, by the server's clock, and bytes of a file at which they are at once
AGE = 5.0
SIZE = 8 << 20
#: seconds until what S3 refused is tried again
RETRY = 60.0
#: seconds that refused lines are kept, and bytes of them for each endpoint
KEPT_SECONDS = 86_400.0
KEPT_BYTES = 256 << 20
#: bytes of requests and answers that may wait in memory to be written
WAITING_BYTES = 64 << 20
#: seconds that storing may take when the server stops
FAREWELL = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is kept of an endpoint's traffic."""

    capture: DataCapture
    #: by the names of its variants
    sources: Mapping[str, Source]


class Captures:
    """The captured data of all endpoints. Used on the event loop; files are written by its helpers."""

    def __init__(
        self, root: Path, *, context: Context, logs: LogSink, source: random.Random | None = None
    ) -> None:
        """root: the data folder's `captures`; logs: has refusals; source: of choices and of ids."""
        self._context = context
        self._logs = logs
        self._random = source or random.Random()
        self._files = CaptureFiles(root, unique=self._unique, durable=context.config.durable)
        self._plans: dict[str, Plan] = {}
        self._waiting: list[tuple[DataCapture, Source, Invocation]] = []
        self._waiting_bytes = 0
        self._dropped = 0
        self._writing: asyncio.TimerHandle | None = None
        #: held by whoever writes files or looks at them
        self._files_held = threading.Lock()
        #: held from when lines are taken to be written until they are, and while files are stored
        self._turn, self._storing = asyncio.Lock(), asyncio.Lock()
        #: when the timer is due, as far as this process has set it
        self._due: float | None = None
        #: until when a source's files wait after a refusal
        self._refused: dict[Source, float] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def effects(self) -> list[EffectKind]:
        return [EffectKind(name=STORE, perform=self._perform, complete=_nothing)]

    def follow(self, endpoint: str, plan: Plan | None) -> None:
        """Keep an endpoint's traffic by `plan` from now on; None for no longer."""
        if plan is not None and plan.capture.active:
            self._plans[endpoint.lower()] = plan
        else:
            self._plans.pop(endpoint.lower(), None)

    def take(
        self,
        endpoint: str,
        variant: str,
        request: Mapping[str, Any],
        *,
        sent: bytes,
        answered: bytes,
        answered_as: str | None,
    ) -> None:
        """Keep an answered request if it is to be. request: InvokeEndpoint's parameters."""
        plan = self._plans.get(endpoint.lower())
        if plan is None or self._random.random() * 100 >= plan.capture.percentage:
            return
        source = plan.sources.get(variant)
        if source is None:  # a server of the deployment before answered
            return
        size = len(sent) + len(answered)
        if self._waiting_bytes + size > WAITING_BYTES:
            self._dropped += 1
            return
        invocation = Invocation(
            event_id=self._unique(),
            moment=self._context.now,
            sent_as=request.get("ContentType"),
            sent=sent,
            answered_as=answered_as,
            answered=answered,
            inference_id=request.get("InferenceId"),
            attributes=request.get("CustomAttributes"),
        )
        self._waiting.append((plan.capture, source, invocation))
        self._waiting_bytes += size
        self._have_stored(invocation.moment + AGE)
        if self._writing is None:
            events = asyncio.get_running_loop()
            self._writing = events.call_later(GATHER, self._begin, self._write_soon)

    async def resume(self) -> None:
        """Have stored what an earlier run left."""
        if await asyncio.to_thread(self._files.any):
            self._have_stored(self._context.now)

    async def store(self, *, all_: bool = False) -> None:
        """Store what there is; with `all_`, also what S3 refused a moment ago."""
        async with self._storing:
            self._due = None
            if all_:
                self._refused.clear()
            await self._write()
            files = await asyncio.to_thread(self._ended_files)
            left = await self._send(files)
            await asyncio.to_thread(self._bound, left)
            now = self._context.now
            self._refused = {source: until for source, until in self._refused.items() if until > now}
            if self._refused:
                self._have_stored(min(self._refused.values()))

    async def store_last(self) -> None:
        """Store what there is before the server stops; what takes too long is left to the next start."""
        try:
            async with asyncio.timeout(FAREWELL):
                await self.store(all_=True)
        except TimeoutError:
            log.warning("captured data is left to be stored at the next start")

    async def close(self) -> None:
        """Have on disk whatever is in memory."""
        while self._tasks:
            await asyncio.gather(*self._tasks)
        await self._write()

    def _unique(self) -> str:
        return str(UUID(int=self._random.getrandbits(128), version=4))

    def _begin(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        task = asyncio.create_task(work())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _have_stored(self, due: float) -> None:
        """Set the timer, unless it is due by then."""
        if self._due is not None and self._due <= due:
            return
        self._due = due

        async def commit() -> None:
            await self._context.decide(lambda draft: draft.timer(DUE, due, DUE, {}))

        self._begin(commit)

    async def _perform(self, effect: Effect) -> None:
        await self.store()

    async def _write_soon(self) -> None:
        sizes = await self._write()
        if any(size >= SIZE and not self._waits(source) for source, size in sizes.items()):
            self._have_stored(self._context.now)

    async def _write(self) -> Mapping[Source, int]:
        """Write and sync what waits; gives the sizes of the files."""
        async with self._turn:
            if self._writing is not None:
                self._writing.cancel()
                self._writing = None
            if self._dropped:
                log.warning("%d requests were not captured: too many wait to be written", self._dropped)
                self._dropped = 0
            waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
            return await asyncio.to_thread(self._write_lines, waiting) if waiting else {}

    def _write_lines(self, waiting: Iterable[tuple[DataCapture, Source, Invocation]]) -> Mapping[Source, int]:
        entries = [
            Entry(source, invocation.moment, line(invocation, capture))
            for capture, source, invocation in waiting
        ]
        with self._files_held:
            try:
                return self._files.write(entries)
            except OSError as error:
                log.error("lost captured requests, at most %d: %s", len(entries), error)
                return {}

    def _waits(self, source: Source) -> bool:
        return self._refused.get(source, 0.0) > self._context.now

    def _ended_files(self) -> list[Filed]:
        with self._files_held:
            return self._files.end(self._waits)

    async def _send(self, files: Iterable[Filed]) -> list[Filed]:
        """Store files, each as its role; gives those that could not be."""
        left = []
        callers: dict[Source, Caller] = {}
        for filed in files:
            source = filed.header.source
            if self._waits(source):
                left.append(filed)
                continue
            try:
                if source not in callers:
                    callers[source] = (await assume(self._context, source.role, source.arn)).caller
                await self._put(filed, callers[source])
            except AwsError as error:
                self._refused[source] = self._context.now + RETRY
                left.append(filed)
                await self._tell(
                    source, f"{error.error_code}: {error.message} (PutObject {filed.header.uri})"
                )
                continue
            self._refused.pop(source, None)
            await asyncio.to_thread(filed.path.unlink, missing_ok=True)
        return left

    async def _put(self, filed: Filed, caller: Caller) -> None:
        bucket, key = split_s3(filed.header.uri)
        size = filed.body.length
        params = {"Bucket": bucket, "Key": key, "Body": filed.body, "ContentLength": size}
        await self._context.dispatch(Call(service="s3", operation="PutObject", params=params, caller=caller))

    async def _tell(self, source: Source, reason: str) -> None:
        """Say in the endpoint's log, and the server's, that captured data could not be stored."""
        message = f"Captured data could not be stored, it is tried again in {RETRY:g} s: {reason}"
        log.warning("endpoint %s, variant %s: %s", source.endpoint, source.variant, message)
        group, stream = f"/aws/sagemaker/Endpoints/{source.endpoint}", f"{source.variant}/data-capture"
        caller = role_session(source.role, SESSION)
        if await self._context.read(lambda view: self._logs.writable(view, caller, group, stream)):
            self._logs.write(group, stream, [(self._context.now, message)])

    def _bound(self, left: Iterable[Filed]) -> None:
        """Remove what is too old, or too much for its endpoint, oldest first."""
        oldest = self._context.now - KEPT_SECONDS
        held: dict[str, int] = {}
        for filed in sorted(left, key=lambda filed: filed.header.created, reverse=True):
            endpoint = filed.header.source.endpoint
            held[endpoint] = held.get(endpoint, 0) + filed.body.length
            if filed.header.created < oldest or held[endpoint] > KEPT_BYTES:
                log.warning("captured data of endpoint %s is given up: %s", endpoint, filed.header.uri)
                filed.path.unlink(missing_ok=True)


def timer(timer_: Timer, draft: Draft) -> None:
    """Lines have waited long enough."""
    draft.effect(STORE, {})


def _nothing(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """What could not be stored is kept and has a timer; other faults are in the log."""
    if outcome.error is not None:
        log.error("captured data could not be looked through: %s", outcome.error.message)
