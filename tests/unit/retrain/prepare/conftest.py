"""A batch as the job finds it: raw files, what is declared of them, and the folder that it writes."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from stepwell.retrain.prepare import Prepared, PrepareFault, Profile, describe
from stepwell.retrain.prepare.job import run

#: age, hospital, since, note, alive; the label is alive
COLUMNS = [
    {"name": "age", "type": "number", "low": 0, "high": 120},
    {"name": "hospital", "type": "category", "values": ["north", "south"]},
    {"name": "since", "type": "time", "missing": True},
    {"name": "note", "type": "text", "missing": True},
    {"name": "alive", "type": "boolean"},
]
HEADER = "age,hospital,since,note,alive\n"
ROW = "41,north,2026-01-05,well,true\n"


class Batch:
    """The folders below /opt/ml/processing, in another place."""

    def __init__(self, base: Path) -> None:
        self.base = base
        for name in ("source", "config", "code"):
            (base / name).mkdir(parents=True)
        self.declare()

    def declare(self, **changes: Any) -> None:
        """Write the configuration: the columns above, but for these changes."""
        value = {"columns": COLUMNS, "label": "alive", **changes}
        (self.base / "config" / "prepare.json").write_text(json.dumps(value))

    def raw(self, name: str, content: str | bytes) -> Path:
        """Put a raw file there."""
        path = self.base / "source" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return path

    def code(self, name: str, text: str) -> None:
        """Put a file of the user's there."""
        (self.base / "code" / name).write_text(text)

    def prepare(self) -> list[str]:
        """Run the job; gives its remarks."""
        return run(self.base)[1]

    def refused(self) -> str:
        """Run the job, which must refuse; gives its message."""
        with pytest.raises(PrepareFault) as caught:
            run(self.base)
        assert not list((self.base / "batch").glob("*")), "a refused batch leaves files"
        return caught.value.message()

    def rows(self, name: str) -> list[list[str]]:
        """The rows of `train` or `held-out`, the header first."""
        with (self.base / "batch" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.reader(file))

    def all_rows(self) -> list[list[str]]:
        """The rows of both files, without headers."""
        return self.rows("train")[1:] + self.rows("held-out")[1:]

    def described(self) -> tuple[Prepared, Profile]:
        """What is written of the batch."""
        return describe(self.base / "batch")


@pytest.fixture
def batch(tmp_path: Path) -> Batch:
    """A batch without raw files."""
    return Batch(tmp_path / "processing")
