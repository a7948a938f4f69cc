"""What the job leaves in its one folder, and how it is read again."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Mapping, Tuple

from .profile import Profile

TRAIN = "train.csv"
HELD_OUT = "held-out.csv"
PROFILE = "profile.json"
PREPARED = "prepared.json"


class PreparedInvalid(Exception):
    """A document is no `prepared.json`."""


@dataclass(frozen=True)
class Prepared:
    """A batch's rows, counted, and its files by their digests."""

    #: rows in all
    rows: int
    #: rows to train on
    train_rows: int
    #: rows held out
    held_out_rows: int
    #: the columns' names in the order in which they are written
    columns: Tuple[str, ...]
    #: the label's column
    label: str
    #: each raw file's path in the batch → SHA-256 of its bytes
    sources: Mapping[str, str]
    #: TRAIN and HELD_OUT → SHA-256
    digests: Mapping[str, str]

    def to_json(self) -> Dict[str, Any]:
        """The object that is written."""
        return {
            "rows": self.rows,
            "train_rows": self.train_rows,
            "held_out_rows": self.held_out_rows,
            "columns": list(self.columns),
            "label": self.label,
            "sources": dict(self.sources),
            "digests": dict(self.digests),
        }

    @classmethod
    def parse(cls, text: str) -> Prepared:
        """The counts and digests of a document. Raises PreparedInvalid."""
        try:
            value = json.loads(text)
            return cls(
                rows=value["rows"],
                train_rows=value["train_rows"],
                held_out_rows=value["held_out_rows"],
                columns=tuple(value["columns"]),
                label=value["label"],
                sources=value["sources"],
                digests=value["digests"],
            )
        except (ValueError, KeyError, TypeError) as error:
            raise PreparedInvalid(f"the document does not describe a prepared batch: {error!r}") from None


def describe(folder: Path) -> Tuple[Prepared, Profile]:
    """What is written of a batch in its folder. Raises OSError, PreparedInvalid and ProfileInvalid."""
    prepared = Prepared.parse((folder / PREPARED).read_text("utf-8"))
    return prepared, Profile.parse((folder / PROFILE).read_text("utf-8"))
