"""Pages of long answers: tokens that nobody can read, and that belong to one query."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, TypeVar

import msgspec

from stepwell.services.stepfunctions.errors import InvalidToken

T = TypeVar("T")

#: what maxResults absent or 0 means
DEFAULT = 100

#: parameters that may differ from page to page
_FREE = frozenset({"nextToken", "maxResults"})


def place(operation: str, params: Mapping[str, Any]) -> str:
    """Behind which item the page begins; empty for the first. Raises InvalidToken."""
    text = params.get("nextToken")
    if text is None:
        return ""
    try:
        query, found = msgspec.msgpack.decode(base64.urlsafe_b64decode(text.encode()), type=tuple[bytes, str])
    except (binascii.Error, ValueError, msgspec.DecodeError) as error:
        raise InvalidToken from error
    if query != _query(operation, params):
        raise InvalidToken
    return found


def page(
    operation: str, params: Mapping[str, Any], items: Iterable[T], place_of: Callable[[T], str]
) -> tuple[list[T], dict[str, str]]:
    """One page of `items`, and `{"nextToken": …}` where there are more."""
    size = params.get("maxResults") or DEFAULT
    found = list(islice(items, size + 1))
    if len(found) <= size:
        return found, {}
    found.pop()
    token = msgspec.msgpack.encode((_query(operation, params), place_of(found[-1])))
    return found, {"nextToken": base64.urlsafe_b64encode(token).decode()}


def _query(operation: str, params: Mapping[str, Any]) -> bytes:
    said = {name: value for name, value in params.items() if name not in _FREE}
    return hashlib.sha256(msgspec.json.encode([operation, said], order="sorted")).digest()[:12]
