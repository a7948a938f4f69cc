"""Tests of two classifiers on the same rows: exact where nothing is asked for, a score test with a margin.

Only rows on which exactly one of the two is right say anything. Without a margin their split is a matter of
coin tosses (McNemar 1947; the exact form is the sign test). With a margin the test is Tango's, which stays
right where few rows or none tell the two apart (Statistics in Medicine 17, 1998, 891-908).
"""

from __future__ import annotations

import math
from statistics import NormalDist

NORMAL = NormalDist()


def at_most(successes: int, trials: int) -> float:
    """The chance of at most so many heads in so many tosses of a fair coin, exactly."""
    if successes >= trials:
        return 1.0
    if 2 * successes > trials:
        return 1.0 - at_most(trials - successes - 1, trials)
    total, term = 0, 1
    for count in range(successes + 1):
        total += term
        term = term * (trials - count) // (count + 1)
    return float(total / (1 << trials)) if trials < 1000 else math.exp(math.log(total) - trials * math.log(2))


def worse(won: int, lost: int) -> float:
    """P of so few wins were the challenger as good: small means significantly worse."""
    return at_most(won, won + lost)


def better(won: int, lost: int) -> float:
    """P of so many wins were the challenger no better: small means significantly better."""
    return at_most(lost, won + lost)


def score(won: int, lost: int, rows: int, difference: float) -> float:
    """Tango's statistic for a true difference of accuracies (challenger minus champion): normal if it is.

    The nuisance is the chance to lose a row, at its greatest likelihood under that difference: a root of
    2n q^2 + B q - l d (1 - d).
    """
    linear = -won - lost + (2 * rows - won + lost) * difference
    constant = -lost * difference * (1 - difference)
    root = math.sqrt(max(linear * linear - 8 * rows * constant, 0.0))
    chance = (root - linear) / (4 * rows)
    variance = rows * (2 * chance + difference * (1 - difference))
    away = won - lost - rows * difference
    if variance <= 1e-12:
        return 0.0 if abs(away) < 1e-9 else math.copysign(math.inf, away)
    return away / math.sqrt(variance)


def not_worse(won: int, lost: int, rows: int, margin: float) -> float:
    """P of as good a result were the challenger worse by the margin: small shows that it is not.

    Without a margin it asks for the same as `better`, and is it.
    """
    if margin <= 0:
        return better(won, lost)
    if margin >= 1:
        return 0.0
    return 1.0 - NORMAL.cdf(score(won, lost, rows, -margin))


def worse_by(won: int, lost: int, rows: int, margin: float) -> float:
    """P of as bad a result were the challenger worse by no more than the margin."""
    if margin <= 0:
        return worse(won, lost)
    if margin >= 1:
        return 1.0
    return NORMAL.cdf(score(won, lost, rows, -margin))


def interval(won: int, lost: int, rows: int, level: float) -> tuple[float, float]:
    """The differences of accuracies that Tango's test does not reject, as (low, high)."""
    bound = NORMAL.inv_cdf(0.5 + level / 2)
    middle = (won - lost) / rows
    return _crossing(won, lost, rows, -1.0, middle, bound), _crossing(won, lost, rows, middle, 1.0, -bound)


def _crossing(won: int, lost: int, rows: int, low: float, high: float, wanted: float) -> float:
    """Where the statistic, which falls with the difference, takes the wanted value."""
    for _ in range(60):
        middle = (low + high) / 2
        if score(won, lost, rows, middle) > wanted:
            low = middle
        else:
            high = middle
    return (low + high) / 2
