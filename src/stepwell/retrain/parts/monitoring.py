"""Drift, as a part of a workflow: how often is measured, which thresholds there are, what the job is told."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from stepwell.retrain.gate.metrics import METRICS
from stepwell.retrain.parts import schedules
from stepwell.retrain.parts.declaration import DeclarationError, Part, matches, number, seconds, whole
from stepwell.retrain.parts.triggers import Trigger

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stepwell.retrain.parts.conditions import When
    from stepwell.retrain.parts.steps import Gate, Prepare

#: a measure's threshold: (where it crosses, where it has been back); one number: half of it is back;
#: None: it is measured and never crosses
Limit = tuple[float, float] | float | None
#: measures that rise when something is wrong, and the greatest value that a threshold of them may have
RISING = {"psi": 100.0, "ks": 1.0, "unseen": 1.0, "missing": 1.0}
_EVERY = re.compile(r"(\d+) (minute|hour|day|week)s?")
_INSTANCE = r"ml\.[a-z0-9-]+\.[a-z0-9-]+"


@dataclass(frozen=True, kw_only=True)
class Monitor(Part):
    """How often is measured, and what is told.

    Captured requests are compared with the profile of the batches that the champion was trained on; answers
    with labels that arrive later. What crosses a threshold starts the workflow, once until it was back.
    """

    #: `1 day`, `6 hours`, `cron(0 4 ? * SUN *)`
    every: str = "1 day"
    #: population stability index of each column
    psi: Limit = (0.2, 0.1)
    #: distance of the distribution functions of each numeric column
    ks: Limit = (0.25, 0.15)
    #: share of rows whose category training never saw, of each column of categories
    unseen: Limit = (0.05, 0.01)
    #: by how much the share of rows without a value has risen, of each column
    missing: Limit = (0.1, 0.05)
    #: the gate's metric on late labels: crosses below the first and is back at the second; for errors above
    score: Limit = None
    #: rows below which nothing is said: they wait for more
    least_rows: int = 200
    #: labelled answers below which no score is said
    least_labels: int = 100
    #: measures in a row that must be beyond a threshold
    patience: int = 2
    #: how likely a false alarm of one measure may be by chance, over all columns together
    alpha: float = 0.01
    #: folder of the bucket where CSV files `inference-id,label` arrive; None: none do
    labels: str | None = "labels/"
    #: the container image of the job; None: the training's
    image: Any = None
    #: SageMaker's instance type
    instance: str = "ml.m5.large"
    #: GB of disk
    volume: int = 30
    #: seconds, or `2 hours`
    time_limit: int | str = "1 hour"

    def __post_init__(self) -> None:
        _ = self.schedule
        for name, most in RISING.items():
            _rising(f"Monitor's {name}", getattr(self, name), most)
        if self.score is not None:
            _pair("Monitor's score", self.score, -1e300, 1e300)
        whole("Monitor's least_rows", self.least_rows, 1, 10**9)
        whole("Monitor's least_labels", self.least_labels, 1, 10**9)
        whole("Monitor's patience", self.patience, 1, 1000)
        number("Monitor's alpha", self.alpha, 1e-9, 0.5)
        if self.labels is not None:
            allowed = "a folder of the bucket that ends with '/', such as 'labels/', or None"
            matches("Monitor's labels", self.labels, r"[^/\s*?\\<>\"'][^*?\\<>\"']*/", allowed)
        matches("Monitor's instance", self.instance, _INSTANCE, "a SageMaker instance type: 'ml.m5.large'")
        whole("Monitor's volume, in GB,", self.volume, 1, 16384)
        seconds("Monitor's time_limit", self.time_limit, 60, 28 * 86400)

    @property
    def schedule(self) -> str:
        """EventBridge's expression. Raises DeclarationError."""
        match = _EVERY.fullmatch(self.every.strip()) if isinstance(self.every, str) else None
        if match is None:
            if isinstance(self.every, str) and "(" in self.every:
                schedules.check("Monitor's every", self.every)
                return self.every
            raise DeclarationError(
                f"Monitor's every is '1 day', '6 hours' or 'cron(0 4 ? * SUN *)', not {self.every!r}"
            )
        count, unit = int(match[1]), match[2]
        if unit == "week":
            count, unit = count * 7, "day"
        if count == 0:
            raise DeclarationError(f"Monitor's every is at least a minute, not {self.every!r}")
        return f"rate({count} {unit}{'' if count == 1 else 's'})"

    @property
    def longest(self) -> int:
        """The time limit in seconds."""
        return seconds("Monitor's time_limit", self.time_limit, 60, 28 * 86400)


