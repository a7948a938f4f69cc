"""Parts of the rows that are looked at by themselves: what is better on the whole may be worse for some."""

from __future__ import annotations

import math
from bisect import bisect_right

from .rows import Rows
from .settings import Slice

#: a column without bounds has at most so many slices; the most frequent values are taken
MOST_VALUES = 50


def members(rows: Rows, asked: Slice) -> dict[str, list[int]] | None:
    """The rows' places by slice name (`column=value`); None where the rows have no such column.

    A cell that is no number, where there are bounds, is in the slice `column=?`.
    """
    cells = rows.column(asked.column)
    if cells is None and asked.column == "label":
        cells = [str(label) for label in rows.labels]
    if cells is None:
        return None
    found: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        found.setdefault(f"{asked.column}={_named(cell, asked)}", []).append(place)
    frequent = sorted(found, key=lambda name: (-len(found[name]), name))[:MOST_VALUES]
    return {name: found[name] for name in sorted(frequent)}


def _named(cell: str, asked: Slice) -> str:
    if not asked.bounds:
        return cell.strip()
    try:
        value = float(cell)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        return "?"
    at = bisect_right(asked.bounds, value)
    low = "" if at == 0 else f"{asked.bounds[at - 1]:g}"
    high = "" if at == len(asked.bounds) else f"{asked.bounds[at]:g}"
    return f"{low}..{high}"
