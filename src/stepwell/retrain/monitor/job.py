"""The processing job: captures, profiles and labels from its folders, what they say of drift into `report`.

What it finds is exit code 0, whatever it is; another exit code is the monitor's own fault: its configuration,
or profiles and a state that can't be read.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any, Dict, List, Tuple

from ..prepare.profile import Profile, ProfileInvalid
from . import captures, labels, scores
from .configuration import Configuration
from .distributions import merge
from .faults import MonitorFault
from .report import Report
from .signals import Signal
from .state import State
from .tallies import measured, tally

#: reasons of lines that can't be read that are written down
MOST_REMARKS = 5


def main() -> int:
    """The job; its folders lie in /opt/ml/processing, or where SAGEMAKER_BASE_DIR says."""
    root = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    try:
        found = run(root / "processing", os.environ.get("MEASURED_AT", ""))
    except (MonitorFault, OSError) as error:
        print(f"monitor: {error}", file=sys.stderr)
        output = root / "output"
        output.mkdir(parents=True, exist_ok=True)
        (output / "message").write_text(str(error)[:1000], "utf-8")
        return 1
    print(f"monitor: {found.outcome}: {found.sentence}", flush=True)
    return 0


def run(base: Path, at: str = "") -> Report:
    """Measure what lies in `base`, and write `report/report.json`, `summary.json` and `state.json`.

    `config/` holds one JSON file, `profile/` the profiles of the champion's batches, `capture/` captured
    requests, `labels/` CSV files, `state/` an earlier measure's state.json; the last three may be missing.
    `at` is the time of the measure in ISO 8601, so that a request from the future doesn't make all others
    late. Raises MonitorFault, OSError.
    """
    told = Configuration.read(base / "config")
    for folder in (base / "config", base / "code"):
        if folder.is_dir():
            sys.path.append(str(folder))
    scores.metric_of(told)
    profiles, digest = _profiles(base / "profile")
    training = merge(profiles, told.columns)
    state = State.read(base / "state")
    state.number += 1
    report = Report(told.endpoint, state.number, least_rows=told.least_rows)
    if state.profile != digest:
        if state.rows:
            report.remarks.append(f"The champion has changed: {state.rows} rows that waited are left out.")
        state.profile, state.rows, state.tallies = digest, 0, {}
    tallies = {name: tally(each, state.tallies.get(name)) for name, each in training.items()}
    _count(base / "capture", told, state, tallies, report, captures.moment(at) if at else None)
    dropped = labels.join(state, labels.read(base / "labels", state.awaiting))
    if dropped:
        report.remarks.append(f"{dropped} answers waited in vain for a label.")
    _measure(told, training, tallies, state, report)
    target = base / "report"
    target.mkdir(parents=True, exist_ok=True)
    state.write(target / "state.json")
    for name, value in (("report.json", report.to_json()), ("summary.json", report.summary())):
        (target / name).write_text(json.dumps(value, ensure_ascii=False, allow_nan=False), "utf-8")
    return report


def _profiles(folder: Path) -> Tuple[List[Profile], str]:
    """The profiles of all batches, and a digest over them."""
    whole = hashlib.sha256()
    found = []
    for path in sorted(folder.rglob("*.json")):
        text = path.read_text("utf-8")
        whole.update(hashlib.sha256(text.encode("utf-8")).digest())
        try:
            found.append(Profile.parse(text))
        except ProfileInvalid as error:
            raise MonitorFault(f"{path.relative_to(folder)}: {error}") from None
    if not found:
        raise MonitorFault("there is no profile to compare with")
    return found, whole.hexdigest()


def _count(
    folder: Path, told: Configuration, state: State, tallies: Dict[str, Any], report: Report, at: Any
) -> None:
    """Count every request once, whichever file and however often it is in."""
    horizon, newest = state.horizon, state.until
    columns = [tallies[name] for name in told.columns]
    for line in captures.lines(folder):
        try:
            record = captures.record(line, told.columns)
        except captures.Unreadable as error:
            report.unreadable += 1
            if report.unreadable <= MOST_REMARKS:
                report.remarks.append(str(error))
            continue
        if record.time < horizon:
            report.late += 1
            continue
        if not state.is_new(record.event, record.time):
            report.repeated += 1
            continue
        newest = max(newest, record.time if at is None else min(record.time, at))
        report.requests += 1
        for row in record.rows:
            for column, cell in zip(columns, row):
                column.add(cell)
        state.rows += len(record.rows)
        labels.await_label(state, record)
    state.advance(newest)


def _measure(
    told: Configuration, training: Dict[str, Any], tallies: Dict[str, Any], state: State, report: Report
) -> None:
    """Measure what is enough to be measured; the rest waits in the state."""
    report.rows = state.rows
    report.awaiting, report.until = len(state.awaiting), state.until
    values: Dict[Tuple[str, str], Tuple[float, Any]] = {}
    if state.rows >= told.least_rows:
        for name in told.columns:
            found = measured(training[name], tallies[name], told.least_rows)
            report.columns[name] = {
                measure: {"value": each.value, "chance": each.chance} for measure, each in found.items()
            }
            unseen = getattr(tallies[name], "unseen", {})
            if unseen and "unseen" in found:
                # JSON may hold half a character, which no file in UTF-8 can
                told_of = {each.encode("utf-8", "replace").decode("utf-8"): n for each, n in unseen.items()}
                report.columns[name]["unseen"]["values"] = dict(list(told_of.items())[:MOST_REMARKS])
            values.update({(measure, name): (each.value, each.chance) for measure, each in found.items()})
        state.rows, state.tallies = 0, {}
    else:
        state.tallies = {name: each.to_json() for name, each in tallies.items()}
    if len(state.pairs) >= told.least_labels:
        try:
            score = scores.score(state.pairs, told)
            report.score = score.to_json()
            values["score", ""] = (score.value, None)
        except scores.NoScore as error:
            report.remarks.append(f"{len(state.pairs)} labelled answers have no score: {error}.")
        state.pairs = []
    _signal(told, state, report, values)


def _signal(
    told: Configuration, state: State, report: Report, values: Dict[Tuple[str, str], Tuple[float, Any]]
) -> None:
    """Let each signal take its step; one that nothing is said of stays as it is."""
    tests = sum(chance is not None for _, chance in values.values())
    kept = {
        key: signal
        for key, signal in state.signals.items()
        if key[0] in told.limits and (not key[1] or key[1] in told.columns)
    }
    for (measure, column), (value, chance) in values.items():
        limits = told.limits.get(measure)
        if limits is None:
            continue
        # Bonferroni: a hundred columns shouldn't make a hundred times as many false alarms
        certain = chance is None or chance < told.alpha / tests
        before = kept.get((measure, column), Signal())
        after, crosses = before.step(value, limits, certain=certain, patience=told.patience)
        kept[measure, column] = after
        about = {"measure": measure, "column": column, "value": value}
        about.update(cross=limits.cross, rearm=limits.rearm)
        if crosses:
            report.crossings.append(about)
        elif not after.armed:
            report.standing.append(about)
    state.signals = kept
    report.drifted = sorted({measure for (measure, _), signal in kept.items() if not signal.armed})
