"""Scores by name. Each is a function of (labels, predictions, weights, scale), defined as scikit-learn does.

A weight is how often a row counts, so that a bootstrap's draw needs no copy of the rows. A score that does
not exist is MetricUndefined: never a number that stands for nothing.
"""

from __future__ import annotations

import functools
import importlib
import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any, Callable, Sequence

from .faults import MetricUndefined, SettingsInvalid

#: probabilities are kept this far from 0 and 1, so that one bold mistake isn't infinite
EPSILON = 1e-15


@dataclass(frozen=True)
class Scale:
    """What a score needs to know beside the rows."""

    #: all classes, in the order of probabilities
    classes: tuple[str, ...] = ()
    #: the class that binary scores are about
    positive: str = "1"


Score = Callable[[Sequence[Any], Sequence[Any], Sequence[int], Scale], float]


@dataclass(frozen=True)
class Metric:
    """One way to score predictions."""

    #: as settings name it
    name: str
    #: what predictions are: `classes` (labels), `probabilities` (a tuple a row) or `numbers`
    task: str
    #: whether more is better; otherwise it is an error, and less is
    higher_is_better: bool
    #: the function itself
    function: Score

    def score(
        self, labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale
    ) -> float:
        """The score of rows that count `weights` times. Raises MetricUndefined where it isn't finite."""
        try:
            found = self.function(labels, given, weights, scale)
        except OverflowError:
            found = math.inf
        if not math.isfinite(found):
            raise MetricUndefined(f"{self.name} is {found}", "METRIC_NAN")
        return found


def accuracy(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The share of right answers."""
    right = sum(w for label, answer, w in zip(labels, given, weights) if label == answer)
    return right / _total(weights)


def balanced_accuracy(
    labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale
) -> float:
    """The mean over classes of the share of a class's rows that are answered right."""
    _total(weights)
    right: dict[Any, int] = defaultdict(int)
    rows: dict[Any, int] = defaultdict(int)
    for label, answer, w in zip(labels, given, weights):
        rows[label] += w
        right[label] += w if label == answer else 0
    shares = [right[label] / count for label, count in rows.items() if count]
    return math.fsum(shares) / len(shares)


def f1(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """F1 of the positive class. Undefined where it is neither there nor answered."""
    right, twice = _counts(labels, given, weights)
    if not twice[scale.positive]:
        raise MetricUndefined(f"no row is of class {scale.positive!r}, and none was answered so")
    return 2 * right[scale.positive] / twice[scale.positive]


def f1_macro(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The mean F1 of all classes that are there or were answered."""
    _total(weights)
    right, twice = _counts(labels, given, weights)
    scores = [2 * right[name] / count for name, count in twice.items() if count]
    return math.fsum(scores) / len(scores)


def auc(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The area under the ROC curve: the chance that a row of a class is ranked above one that is not.

    Ties count half (Mann and Whitney 1947). With more than two classes: the mean of each against the rest.
    """
    if len(scale.classes) < 2:
        raise MetricUndefined("AUC needs two classes")
    columns = range(1, 2) if len(scale.classes) == 2 else range(len(scale.classes))
    areas = [
        _area([label == scale.classes[at] for label in labels], tuple([row[at] for row in given]), weights)
        for at in columns
    ]
    return math.fsum(areas) / len(areas)


def log_loss(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The mean of -ln of the probability that was given to the right class."""
    place = {name: at for at, name in enumerate(scale.classes)}
    chances = [
        row[place[label]] / sum(row) if label in place and sum(row) else 0.0
        for label, row in zip(labels, given)
    ]
    losses = [-math.log(min(max(chance, EPSILON), 1.0)) for chance in chances]
    return _mean(losses, weights)


def mae(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The mean absolute error."""
    return _mean([abs(label - answer) for label, answer in zip(labels, given)], weights)


def rmse(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The root of the mean squared error."""
    return math.sqrt(_mean([(label - answer) ** 2 for label, answer in zip(labels, given)], weights))


def mape(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
    """The mean absolute error as a share of the label. Undefined where a label is 0."""
    if any(label == 0 and w for label, w in zip(labels, weights)):
        raise MetricUndefined("a label is 0, and no error is a share of nothing")
    pairs = zip(labels, given)
    return _mean([abs((label - answer) / label) if label else 0.0 for label, answer in pairs], weights)


METRICS = {
    each.name: each
    for each in (
        Metric("accuracy", "classes", True, accuracy),
        Metric("balanced-accuracy", "classes", True, balanced_accuracy),
        Metric("f1", "classes", True, f1),
        Metric("f1-macro", "classes", True, f1_macro),
        Metric("auc", "probabilities", True, auc),
        Metric("log-loss", "probabilities", False, log_loss),
        Metric("mae", "numbers", False, mae),
        Metric("rmse", "numbers", False, rmse),
        Metric("mape", "numbers", False, mape),
    )
}


def metric(name: str, *, task: str, higher_is_better: bool) -> Metric:
    """The metric of a name, or the user's function of `module:function`. Raises SettingsInvalid.

    The function is called with (labels, predictions), lists of the same length, and gives a number.
    """
    if name in METRICS:
        return METRICS[name]
    module, _, attribute = name.partition(":")
    try:
        function = getattr(importlib.import_module(module), attribute)
    except Exception as error:
        raise SettingsInvalid(f"metric {name} cannot be loaded: {error!r}") from error

    def score(labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int], scale: Scale) -> float:
        _total(weights)
        whole = [label for label, w in zip(labels, weights) for _ in range(w)]
        answers = [answer for answer, w in zip(given, weights) for _ in range(w)]
        try:
            return float(function(whole, answers))
        except Exception as error:
            raise MetricUndefined(
                f"{name} raised {type(error).__name__}: {error}", "METRIC_FAILED"
            ) from error

    return Metric(name, task, higher_is_better, score)


def _total(weights: Sequence[int]) -> int:
    total = sum(weights)
    if not total:
        raise MetricUndefined("there are no rows")
    return total


def _mean(values: Sequence[float], weights: Sequence[int]) -> float:
    total = _total(weights)
    return math.fsum(value * w for value, w in zip(values, weights)) / total


def _counts(
    labels: Sequence[Any], given: Sequence[Any], weights: Sequence[int]
) -> tuple[dict[Any, int], dict[Any, int]]:
    """By class: rows answered right; rows that are of it plus rows that were answered so."""
    right: dict[Any, int] = defaultdict(int)
    twice: dict[Any, int] = defaultdict(int)
    for label, answer, w in zip(labels, given, weights):
        twice[label] += w
        twice[answer] += w
        if label == answer:
            right[label] += w
    return right, twice


@functools.lru_cache(maxsize=128)
def _ranked(chances: tuple[float, ...]) -> list[list[int]]:
    """The places of equal chances, ascending: a bootstrap asks for the same ones thousands of times."""
    found: dict[float, list[int]] = defaultdict(list)
    for place, chance in enumerate(chances):
        found[chance].append(place)
    return [found[chance] for chance in sorted(found)]


def _area(inside: Sequence[bool], chances: tuple[float, ...], weights: Sequence[int]) -> float:
    members, below, wins = 0, 0, 0.0
    for places in _ranked(chances):
        own = others = 0
        for place in places:
            if inside[place]:
                own += weights[place]
            else:
                others += weights[place]
        wins += own * (below + others / 2)
        members += own
        below += others
    if not members or not below:
        raise MetricUndefined("all rows are of one class")
    return wins / (members * below)
