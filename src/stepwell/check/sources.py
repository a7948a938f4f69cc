"""A program's files: their text, their syntax, and where each part of it stands.

A program is read as Python reads it, and never run: what is wrong with its syntax is a finding like others.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Place:
    """Where something stands."""

    #: the file, relative to the program's folder
    file: str
    #: from 1
    line: int
    #: in characters, from 1
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """A piece of a file's text and what stands in its stead."""

    file: str
    #: in characters, from 0
    start: int
    end: int
    text: str


class Source:
    """One module of the program."""

    def __init__(self, path: Path, file: str, text: str, tree: ast.Module, name: str) -> None:
        self.path = path
        #: the path relative to the program's folder
        self.file = file
        self.text = text
        self.tree = tree
        #: as `import` calls it; `__main__` for the entry
        self.name = name

    @cached_property
    def lines(self) -> list[str]:
        """The lines as `ast` counts them, without their ends."""
        return self.text.replace("\r\n", "\n").replace("\r", "\n").split("\n")

    @cached_property
    def _starts(self) -> list[int]:
        starts = [0]
        for at, char in enumerate(self.text):
            if char == "\n" or (char == "\r" and self.text[at + 1 : at + 2] != "\n"):
                starts.append(at + 1)
        return starts

    def offset(self, line: int, column: int) -> int:
        """The offset of a place that `ast` gives: a line from 1, a column in UTF-8 bytes from 0."""
        start = self._starts[line - 1] if line <= len(self._starts) else len(self.text)
        end = self._starts[line] if line < len(self._starts) else len(self.text)
        text = self.text[start:end]
        return start + len(text.encode("utf-8", "replace")[:column].decode("utf-8", "ignore"))

    def at(self, place: Place) -> int:
        """The offset of a place."""
        return self._starts[place.line - 1] + place.column - 1

    def place(self, node: ast.AST) -> Place:
        """Where a node begins."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0)
        start = self._starts[line - 1] if line <= len(self._starts) else len(self.text)
        return Place(file=self.file, line=line, column=self.offset(line, column) - start + 1)

    def span(self, node: ast.expr | ast.stmt) -> tuple[int, int]:
        """The offsets of a node's beginning and end."""
        end_line = node.end_lineno if node.end_lineno is not None else node.lineno
        end_column = node.end_col_offset if node.end_col_offset is not None else node.col_offset
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, end_column)

    def replace(self, node: ast.expr | ast.stmt, text: str) -> Edit:
        """The edit that puts `text` where the node stands."""
        start, end = self.span(node)
        return Edit(file=self.file, start=start, end=end, text=text)

    def of(self, node: ast.expr | ast.stmt) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]


class Unreadable(Exception):
    """A file that is no Python."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.message = message
        self.place = place


def load(path: Path, folder: Path, name: str) -> Source:
    """The module in the file `path`. Raises Unreadable."""
    file = path.relative_to(folder).as_posix() if path.is_relative_to(folder) else path.as_posix()
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise Unreadable(f"{file} can't be read: {error}", Place(file=file, line=1, column=1)) from error
    return parse(text, path=path, file=file, name=name)


def parse(text: str, *, path: Path, file: str, name: str = "__main__") -> Source:
    """The module with this text. Raises Unreadable."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(text, filename=file)
    except SyntaxError as error:
        place = Place(file=file, line=error.lineno or 1, column=error.offset or 1)
        raise Unreadable(error.msg, place) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise Unreadable(str(error) or "too deeply nested", Place(file=file, line=1, column=1)) from error
    return Source(path, file, text, tree, name)
