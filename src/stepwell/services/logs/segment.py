"""One stream's lines: an append-only file, and an index of it in memory.

A line of the file is `[timestamp, ingestion, message]` in JSON, times in milliseconds. What a crash left
half-written at the end is cut off before the next line is added. Events need not come in the order of
their time, so the index keeps the earliest and the latest time of every block of the file.
"""

from __future__ import annotations

import heapq
import os
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

#: bytes after which a new block of the index begins
BLOCK = 1 << 16


class Event(NamedTuple):
    """One log event; events are ordered by time, then by their place in the file."""

    #: milliseconds since the epoch
    timestamp: int
    #: where its line begins in the file
    offset: int
    #: when it came in, in milliseconds since the epoch
    ingested: int
    message: str


class Line(msgspec.Struct, array_like=True, frozen=True):
    """A line of the file."""

    timestamp: int
    ingested: int
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A part of the file, whole lines."""

    #: bytes
    offset: int
    end: int
    #: milliseconds since the epoch
    earliest: int
    latest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """What is known of a stream without reading it; times in milliseconds, None while it is empty."""

    first: int | None
    last: int | None
    ingested: int | None
    #: bytes of the file
    size: int


_decoder = msgspec.json.Decoder(Line)
_encoder = msgspec.json.Encoder()


class Segment:
    """A stream's file, made with its first line. Safe for threads."""

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        """durable: sync at all."""
        self.path = path
        self._durable = durable
        self._removed = False
        self._lock = threading.Lock()
        self._blocks: list[Block] = []
        self._size = 0
        self._ingested: int | None = None
        self._load()

    def append(self, lines: Iterable[tuple[int, str]], ingested: int, *, sync: bool) -> None:
        """Add lines (milliseconds since the epoch, text); with `sync`, they are on disk afterwards.

        Raises FileNotFoundError when the stream was deleted meanwhile, and OSError for a full disk.
        """
        entries = [Line(timestamp, ingested, _clean(message)) for timestamp, message in lines]
        pieces = [_encoder.encode(entry) + b"\n" for entry in entries]
        with self._lock:
            if self._removed:
                raise FileNotFoundError(self.path)
            if not self._size:
                self._create()
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CLOEXEC)
            try:
                os.ftruncate(descriptor, self._size)
                _write(descriptor, b"".join(pieces), self._size)
                if sync and self._durable:
                    os.fsync(descriptor)
            finally:
                os.close(descriptor)
            for entry, piece in zip(entries, pieces, strict=True):
                self._note(entry.timestamp, len(piece))
            self._ingested = ingested

    def sync(self) -> None:
        """Bring what was added to the disk. Raises OSError."""
        with self._lock:
            if not self._removed:
                _sync(self.path)

    def remove(self) -> None:
        """Remove the file; nothing can be added any more."""
        with self._lock:
            self._removed = True
            self.path.unlink(missing_ok=True)

    def summary(self) -> Summary:
        with self._lock:
            return Summary(
                first=min((block.earliest for block in self._blocks), default=None),
                last=max((block.latest for block in self._blocks), default=None),
                ingested=self._ingested,
                size=self._size,
            )

    def events(self, start: int, end: int, *, newest_first: bool = False) -> Iterator[Event]:
        """The events with `start <= timestamp < end` in the order of their time, read block by block."""
        with self._lock:
            blocks = [block for block in self._blocks if block.latest >= start and block.earliest < end]
        sign = -1 if newest_first else 1
        blocks.sort(key=lambda block: -block.latest if newest_first else block.earliest)
        waiting: list[tuple[int, int, Event]] = []
        for block in blocks:
            reached = -block.latest if newest_first else block.earliest
            while waiting and waiting[0][0] < reached:
                yield heapq.heappop(waiting)[2]
            for event in self._read(block):
                if start <= event.timestamp < end:
                    heapq.heappush(waiting, (sign * event.timestamp, sign * event.offset, event))
        while waiting:
            yield heapq.heappop(waiting)[2]

    def _read(self, block: Block) -> Iterator[Event]:
        try:
            with self.path.open("rb") as file:
                file.seek(block.offset)
                data = file.read(block.end - block.offset)
        except FileNotFoundError:  # the stream was deleted meanwhile
            return
        offset = block.offset
        for piece in data.splitlines(keepends=True):
            line = _decoded(piece)
            if line is not None:
                yield Event(line.timestamp, offset, line.ingested, line.message)
            offset += len(piece)

    def _load(self) -> None:
        """Read the index from the file; what is behind the last whole line is not part of it."""
        if not self.path.exists():
            return
        with self.path.open("rb") as file:
            for piece in file:
                if not piece.endswith(b"\n"):
                    return
                line = _decoded(piece)
                self._note(None if line is None else line.timestamp, len(piece))
                self._ingested = self._ingested if line is None else line.ingested

    def _create(self) -> None:
        """Make the file and its folder; their names are on disk as well."""
        folder = self.path.parent
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path.touch(mode=0o600)
        if self._durable:
            _sync(folder)
            _sync(folder.parent)

    def _note(self, timestamp: int | None, length: int) -> None:
        """Take a line of `length` bytes into the index; None for one that cannot be read."""
        start, end = self._size, self._size + length
        last = self._blocks[-1] if self._blocks else None
        self._size = end
        if last is not None and (timestamp is None or last.end - last.offset < BLOCK):
            earliest, latest = last.earliest, last.latest
            if timestamp is not None:
                earliest, latest = min(earliest, timestamp), max(latest, timestamp)
            self._blocks[-1] = replace(last, end=end, earliest=earliest, latest=latest)
        elif timestamp is not None:
            self._blocks.append(Block(offset=start, end=end, earliest=timestamp, latest=timestamp))


def _decoded(piece: bytes) -> Line | None:
    """The line; None for one that a failing disk or a power cut left unreadable."""
    try:
        return _decoder.decode(piece)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _clean(message: str) -> str:
    """Without halves of surrogate pairs, which no file can hold."""
    return message if message.isascii() else message.encode(errors="replace").decode()


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(descriptor: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(descriptor, view, offset)
        view, offset = view[written:], offset + written
