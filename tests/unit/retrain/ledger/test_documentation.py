"""The page about batches says what the table of statuses says."""

from __future__ import annotations

import re
from pathlib import Path

from stepwell.retrain.ledger.statuses import STATUSES

PAGE = Path(__file__).parents[4] / "docs" / "batches.md"


def test_the_page_has_every_status_with_its_meaning() -> None:
    rows = dict(re.findall(r"^\| `([A-Z_]+)` \| (.+) \|$", PAGE.read_text("utf-8"), re.MULTILINE))
    told = {name: meaning for name, meaning in rows.items() if name in STATUSES}
    assert set(told) == set(STATUSES)
    for name, (_, meaning) in STATUSES.items():
        assert told[name].startswith(meaning)
