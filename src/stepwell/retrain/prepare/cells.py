"""What a cell may hold, by its column's type: a table of types, each with a quick look and a close one.

Batches are right nearly always. So a column's cells are looked at together first, by functions that run in C;
only where something is odd is each cell looked at by itself, to say which one it is and why.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from .faults import quoted
from .settings import Column
from .times import instant, written

#: what numbers are written with; Python's float also reads 1_000, ١٢٣ and nan
DIGITS = frozenset("0123456789+-")
SIGNS = DIGITS | frozenset(".eE")
#: spaces that may stand around a cell
PADDING = " \t"
#: characters that a category may have; a longer one is text
LONGEST_CATEGORY = 256
BOOLEANS = frozenset(
    form for word in ("true", "false") for form in (word, word.upper(), word.capitalize())
) | {"0", "1"}
#: how others write a missing value
ABSENT = frozenset({"na", "n/a", "nan", "null", "none", "-", "?"})


@dataclass(frozen=True)
class Examined:
    """A column's cells after they were looked at."""

    #: the cells as they are written out: padding removed
    cells: Sequence[str]
    #: what the cells that aren't missing mean: numbers, seconds since 1970, or the cells themselves
    values: Sequence[Any]
    #: how many are missing
    missing: int
    #: (the cell's place, what is wrong with it)
    faults: Tuple[Tuple[int, str], ...] = ()


@dataclass(frozen=True)
class Kind:
    """How the cells of a type are read."""

    #: all cells as one text → the cells, padding removed
    trimmed: Callable[[List[str], str], List[str]]
    #: cells of which none is missing → their values; None: one of them may be wrong
    quick: Callable[[Column, List[str]], Optional[Sequence[Any]]]
    #: a cell → what is wrong with it; empty: nothing
    wrong: Callable[[Column, str], str]


def examine(column: Column, cells: List[str]) -> Examined:
    """Check a column's cells of some rows."""
    kind = KINDS[column.type]
    cells = kind.trimmed(cells, "".join(cells))
    present = [cell for cell in cells if cell] if "" in cells else cells
    missing = len(cells) - len(present)
    if column.missing or not missing:
        values = kind.quick(column, present)
        if values is not None:
            return Examined(cells, values, missing)
    faults = []
    for place, cell in enumerate(cells):
        problem = kind.wrong(column, cell) if cell else "" if column.missing else "the value is missing"
        if problem:
            faults.append((place, problem))
    values = [] if faults else kind.quick(column, present)
    if values is None:
        raise AssertionError(f"column {column.name}: the quick look refuses what the close one lets pass")
    return Examined(cells, values, missing, tuple(faults))


def allowed(column: Column) -> str:
    """What a cell of the column may hold, in words."""
    bound = written if column.type == "time" else "{:.12g}".format
    low, high = (None if each is None else bound(each) for each in (column.low, column.high))
    said = _NAMES[column.type]
    if column.values:
        said = "one of " + ", ".join(quoted(value, 20) for value in column.values)
    if column.pattern:
        said += f" matching {column.pattern}"
    if low is not None and high is not None:
        said += f" from {low} to {high}"
    elif low is not None:
        said += f" of {low} or more"
    elif high is not None:
        said += f" of {high} or less"
    return said + (", or an empty cell" if column.missing else "")


_NAMES = {
    "number": "a number",
    "integer": "a whole number",
    "category": f"a category of at most {LONGEST_CATEGORY} characters",
    "text": "text",
    "time": "a time in ISO 8601",
    "boolean": "true, false, 1 or 0",
}


def _unpadded(cells: List[str], joined: str) -> List[str]:
    if " " in joined or "\t" in joined:
        return [cell.strip(PADDING) for cell in cells]
    return cells


def _lines_ended(cells: List[str], joined: str) -> List[str]:
    """Line ends within cells are line feeds: writers of CSV differ in whether they quote a lone return."""
    if "\r" in joined:
        return [cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells]
    return cells


def _blanks_emptied(cells: List[str], joined: str) -> List[str]:
    cells = _lines_ended(cells, joined)
    blank = {cell for cell in set(cells) if cell.isspace()}
    return ["" if cell in blank else cell for cell in cells] if blank else cells


def _numbers(column: Column, cells: List[str], characters: frozenset[str]) -> Optional[Sequence[float]]:
    if not characters.issuperset("".join(cells)):
        return None
    try:
        values = list(map(float, cells))
    except ValueError:
        return None
    return values if _within(column, values) else None


def _within(column: Column, values: Sequence[float]) -> bool:
    if not values:
        return True
    low = -math.inf if column.low is None else column.low
    high = math.inf if column.high is None else column.high
    least, most = min(values), max(values)
    return least >= low and most <= high and math.isfinite(least) and math.isfinite(most)


def _bounds(column: Column, cell: str, value: float) -> str:
    if not math.isfinite(value):
        return f"{quoted(cell)} is larger than any number that a computer keeps"
    if column.low is not None and value < column.low:
        return f"{quoted(cell)} is too low"
    if column.high is not None and value > column.high:
        return f"{quoted(cell)} is too high"
    return ""


def _no(cell: str, what: str) -> str:
    hint = "; a missing value is an empty cell" if cell.lower() in ABSENT else ""
    return f"{quoted(cell)} is no {what}{hint}"


def _wrong_number(column: Column, cell: str) -> str:
    characters, what = (DIGITS, "whole number") if column.type == "integer" else (SIGNS, "number")
    if not characters.issuperset(cell):
        return _no(cell, what)
    try:
        return _bounds(column, cell, float(cell))
    except ValueError:
        return _no(cell, what)


def _times(column: Column, cells: List[str]) -> Optional[Sequence[float]]:
    values = [instant(cell) for cell in cells]
    known = [value for value in values if value is not None]
    return known if len(known) == len(values) and _within(column, known) else None


def _wrong_time(column: Column, cell: str) -> str:
    value = instant(cell)
    return _no(cell, "time in ISO 8601") if value is None else _bounds(column, cell, value)


def _booleans(column: Column, cells: List[str]) -> Optional[Sequence[str]]:
    return cells if BOOLEANS.issuperset(cells) else None


def _wrong_boolean(column: Column, cell: str) -> str:
    return "" if cell in BOOLEANS else _no(cell, "boolean")


def _texts(column: Column, cells: List[str]) -> Optional[Sequence[str]]:
    if column.type == "text" and not column.pattern and not column.values:
        return cells
    return None if any(_wrong_text(column, cell) for cell in set(cells)) else cells


def _wrong_text(column: Column, cell: str) -> str:
    if column.type == "category" and len(cell) > LONGEST_CATEGORY:
        return f"{quoted(cell)} has {len(cell):,} characters: declare it as text"
    if column.values and cell not in column.values:
        return f"{quoted(cell)} is none of the declared values"
    if column.pattern and re.fullmatch(column.pattern, cell) is None:
        return f"{quoted(cell)} does not match"
    return ""


KINDS: Dict[str, Kind] = {
    "number": Kind(_unpadded, lambda column, cells: _numbers(column, cells, SIGNS), _wrong_number),
    "integer": Kind(_unpadded, lambda column, cells: _numbers(column, cells, DIGITS), _wrong_number),
    "category": Kind(_blanks_emptied, _texts, _wrong_text),
    "text": Kind(_lines_ended, _texts, _wrong_text),
    "time": Kind(_unpadded, _times, _wrong_time),
    "boolean": Kind(_unpadded, _booleans, _wrong_boolean),
}
