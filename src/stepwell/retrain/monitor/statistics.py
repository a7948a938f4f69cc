"""The tests: how far two distributions are apart, and how likely so much is by chance.

- Population stability index: sum of (a - e) ln(a / e) over bins, for shares a of what is seen and e of what
  is expected (Siddiqi, Credit Risk Scorecards, 2006, chapter 9). If nothing has changed, PSI / (1/n + 1/m) is
  distributed as chi-squared with one degree of freedom less than bins, n and m being the numbers of rows
  (Yurdakul and Naranjo, Journal of Risk Model Validation 14, 2020).
- Kolmogorov-Smirnov: the greatest distance D of two distribution functions. Its p-value is the asymptotic
  one, Q(x) = 2 sum (-1)^(k-1) exp(-2 k^2 x^2) with x = (sqrt(r) + 0.12 + 0.11 / sqrt(r)) D, r = nm / (n + m)
  (Smirnov, Annals of Mathematical Statistics 19, 1948; the correction for few rows: Stephens, Journal of the
  Royal Statistical Society B 32, 1970).
"""

from __future__ import annotations

import math
from typing import Sequence

#: what is added to every bin's count, so that an empty bin is no infinite distance
HALF = 0.5
#: terms smaller than this end a series
SMALL = 1e-15
#: terms that a series or a fraction may have
MOST_TERMS = 10_000


def psi(seen: Sequence[float], expected: Sequence[float]) -> float:
    """The index of two histograms over the same bins, as counts; half a row is added to every bin."""
    actual, wanted = _shares(seen), _shares(expected)
    return math.fsum((a - e) * math.log(a / e) for a, e in zip(actual, wanted))


def psi_chance(index: float, bins: int, n: float, m: float) -> float:
    """How likely an index of at least this is for n and m rows of the same distribution."""
    return chi_squared(index / (1 / n + 1 / m), bins - 1)


def ks_chance(distance: float, n: float, m: float) -> float:
    """How likely a distance of at least this is for n and m rows of the same distribution."""
    root = math.sqrt(n * m / (n + m))
    return kolmogorov((root + 0.12 + 0.11 / root) * distance)


def kolmogorov(x: float) -> float:
    """Q(x): the upper tail of Kolmogorov's distribution."""
    if x < 0.2:
        # 1 to 12 digits, and the alternating series converges no more
        return 1.0
    terms = 0.0
    for k in range(1, MOST_TERMS):
        term = math.exp(-2.0 * k * k * x * x)
        terms += term if k % 2 else -term
        if term < SMALL:
            break
    return min(max(2.0 * terms, 0.0), 1.0)


def chi_squared(x: float, degrees: int) -> float:
    """The upper tail of the chi-squared distribution: the regularised gamma function Q(degrees/2, x/2).

    Its series below the mean and its continued fraction above (Abramowitz and Stegun, Handbook of
    Mathematical Functions, 1964, 6.5.29 and 6.5.31).
    """
    if x <= 0 or degrees < 1:
        return 1.0
    a, z = degrees / 2, x / 2
    front = math.exp(a * math.log(z) - z - math.lgamma(a))
    return 1.0 - front * _series(a, z) if z < a + 1 else front * _fraction(a, z)


def _series(a: float, z: float) -> float:
    term = total = 1.0 / a
    for k in range(1, MOST_TERMS):
        term *= z / (a + k)
        total += term
        if term < total * SMALL:
            break
    return total


def _fraction(a: float, z: float) -> float:
    """The fraction from its front, as Lentz evaluates it (Applied Optics 15, 1976)."""
    b = z + 1 - a
    c, d = 1e300, 1 / b
    value = d
    for k in range(1, MOST_TERMS):
        step = k * (a - k)
        b += 2
        d = 1 / (step * d + b)
        c = b + step / c
        value *= c * d
        if abs(c * d - 1) < SMALL:
            break
    return value


def _shares(counts: Sequence[float]) -> Sequence[float]:
    total = math.fsum(counts) + HALF * len(counts)
    return [(count + HALF) / total for count in counts]
