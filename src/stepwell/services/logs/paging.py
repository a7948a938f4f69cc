"""Tokens of the service's lists: the key behind which the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.api.pages import cut, place_of
from stepwell.services.logs.errors import InvalidParameterException

T = TypeVar("T")
#: entries of a page unless the caller wants fewer
DEFAULT = 50


def decode(token: str) -> str:
    """What the token was made of. Raises InvalidParameterException for a token that we did not make."""
    try:
        return place_of(token)
    except ValueError:
        raise InvalidParameterException("The specified nextToken is invalid.") from None


def start(params: Mapping[str, Any]) -> str:
    """The key behind which the page begins. Raises InvalidParameterException."""
    token = params.get("nextToken")
    return "" if token is None else decode(token)


def page(
    params: Mapping[str, Any],
    member: str,
    items: Iterable[T],
    key: Callable[[T], str],
    show: Callable[[T], Any],
) -> dict[str, Any]:
    """One page of `items`, which begin behind `start(params)`."""
    found, token = cut(items, params.get("limit") or DEFAULT, key)
    answer: dict[str, Any] = {member: [show(item) for item in found]}
    if token is not None:
        answer["nextToken"] = token
    return answer
