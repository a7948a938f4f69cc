"""Both models on the same rows: scores, who won which rows, and the tests that a decision rests on."""

from __future__ import annotations

import dataclasses
from typing import Any, Sequence

from . import bootstrap, mcnemar
from .bootstrap import Draws
from .evidence import Comparison, Outcomes, single
from .faults import EvidenceInvalid
from .metrics import Metric, Scale
from .settings import Settings

#: a task → what is kept of a row
KINDS = {"classes": "right", "numbers": "error", "probabilities": "chance"}


def outcome(task: str, labels: Sequence[Any], answers: Sequence[Any], scale: Scale) -> tuple[float, ...]:
    """What became of each row: 1.0 for right, the absolute error, or the right class's probability.

    Rounded to what evidence keeps, so that a recount from it counts the same.
    """
    if task == "numbers":
        return tuple(single(abs(label - answer)) for label, answer in zip(labels, answers))
    if task == "classes":
        return tuple(float(label == answer) for label, answer in zip(labels, answers))
    place = {name: at for at, name in enumerate(scale.classes)}
    return tuple(
        single(answer[place[label]]) if label in place else 0.0 for label, answer in zip(labels, answers)
    )


def duels(kind: str, challenger: Sequence[float], champion: Sequence[float]) -> tuple[int, int]:
    """Rows that the challenger and that the champion alone gets right, or nearer, from rows' outcomes."""
    sign = -1 if kind == "error" else 1
    pairs = list(zip(challenger, champion))
    return sum(sign * a > sign * b for a, b in pairs), sum(sign * a < sign * b for a, b in pairs)


def scored(
    metric: Metric, scale: Scale, labels: Sequence[Any], answers: Sequence[Any] | None
) -> float | None:
    """The score of all rows; None without answers. Raises MetricUndefined."""
    return None if answers is None else metric.score(labels, answers, [1] * len(labels), scale)


def compare(
    blank: Comparison,
    metric: Metric,
    scale: Scale,
    labels: Sequence[Any],
    challenger: Sequence[Any] | None,
    champion: Sequence[Any] | None,
    settings: Settings,
) -> Comparison:
    """A comparison filled in as far as there are answers. Raises MetricUndefined."""
    ours, theirs = scored(metric, scale, labels, challenger), scored(metric, scale, labels, champion)
    found = dataclasses.replace(blank, challenger=ours, champion=theirs)
    if challenger is None or champion is None or ours is None or theirs is None:
        return found
    kind = KINDS[metric.task]
    won, lost = duels(kind, *(outcome(metric.task, labels, each, scale) for each in (challenger, champion)))
    found = dataclasses.replace(
        found, won=won, lost=lost, difference=bootstrap.difference(metric, ours, theirs, theirs)
    )
    if metric.name == "accuracy":
        return tested(dataclasses.replace(found, test="mcnemar"), settings)
    draws = bootstrap.draw(
        metric,
        scale,
        labels,
        challenger,
        champion,
        base=theirs,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    return tested(
        dataclasses.replace(found, test="bootstrap", draws=draws.packed(), undefined=draws.undefined),
        settings,
    )


def tested(found: Comparison, settings: Settings) -> Comparison:
    """The comparison with the settings' tests, from its counts or draws alone. Raises EvidenceInvalid."""
    level = 1 - 2 * settings.alpha
    margin, trusted = settings.margin, settings.trusted_margin
    if found.test == "mcnemar":
        won, lost, rows = found.won, found.lost, found.rows
        low, high = mcnemar.interval(won, lost, rows, level)
        return dataclasses.replace(
            found,
            p_worse=mcnemar.worse_by(won, lost, rows, trusted),
            p_better=mcnemar.better(won, lost),
            p_not_worse=mcnemar.not_worse(won, lost, rows, margin),
            low=low,
            high=high,
        )
    if found.test == "bootstrap":
        try:
            draws = Draws.unpacked(found.draws, found.undefined)
        except ValueError as error:
            raise EvidenceInvalid(f"the draws of {found.rows_of} {found.part} are damaged: {error}") from None
        low, high = draws.interval(level)
        return dataclasses.replace(
            found,
            p_worse=draws.worse_by(trusted),
            p_better=draws.better_than(0.0),
            p_not_worse=draws.better_than(margin),
            low=low,
            high=high,
        )
    return found


def recounted(found: Comparison, outcomes: Outcomes) -> None:
    """Hold a whole set's counts against its rows' outcomes. Raises EvidenceInvalid where they differ."""
    if not found.test:
        return
    counted = duels(outcomes.kind, outcomes.challenger, outcomes.champion)
    if counted != (found.won, found.lost) or len(outcomes.digests) != found.rows:
        raise EvidenceInvalid(
            f"{found.rows_of}: {found.won} won and {found.lost} lost are written, the rows say {counted[0]}"
            f" and {counted[1]}"
        )
