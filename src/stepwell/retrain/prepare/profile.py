"""The profile of a batch: what each column looked like, so that later inputs can be held against it.

It imports nothing of the job: whoever watches a model in service reads it with this module alone.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, Optional, Tuple

#: the document's form; another number is another form
SCHEMA = "stepwell.profile/1"
#: equal parts that quantiles divide a column into
PARTS = 20
#: categories whose counts are written, the most frequent first
MOST_COUNTS = 200


class ProfileInvalid(Exception):
    """A document is no profile, or of another version."""


@dataclass(frozen=True)
class ColumnProfile:
    """One column. What doesn't belong to its type, or wasn't there to be seen, is None or empty."""

    #: `number` (integers too), `category` (booleans too), `text` or `time`
    type: str
    #: rows without a value
    missing: int = 0
    #: of numbers: the least
    least: Optional[float] = None
    #: the greatest
    most: Optional[float] = None
    #: the arithmetic mean
    mean: Optional[float] = None
    #: the standard deviation of these rows (divided by their number); None also where a float can't hold it
    deviation: Optional[float] = None
    #: 21 numbers: 0 %, 5 %, .. 100 %
    quantiles: Tuple[float, ...] = ()
    #: by how much the share of rows below a quantile may be wrong; 0: exact
    quantile_error: float = 0.0
    #: numbers that are 0
    zeros: int = 0
    #: of categories: how many rows have each, the most frequent first
    counts: Mapping[str, int] = field(default_factory=dict)
    #: rows with any other category
    others: int = 0
    #: by how many rows a count may be too low; 0: exact
    count_error: int = 0
    #: of texts: characters of the shortest
    shortest: Optional[int] = None
    #: of the longest
    longest: Optional[int] = None
    #: of times: the first, in ISO 8601 and UTC
    first: Optional[str] = None
    #: the last
    last: Optional[str] = None

    def to_json(self) -> Dict[str, Any]:
        """The object in a profile: the members of the column's type."""
        members = {member: getattr(self, name) for member, name in MEMBERS[self.type].items()}
        return {"type": self.type, "missing": self.missing, **members}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> ColumnProfile:
        """The column of such an object. Raises ProfileInvalid."""
        kind = value.get("type")
        if kind not in MEMBERS:
            raise ProfileInvalid(f"a column's type is one of {', '.join(MEMBERS)}, not {kind!r}")
        found = {name: value[member] for member, name in MEMBERS[kind].items() if member in value}
        if "quantiles" in found:
            found["quantiles"] = tuple(found["quantiles"])
        return cls(type=kind, missing=value.get("missing", 0), **found)


#: a type → the members of its object, and what they are called here
MEMBERS: Dict[str, Dict[str, str]] = {
    "number": {
        "min": "least",
        "max": "most",
        "mean": "mean",
        "deviation": "deviation",
        "quantiles": "quantiles",
        "quantile_error": "quantile_error",
        "zeros": "zeros",
    },
    "category": {"counts": "counts", "others": "others", "count_error": "count_error"},
    "text": {"shortest": "shortest", "longest": "longest"},
    "time": {"first": "first", "last": "last"},
}


@dataclass(frozen=True)
class Profile:
    """All columns of a batch, the label's among them, over its rows: those to train on and those held out."""

    #: how many rows there are
    rows: int
    #: the columns by their names, in the declared order
    columns: Mapping[str, ColumnProfile]

    def to_json(self) -> Dict[str, Any]:
        """The object that is written."""
        columns = {name: column.to_json() for name, column in self.columns.items()}
        return {"schema": SCHEMA, "rows": self.rows, "columns": columns}

    @classmethod
    def parse(cls, text: str) -> Profile:
        """The profile of a document. Raises ProfileInvalid."""
        try:
            value = json.loads(text)
        except ValueError as error:
            raise ProfileInvalid(f"the profile is no JSON: {error}") from None
        if not isinstance(value, dict) or value.get("schema") != SCHEMA:
            raise ProfileInvalid(f"the document is no {SCHEMA}")
        try:
            columns = {name: ColumnProfile.from_json(each) for name, each in value["columns"].items()}
            return cls(rows=value["rows"], columns=columns)
        except (KeyError, AttributeError, TypeError) as error:
            raise ProfileInvalid(f"the profile lacks what its form asks for: {error!r}") from None
