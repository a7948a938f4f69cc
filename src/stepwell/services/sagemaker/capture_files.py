"""Captured lines on their way to S3: append-only files in the data folder, synced before they are sent.

    <root>/<id>.jsonl

The first line of a file says which object it becomes and as whom it is stored; the others are the object.
All of that is settled when the file begins, so that sending it again, after a crash say, writes the same
object again. What a crash left half-written at a file's end is no part of it.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from stepwell.calls import FileBody
from stepwell.services.sagemaker.capture_lines import file_uri

log = logging.getLogger(__name__)

SUFFIX = ".jsonl"
#: seconds whose lines are together
HOUR = 3600
#: bytes read at a time
BLOCK = 1 << 16


class Source(NamedTuple):
    """Whose lines a file holds: it has those of one variant, for one place, as one role."""

    endpoint: str
    #: the endpoint's ARN
    arn: str
    variant: str
    #: the model's execution role
    role: str
    #: DestinationS3Uri
    destination: str


#: what a file is for: a source, and the hour's number since the epoch
Place = tuple[Source, int]


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """A file's first line."""

    source: Source
    #: when its first line came, in seconds since the epoch
    created: float
    #: the object that it becomes
    uri: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Filed:
    """A file that is to be sent."""

    path: Path
    header: Header
    #: the lines
    body: FileBody


class Entry(NamedTuple):
    """A line that is to be written."""

    source: Source
    #: seconds since the epoch
    moment: float
    line: bytes


class CaptureFiles:
    """The files. For one thread at a time."""

    def __init__(self, root: Path, *, unique: Callable[[], str], durable: bool = True) -> None:
        """root: the data folder's `captures`; unique: gives new ids; durable: sync at all."""
        self.root = root
        self._unique = unique
        self._durable = durable
        #: those that lines are added to
        self._open: dict[Place, Path] = {}

    def write(self, entries: Sequence[Entry]) -> dict[Source, int]:
        """Append lines; they are on disk when this returns. Gives the sizes of the files that they are in.

        Raises OSError, for a full disk say; what cannot be written whole is not written.
        """
        groups: dict[Place, list[Entry]] = {}
        for entry in entries:
            groups.setdefault((entry.source, int(entry.moment // HOUR)), []).append(entry)
        return {place[0]: self._append(place, group) for place, group in groups.items()}

    def _append(self, place: Place, entries: Sequence[Entry]) -> int:
        data = b"".join(entry.line for entry in entries)
        path = self._open.get(place)
        if path is None:
            path, head = self._begin(place[0], entries[0].moment)
            data = head + data
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            before = os.fstat(descriptor).st_size
            try:
                _write(descriptor, data)
                if self._durable:
                    os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, before)
                raise
        finally:
            os.close(descriptor)
        if place not in self._open:
            self._open[place] = path
            self._sync_names()
        return before + len(data)

    def _begin(self, source: Source, moment: float) -> tuple[Path, bytes]:
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        unique = self._unique()
        uri = file_uri(source.destination, source.endpoint, source.variant, moment, unique)
        header = Header(source=source, created=moment, uri=uri)
        return self.root / f"{unique}{SUFFIX}", msgspec.json.encode(header) + b"\n"

    def _sync_names(self) -> None:
        if self._durable:
            descriptor = os.open(self.root, os.O_RDONLY | os.O_CLOEXEC)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def any(self) -> bool:
        """Whether there is a file."""
        return any(self.root.glob(f"*{SUFFIX}"))

    def end(self, waits: Callable[[Source], bool]) -> list[Filed]:
        """Add no more lines to files but those of sources that wait; gives all others, oldest first."""
        self._open = {place: path for place, path in self._open.items() if waits(place[0])}
        open_ = set(self._open.values())
        found = (_filed(path) for path in self.root.glob(f"*{SUFFIX}") if path not in open_)
        return sorted(filter(None, found), key=lambda filed: (filed.header.created, filed.path.name))


def _filed(path: Path) -> Filed | None:
    """What a file holds; None for one without a whole line, which only a crash leaves, and removes it."""
    with path.open("rb") as file:
        head = file.readline()
        end = _last_line_end(file)
    if end <= len(head):
        path.unlink()
        return None
    try:
        header = msgspec.json.decode(head, type=Header)
    except msgspec.DecodeError as error:
        log.error("%s cannot be sent, its first line is damaged: %s", path, error)
        return None
    return Filed(path=path, header=header, body=FileBody(path=path, offset=len(head), length=end - len(head)))


def _last_line_end(file: BinaryIO) -> int:
    """Where the last whole line ends; 0 when there is none."""
    start = file.seek(0, os.SEEK_END)
    while start > 0:
        size = min(start, BLOCK)
        start -= size
        file.seek(start)
        place = file.read(size).rfind(b"\n")
        if place >= 0:
            return start + place + 1
    return 0


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]
