"""Rows out of files: pieces of columns in the declared order, each row with the line where it begins.

Faults of form (a missing column, a ragged row) are told here; what the cells say is not this module's matter.
"""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass, field
from typing import Any, Callable, Dict, Iterator, List, Sequence, Tuple

from .faults import Fault, quoted
from .files import Source, Unreadable
from .settings import Settings

#: rows that are looked at together
TOGETHER = 4096
#: characters that a cell may have: as many as Python's csv module reads unless it is told otherwise
LONGEST_CELL = 131072
TOO_LONG = f"a cell is longer than {LONGEST_CELL:,} characters"
#: how Python's reader words what is wrong with a line, and how it is told
QUOTING = (
    ("field larger", f"{TOO_LONG}; perhaps a quote isn't closed"),
    ("new-line", "a carriage return stands within the line; lines end in line feeds"),
    ("unexpected end", "a quote is opened and never closed"),
    ("',' expected", "a comma or the line's end must follow a closing quote"),
)


@dataclass(frozen=True)
class Piece:
    """Some rows of a file, by columns."""

    #: the physical line where each row begins
    lines: Sequence[int] = ()
    #: the cells of each declared column, in the declared order; empty without rows
    columns: Sequence[List[str]] = ()
    #: what is wrong with rows that aren't among these
    faults: Sequence[Fault] = ()
    #: what is no fault, and worth saying
    remarks: Sequence[str] = field(default=())


def pieces(source: Source, settings: Settings) -> Iterator[Piece]:
    """The rows of a file in pieces, whose memory is bounded."""
    return READERS[settings.format](source, settings)


def _csv(source: Source, settings: Settings) -> Iterator[Piece]:
    csv.field_size_limit(LONGEST_CELL)  # a user's function may have changed it
    reader = csv.reader(source.lines(), strict=True)
    order: Sequence[int] = range(len(settings.columns))
    begun = not settings.header
    rows: List[List[str]] = []
    lines: List[int] = []
    number, seen = 1, 0
    wrong: List[Fault] = []
    try:
        for row in reader:
            if not begun and row:
                begun = True
                order, faults, remarks = _ordered(source.name, number, row, settings.names)
                yield Piece(faults=faults, remarks=remarks)
                if faults:
                    return
            elif row:
                rows.append(row)
                lines.append(number)
            number = reader.line_num + 1
            if len(rows) >= TOGETHER or (source.pieces != seen and rows):
                yield _table(source.name, rows, lines, order)
                rows, lines, seen = [], [], source.pieces
    except csv.Error as error:
        told = next((words for begin, words in QUOTING if str(error).startswith(begin)), str(error))
        wrong = [Fault(source.name, number, "", f"{told}; the file is not read on")]
    except Unreadable as error:
        # within a record of several lines it is the line that is named
        wrong = [Fault(source.name, reader.line_num + 1, "", f"{error}; the file is not read on")]
    if rows:
        yield _table(source.name, rows, lines, order)
    if wrong:
        yield Piece(faults=wrong)
    elif not begun:
        yield Piece(remarks=[f"{source.name} is empty"])


def _ordered(
    name: str, line: int, header: List[str], names: Sequence[str]
) -> Tuple[Sequence[int], List[Fault], List[str]]:
    """Where each declared column stands in the file, or what is wrong with its header."""
    found = [each.strip() for each in header]
    wrong = (
        ("missing", [each for each in names if each not in found]),
        ("unknown", [each for each in found if each not in names]),
        ("more than once", sorted({each for each in found if each in names and found.count(each) > 1})),
    )
    told = [
        f"{what}: {', '.join(quoted(each, 30) for each in columns)}" for what, columns in wrong if columns
    ]
    if told:
        said = f"the header's columns are not those declared ({'; '.join(told)})"
        return (), [Fault(name, line, "", said, ", ".join(names))], []
    order = [found.index(each) for each in names]
    remarks = [f"{name} has its columns in another order"] if order != sorted(order) else []
    return order, [], remarks


def _table(name: str, rows: List[List[str]], lines: List[int], order: Sequence[int]) -> Piece:
    width = len(order)
    faults: List[Fault] = []
    if set(map(len, rows)) != {width}:
        faults = [
            Fault(name, line, "", f"the row has {_cells(len(row))}, not {width}")
            for row, line in zip(rows, lines)
            if len(row) != width
        ]
        sound = [len(row) == width for row in rows]
        rows = [row for row, well in zip(rows, sound) if well]
        lines = [line for line, well in zip(lines, sound) if well]
    columns = [list(cells) for cells in zip(*rows)]
    return Piece(lines, [columns[place] for place in order] if rows else (), faults)


