"""All streams' segment files: where workers' output and PutLogEvents' events go, off the loop.

    <root>/<group>/<stream>.log

What PutLogEvents acknowledges is synced before. Workers' output is handed to the system at once, so that
it outlives the server, and synced every second, so that a power cut costs a second of it at most.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
import shutil
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from urllib.parse import quote

from stepwell.api.context import Permits
from stepwell.calls import Caller
from stepwell.clock import Clock
from stepwell.durable import View
from stepwell.durable.loop import Decision
from stepwell.services.logs.records import LogGroup, LogStream, ensure, group_arn, stream_key
from stepwell.services.logs.segment import Segment

log = logging.getLogger(__name__)

#: seconds between two syncs of workers' output
SYNC_INTERVAL = 1.0
#: characters up to which a name is a file's name
READABLE = 150


class Segments:
    """The files (`api.context.LogSink`). Safe for threads."""

    def __init__(
        self,
        root: Path,
        *,
        clock: Clock,
        submit: Callable[[Decision], None],
        permits: Permits,
        durable: bool = True,
    ) -> None:
        """root: the data folder's `logs`; submit: hands a decision to the loop; durable: sync at all.

        permits: whether a worker's role may write its log.
        """
        self._permits = permits
        self.root = root
        self.clock = clock
        #: held, by group, while files are removed
        self.removals: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._submit = submit
        self._durable = durable
        self._lock = threading.Lock()
        self._open: dict[tuple[str, str], Segment] = {}
        self._known: set[tuple[str, str]] = set()
        self._dirty: set[Segment] = set()
        self._written = threading.Event()
        self._ended = threading.Event()
        self._syncing: threading.Thread | None = None

    def writable(self, view: View, caller: Caller, group: str, stream: str) -> bool:
        """Whether `caller`, a worker's role, may write there, and create what is missing for it."""
        own = group_arn(view, group)
        wanted = [("logs:PutLogEvents", stream)]
        if view.get(LogStream, stream_key(group, stream)) is None:
            wanted.append(("logs:CreateLogStream", stream))
        if view.get(LogGroup, group) is None:
            wanted.append(("logs:CreateLogGroup", ""))
        return all(self._permits(caller, action, f"{own}:log-stream:{name}", view) for action, name in wanted)

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        """Append workers' lines (seconds since the epoch, text); creates group and stream where missing.

        A full disk costs the lines, not the work that printed them.
        """
        if not lines:
            return
        if (group, stream) not in self._known:
            self._known.add((group, stream))
            self._submit(partial(ensure, group=group, stream=stream))
        entries = [(round(moment * 1000), text or " ") for moment, text in lines]
        segment = self.segment(group, stream)
        try:
            segment.append(entries, self._now(), sync=False)
        except OSError as error:
            log.error("lost %d lines of %s in %s: %s", len(entries), stream, group, error)
            return
        if self._durable:
            self._dirty.add(segment)
            self._start_syncing()
            self._written.set()

    def put(self, group: str, stream: str, lines: Sequence[tuple[int, str]]) -> None:
        """Append events (milliseconds since the epoch, text); they are on disk when this returns."""
        self.segment(group, stream).append(lines, self._now(), sync=True)

    def segment(self, group: str, stream: str) -> Segment:
        """The stream's file; the first use reads its index."""
        with self._lock:
            found = self._open.get((group, stream))
            if found is None:
                path = self.root / file_name(group) / f"{file_name(stream)}.log"
                found = self._open[group, stream] = Segment(path, durable=self._durable)
            return found

    def stored_bytes(self, group: str) -> int:
        """The size of all files of a group."""
        try:
            with os.scandir(self.root / file_name(group)) as entries:
                return sum(entry.stat().st_size for entry in entries)
        except FileNotFoundError:
            return 0

    def remove(self, group: str, stream: str | None = None) -> None:
        """Remove a stream's file, or all of a group's; nothing happens when there is none."""
        with self._lock:
            for place in [place for place in self._open if place[0] == group and stream in (None, place[1])]:
                segment = self._open.pop(place)
                segment.remove()
                self._dirty.discard(segment)
            self._known = {
                place for place in self._known if place[0] != group or stream not in (None, place[1])
            }
            folder = self.root / file_name(group)
            if stream is None:
                shutil.rmtree(folder, ignore_errors=True)
            else:
                (folder / f"{file_name(stream)}.log").unlink(missing_ok=True)

    def close(self) -> None:
        """Sync what was written."""
        self._ended.set()
        self._written.set()
        if self._syncing is not None:
            self._syncing.join()
            self._syncing = None
        self._sync()

    def _now(self) -> int:
        return round(self.clock.now() * 1000)

    def _start_syncing(self) -> None:
        with self._lock:
            if self._syncing is None and not self._ended.is_set():
                self._syncing = threading.Thread(target=self._sync_often, name="stepwell-logs", daemon=True)
                self._syncing.start()

    def _sync_often(self) -> None:
        while not self._ended.wait(SYNC_INTERVAL):
            self._written.wait()
            self._written.clear()
            self._sync()

    def _sync(self) -> None:
        while self._dirty:
            segment = self._dirty.pop()
            try:
                segment.sync()
            except OSError as error:
                log.error("%s may not be on disk: %s", segment.path, error)


def file_name(name: str) -> str:
    """A file's name for a group or stream; a long one is cut and gets a hash behind."""
    text = quote(name, safe="[]$").replace(".", "%2E")
    if len(text) <= READABLE:
        return text
    return f"{text[:READABLE]}~{hashlib.sha256(name.encode()).hexdigest()[:32]}"
