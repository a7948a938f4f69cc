"""Which rows are held out: never trained on by anyone, also when they come again in a later batch.

So a row's side is no draw. By its digest, or by that of a column's value, a copy falls where the first one
fell; the label isn't in the digest, so that a copy with another label does too.
"""

from __future__ import annotations

import csv
import hashlib
import io
import math
from itertools import compress
from pathlib import Path
from typing import Any, List, Sequence

from .prepared import HELD_OUT, TRAIN
from .settings import Settings

#: what stands between cells in a row's digest
BETWEEN = "\x1f"


def held_out(text: str, share: float) -> bool:
    """Whether what has this text is held out, when so large a share is."""
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big") < share * 2**64


class Split:
    """The two files of rows as they are written. To be used in a `with` statement."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        #: rows to train on
        self.train_rows = 0
        #: rows held out
        self.held_out_rows = 0
        self._folder = folder
        self._settings = settings
        #: for `last`: (rows before, bytes before) of each piece in the file of all rows
        self._places: List[Sequence[int]] = []

    def __enter__(self) -> Split:
        self._train = (self._folder / TRAIN).open("w+b")
        self._held_out = (self._folder / HELD_OUT).open("wb")
        for file in (self._train, self._held_out):
            file.write(_encoded([self._settings.names]))
        return self

    def __exit__(self, *_: Any) -> None:
        self._train.close()
        self._held_out.close()

    def add(self, columns: Sequence[Sequence[str]]) -> None:
        """Write rows, given by columns, each to its side."""
        rows = list(zip(*columns))
        if self._settings.held_out.by == "last":
            self._places.append((self.train_rows, self._train.tell()))
            self._train.write(_encoded(rows))
            self.train_rows += len(rows)
            return
        share = self._settings.held_out.share
        sides = [held_out(text, share) for text in self._texts(columns)]
        out = list(compress(rows, sides))
        self._held_out.write(_encoded(out))
        self._train.write(_encoded(compress(rows, [not side for side in sides])))
        self.held_out_rows += len(out)
        self.train_rows += len(rows) - len(out)

    def finish(self) -> None:
        """For `last`: move the last rows over, now that their number is known; at least one row stays."""
        if self._settings.held_out.by != "last" or not self.train_rows:
            return
        stay = max(1, self.train_rows - math.floor(self.train_rows * self._settings.held_out.share))
        before, offset = next(place for place in reversed(self._places) if place[0] < stay)
        later = [place for place in self._places if place[0] >= stay]
        self._train.seek(offset)
        size = later[0][1] - offset if later else -1
        rows = list(csv.reader(io.StringIO(self._train.read(size).decode("utf-8"), newline="")))
        cut = offset + len(_encoded(rows[: stay - before]))
        self._train.seek(cut)
        for piece in iter(lambda: self._train.read(1 << 20), b""):
            self._held_out.write(piece)
        self._train.truncate(cut)
        self.train_rows, self.held_out_rows = stay, self.train_rows - stay

    def _texts(self, columns: Sequence[Sequence[str]]) -> Sequence[str]:
        names, way = self._settings.names, self._settings.held_out
        if way.by == "column":
            return columns[names.index(way.column)]
        label = names.index(self._settings.label)
        return list(map(BETWEEN.join, zip(*columns[:label], *columns[label + 1 :])))


def _encoded(rows: Any) -> bytes:
    """Rows as CSV: line feeds, and quotes where they are needed."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")
