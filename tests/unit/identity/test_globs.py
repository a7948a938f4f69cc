"""Wildcards in long texts mean what the regular expression means, and take no time."""

import random
import re

import pytest

from stepwell.identity.globs import fits
from stepwell.identity.match import glob, plain


def test_a_pattern_fits_what_its_regular_expression_matches() -> None:
    source = random.Random(7)
    for _ in range(20_000):
        pattern = "".join(source.choices("aab**?\ufdd0", k=source.randint(0, 9)))
        text = "".join(source.choices("aab*\n", k=source.randint(0, 12)))
        expected = re.fullmatch(glob(pattern), text, re.DOTALL) is not None
        assert fits(pattern, plain)(text) is expected, (pattern, text)


@pytest.mark.timeout(5)
@pytest.mark.parametrize(
    "pattern",
    [
        "*" + "a" * 60_000 + "b",
        "*" + "a" * 60_000 + "?b",
        "*?a" * 40_000 + "b",
        "*a" * 40_000 + "b",
        "?" * 60_000,
    ],
)
def test_a_long_pattern_is_looked_for_once(pattern: str) -> None:
    assert not fits(pattern, plain)("a" * 120_000)
