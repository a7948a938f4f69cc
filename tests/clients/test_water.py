"""The example of water flow, whole: eight Sundays of a real pipeline, with its outages, by simulated time."""

from __future__ import annotations

import importlib.util
import re
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest

from stepwell.testing import Stepwell

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "water"
pytestmark = [pytest.mark.clients, pytest.mark.timeout(600)]

if importlib.util.find_spec("river") is None:
    pytest.skip(
        "the readings are in the package river (pip install --no-deps river)", allow_module_level=True
    )


def test_the_gate_catches_the_outages_and_the_page_says_what_happened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Weeks with an outage keep the old champion; each way's errors are those that the page shows."""
    monkeypatch.syspath_prepend(str(EXAMPLE))
    import simulate

    with Stepwell(start=simulate.START) as server:
        ways = simulate.declared(server)
        sagemaker = server.client("sagemaker")
        weeks, served = [], []
        for week in simulate.play(server, ways):
            weeks.append(week)
            served.append(sagemaker.describe_endpoint(EndpointName="water")["EndpointConfigName"])
        starts = [each.started.astimezone(UTC) for each in server.executions(ways["gate"]["machine"])]
    told = {sunday: decision for sunday, decision, *_ in weeks}
    kept = [sunday for sunday, decision in told.items() if "QUARANTINED" in decision]
    assert kept == ["2022-04-03", "2022-05-01"]
    changed = [now != before for before, now in pairwise(served)]
    assert [sunday for sunday, each in zip(list(told)[1:], changed, strict=True) if not each] == kept
    gate, never = (sum(float(week[place]) for week in weeks) for place in (2, 4))
    assert gate < never
    assert re.findall(r"^\| (2022-.*) \|$", (EXAMPLE / "README.md").read_text(), re.MULTILINE) == [
        " | ".join(week) for week in weeks
    ]
    # Sundays at four in Rome: summer time began between the first two
    assert starts[:2] == [datetime(2022, 3, 20, 3, tzinfo=UTC), datetime(2022, 3, 27, 2, tzinfo=UTC)]
    assert {(each.weekday(), each.hour, each.minute) for each in starts[1:]} == {(6, 2, 0)}
