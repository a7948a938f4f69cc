"""The one writer: takes what came in, decides each, commits once, and only then lets anything out.

`tick(now)` is one deterministic pass over what is queued and due; `run()` repeats it on a thread of its
own. Decisions are functions of a `Draft`; an exception discards only its own draft.
"""

from __future__ import annotations

import heapq
import logging
import queue
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from itertools import islice
from typing import Any

from stepwell.clock import Clock
from stepwell.durable.draft import Ask, Draft
from stepwell.durable.entropy import Entropy
from stepwell.durable.ports import Store
from stepwell.durable.writes import Effect, Timer, WriteSet

log = logging.getLogger(__name__)

#: how many inputs one commit takes at most
BATCH = 512

Decision = Callable[[Draft], Any]
#: called after the commit with the decision's value or its exception
Release = Callable[[Any, BaseException | None], None]
TimerHandler = Callable[[Timer, Draft], None]


@dataclass(frozen=True, slots=True)
class Input:
    """One thing to decide."""

    decision: Decision
    release: Release | None


class Loop:
    """Owns the truth: nothing else commits.

    `started` is told of every effect whose commit is done, `settled` of every token that is done with;
    both are called on the loop's thread and must not block. `discarded` hears that a batch did not happen,
    `crashed` that the loop is dead.
    """

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        timers: Mapping[str, TimerHandler],
        started: Callable[[list[Effect]], None],
        settled: Callable[[set[str]], None],
        discarded: Callable[[], None] = lambda: None,
        crashed: Callable[[], None] = lambda: None,
        ask: Ask | None = None,
        seed: int | None = None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._handlers = timers
        self._started = started
        self._settled = settled
        self._discarded = discarded
        self._crashed = crashed
        self._ask = ask
        self._random: random.Random = Entropy() if seed is None else random.Random(seed)
        self._inputs: queue.SimpleQueue[Input | None] = queue.SimpleQueue()
        self._timers: dict[str, Timer] = {timer.key: timer for timer in store.timers()}
        self._heap: list[tuple[float, str]] = [(timer.due, timer.key) for timer in self._timers.values()]
        heapq.heapify(self._heap)
        #: decisions with nobody to tell whose commit failed, and when they are tried again
        self._held: list[Input] = []
        self._held_until = 0.0
        self._now = 0.0
        self._thread: threading.Thread | None = None

    def submit(self, decision: Decision, release: Release | None = None) -> None:
        """Queue a decision; from any thread."""
        self._inputs.put(Input(decision, release))

    def start(self) -> None:
        """Resume the effects that an earlier run left, and begin to run."""
        self._started(list(self._store.effects()))
        self._thread = threading.Thread(target=self.run, name="stepwell-loop", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Decide what is queued, then end the thread."""
        if self._thread is not None:
            self._inputs.put(None)
            self._thread.join()
            self._thread = None

    def run(self) -> None:
        """Repeat `tick` until stopped. A fault of the loop itself ends the server: its folder is sound."""
        try:
            stopping = False
            while not stopping:
                batch, stopping = self._wait()
                self._pass(batch, self._clock.now())
        except BaseException:
            log.critical("the loop failed; the server ends", exc_info=True)
            self._crashed()
            raise

    def tick(self, now: float) -> int:
        """One pass: everything queued and everything due at `now`. Returns how many were decided."""
        batch: list[Input] = []
        while len(batch) < BATCH and not self._inputs.empty():
            item = self._inputs.get()
            if item is not None:
                batch.append(item)
        return self._pass(batch, now)

    def next_due(self) -> float | None:
        """When the next timer is due."""
        while self._heap:
            due, key = self._heap[0]
            timer = self._timers.get(key)
            if timer is not None and timer.due == due:
                return due
            heapq.heappop(self._heap)
        return None

    def _wait(self) -> tuple[list[Input], bool]:
        due = self.next_due()
        if self._held:
            due = self._held_until if due is None else min(due, self._held_until)
        timeout = None if due is None else min(max(0.0, due - self._clock.now()), 3600.0)
        batch: list[Input] = []
        stopping = False
        try:
            item = self._inputs.get(timeout=timeout)
        except queue.Empty:
            return batch, stopping
        while True:
            if item is None:
                stopping = True
            else:
                batch.append(item)
            if len(batch) >= BATCH or stopping:
                return batch, stopping
            try:
                item = self._inputs.get_nowait()
            except queue.Empty:
                return batch, stopping

    def _due(self, now: float) -> list[Timer]:
        # by key: a timer that was set to the same time again is in the heap twice
        found: dict[str, Timer] = {}
        while len(found) < BATCH:
            due = self.next_due()
            if due is None or due > now:
                break
            _, key = heapq.heappop(self._heap)
            found[key] = self._timers[key]
        return list(found.values())

    def _pass(self, batch: list[Input], now: float) -> int:
        self._now = max(self._now, now)
        if self._held and self._now >= self._held_until:
            batch, self._held = self._held + batch, []
        due = self._due(self._now)
        writes = WriteSet()
        releases: list[tuple[Release, Any, BaseException | None]] = []
        for timer in due:
            if not self._decide(writes, partial(self._fire, timer), None, releases):
                self._postpone(timer, 60.0)
        for item in batch:
            self._decide(writes, item.decision, item.release, releases)
        # what these sent is decided at once, for the price of the same commit; what that sends is not, so
        # that no chain of messages holds up the others
        messages = self._sent(writes)
        for timer in messages:
            if writes.timers[timer.key] is timer:
                self._decide(writes, partial(self._fire, timer), None, releases)
        if writes:
            try:
                self._store.commit(writes)
            except Exception as error:
                log.exception("commit failed; nothing of this batch happened")
                self._discarded()
                for timer in due:
                    self._postpone(timer, 1.0)
                self._held += [item for item in batch if item.release is None]
                self._held_until = self._now + 1.0
                releases = [(release, None, error) for release, _, _ in releases]
                writes = WriteSet()
        self._schedule(writes)
        if writes.settled:
            self._settled(writes.settled)
        if writes.effects:
            self._started(list(writes.effects.values()))
        for release, value, problem in releases:
            release(value, problem)
        return len(due) + len(batch) + len(messages)

    def _sent(self, writes: WriteSet) -> list[Timer]:
        found = (timer for timer in writes.timers.values() if timer is not None and timer.due <= self._now)
        return list(islice(found, BATCH))

    def _decide(
        self,
        writes: WriteSet,
        decision: Decision,
        release: Release | None,
        releases: list[tuple[Release, Any, BaseException | None]],
    ) -> bool:
        draft = Draft(store=self._store, batch=writes, now=self._now, source=self._random, ask=self._ask)
        value: Any = None
        problem: BaseException | None = None
        try:
            value = decision(draft)
        except Exception as error:
            problem = error
            if release is None:
                log.exception("a decision with nobody to tell raised")
        else:
            writes.merge(draft.writes)
        if release is not None:
            releases.append((release, value, problem))
        return problem is None

    def _postpone(self, timer: Timer, seconds: float) -> None:
        later = replace(timer, due=self._now + seconds)
        self._timers[timer.key] = later
        heapq.heappush(self._heap, (later.due, later.key))

    def _fire(self, timer: Timer, draft: Draft) -> None:
        draft.cancel(timer.key)
        self._handlers[timer.kind](timer, draft)

    def _schedule(self, writes: WriteSet) -> None:
        for key, timer in writes.timers.items():
            if timer is None:
                self._timers.pop(key, None)
            else:
                self._timers[key] = timer
                heapq.heappush(self._heap, (timer.due, key))
