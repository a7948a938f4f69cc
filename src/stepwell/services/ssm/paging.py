"""Pages of Systems Manager's lists: `MaxResults` in, `NextToken` out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.api.pages import Pages, cut
from stepwell.services.ssm.errors import InvalidNextToken

T = TypeVar("T")

#: what MaxResults absent means
DEFAULT = 50
PAGES = Pages(
    token="NextToken",
    size="MaxResults",
    following="NextToken",
    default=DEFAULT,
    invalid=lambda: InvalidNextToken("The specified token isn't valid."),
)
#: behind which item the page begins; empty for the first. Raises InvalidNextToken
place = PAGES.start
#: larger than any time in milliseconds: newest first is ascending by what is left
_END = 10**14


def descending(moment: float) -> str:
    """A time, in seconds since the epoch, as the beginning of keys that are to sort newest first."""
    return f"{_END - round(moment * 1000):015d}"


def page(
    params: Mapping[str, Any], items: Iterable[T], key: Callable[[T], str], *, default: int = DEFAULT
) -> tuple[list[T], dict[str, str]]:
    """One page of items that begin behind `place(params)`, and `{"NextToken": …}` where there are more."""
    found, token = cut(items, params.get("MaxResults") or default, key)
    return found, {"NextToken": token} if token else {}


def listed(
    params: Mapping[str, Any], items: Iterable[T], key: Callable[[T], str], *, default: int = DEFAULT
) -> tuple[list[T], dict[str, str]]:
    """One page of all items: those behind the token's, in an order that stays.

    Raises InvalidNextToken where the token's item is not among them: another list's, or gone.
    """
    every = iter(items)
    after = place(params)
    if after:
        for item in every:
            if key(item) == after:
                break
        else:
            raise PAGES.invalid()
    return page(params, every, key, default=default)
