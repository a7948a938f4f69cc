"""The processing job: artefacts and rows from its folders, evidence into `report`.

Every decision is exit code 0, also one that says that a model is broken. Another exit code is the gate's own
fault: its settings, or the folders that it was given.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import archive
from .configuration import Configuration
from .decision import Note
from .evidence import Evidence
from .faults import GateFault
from .metrics import metric
from .models import model
from .rows import Rows, RowsInvalid, read
from .trial import Trial, judge


def main() -> int:
    """The job; its folders lie in /opt/ml/processing, or where SAGEMAKER_BASE_DIR says."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "processing"
    try:
        found = run(base)
    except (GateFault, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return 1
    said = found.decision
    print(f"gate: {said.outcome} {said.reason}: {said.sentence}", flush=True)
    return 0


def run(base: Path) -> Evidence:
    """Judge what lies in `base`, and write `report/evidence.json` and `report/summary.json`.

    `challenger/` and `champion/` hold a model.tar.gz each, `new/` and `trusted/` CSV files, `config/` one
    JSON file: {"gate": settings, "input": how rows are read, "sources": where they come from, "released": who
    overruled part 1}. A champion is expected where its folder is there, unless the input says. Raises
    GateFault for the settings, OSError for folders.
    """
    told = Configuration.read(base / "config")
    settings, how = told.settings, told.input
    for folder in (base / "config", base / "code"):
        if folder.is_dir():
            sys.path.append(str(folder))
    task = metric(settings.metric, task=settings.task, higher_is_better=settings.higher_is_better).task
    problems: list[Note] = []
    sets: dict[str, Rows] = {}
    for name in ("new", "trusted"):
        if (base / name).is_dir():
            try:
                sets[name] = read(
                    base / name, label=how.label, header=how.header, task=task, columns=how.columns
                )
            except RowsInvalid as error:
                problems.append(Note(error.code, f"{name} rows: {error}."))
    expected = how.champion if how.champion is not None else (base / "champion").is_dir()
    models, digests = {}, {}
    with tempfile.TemporaryDirectory() as work:
        for name in ("champion", "challenger") if expected else ("challenger",):
            models[name], digests[name] = model(name, base / name, Path(work), sets, task)
    trial = Trial(
        new=sets.get("new"),
        trusted=sets.get("trusted"),
        challenger=models["challenger"],
        champion=models.get("champion"),
        problems=tuple(problems),
        sources=told.sources.measured(digests, _job(base), archive.digest()),
        released=told.released,
    )
    found = judge(trial, settings)
    report = base / "report"
    report.mkdir(parents=True, exist_ok=True)
    _write(report / "evidence.json", found.to_json())
    _write(report / "summary.json", found.summary())
    return found


def _job(base: Path) -> str:
    """The job's ARN, of the description that SageMaker lays beside the folders; empty where there is none."""
    path = base.parent / "config" / "processingjobconfig.json"
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return ""
    return str(found.get("ProcessingJobArn", "")) if isinstance(found, dict) else ""


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), "utf-8")
