"""The score on labels that arrived later, by the gate's metrics, with an interval.

The interval is the bootstrap's percentile interval at 95 % (Efron and Tibshirani, An Introduction to the
Bootstrap, 1993, chapter 13). Its draws are the same for the same rows.
"""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Dict, List, Sequence, Tuple

from ..gate.answers import Unusable, answers, class_name
from ..gate.faults import MetricUndefined, SettingsInvalid
from ..gate.metrics import Metric, Scale, metric
from .configuration import Configuration
from .faults import MonitorFault

DRAWS = 1000
#: rows drawn in all, so that many rows take seconds and not hours; there are LEAST_DRAWS in any case
MOST_ROWS_DRAWN = 5_000_000
LEAST_DRAWS = 200


@dataclass(frozen=True)
class Score:
    """How good answers were."""

    metric: str
    value: float
    #: between which the score of all answers lies, at 95 %; None where too few draws have a score
    interval: Any
    rows: int

    def to_json(self) -> Dict[str, Any]:
        """The object in a report."""
        return {"metric": self.metric, "value": self.value, "interval": self.interval, "rows": self.rows}


class NoScore(Exception):
    """These pairs have no score; the message says why."""


def metric_of(told: Configuration) -> Metric:
    """The metric that is declared. Raises MonitorFault, also for limits that face the other way."""
    try:
        found = metric(told.metric, task=told.task, higher_is_better=told.higher_is_better)
    except SettingsInvalid as error:
        raise MonitorFault(str(error)) from None
    limits = told.limits.get("score")
    if limits is not None and limits.below != found.higher_is_better:
        better = "higher" if found.higher_is_better else "lower"
        raise MonitorFault(f"of {found.name} {better} is better: the score's limits are the wrong way round")
    return found


def score(pairs: Sequence[Tuple[str, Any]], told: Configuration) -> Score:
    """The score of (label, answer) pairs. Raises NoScore."""
    by = metric_of(told)
    given = [answer for _, answer in pairs]
    try:
        labels: List[Any] = [
            float(label) if by.task == "numbers" else class_name(label) for label, _ in pairs
        ]
        classes = tuple(class_name(each) for each in told.classes) or tuple(
            sorted({str(each) for each in labels})
        )
        found = answers(given, len(pairs), by.task, classes, None)
        scale = Scale(classes, told.positive)
        value = by.score(labels, found, [1] * len(pairs), scale)
    except ValueError as error:
        raise NoScore(f"a label is no number: {error}") from None
    except (MetricUndefined, Unusable) as error:
        raise NoScore(str(error)) from None
    return Score(by.name, value, _interval(by, labels, found, scale), len(pairs))


def _interval(by: Metric, labels: Sequence[Any], given: Sequence[Any], scale: Scale) -> Any:
    # rows that are alike count together, so that a draw of classes is a draw of few cells
    cells = Counter(zip(labels, given))
    places, edges = range(len(cells)), list(accumulate(cells.values()))
    columns = list(zip(*cells))
    chance = random.Random(0)
    draws = max(LEAST_DRAWS, min(DRAWS, MOST_ROWS_DRAWN // len(labels)))
    values = []
    for _ in range(draws):
        drawn = Counter(chance.choices(places, cum_weights=edges, k=len(labels)))
        try:
            values.append(by.score(columns[0], columns[1], [drawn[place] for place in places], scale))
        except MetricUndefined:
            # a draw without the rarer class has no score; the others tell enough, unless they are few
            continue
    values.sort()
    outer = max(int(0.025 * (len(values) + 1)), 1)
    return [values[outer - 1], values[-outer]] if len(values) >= draws / 2 else None
