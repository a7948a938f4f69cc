"""docs/gate.md says what the code does: reasons, settings, metrics."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

from stepwell.retrain.gate.decision import REASONS
from stepwell.retrain.gate.metrics import METRICS
from stepwell.retrain.gate.replaying import REPLAYABLE
from stepwell.retrain.gate.settings import Input, Settings

PAGE = (Path(__file__).resolve().parents[4] / "docs" / "gate.md").read_text()


def test_every_reason_is_documented_with_what_follows() -> None:
    rows = [
        f"| {part} | `{code}` | {outcome} | {meaning} |" for code, (outcome, part, meaning) in REASONS.items()
    ]
    assert PAGE.split("<!-- reasons: begin -->")[1].split("<!-- reasons: end -->")[0].splitlines()[3:] == rows


def test_every_setting_is_documented() -> None:
    named = set(re.findall(r"`([a-z_0-9-]+)`", PAGE))
    for kind in (Settings, Input):
        assert {each.name for each in dataclasses.fields(kind)} <= named


def test_every_metric_is_documented() -> None:
    assert set(METRICS) <= set(re.findall(r"`([a-z0-9-]+)`", PAGE))


def test_the_command_replays_what_can_be_replayed() -> None:
    from stepwell.cli import gate

    options = {each.name for each in gate.replay.params}
    assert set(REPLAYABLE) <= options
