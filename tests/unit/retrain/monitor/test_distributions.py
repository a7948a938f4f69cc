"""What is known of training from its profiles, and no more than that."""

from __future__ import annotations

import json
import random

import pytest
from retrain.monitor import measuring

from stepwell.retrain.monitor.distributions import Categories, Numbers, Part, Plain, merge
from stepwell.retrain.monitor.faults import MonitorFault
from stepwell.retrain.monitor.tallies import tally
from stepwell.retrain.prepare.profile import Profile


def merged(*profiles: dict[str, object]) -> dict[str, object]:
    return merge([Profile.parse(json.dumps(each)) for each in profiles], ["x"])


def test_between_two_quantiles_rows_are_even() -> None:
    part = Part(tuple(float(each) for each in range(21)), 100, 0.0, 0.0)
    assert part.upto(10) == pytest.approx((0.5, 0.5))
    assert part.upto(10.5) == pytest.approx((0.525, 0.525))
    assert part.upto(-1) == part.below(0) == (0, 0)
    assert part.upto(20) == part.below(21) == (1, 1)


def test_of_a_value_that_fills_quantiles_only_bounds_are_known() -> None:
    # 40 % to 45 % of rows are 1, the rest are 2: the profile can't tell how many in between
    part = Part((1.0,) * 9 + (2.0,) * 12, 100, 0.0, 0.0)
    assert part.upto(1) == pytest.approx((0.4, 0.45))
    assert part.below(2) == pytest.approx((0.4, 0.45))
    assert part.upto(1.5) == pytest.approx((0.4, 0.45))
    assert part.below(1) == (0, 0)


def test_zeros_are_known_exactly_where_nothing_is_less() -> None:
    part = Part((0.0,) * 9 + (2.0,) * 12, 100, 0.0, 0.43)
    assert part.upto(0) == (0.43, 0.43)


def test_a_sketchs_error_widens_the_bounds() -> None:
    part = Part(tuple(float(each) for each in range(21)), 100, 0.01, 0.0)
    assert part.upto(10) == pytest.approx((0.49, 0.51))


def test_batches_count_by_their_rows() -> None:
    low, high = measuring.numbers(range(100)), measuring.numbers(range(1000, 1300))
    training = merged(measuring.profile(100, x=low), measuring.profile(300, x=high))["x"]
    assert isinstance(training, Numbers)
    assert training.known == 400
    assert training.upto(500) == pytest.approx((0.25, 0.25))
    categories = [measuring.categories({"a": 1, "b": 2}), measuring.categories({"b": 3}, others=4, missing=1)]
    together = merged(*(measuring.profile(10, x=each) for each in categories))["x"]
    assert together == Categories({"a": 1, "b": 5}, others=4, missing=1, rows=20)


def test_a_column_without_any_value_is_measured_by_its_missing_share_alone() -> None:
    empty = {"type": "number", "missing": 10, "quantiles": []}
    assert merged(measuring.profile(10, x=empty))["x"] == Plain(missing=10, rows=10)


@pytest.mark.parametrize(
    ("profiles", "message"),
    [
        (
            [measuring.profile(1, y=measuring.categories({}))],
            "not every batch of the champion has a column 'x'",
        ),
        (
            [
                measuring.profile(1, x=measuring.categories({})),
                measuring.profile(1, x=measuring.numbers([1])),
            ],
            "the champion's batches say that 'x' is category and number",
        ),
    ],
)
def test_batches_that_contradict_each_other_are_a_fault(
    profiles: list[dict[str, object]], message: str
) -> None:
    with pytest.raises(MonitorFault, match=message):
        merged(*profiles)


@pytest.mark.parametrize(
    ("name", "draw"),
    [
        ("normal", lambda chance: chance.gauss(0, 1)),
        ("long-tailed", lambda chance: chance.lognormvariate(0, 2)),
        ("few values", lambda chance: chance.choice([0, 0, 0, 1, 1, 2])),
        ("nearly constant", lambda chance: float(chance.random() < 0.004)),
        ("mostly 7", lambda chance: 7 if chance.random() < 0.93 else chance.gauss(7, 3)),
        ("counts", lambda chance: int(chance.expovariate(0.2))),
        ("constant", lambda chance: 4.0),
    ],
)
@pytest.mark.parametrize("batches", [1, 3])
def test_the_same_distribution_is_no_drift_whatever_its_form(name: str, draw: object, batches: int) -> None:
    """Also where a profile keeps 21 numbers of values that repeat: what isn't known isn't told."""
    chance = random.Random(name)
    training = merged(
        *(
            measuring.profile(2000, x=measuring.numbers([draw(chance) for _ in range(2000)]))  # type: ignore[operator]
            for _ in range(batches)
        )
    )["x"]
    counted = tally(training)
    for _ in range(2000):
        counted.add(repr(draw(chance)))  # type: ignore[operator]
    found = counted.measures()
    assert found["psi"].value < 0.05
    assert found["ks"].value < 0.06


@pytest.mark.parametrize(("shift", "psi", "ks"), [(0.5, 0.2, 0.15), (1.0, 0.8, 0.3)])
def test_a_shift_is_found_in_one_batch_and_in_three(shift: float, psi: float, ks: float) -> None:
    """A normal distribution that moves by s has an index of about s squared and a distance of 0.38 s."""
    for batches in (1, 3):
        chance = random.Random(batches)
        profiles = [
            measuring.profile(2000, x=measuring.numbers([chance.gauss(0, 1) for _ in range(2000)]))
            for _ in range(batches)
        ]
        counted = tally(merged(*profiles)["x"])
        for _ in range(2000):
            counted.add(repr(chance.gauss(shift, 1)))
        found = counted.measures()
        assert found["psi"].value > psi
        assert found["ks"].value > ks
        assert found["psi"].chance < 1e-6 > found["ks"].chance


def test_chances_are_how_often_nothing_looks_like_drift() -> None:
    """Of 300 samples without drift about 15 are below 0.05, and never many more."""
    chance = random.Random(0)
    training = merged(
        measuring.profile(2000, x=measuring.numbers([chance.gauss(0, 1) for _ in range(2000)]))
    )["x"]
    below = {"psi": 0, "ks": 0}
    for _ in range(300):
        counted = tally(training)
        for _ in range(200):
            counted.add(repr(chance.gauss(0, 1)))
        for name, found in counted.measures().items():
            below[name] += found.chance < 0.05
    assert 3 <= below["psi"] <= 30
    assert 1 <= below["ks"] <= 30
