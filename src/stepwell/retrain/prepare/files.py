"""A batch's raw files, read once and in pieces: their text for the rows, their bytes for the digest."""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from pathlib import Path
from typing import IO, Any, Iterator, List, Tuple

#: bytes that are read at a time
PIECE = 1 << 20
#: bytes that a line may have: a file without line ends is no batch, and must not fill the memory
LONGEST_LINE = 16 << 20
GZIP = b"\x1f\x8b"
MARK = b"\xef\xbb\xbf"
#: how texts in other encodings begin
OTHERS = ((b"\xff\xfe", "UTF-16"), (b"\xfe\xff", "UTF-16"))


class Unreadable(Exception):
    """A line that is no text; the lines before it have been given out."""


def listed(folder: Path) -> List[Tuple[str, Path]]:
    """All files below a folder with their paths in it, in the order in which S3 lists keys: by bytes."""
    found = [(path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()]
    return sorted(found, key=lambda each: each[0].encode("utf-8", "surrogateescape"))


def digest(path: Path) -> str:
    """SHA-256 of a file's bytes, in hexadecimal digits."""
    whole = hashlib.sha256()
    with path.open("rb") as stream:
        for piece in iter(lambda: stream.read(PIECE), b""):
            whole.update(piece)
    return whole.hexdigest()


class Source:
    """One raw file, unpacked where it is gzip by its first bytes. To be read once, in a `with` statement."""

    def __init__(self, name: str, path: Path) -> None:
        #: the file's path in the batch
        self.name = name
        #: how many pieces were read: rows of one piece are in memory together
        self.pieces = 0
        self._path = path
        self._whole = hashlib.sha256()

    def __enter__(self) -> Source:
        self._file = self._path.open("rb")
        return self

    def __exit__(self, *_: Any) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """Bytes as they are stored; each counts towards the digest."""
        found = self._file.read(size)
        self._whole.update(found)
        return found

    def digest(self) -> str:
        """SHA-256 of the file as it is stored, packed if it is packed; reads what wasn't read."""
        while self.read(PIECE):
            continue
        return self._whole.hexdigest()

    def lines(self) -> Iterator[str]:
        """The lines, each with its line feed. Raises Unreadable where the next line is no text."""
        first = self._file.peek(2)[:2]
        stream: Any = gzip.GzipFile(fileobj=self, mode="rb") if first == GZIP else self  # type: ignore[call-overload]
        for piece in self._whole_lines(stream):
            if self.pieces == 0:
                piece = piece[len(MARK) :] if piece.startswith(MARK) else piece
                for mark, encoding in OTHERS:
                    if piece.startswith(mark):
                        raise Unreadable(f"the file is {encoding}: UTF-8 is needed")
            self.pieces += 1
            text, problem = _decoded(piece)
            yield from io.StringIO(text, newline="\n")
            if problem:
                raise Unreadable(problem)

    def _whole_lines(self, stream: IO[bytes]) -> Iterator[bytes]:
        rest = b""
        while True:
            try:
                more = stream.read(PIECE)
            except (gzip.BadGzipFile, EOFError, zlib.error) as error:
                raise Unreadable(f"the gzip stream is damaged: {error}") from None
            cut = more.rfind(b"\n") + 1
            if cut:
                yield rest + more[:cut]
                rest = more[cut:]
            else:
                rest += more
            if len(rest) > LONGEST_LINE:
                raise Unreadable(f"the line is longer than {LONGEST_LINE:,} bytes")
            if not more:
                break
        if rest:
            yield rest


def _decoded(piece: bytes) -> Tuple[str, str]:
    """The lines before the first that is no text, and what is wrong with that one; nothing: all are."""
    problem, end = "", len(piece)
    zero = piece.find(b"\0")
    if zero >= 0:
        problem, end = "the line has a NUL byte", piece.rfind(b"\n", 0, zero) + 1
    try:
        return piece[:end].decode("utf-8"), problem
    except UnicodeDecodeError as error:
        end = piece.rfind(b"\n", 0, error.start) + 1
        return piece[:end].decode("utf-8"), f"the byte 0x{piece[error.start]:02x} is no UTF-8"
