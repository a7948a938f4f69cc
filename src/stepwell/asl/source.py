"""A definition's text, its value, and where each part of it stands.

Parsing is the interpreter's own fast one; positions are worked out by a second, slower pass that runs
only when there is something to point at.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from functools import cached_property
from typing import Any

from stepwell.asl.json import loads

#: the way from the whole definition to a part of it: keys and indexes
Path = tuple[str | int, ...]

_TOKEN = re.compile(r'[ \t\r\n]*("(?:[^"\\]|\\.)*"|[][{}:,]|[^][{}:,"\s]+)', re.DOTALL)


#: one character of a text in JSON, as it is written; half of a surrogate pair counts with its other half
_CHARACTER = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|\\u[0-9a-fA-F]{4}|\\.|.", re.DOTALL
)
_BEHIND_KEY = re.compile(r'"(?:[^"\\]|\\.)*"\s*:\s*', re.DOTALL)


class SourceError(ValueError):
    """The text is not JSON; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.message = message
        self.line = line
        self.column = column


class Source:
    """A definition that is JSON. Raises `SourceError` when it is not."""

    def __init__(self, text: str) -> None:
        self.text = text
        try:
            #: the parsed text
            self.value: Any = loads(text)
        except json.JSONDecodeError as error:
            raise SourceError(error.msg, error.lineno, error.colno) from None
        except ValueError as error:
            raise SourceError(str(error), 1, 1) from None

    def position(self, path: Path) -> tuple[int, int]:
        """Line and column of the part at `path`: of its key in an object, of itself in an array.

        A part that is not there has the position of the nearest part around it.
        """
        offsets = self._scan[0]
        while path not in offsets:
            path = path[:-1]
        return self._line_and_column(offsets[path])

    def inside(self, path: Path, index: int) -> tuple[int, int]:
        """Line and column of a character of the text at `path`."""
        offset = self._scan[0][path]
        # a member of an object is known by its key
        if path and isinstance(path[-1], str):
            offset = _value_behind(self.text, offset)
        offset += 1
        for _ in range(index):
            match = _CHARACTER.match(self.text, offset)
            assert match is not None
            offset = match.end()
        return self._line_and_column(offset)

    def duplicates(self) -> list[tuple[Path, int, int]]:
        """Every key that its object has already: its path, line and column."""
        if not self._has_duplicates:
            return []
        return [(path, *self._line_and_column(offset)) for path, offset in self._scan[1]]

    def _line_and_column(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._lines, offset)
        return line, offset - self._lines[line - 1] + 1

    @cached_property
    def _lines(self) -> list[int]:
        """Where each line begins."""
        return [0, *(match.end() for match in re.finditer("\n", self.text))]

    @cached_property
    def _has_duplicates(self) -> bool:
        found = False

        def look(pairs: list[tuple[str, Any]]) -> None:
            nonlocal found
            found = found or len({key for key, _ in pairs}) != len(pairs)

        json.loads(self.text, object_pairs_hook=look)
        return found

    @cached_property
    def _scan(self) -> tuple[dict[Path, int], list[tuple[Path, int]]]:
        """Offsets of all parts, and the repeated keys. The text is known to be JSON."""
        offsets: dict[Path, int] = {}
        repeated: list[tuple[Path, int]] = []
        path: list[str | int] = []
        # what surrounds the current token: None for an object, else the array's next index
        nest: list[int | None] = []
        at_key = False
        for match in _TOKEN.finditer(self.text):
            token, start = match[1], match.start(1)
            if token == ":":
                continue
            if token == "]" or (token == "}" and not at_key):
                nest.pop()
                path.pop()
            elif token == "}":  # an empty object: it has pushed no key
                nest.pop()
                at_key = False
            elif token == ",":
                path.pop()
                index = nest[-1]
                if index is None:
                    at_key = True
                else:
                    path.append(index)
                    nest[-1] = index + 1
            elif at_key:
                key = json.loads(token)
                path.append(key)
                at_key = False
                here = tuple(path)
                if here in offsets:
                    repeated.append((here, start))
                offsets[here] = start
            else:
                if not path or isinstance(path[-1], int):
                    offsets.setdefault(tuple(path), start)
                if token == "{":
                    nest.append(None)
                    at_key = True
                elif token == "[":
                    nest.append(1)
                    path.append(0)
        return offsets, repeated


def _value_behind(text: str, key: int) -> int:
    """The offset of a member's value, from that of its key."""
    match = _BEHIND_KEY.match(text, key)
    assert match is not None
    return match.end()


def pointer(path: Path) -> str:
    """A path as AWS prints it: `/States/Train/Catch[0]/Next`, and `/` for the whole definition."""
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path) or "/"
