"""What a user declares of a batch's rows, checked once, so that nothing behind it meets a wrong setting."""

from __future__ import annotations

import dataclasses
import math
import re
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Tuple

from .faults import SettingsInvalid, quoted
from .times import instant

TYPES = ("number", "integer", "category", "text", "time", "boolean")
#: the types whose values have an order, so that they can have bounds
BOUNDED = ("number", "integer", "time")
#: the types that may have a pattern
WRITTEN = ("category", "text")
FORMATS = ("csv", "jsonl")
#: how rows are held out: by a digest of the row, the last ones, by a digest of one column's value
WAYS = ("rows", "last", "column")


@dataclass(frozen=True)
class Column:
    """One column as declared: every cell of it is checked against this."""

    #: as the header, or the JSON member, names it
    name: str
    #: one of TYPES
    type: str
    #: the least value; for times in seconds since 1970
    low: Optional[float] = None
    #: the greatest value
    high: Optional[float] = None
    #: all values that there may be, as they are written; empty: any
    values: Tuple[str, ...] = ()
    #: whether a cell may be empty
    missing: bool = False
    #: a regular expression that a whole cell must match; empty: none
    pattern: str = ""

    @classmethod
    def from_json(cls, value: Any) -> Column:
        """A column of a JSON object. Raises SettingsInvalid."""
        found = _object("a column", value, cls)
        name = found.get("name")
        if not isinstance(name, str) or not name or not name.isprintable() or name != name.strip():
            raise SettingsInvalid(f"a column's name is printable, without spaces around it, not {name!r}")
        where = f"column {quoted(name)}"
        kind = _choice(f"{where}: type", found.get("type"), TYPES)
        for key, types in (("low", BOUNDED), ("high", BOUNDED), ("values", WRITTEN), ("pattern", WRITTEN)):
            if found.get(key) not in (None, (), [], "") and kind not in types:
                raise SettingsInvalid(f"{where}: {key} is for {' and '.join(types)}, not for {kind}")
        low, high = (_bound(f"{where}: {key}", kind, found.get(key)) for key in ("low", "high"))
        if low is not None and high is not None and low > high:
            raise SettingsInvalid(f"{where}: low is above high")
        pattern = found.get("pattern") or ""
        try:
            re.compile(pattern)
        except (re.error, TypeError) as error:
            raise SettingsInvalid(f"{where}: pattern is no regular expression: {error}") from None
        return cls(
            name=name,
            type=kind,
            low=low,
            high=high,
            values=tuple(_written(where, each) for each in _array(where, found.get("values") or ())),
            missing=_boolean(f"{where}: missing", found.get("missing", False)),
            pattern=pattern,
        )


@dataclass(frozen=True)
class HeldOut:
    """Which rows are not trained on."""

    #: their share of the batch, between 0 and 1; by digest it is met about, not exactly
    share: float = 0.25
    #: one of WAYS
    by: str = "rows"
    #: for `column`: whose values stay together
    column: str = ""

    @classmethod
    def from_json(cls, value: Any) -> HeldOut:
        """The way of a JSON object. Raises SettingsInvalid."""
        found = _object("held_out", value, cls)
        share = found.get("share", 0.25)
        if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share < 1:
            raise SettingsInvalid(f"held_out: share is a number between 0 and 1, not {share!r}")
        by = _choice("held_out: by", found.get("by", "rows"), WAYS)
        column = found.get("column") or ""
        if bool(column) != (by == "column"):
            raise SettingsInvalid("held_out: column is given with by: column, and only then")
        return cls(share=float(share), by=by, column=column)


