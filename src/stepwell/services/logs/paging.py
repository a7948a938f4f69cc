"""Tokens of the service's lists: the key behind which the next page begins."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.services.logs.errors import InvalidParameterException

T = TypeVar("T")
#: entries of a page unless the caller wants fewer
DEFAULT = 50


def encode(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def decode(token: str) -> str:
    """What the token was made of. Raises InvalidParameterException for a token that we did not make."""
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
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
    limit = params.get("limit") or DEFAULT
    found = list(itertools.islice(items, limit + 1))
    answer: dict[str, Any] = {member: [show(item) for item in found[:limit]]}
    if len(found) > limit:
        answer["nextToken"] = encode(key(found[limit - 1]))
    return answer
