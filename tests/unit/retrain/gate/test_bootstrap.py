"""The paired bootstrap."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.retrain.gate import bootstrap
from stepwell.retrain.gate.bootstrap import LEAST_DRAWS, Draws, draw
from stepwell.retrain.gate.faults import MetricUndefined
from stepwell.retrain.gate.metrics import METRICS, Scale


def numbers() -> tuple[list[float], list[float], list[float]]:
    """120 labels, a better model's answers and a worse one's."""
    source = random.Random(1)
    labels = [source.gauss(50, 10) for _ in range(120)]
    return (
        labels,
        [value + source.gauss(0, 4) for value in labels],
        [value + source.gauss(0.5, 4.5) for value in labels],
    )


#: scipy.stats.bootstrap of the rows' numbers, percentile, 20,000 draws, level 0.9, SciPy 1.14.1:
#: metric → difference as a share of the champion's error, low, high
SCIPY = {
    "mae": (0.05105081606550947, -0.10005464649605053, 0.19905198267084379),
    "rmse": (0.06336699474003783, -0.07454123278852393, 0.20130294414353309),
}


@pytest.mark.parametrize("name", SCIPY)
def test_the_interval_is_scipys(name: str) -> None:
    """Within what 2,000 draws leave open: a fortieth of the interval's width and a bit."""
    labels, ours, theirs = numbers()
    metric = METRICS[name]
    base = metric.score(labels, theirs, [1] * 120, Scale())
    draws = draw(metric, Scale(), labels, ours, theirs, base=base, resamples=2000, seed=0)
    low, high = draws.interval(0.9)
    _, expected_low, expected_high = SCIPY[name]
    assert low == pytest.approx(expected_low, abs=0.012)
    assert high == pytest.approx(expected_high, abs=0.012)


def test_the_same_seed_draws_the_same_and_another_seed_others() -> None:
    labels, ours, theirs = numbers()

    def drawn(seed: int) -> Draws:
        return draw(METRICS["mae"], Scale(), labels, ours, theirs, base=1.0, resamples=100, seed=seed)

    assert drawn(7) == drawn(7) != drawn(8)


@pytest.mark.parametrize(("rows", "draws"), [(20, 2000), (100, 500), (1000, LEAST_DRAWS)])
def test_very_many_rows_are_drawn_less_often(rows: int, draws: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "MOST_ROWS_DRAWN", 50_000)
    labels = list("ab") * (rows // 2)
    found = draw(METRICS["f1-macro"], Scale(), labels, labels, labels, base=1.0, resamples=2000, seed=0)
    assert len(found.values) == draws


def test_draws_are_the_same_in_every_python() -> None:
    """Of fixed rows and seed: a change here makes old evidence irreproducible."""
    labels, ours, theirs = list("aabb"), list("aaba"), list("abbb")
    found = draw(METRICS["accuracy"], Scale(), labels, ours, theirs, base=1.0, resamples=100, seed=0)
    counted = {value: found.values.count(value) for value in sorted(set(found.values))}
    assert counted == {-1.0: 2, -0.75: 2, -0.5: 13, -0.25: 21, 0.0: 23, 0.25: 20, 0.5: 17, 0.75: 2}


def test_hand_made_draws_give_p_values_by_counting() -> None:
    draws = Draws((-0.2, -0.1, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6))
    assert draws.better_than(0.0) == pytest.approx((1 + 3) / 10)
    assert draws.better_than(0.15) == pytest.approx((1 + 1) / 10)
    assert draws.worse_by(0.0) == pytest.approx((1 + 7) / 10)
    assert draws.worse_by(0.15) == pytest.approx((1 + 8) / 10)
    assert draws.interval(0.6) == (-0.1, 0.5)


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=300), st.floats(0, 1))
def test_draws_survive_packing_and_their_interval_is_ordered(values: list[float], margin: float) -> None:
    draws = Draws(tuple(sorted(values)), 3)
    assert Draws.unpacked(draws.packed(), 3) == draws
    low, high = draws.interval(0.9)
    assert draws.values[0] <= low <= high <= draws.values[-1]
    assert 0 < draws.better_than(margin) <= 1
    assert draws.better_than(margin) <= draws.better_than(0.0)
    assert draws.worse_by(margin) >= draws.worse_by(0.0)


@pytest.mark.parametrize("text", ["", "AAAA", "not base64!", Draws((1.0, 0.0)).packed()])
def test_damaged_draws_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Draws.unpacked(text, 0)


def test_too_many_draws_without_a_score_are_no_test() -> None:
    """One row of a class among six: a third of all draws hold none of it, and AUC needs one."""
    labels = ["n"] * 5 + ["y"]
    chances = [(0.9, 0.1)] * 5 + [(0.1, 0.9)]
    with pytest.raises(MetricUndefined, match="of 200 draws have no score"):
        draw(METRICS["auc"], Scale(("n", "y")), labels, chances, chances, base=1.0, resamples=200, seed=0)
