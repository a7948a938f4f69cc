"""Folders of a measure, made by tests: profiles as prepare writes them, captures as SageMaker does."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from stepwell.retrain.monitor.job import run
from stepwell.retrain.monitor.report import Report

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC).timestamp()


def numbers(values: Sequence[float], missing: int = 0) -> dict[str, Any]:
    """The profile of a column of numbers."""
    ordered = sorted(values)
    places = [round(step * (len(ordered) - 1) / 20) for step in range(21)]
    return {
        "type": "number",
        "missing": missing,
        "min": ordered[0],
        "max": ordered[-1],
        "mean": sum(ordered) / len(ordered),
        "deviation": 1.0,
        "quantiles": [ordered[place] for place in places],
        "quantile_error": 0.0,
        "zeros": sum(value == 0 for value in ordered),
    }


def categories(counts: dict[str, int], others: int = 0, missing: int = 0) -> dict[str, Any]:
    """The profile of a column of categories."""
    return {"type": "category", "missing": missing, "counts": counts, "others": others, "count_error": 0}


def profile(rows: int, **columns: dict[str, Any]) -> dict[str, Any]:
    """A batch's profile."""
    return {"schema": "stepwell.profile/1", "rows": rows, "columns": columns}


def line(
    event: str,
    data: str,
    *,
    time: float = NOON,
    answer: str | None = None,
    inference: str = "",
    encoding: str = "CSV",
) -> str:
    """One captured request."""
    kind = {"CSV": "text/csv", "JSON": "application/json", "BASE64": "text/csv"}[encoding]
    given: dict[str, Any] = {
        "endpointInput": {"observedContentType": kind, "mode": "INPUT", "data": data, "encoding": encoding}
    }
    if answer is not None:
        given["endpointOutput"] = {
            "observedContentType": "text/csv",
            "mode": "OUTPUT",
            "data": answer,
            "encoding": "CSV",
        }
    about = {"eventId": event, "inferenceTime": f"{datetime.fromtimestamp(time, UTC):%Y-%m-%dT%H:%M:%SZ}"}
    if inference:
        about["inferenceId"] = inference
    return json.dumps({"captureData": given, "eventMetadata": about, "eventVersion": "0"})


class Watch:
    """A monitor whose measures follow each other, as the machine hands their states on."""

    def __init__(self, base: Path, columns: Sequence[str], *profiles: dict[str, Any], **told: Any) -> None:
        self.base, self.measures = base, 0
        self.told = {"endpoint": "digits", "columns": list(columns), **told}
        self.profiles(*profiles)

    def profiles(self, *profiles: dict[str, Any]) -> None:
        """The champion's batches from now on."""
        self.batches = profiles

    def measure(self, lines: Iterable[str] = (), labels: str = "", at: str = "") -> Report:
        """The next measure, of these lines alone."""
        folder = self.base / str(self.measures) / "processing"
        for name in ("config", "profile", "capture", "labels"):
            (folder / name).mkdir(parents=True)
        (folder / "config/monitor.json").write_text(json.dumps(self.told))
        for number, each in enumerate(self.batches):
            (folder / f"profile/{number}").mkdir()
            (folder / f"profile/{number}/profile.json").write_text(json.dumps(each))
        (folder / "capture/05-00-000-a.jsonl").write_text("".join(f"{each}\n" for each in lines))
        (folder / "labels/labels.csv").write_text(labels)
        if self.measures:
            (folder / "state").mkdir()
            before = self.base / str(self.measures - 1) / "processing/report/state.json"
            (folder / "state/state.json").write_bytes(before.read_bytes())
        self.measures += 1
        return run(folder, at)

    def summary(self) -> dict[str, Any]:
        """What the last measure hands to the machine."""
        path = self.base / str(self.measures - 1) / "processing/report/summary.json"
        found: dict[str, Any] = json.loads(path.read_text())
        return found