def _cells(count: int) -> str:
    return "1 cell" if count == 1 else f"{count:,} cells"


class Numeral(str):
    """A number as a JSON text writes it: none of its digits is lost."""

    __slots__ = ()


class Twice(ValueError):
    """An object names a member twice."""


#: the JSON values that a column's type takes; null is a missing value
TAKEN: Dict[str, Tuple[type, ...]] = {
    "number": (Numeral,),
    "integer": (Numeral,),
    "category": (str, Numeral, bool),
    "text": (str,),
    "time": (str,),
    "boolean": (bool, Numeral, str),
}
WORDS = {str: "a string", Numeral: "a number", bool: "a boolean", dict: "an object", list: "an array"}


def _jsonl(source: Source, settings: Settings) -> Iterator[Piece]:
    decode = json.JSONDecoder(
        object_pairs_hook=_members, parse_float=Numeral, parse_int=Numeral, parse_constant=Numeral
    ).decode
    objects: List[Dict[str, Any]] = []
    lines: List[int] = []
    faults: List[Fault] = []
    number, seen = 0, 0
    try:
        for line in source.lines():
            number += 1
            if not line.isspace():
                try:
                    objects.append(_object(decode(line), settings.names))
                    lines.append(number)
                except (ValueError, RecursionError) as error:
                    faults.append(Fault(source.name, number, "", _unread(error)))
            if len(lines) + len(faults) >= TOGETHER or source.pieces != seen:
                yield _objects(source.name, objects, lines, faults, settings)
                objects, lines, faults, seen = [], [], [], source.pieces
    except Unreadable as error:
        faults.append(Fault(source.name, number + 1, "", f"{error}; the file is not read on"))
    if objects or faults:
        yield _objects(source.name, objects, lines, faults, settings)
    elif not number:
        yield Piece(remarks=[f"{source.name} is empty"])


def _members(pairs: List[Tuple[str, Any]]) -> Dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise Twice(next(name for name in names if names.count(name) > 1))
    return found


def _object(value: Any, names: Sequence[str]) -> Dict[str, Any]:
    if type(value) is not dict:
        raise ValueError(f"a line is an object, not {WORDS.get(type(value), 'null')}")
    if not value.keys() <= set(names):
        unknown = [quoted(name, 30) for name in value if name not in names]
        raise ValueError(f"unknown members: {', '.join(unknown)}")
    return value


def _unread(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"the line is no JSON: {error.msg} at character {error.pos + 1}"
    if isinstance(error, Twice):
        return f"the member {quoted(str(error), 30)} is there more than once"
    return "values are nested too deeply" if isinstance(error, RecursionError) else str(error)


def _objects(
    name: str, objects: List[Dict[str, Any]], lines: List[int], faults: List[Fault], settings: Settings
) -> Piece:
    columns: List[List[str]] = []
    wrong = list(faults)
    bad = set()
    for column in settings.columns:
        values = [each.get(column.name) for each in objects]
        taken = TAKEN[column.type]
        if not {type(value) for value in values} <= {*taken, type(None)}:
            for place, value in enumerate(values):
                if value is not None and type(value) not in taken:
                    said = " or ".join(WORDS[each] for each in taken)
                    told = f"the value is {WORDS[type(value)]}, not {said}"
                    wrong.append(Fault(name, lines[place], column.name, told))
                    bad.add(place)
        cells = [_cell(value) for value in values]
        if max(map(len, cells), default=0) > LONGEST_CELL or not _is_text("".join(cells)):
            for place, cell in enumerate(cells):
                if len(cell) > LONGEST_CELL or not _is_text(cell):
                    told = (
                        TOO_LONG if len(cell) > LONGEST_CELL else "half of a surrogate pair is no character"
                    )
                    wrong.append(Fault(name, lines[place], column.name, told))
                    bad.add(place)
        columns.append(cells)
    if bad:
        lines = [line for place, line in enumerate(lines) if place not in bad]
        columns = [[cell for place, cell in enumerate(cells) if place not in bad] for cells in columns]
    return Piece(lines, columns if lines else (), wrong)


def _cell(value: Any) -> str:
    if isinstance(value, str):
        return str(value)
    return {None: "", True: "true", False: "false"}[value] if not isinstance(value, (dict, list)) else ""


def _is_text(value: str) -> bool:
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


READERS: Dict[str, Callable[[Source, Settings], Iterator[Piece]]] = {"csv": _csv, "jsonl": _jsonl}
