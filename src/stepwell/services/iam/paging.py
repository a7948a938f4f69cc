"""IAM's lists: `Marker`, `MaxItems`, `IsTruncated`."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.services.iam.errors import InvalidInput

T = TypeVar("T")
DEFAULT = 100


def start(params: Mapping[str, Any]) -> str:
    """The key behind which the page begins. Raises InvalidInput for a marker that we did not make."""
    marker = params.get("Marker")
    if marker is None:
        return ""
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except ValueError:
        raise InvalidInput("The provided marker is not valid.") from None


def page(
    params: Mapping[str, Any],
    member: str,
    items: Iterable[T],
    key: Callable[[T], str],
    show: Callable[[T], Any],
) -> dict[str, Any]:
    """One page of `items`, which begin behind `start(params)`."""
    limit = params.get("MaxItems") or DEFAULT
    found = list(itertools.islice(items, limit + 1))
    answer: dict[str, Any] = {
        member: [show(item) for item in found[:limit]],
        "IsTruncated": len(found) > limit,
    }
    if len(found) > limit:
        answer["Marker"] = base64.urlsafe_b64encode(key(found[limit - 1]).encode()).decode()
    return answer
