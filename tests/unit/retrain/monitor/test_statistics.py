"""The tests' values are those of published tables and of cases worked by hand."""

from __future__ import annotations

import math

import pytest

from stepwell.retrain.monitor import statistics

#: points of chi-squared, from the usual table (Pearson and Hartley, Biometrika Tables, 1966)
CHI_SQUARED = [
    (3.841, 1, 0.05),
    (6.635, 1, 0.01),
    (5.991, 2, 0.05),
    (16.919, 9, 0.05),
    (21.666, 9, 0.01),
    (3.325, 9, 0.95),
    (30.144, 19, 0.05),
    (124.342, 100, 0.05),
]
#: Kolmogorov's distribution, 1 - L(x), from Smirnov's table (1948)
KOLMOGOROV = [(0.83, 0.496), (1.07, 0.202), (1.22, 0.102), (1.36, 0.049), (1.52, 0.020), (1.63, 0.010)]


@pytest.mark.parametrize(("x", "degrees", "chance"), CHI_SQUARED)
def test_chi_squared_is_the_tables(x: float, degrees: int, chance: float) -> None:
    assert statistics.chi_squared(x, degrees) == pytest.approx(chance, abs=2e-5)


def test_chi_squared_of_two_degrees_is_the_exponential_from_end_to_end() -> None:
    for x in (1e-6, 0.1, 1, 2.9, 3.9, 4.1, 20, 500):
        assert statistics.chi_squared(x, 2) == pytest.approx(math.exp(-x / 2), rel=1e-9)
    assert statistics.chi_squared(0, 5) == 1
    assert statistics.chi_squared(1, 0) == 1


@pytest.mark.parametrize(("x", "chance"), KOLMOGOROV)
def test_kolmogorov_is_smirnovs_table(x: float, chance: float) -> None:
    assert statistics.kolmogorov(x) == pytest.approx(chance, abs=6e-4)


def test_kolmogorov_is_certain_at_nothing_and_falls() -> None:
    values = [statistics.kolmogorov(x / 100) for x in range(400)]
    assert values[0] == 1
    assert values == sorted(values, reverse=True)
    assert values[-1] < 1e-12


def test_psi_is_the_sum_worked_by_hand() -> None:
    # shares 0.5, 0.3, 0.2 were expected, and 0.4, 0.3, 0.3 seen: 0.1 ln(5/4) + 0.1 ln(3/2) = 0.06286
    assert statistics.psi([40_000, 30_000, 30_000], [50_000, 30_000, 20_000]) == pytest.approx(
        0.06286, abs=1e-4
    )


def test_psi_is_nothing_for_equal_shares_and_finite_for_empty_bins() -> None:
    assert statistics.psi([10, 20, 30], [10, 20, 30]) == 0
    assert 1 < statistics.psi([100, 0], [0, 100]) < 20


def test_chances_are_those_of_the_rows_on_both_sides() -> None:
    # PSI 0.0338 over 10 bins, 1,000 rows on each side: 16.9 of chi-squared with 9 degrees
    assert statistics.psi_chance(0.033838, 10, 1000, 1000) == pytest.approx(0.05, abs=1e-4)
    # sqrt(500) = 22.36 and 0.12 and 0.0049 more, times 0.0605: 1.36
    assert statistics.ks_chance(0.06047, 1000, 1000) == pytest.approx(0.049, abs=6e-4)
