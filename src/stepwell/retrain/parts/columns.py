"""The columns of a batch as a program declares them: what every cell of every file is checked against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.retrain.parts.declaration import DeclarationError, Part
from stepwell.retrain.prepare import settings as prepare
from stepwell.retrain.prepare.faults import SettingsInvalid


class _Cells(Part):
    """What is said of a cell, whether of one column or of several."""

    type: str
    low: float | str | None
    high: float | str | None
    values: Sequence[str | int | float | bool]
    missing: bool
    pattern: str

    def _declared(self, name: str) -> dict[str, Any]:
        """One column as the prepare job reads it. Raises DeclarationError."""
        found = {
            "name": name,
            "type": self.type,
            "low": self.low,
            "high": self.high,
            "values": list(self.values),
            "missing": self.missing or None,
            "pattern": self.pattern or None,
        }
        said = {key: value for key, value in found.items() if value is not None and value != []}
        try:
            prepare.Column.from_json(said)
        except SettingsInvalid as error:
            raise DeclarationError(str(error)) from None
        return said


@dataclass(frozen=True, kw_only=True)
class Column(_Cells):
    """One column."""

    #: as the header, or the JSON member, names it
    name: str
    #: `number`, `integer`, `category`, `text`, `time` or `boolean`
    type: str
    #: the least value of a number; of a time in ISO 8601
    low: float | str | None = None
    #: the greatest value
    high: float | str | None = None
    #: all values that a category or a text may have; empty: any
    values: Sequence[str | int | float | bool] = ()
    #: whether a cell may be empty
    missing: bool = False
    #: a regular expression that a whole category or text must match; empty: none
    pattern: str = ""

    def __post_init__(self) -> None:
        self.declared()

    def declared(self) -> list[dict[str, Any]]:
        """The column as the prepare job reads it."""
        return [self._declared(self.name)]


@dataclass(frozen=True, kw_only=True)
class Columns(_Cells):
    """Several columns of one kind, in the order of their names."""

    #: as the header names them
    names: Sequence[str]
    #: as `Column.type`; so are all below
    type: str
    low: float | str | None = None
    high: float | str | None = None
    values: Sequence[str | int | float | bool] = ()
    missing: bool = False
    pattern: str = ""

    def __post_init__(self) -> None:
        if isinstance(self.names, str) or not self.names:
            raise DeclarationError(f"Columns' names are a list of names, not {self.names!r}")
        self.declared()

    def declared(self) -> list[dict[str, Any]]:
        """The columns as the prepare job reads them."""
        return [self._declared(name) for name in self.names]


def declared(columns: Sequence[Column | Columns]) -> list[Mapping[str, Any]]:
    """All columns in order. Raises DeclarationError where one is none."""
    for each in columns:
        if not isinstance(each, Column | Columns):
            raise DeclarationError(f"columns are Column and Columns, not {each!r}")
    return [found for each in columns for found in each.declared()]
