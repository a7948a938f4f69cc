"""The page about batches shows declarations that work, messages that come, and every row of its tables."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from retrain.prepare.conftest import Batch

from stepwell.retrain.prepare import faults, profile
from stepwell.retrain.prepare.settings import FORMATS, TYPES, WAYS, Settings

PAGE = Path(__file__).parents[4] / "docs" / "batches.md"


@pytest.fixture(scope="module")
def text() -> str:
    return PAGE.read_text()


@pytest.fixture(scope="module")
def rows(text: str) -> set[str]:
    """What the tables' first cells name."""
    firsts = re.findall(r"^\| (`.+?) \|", text, re.MULTILINE)
    return {name for first in firsts for name in re.findall(r"`(.+?)`", first)}


def test_the_example_is_accepted_and_its_message_comes(batch: Batch, text: str) -> None:
    shown = json.loads(re.findall(r"```json\n(\{.+?\n\})\n```", text, re.DOTALL)[0])
    assert Settings.from_json(shown).label == "outcome"
    batch.declare(**shown)
    header = "age,hospital,admitted,note,outcome\n"
    batch.raw("2026/week-14.csv", header + "41,north,2026-04-05,,1\n" * 4709 + "340,north,2026-04-05,,1\n")
    assert batch.refused() in re.findall(r"^    (BATCH_INVALID: .+)$", text, re.MULTILINE)


def test_the_tables_are_whole(rows: set[str]) -> None:
    codes = {kind.code for kind in [faults.PrepareFault, *faults.PrepareFault.__subclasses__()]}
    assert codes <= rows
    assert set(TYPES) | set(WAYS) | set(profile.MEMBERS) <= rows
    assert set(Settings.__dataclass_fields__) <= rows


@pytest.mark.parametrize("name", [*FORMATS, *(name for each in profile.MEMBERS.values() for name in each)])
def test_every_member_is_explained(text: str, name: str) -> None:
    assert f"`{name}`" in text
