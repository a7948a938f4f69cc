"""Labels that arrive later than the answers: CSV lines `inference-id,label`, joined by the request's id.

A request of several rows has as many lines, in the order of its rows. Where there are more, the last ones
count: a label that was wrong is corrected by another line, until its answer has been scored.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Dict, List, Tuple

from .captures import Record
from .state import State

#: seconds that an answer waits for its label
PATIENCE = 30 * 86400
#: answers that wait at most; the oldest go first
MOST_AWAITING = 200_000
#: what the first cell of a header line is
HEADERS = ("inference-id", "inference_id", "inferenceid", "id")


def read(folder: Path) -> Dict[str, List[str]]:
    """The labels of each request, over all CSV files below a folder in the order of their names."""
    found: Dict[str, List[str]] = {}
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for place, line in enumerate(csv.reader(file)):
                if (
                    len(line) >= 2
                    and line[1].strip()
                    and not (place == 0 and line[0].strip().lower() in HEADERS)
                ):
                    found.setdefault(line[0].strip(), []).append(line[1].strip())
    return found


def await_label(state: State, record: Record) -> None:
    """Keep a request's answers until its labels come, where it has a name to find them by."""
    if record.inference and record.answers:
        state.awaiting[record.inference] = (record.time, list(record.answers))


def join(state: State, labels: Dict[str, List[str]]) -> int:
    """Move answers whose labels are there to the pairs; gives how many answers were given up."""
    for name, lines in labels.items():
        if name not in state.awaiting:
            continue
        answers = state.awaiting[name][1]
        if len(lines) >= len(answers):
            state.pairs.extend(zip(lines[-len(answers) :], answers))
            del state.awaiting[name]
    before = len(state.awaiting)
    oldest = state.until - PATIENCE
    kept: List[Tuple[str, Tuple[float, List[object]]]] = [
        (name, waiting) for name, waiting in state.awaiting.items() if waiting[0] >= oldest
    ]
    state.awaiting = dict(kept[-MOST_AWAITING:])
    return before - len(state.awaiting)
