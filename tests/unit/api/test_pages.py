"""Pages: together they are the list, each item once, and a token that we did not make is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stepwell.api.pages import cut, place_of, token_of


@given(st.sets(st.text(min_size=1, max_size=8)), st.integers(min_value=1, max_value=5))
def test_pages_give_every_item_once_and_in_order(keys, size):
    ordered, seen, after = sorted(keys), [], ""
    while True:
        found, token = cut((key for key in ordered if key > after), size, str)
        seen += found
        if token is None:
            break
        assert len(found) == size
        after = place_of(token)
    assert seen == ordered


@pytest.mark.parametrize("token", ["!", "a", "é", token_of("place")[:-1], "_w=="])
def test_what_is_no_token_is_refused(token):
    with pytest.raises(ValueError):
        place_of(token)
