"""Tests of two classifiers on the same rows."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.retrain.gate import mcnemar

#: (won, lost) → scipy.stats.binomtest(won, won + lost, 0.5, alternative="less").pvalue, SciPy 1.14.1
EXACT = {
    (3, 9): 0.072998046875,
    (0, 5): 0.03125,
    (7, 2): 0.98046875,
    (1, 0): 1.0,
    (40, 61): 0.023022033464671354,
    (500, 620): 0.00018620687777203977,
    (3000, 3200): 0.005744126885435539,
}
counts = st.integers(0, 60)


@pytest.mark.parametrize(("split", "p"), EXACT.items(), ids=str)
def test_the_exact_test_gives_scipys_p_values(split: tuple[int, int], p: float) -> None:
    assert mcnemar.worse(*split) == pytest.approx(p, rel=1e-9)


def test_rows_that_tell_nothing_apart_prove_nothing() -> None:
    assert mcnemar.worse(0, 0) == mcnemar.better(0, 0) == 1.0


@given(counts, counts)
def test_worse_for_one_is_better_for_the_other(won: int, lost: int) -> None:
    assert mcnemar.worse(won, lost) == mcnemar.better(lost, won)
    # both tails hold the observed split
    assert mcnemar.worse(won, lost) + mcnemar.better(won, lost) >= 1.0


def likelihood(won: int, lost: int, same: int, q: float, difference: float) -> float:
    """The log-likelihood of a chance q to lose a row, under a true difference of accuracies."""
    chances = ((won, q + difference), (lost, q), (same, 1 - 2 * q - difference))
    return sum(count * math.log(max(chance, 1e-300)) for count, chance in chances if count)


@pytest.mark.parametrize("difference", [-0.1, -0.02, 0.0, 0.05])
@pytest.mark.parametrize(("won", "lost", "rows"), [(8, 3, 100), (3, 8, 50), (0, 2, 40), (12, 12, 60)])
def test_the_score_test_uses_the_likeliest_nuisance(
    won: int, lost: int, rows: int, difference: float
) -> None:
    """Tango's closed form against a search over a grid."""
    grid = [max(0.0, -difference) + step / 200_000 for step in range(1, 80_000)]
    grid = [q for q in grid if 2 * q + difference < 1]
    best = max(grid, key=lambda q: likelihood(won, lost, rows - won - lost, q, difference))
    variance = rows * (2 * best + difference * (1 - difference))
    expected = (won - lost - rows * difference) / math.sqrt(variance)
    assert mcnemar.score(won, lost, rows, difference) == pytest.approx(expected, rel=2e-3)


@given(counts, counts, st.integers(0, 300))
def test_without_a_difference_the_score_is_mcnemars(won: int, lost: int, same: int) -> None:
    if won + lost:
        expected = (won - lost) / math.sqrt(won + lost)
        assert mcnemar.score(won, lost, won + lost + same, 0.0) == pytest.approx(expected)


def test_equal_answers_on_few_rows_leave_room_for_a_loss() -> None:
    """With no row that differs, the bound is z² / (n + z²): silence on 30 rows is no proof."""
    z = mcnemar.NORMAL.inv_cdf(0.95)
    low, high = mcnemar.interval(0, 0, 30, 0.9)
    assert low == pytest.approx(-(z**2) / (30 + z**2), abs=1e-9)
    assert high == pytest.approx(-low)
    assert mcnemar.not_worse(0, 0, 30, 0.05) > 0.05 > mcnemar.not_worse(0, 0, 100, 0.05)


@given(counts, counts, st.integers(0, 300), st.sampled_from([0.01, 0.05, 0.1]))
def test_a_loss_beyond_the_margin_is_excluded_when_the_interval_excludes_it(
    won: int, lost: int, same: int, margin: float
) -> None:
    rows = won + lost + same
    if not rows:
        return
    low, high = mcnemar.interval(won, lost, rows, 0.9)
    assert -1 <= low <= (won - lost) / rows + 1e-9
    assert (won - lost) / rows - 1e-9 <= high <= 1
    if abs(low + margin) > 1e-6:
        assert (mcnemar.not_worse(won, lost, rows, margin) < 0.05) == (low > -margin)
    if abs(high + margin) > 1e-6:
        assert (mcnemar.worse_by(won, lost, rows, margin) < 0.05) == (high < -margin)


def test_without_a_margin_not_worse_asks_for_a_gain() -> None:
    assert mcnemar.not_worse(9, 2, 100, 0.0) == mcnemar.better(9, 2)
    assert mcnemar.worse_by(2, 9, 100, 0.0) == mcnemar.worse(2, 9)


def test_a_margin_of_everything_lets_everything_pass() -> None:
    assert mcnemar.not_worse(0, 50, 50, 1.0) == 0.0
    assert mcnemar.worse_by(0, 50, 50, 1.0) == 1.0


def chances(trials: int, chance: float) -> list[float]:
    """The binomial distribution."""
    return [math.comb(trials, k) * chance**k * (1 - chance) ** (trials - k) for k in range(trials + 1)]


@pytest.mark.parametrize("alpha", [0.05, 0.01])
def test_equal_models_are_called_worse_no_more_often_than_alpha(alpha: float) -> None:
    for trials in range(1, 120):
        toss = chances(trials, 0.5)
        alarms = sum(each for won, each in enumerate(toss) if mcnemar.worse(won, trials - won) < alpha)
        assert alarms <= alpha


@pytest.mark.parametrize("rows", [60, 120])
@pytest.mark.parametrize("lost_share", [0.05, 0.08, 0.15])
def test_a_model_that_is_worse_by_the_margin_seldom_passes(rows: int, lost_share: float) -> None:
    """The exact chance to pass `not-worse` by 0.05 with a true loss of 0.05 is near alpha."""
    won_share = lost_share - 0.05
    passed = 0.0
    for lost, chance in enumerate(chances(rows, lost_share)[: rows // 2]):
        for won, each in enumerate(chances(rows - lost, won_share / (1 - lost_share))[: rows // 2]):
            if chance * each > 1e-12 and mcnemar.not_worse(won, lost, rows, 0.05) < 0.05:
                passed += chance * each
    assert passed < 0.075, passed
