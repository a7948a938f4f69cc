"""Recorded Step Functions behaviour, on a real server: never less of it than was once reached.

The recordings are no part of this repository (see `score.py`); where there are none, this is skipped.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from running import Running
from score import corpus_file, counts, score, table

#: cases that are right: by group, and by what is compared
FLOORS = {
    "create_error/validation": {"result": 8, "cause": 8},
    "execution/activity": {"result": 2, "cause": 1, "types": 2, "events": 2},
    "execution/events+sqs": {"result": 2, "cause": 1, "types": 2, "events": 2},
    "execution/lambda": {"result": 34, "cause": 8, "types": 34, "events": 33},
    "execution/pure": {"result": 347, "cause": 30, "types": 141, "events": 141},
    "execution/s3": {"result": 6, "types": 6, "events": 6},
    "execution/sfn": {"result": 4, "cause": 2, "types": 4, "events": 4},
    "execution/sfn+sqs": {"result": 2, "types": 2, "events": 2},
    "execution/sns": {"result": 2, "cause": 1, "types": 2, "events": 2},
    "execution/sqs": {"result": 3, "cause": 1, "types": 3, "events": 3},
    "trace/logs": {"result": 8},
    "trace/s3": {"result": 5},
    "trace/sqs": {"result": 2},
    "trace/trace": {"result": 62},
    "validate/validation": {"result": 5, "cause": 5},
}


def test_recorded_behaviour_is_kept(tmp_path: Path, record_property: Callable[[str, object], None]) -> None:
    """No group of recorded cases has fewer right answers than before."""
    file = corpus_file()
    if file is None:
        pytest.skip("no recordings to play: STEPWELL_CONFORMANCE names the folder of corpus.json")
    server = Running(tmp_path / "data")
    server.start()
    try:
        scores = score(file, **server.settings)
    finally:
        server.stop()
    record_property("shown at the end", table(scores))
    reached = counts(scores)
    below = {
        f"{group}, {check}": f"{reached.get(group, {}).get(check, (0, 0))[0]} of once {floor}"
        for group, floors in FLOORS.items()
        for check, floor in floors.items()
        if reached.get(group, {}).get(check, (0, 0))[0] < floor
    }
    misses = {each.case["id"]: each.misses for each in scores if not all(each.checks.values())}
    assert not below, misses