@dataclass(frozen=True)
class Settings:
    """A batch as declared."""

    #: all columns, in the order in which they are written
    columns: Tuple[Column, ...]
    #: the label's column
    label: str
    #: which rows are held out
    held_out: HeldOut = dataclasses.field(default_factory=HeldOut)
    #: how files are written: one of FORMATS
    format: str = "csv"
    #: whether the first line of a CSV file names the columns
    header: bool = True
    #: the user's function as `module:name`, which turns raw files into such files; empty: none
    function: str = ""
    #: rows below which there is no batch
    least_rows: int = 0

    @property
    def names(self) -> Tuple[str, ...]:
        """The columns' names in order."""
        return tuple(column.name for column in self.columns)

    @classmethod
    def from_json(cls, value: Any) -> Settings:
        """Settings of a JSON object. Raises SettingsInvalid, which names the setting."""
        found = _object("the configuration", value, cls)
        columns = tuple(Column.from_json(each) for each in _array("columns", found.get("columns") or ()))
        if not columns:
            raise SettingsInvalid("columns are missing: without them nothing can be checked")
        names = [column.name for column in columns]
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise SettingsInvalid(f"columns are declared twice: {', '.join(twice)}")
        label = found.get("label")
        if label not in names:
            told = ", ".join(names[:10]) + (", .." if len(names) > 10 else "")
            raise SettingsInvalid(f"label is the name of a column ({told}), not {label!r}")
        if columns[names.index(label)].missing:
            raise SettingsInvalid(f"the label {quoted(label)} may not be missing: such a row teaches nothing")
        if len(columns) == 1:
            raise SettingsInvalid("there is no column beside the label")
        held_out = HeldOut.from_json(found.get("held_out") or {})
        if held_out.column and (held_out.column not in names or held_out.column == label):
            raise SettingsInvalid(f"held_out: column is one beside the label, not {held_out.column!r}")
        function = found.get("function") or ""
        if function and not (isinstance(function, str) and re.fullmatch(r"[\w.]+:\w+", function)):
            raise SettingsInvalid(f'function is written "module:name", not {function!r}')
        least = found.get("least_rows") or 0
        if isinstance(least, bool) or not isinstance(least, int) or least < 0:
            raise SettingsInvalid(f"least_rows is a whole number from 0 on, not {least!r}")
        return cls(
            columns=columns,
            label=label,
            held_out=held_out,
            format=_choice("format", found.get("format", "csv"), FORMATS),
            header=_boolean("header", found.get("header", True)),
            function=function,
            least_rows=least,
        )


def _object(where: str, value: Any, kind: Any) -> Dict[str, Any]:
    if not isinstance(value, Mapping):
        raise SettingsInvalid(f"{where} is an object, not {value!r:.60}")
    names = [each.name for each in dataclasses.fields(kind)]
    for name in value:
        if name not in names:
            raise SettingsInvalid(f"{where} has no {name!r}; there are {', '.join(names)}")
    return dict(value)


def _array(where: str, value: Any) -> List[Any]:
    if not isinstance(value, (list, tuple)):
        raise SettingsInvalid(f"{where}: an array is needed, not {value!r:.60}")
    return list(value)


def _boolean(where: str, value: Any) -> bool:
    if not isinstance(value, bool):
        raise SettingsInvalid(f"{where} is true or false, not {value!r}")
    return value


def _choice(where: str, value: Any, known: Tuple[str, ...]) -> str:
    if value not in known:
        raise SettingsInvalid(f"{where} is one of {', '.join(known)}, not {value!r}")
    return str(value)


def _written(where: str, value: Any) -> str:
    """A value as a file writes it: JSON's true is `true`."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, (str, int, float)) or value == "":
        raise SettingsInvalid(f"{where}: values are texts or numbers, not {value!r}")
    return str(value)


def _bound(where: str, kind: str, value: Any) -> Optional[float]:
    if value is None:
        return None
    if kind == "time":
        found = instant(value) if isinstance(value, str) else None
        if found is None:
            raise SettingsInvalid(f"{where} is a time in ISO 8601, not {value!r}")
        return found
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SettingsInvalid(f"{where} is a number, not {value!r}")
    return float(value)
