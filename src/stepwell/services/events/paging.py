"""Tokens of the service's lists: the key behind which the next page begins."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.api.pages import cut, place_of
from stepwell.errors import ValidationException

T = TypeVar("T")
#: entries of a page unless the caller wants fewer
DEFAULT = 100


def start(params: Mapping[str, Any]) -> str:
    """The key behind which the page begins. Raises ValidationException."""
    token = params.get("NextToken")
    if token is None:
        return ""
    try:
        return place_of(token)
    except ValueError:
        raise ValidationException("Invalid token.") from None


def page(
    params: Mapping[str, Any],
    member: str,
    items: Iterable[T],
    key: Callable[[T], str],
    show: Callable[[T], Any],
) -> dict[str, Any]:
    """One page of `items`, which begin behind `start(params)`."""
    found, token = cut(items, params.get("Limit") or DEFAULT, key)
    answer: dict[str, Any] = {member: [show(item) for item in found]}
    if token is not None:
        answer["NextToken"] = token
    return answer
