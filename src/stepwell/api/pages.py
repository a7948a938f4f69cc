"""Pages of lists, and the tokens that say where the next one begins.

AWS's services spell paging each in their own way; what they share is here: text made of the place behind
which a page begins, which callers hand back unread.
"""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable
from typing import TypeVar

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
