"""Late labels: what is kept of them, and of answers that wait, is bounded."""

from __future__ import annotations

from pathlib import Path

import pytest

from stepwell.retrain.monitor import labels
from stepwell.retrain.monitor.state import State

from .measuring import NOON


def test_labels_that_nobody_waits_for_take_no_memory(tmp_path: Path) -> None:
    """Nor do a damaged file's rest, and more labels of one request than it has answers."""
    (tmp_path / "a.csv").write_text("mine,1\nmine,2\nmine,3\nother,4\n")
    (tmp_path / "b.csv").write_text(f"mine,5\n{'k' * 200_000},6\nmine,7\n")
    found = labels.read(tmp_path, {"mine": (NOON, ["a", "b"])})
    assert {name: list(each) for name, each in found.items()} == {"mine": ["3", "5"]}


def test_answers_that_wait_are_bounded_by_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest go first; a request's answers wait together."""
    monkeypatch.setattr(labels, "MOST_AWAITING", 5)
    state = State(until=NOON)
    state.awaiting = {str(n): (NOON, [n, n]) for n in range(4)}
    assert labels.join(state, {}) == 2
    assert list(state.awaiting) == ["2", "3"]
