"""Pages of lists, and the tokens that say where the next one begins.

AWS's services spell paging each in their own way; what they share is here: text made of the place behind
which a page begins, which callers hand back unread.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

from stepwell.errors import AwsError

T = TypeVar("T")


def token_of(place: str) -> str:
    """The token for a place."""
    return base64.urlsafe_b64encode(place.encode()).decode()


def place_of(token: str) -> str:
    """The place that a token was made of. Raises ValueError for a token that `token_of` did not make."""
    return base64.b64decode(token, altchars=b"-_", validate=True).decode()


def cut(items: Iterable[T], size: int, key: Callable[[T], str]) -> tuple[list[T], str | None]:
    """The first `size` of `items`, and the token for what follows the last of them; None at the end."""
    found = list(itertools.islice(items, size + 1))
    if len(found) <= size:
        return found, None
    found.pop()
    return found, token_of(key(found[-1]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pages:
    """How one service spells its lists' pages."""

    #: the input that carries a token, and the one that bounds a page
    token: str
    size: str
    #: the output that carries the next page's token
    following: str
    #: entries of a page unless the caller wants fewer
    default: int
    #: the error about a token that this server did not make
    invalid: Callable[[], AwsError]
    #: the output that says whether there is more, where there is one
    truncated: str | None = None

    def start(self, params: Mapping[str, Any]) -> str:
        """The key behind which the page begins. Raises the service's error about tokens."""
        token = params.get(self.token)
        return "" if token is None else self.decode(token)

    def decode(self, token: str) -> str:
        """What the token was made of. Raises the service's error about tokens."""
        try:
            return place_of(token)
        except ValueError:
            raise self.invalid() from None

    def page(
        self,
        params: Mapping[str, Any],
        member: str,
        items: Iterable[T],
        key: Callable[[T], str],
        show: Callable[[T], Any],
    ) -> dict[str, Any]:
        """One page of `items`, which begin behind `start(params)`, as the output's `member`."""
        found, token = cut(items, params.get(self.size) or self.default, key)
        answer: dict[str, Any] = {member: [show(item) for item in found]}
        if self.truncated is not None:
            answer[self.truncated] = token is not None
        if token is not None:
            answer[self.following] = token
        return answer
