"""The processing job: artefacts and rows from its folders, evidence into `report`.

Every decision is exit code 0, also one that says that a model is broken. Another exit code is the gate's own
fault: its settings, or the folders that it was given.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from . import apart, archive
from .configuration import Configuration
from .decision import Note
from .evidence import Evidence
from .faults import GateFault
from .metrics import metric
from .models import digest, model
from .rows import Rows, RowsInvalid, read
from .trial import Trial, judge


def main() -> int:
    """The job; its folders lie in /opt/ml/processing, or where SAGEMAKER_BASE_DIR says."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml")) / "processing"
    apart.alone()
    try:
        found = run(base, keep=False)
    except (GateFault, OSError) as error:
        print(f"gate: {error}", file=sys.stderr)
        return 1
    said = found.decision
    print(f"gate: {said.outcome} {said.reason}: {said.sentence}", flush=True)
    return 0


def run(base: Path, *, keep: bool = True) -> Evidence:
    """Judge what lies in `base`, and write `report/evidence.json` and `report/summary.json`.

    `challenger/` and `champion/` hold a model.tar.gz each, `new/` and `trusted/` CSV files, `config/` one
    JSON file: {"gate": settings, "input": how rows are read, "sources": where they come from, "released": who
    overruled part 1}. A champion is expected where its folder is there, unless the input says. keep: whether
    rows and the champion stay where they are when models are asked, who might look labels up. Raises
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
    asked = ("champion", "challenger") if expected else ("challenger",)
    # all that is told of the job is looked at before a model can touch it, and what models could use goes
    digests = {name: digest(base / name) for name in asked}
    sources = told.sources.measured(digests, _job(base), archive.digest())
    if not keep:
        _forget(base / "new", base / "trusted")
    models = {}
    with tempfile.TemporaryDirectory() as work:
        for name in asked:
            models[name], versions = model(base / name, digests[name], Path(work), sets, task)
            sources = sources.loaded(versions)
            if name == "champion" and not keep:
                _forget(base / name)
    trial = Trial(
        new=sets.get("new"),
        trusted=sets.get("trusted"),
        challenger=models["challenger"],
        champion=models.get("champion"),
        problems=tuple(problems),
        sources=sources,
        released=told.released,
    )
    found = judge(trial, settings)
    report = base / "report"
    _empty(report)
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


def _forget(*folders: Path) -> None:
    """Delete the job's own copies of what was read: labels, and the champion, by which others could answer.

    Folders that are lent for reading stay as they are.
    """
    for path in (each for folder in folders for each in sorted(folder.rglob("*"))):
        if path.is_file() or path.is_symlink():
            with contextlib.suppress(OSError):
                path.unlink()


def _empty(folder: Path) -> None:
    """A folder with nothing in it, whatever a model has left there."""
    if folder.is_symlink():
        folder.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(str(path))
        else:
            path.unlink()


def _write(path: Path, value: dict[str, Any]) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), "utf-8")
