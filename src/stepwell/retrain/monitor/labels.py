"""Labels that arrive later than the answers: CSV lines `inference-id,label`, joined by the request's id.

A request of several rows has as many lines, in the order of its rows. Where there are more, the last ones
count: a label that was wrong is corrected by another line, until its answer has been scored.
"""

from __future__ import annotations

import csv
from collections import deque
from pathlib import Path
from typing import Deque, Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

from .captures import Record
from .state import State

#: seconds that an answer waits for its label
PATIENCE = 30 * 86400
#: answers that wait at most; the oldest go first
MOST_AWAITING = 200_000
#: what the first cell of a header line is
HEADERS = ("inference-id", "inference_id", "inferenceid", "id")


def read(folder: Path, wanted: Mapping[str, Tuple[float, Sequence[object]]]) -> Dict[str, Deque[str]]:
    """The newest labels of each wanted request, over all CSV files below a folder in the order of names.

    wanted: as State.awaiting; others' labels, and more than a request has answers, are passed over, so that
    memory is bounded by what waits. A file that is damaged counts up to there.
    """
    found: Dict[str, Deque[str]] = {}
    for path in sorted(folder.rglob("*.csv")):
        with path.open(encoding="utf-8-sig", errors="replace", newline="") as file:
            for place, line in enumerate(_lines(file)):
                if len(line) < 2 or not line[1].strip():
                    continue
                name = line[0].strip()
                if name in wanted and not (place == 0 and name.lower() in HEADERS):
                    newest = found.setdefault(name, deque(maxlen=len(wanted[name][1])))
                    newest.append(line[1].strip())
    return found


def _lines(file: Iterable[str]) -> Iterator[List[str]]:
    """A file's lines as cells, up to the first that is none: with a NUL, with a cell of megabytes."""
    try:
        yield from csv.reader(file)
    except csv.Error:
        return


def await_label(state: State, record: Record) -> None:
    """Keep a request's answers until its labels come, where it has a name to find them by."""
    if record.inference and record.answers:
        state.awaiting[record.inference] = (record.time, list(record.answers))


def join(state: State, labels: Mapping[str, Sequence[str]]) -> int:
    """Move answers whose labels are there to the pairs; gives how many answers were given up."""
    for name, lines in labels.items():
        if name not in state.awaiting:
            continue
        answers = state.awaiting[name][1]
        if len(lines) >= len(answers):
            state.pairs.extend(zip(list(lines)[-len(answers) :], answers))
            del state.awaiting[name]
    before = len(state.awaiting)
    oldest = state.until - PATIENCE
    kept: List[Tuple[str, Tuple[float, List[object]]]] = [
        (name, waiting) for name, waiting in state.awaiting.items() if waiting[0] >= oldest
    ]
    first, room = len(kept), MOST_AWAITING
    while first and len(kept[first - 1][1][1]) <= room:
        first -= 1
        room -= len(kept[first][1][1])
    state.awaiting = dict(kept[first:])
    return before - len(state.awaiting)
