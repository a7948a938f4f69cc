"""Naive forecasts, shown beside every model: what knows nothing and is as good says what a score is worth."""

from __future__ import annotations

from collections import Counter
from typing import Any, Iterator, Mapping, Sequence

from .answers import Unusable, answers
from .metrics import Metric, Scale
from .rows import Rows
from .settings import Baseline, Settings

#: beside what settings declare, by task
ALWAYS = {"numbers": (Baseline("last value", lag=1),)}


def forecasts(
    metric: Metric, scale: Scale, settings: Settings, sets: Mapping[str, Rows]
) -> Iterator[tuple[str, str, list[Any] | None]]:
    """Each forecast as (name, set, an answer a row or None); no answers at all where its column is missing.

    `sets` are in the order of time: the trusted rows, then the batch's. A lag counts rows in that order.
    """
    earlier: list[Any] = []
    known = [label for rows in list(sets.values())[:1] for label in rows.labels]
    for rows_of, rows in sets.items():
        if metric.task != "numbers":
            name = "majority class" if metric.task == "classes" else "class shares"
            yield name, rows_of, [_frequent(metric.task, scale, known)] * len(rows)
        for asked in (*ALWAYS.get(metric.task, ()), *settings.baselines):
            yield asked.name, rows_of, _asked(asked, metric.task, scale, earlier, rows)
        earlier += rows.labels


def _frequent(task: str, scale: Scale, known: Sequence[Any]) -> Any:
    """The most frequent label, the first by name of equals; or every class's share."""
    counted = Counter(known)
    if task == "classes":
        return min(counted, key=lambda name: (-counted[name], name))
    return tuple(counted[name] / len(known) for name in scale.classes)


def _asked(asked: Baseline, task: str, scale: Scale, earlier: Sequence[Any], rows: Rows) -> list[Any] | None:
    if asked.lag:
        series = [*earlier, *rows.labels]
        found: list[Any] = []
        for place in range(len(earlier), len(series)):
            label = series[place - asked.lag] if place >= asked.lag else None
            found.append(_certain(label, scale) if task == "probabilities" and label is not None else label)
        return found
    cells = rows.column(asked.column)
    if cells is None:
        return None
    found = []
    for cell in cells:
        try:
            found += answers([cell], 1, task, scale.classes, None)
        except Unusable:
            found.append(None)
    return found


def _certain(label: Any, scale: Scale) -> tuple[float, ...]:
    return tuple(float(name == label) for name in scale.classes)
