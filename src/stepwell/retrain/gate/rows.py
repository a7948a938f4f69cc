"""The rows that a gate judges by: read from CSV files, named by digests, never copied into evidence."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Iterable, Sequence

from .answers import class_name

#: hexadecimal digits of a row's digest: enough to tell a billion rows apart
DIGITS = 16


class RowsInvalid(Exception):
    """Rows that cannot be judged by. `code` is the reason of the decision that follows."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Rows:
    """Rows with their labels, in the order of the files' names and lines."""

    #: the names of the columns, the label's not among them
    columns: tuple[str, ...]
    #: a row's cells as they stood in the file, without the label's
    cells: tuple[tuple[str, ...], ...]
    #: a row's label: a class's name, or a number
    labels: tuple[Any, ...]
    #: a row's digest
    digests: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def column(self, name: str) -> list[str] | None:
        """The cells of one column; None where there is no such column."""
        if name not in self.columns:
            return None
        place = self.columns.index(name)
        return [row[place] for row in self.cells]

    def text(self) -> str:
        """The rows without labels and header, as CSV: what a model server would be sent."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows(self.cells)
        return text.getvalue()


def digest(cells: Iterable[str]) -> str:
    """A row's name: the first digits of the SHA-256 of its cells, label included, joined by commas."""
    return hashlib.sha256(",".join(cells).encode("utf-8")).hexdigest()[:DIGITS]


def read(folder: Path, *, label: str, header: bool, task: str, columns: Sequence[str] = ()) -> Rows:
    """The rows of all CSV files below a folder. Raises RowsInvalid, which names file, line and column."""
    names, table = _table(folder, header)
    if columns and names and tuple(columns) != names:
        missing = [name for name in columns if name not in names]
        more = [name for name in names if name not in columns]
        told = f"missing: {', '.join(missing) or 'none'}; unknown: {', '.join(more) or 'none'}"
        raise RowsInvalid("COLUMNS_DIFFER", f"the batch has other columns than declared ({told})")
    if names and label not in names:
        raise RowsInvalid("COLUMNS_DIFFER", f"there is no column {label!r} for the label")
    place = names.index(label) if names else 0
    labels = [_label(row[place], task, where) for where, row in table]
    return Rows(
        columns=names[:place] + names[place + 1 :],
        cells=tuple(tuple(row[:place] + row[place + 1 :]) for _, row in table),
        labels=tuple(labels),
        digests=tuple(digest(row) for _, row in table),
    )


def _table(folder: Path, header: bool) -> tuple[tuple[str, ...], list[tuple[str, list[str]]]]:
    """The columns' names, and each row with where it stands."""
    names: tuple[str, ...] = ()
    table: list[tuple[str, list[str]]] = []
    for path in sorted(folder.rglob("*.csv")):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                lines = list(csv.reader(file))
        except (UnicodeDecodeError, csv.Error) as error:
            raise RowsInvalid("COLUMNS_DIFFER", f"{path.name} is no CSV in UTF-8: {error}") from None
        if header and lines:
            found = tuple(lines[0])
        else:
            found = tuple(str(number) for number in range(len(lines[0]))) if lines else ()
        if names and found and found != names:
            raise RowsInvalid("COLUMNS_DIFFER", f"{path.name} has other columns than the files before it")
        names = found or names
        for number, line in enumerate(lines[1:] if header else lines, 2 if header else 1):
            if not line:
                continue
            if len(line) != len(names):
                raise RowsInvalid(
                    "COLUMNS_DIFFER", f"{path.name}, line {number} has {len(line)} columns, not {len(names)}"
                )
            table.append((f"{path.name}, line {number}", line))
    return names, table


def _label(value: str, task: str, where: str) -> Any:
    if not value.strip():
        raise RowsInvalid("LABEL_INVALID", f"{where} has no label")
    if task != "numbers":
        return class_name(value)
    try:
        found = float(value)
    except ValueError:
        found = math.nan
    if not math.isfinite(found):
        raise RowsInvalid("LABEL_INVALID", f"{where}: the label {value!r:.60} is no number")
    return found
