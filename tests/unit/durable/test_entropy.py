"""Identifiers from pages of the system's randomness: in range, of full width, and never the same twice."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest

from stepwell.durable.entropy import PAGE, Entropy


@pytest.mark.parametrize("bits", [0, 1, 7, 8, 53, 128, 9 * PAGE])
def test_integers_are_in_range_and_reach_their_highest_bit(bits: int) -> None:
    drawn = [Entropy().getrandbits(bits) for _ in range(100)]
    assert all(0 <= each < 1 << bits for each in drawn)
    assert max(each.bit_length() for each in drawn) == bits


def test_nothing_is_drawn_twice_across_pages() -> None:
    source = Entropy()
    drawn = [source.getrandbits(128) for _ in range(PAGE)]
    assert len(set(drawn)) == PAGE


def test_fractions_are_spread_over_the_unit_interval() -> None:
    source = Entropy()
    drawn = [source.random() for _ in range(1000)]
    assert all(0 <= each < 1 for each in drawn)
    assert min(drawn) < 0.1 < 0.9 < max(drawn)


def test_choices_and_bytes_come_from_the_same_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    fetched: list[int] = []
    real: Callable[[int], bytes] = os.urandom

    def counted(size: int) -> bytes:
        fetched.append(size)
        return real(size)

    monkeypatch.setattr(os, "urandom", counted)
    source = Entropy()
    assert {source.choice("ab") for _ in range(100)} == {"a", "b"}
    assert len(source.randbytes(100)) == 100
    assert fetched == [PAGE]