def check(monitor: Monitor, *, gate: Gate, when: When | None, triggers: Sequence[Trigger]) -> None:
    """Raises DeclarationError for parts that don't go together."""
    limits(monitor, gate, when)
    for trigger in triggers:
        prefix, labels = trigger.prefix, monitor.labels
        if labels is not None and (labels.startswith(prefix) or prefix.startswith(labels)):
            raise DeclarationError(
                f"Monitor's labels {labels!r} overlap the prefix {prefix!r} of {type(trigger).__name__}"
            )


def limits(monitor: Monitor, gate: Gate, when: When | None) -> dict[str, dict[str, Any]]:
    """The job's thresholds by measure; the score's may be a condition's.

    Raises DeclarationError where the score has two, or one that faces the wrong way.
    """
    found: dict[str, dict[str, Any]] = {}
    for name in RISING:
        limit = getattr(monitor, name)
        if limit is not None:
            cross, rearm = limit if isinstance(limit, tuple) else (limit, limit / 2)
            found[name] = {"cross": cross, "rearm": rearm}
    below = METRICS[gate.metric].higher_is_better if gate.metric in METRICS else gate.higher_is_better
    declared = when.score_below if when is not None else None
    if monitor.score is not None and declared is not None:
        raise DeclarationError("the score has one threshold: Monitor's score, or When's score_below")
    score = monitor.score if declared is None else declared
    if score is not None:
        cross, rearm = score if isinstance(score, tuple) else (score, score)
        if (cross > rearm) if below else (cross < rearm):
            better = "more" if below else "less"
            raise DeclarationError(
                f"of {gate.metric} {better} is better: the score is back at a better value than where it "
                f"crosses, not at {rearm:g} after {cross:g}"
            )
        found["score"] = {"cross": cross, "rearm": rearm, "below": below}
    return found


def configuration(
    monitor: Monitor, *, endpoint: str, prepare: Prepare, gate: Gate, when: When | None
) -> dict[str, Any]:
    """What the job is told."""
    columns = [each["name"] for each in prepare.settings()["columns"]]
    return {
        "endpoint": endpoint,
        "columns": [name for name in columns if name != prepare.label],
        "limits": limits(monitor, gate, when),
        "least_rows": monitor.least_rows,
        "least_labels": monitor.least_labels,
        "patience": monitor.patience,
        "alpha": monitor.alpha,
        "metric": gate.metric,
        "task": gate.task,
        "higher_is_better": gate.higher_is_better,
        "classes": list(gate.classes),
        "positive": gate.positive,
    }


def _rising(what: str, limit: object, most: float) -> None:
    if limit is None:
        return
    cross, rearm = _pair(what, limit, 0.0, most)
    if rearm > cross:
        raise DeclarationError(f"{what} crosses above the first and is back at the second, not {limit!r}")


def _pair(what: str, limit: object, low: float, high: float) -> tuple[float, float]:
    pair = limit if isinstance(limit, tuple) else (limit, limit)
    if len(pair) != 2:
        raise DeclarationError(f"{what} is a number, or (where it crosses, where it is back), not {limit!r}")
    for each in pair:
        number(what, each, low, high)
    return pair
