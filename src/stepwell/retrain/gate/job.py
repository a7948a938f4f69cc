"""The processing job: artefacts and rows from its folders, evidence into `report`.

Every decision is exit code 0, also one that says that a model is broken. Another exit code is the gate's own
fault: its settings, or the folders that it was given.
"""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import archive
from .decision import Note
from .evidence import Evidence, Sources
from .faults import GateFault, SettingsInvalid
from .metrics import metric
from .models import model
from .rows import Rows, RowsInvalid, read
from .settings import Input, Settings
from .trial import Trial, judge

#: libraries whose versions are evidence, where they were loaded
LIBRARIES = ("numpy", "scipy", "sklearn", "joblib", "pandas", "xgboost", "lightgbm", "torch", "tensorflow")


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
    JSON file: {"gate": settings, "input": how rows are read}. A champion is expected where its folder is
    there, unless the input says. Raises GateFault for the settings, OSError for folders.
    """
    settings, how = _configuration(base / "config")
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
        sources=Sources(
            models={name: each for name, each in digests.items() if each},
            versions=_versions(),
            job=os.environ.get("PROCESSING_JOB_ARN", ""),
            gate=archive.digest(),
        ),
    )
    found = judge(trial, settings)
    report = base / "report"
    report.mkdir(parents=True, exist_ok=True)
    _write(report / "evidence.json", found.to_json())
    _write(report / "summary.json", found.summary())
    return found


def _configuration(folder: Path) -> tuple[Settings, Input]:
    paths = sorted(folder.rglob("*.json"))
    if len(paths) != 1:
        raise SettingsInvalid(f"config has {len(paths)} JSON files; one is needed")
    try:
        value = json.loads(paths[0].read_text("utf-8"))
    except ValueError as error:
        raise SettingsInvalid(f"{paths[0].name} is no JSON: {error}") from None
    if not isinstance(value, dict) or not isinstance(value.get("gate"), dict):
        raise SettingsInvalid(f'{paths[0].name} must be an object with "gate"')
    more = sorted(set(value) - {"gate", "input"})
    if more or not isinstance(value.get("input", {}), dict):
        raise SettingsInvalid(f'{paths[0].name} has "gate" and "input", not {", ".join(more) or "this"}')
    return Settings.from_json(value["gate"]), Input.from_json(value.get("input", {}))


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        if name in sys.modules:
            found[name] = str(getattr(importlib.import_module(name), "__version__", "?"))
    return found


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), "utf-8")
