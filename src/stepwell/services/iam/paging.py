"""IAM's lists: `Marker`, `MaxItems`, `IsTruncated`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.api.pages import cut, place_of
from stepwell.services.iam.errors import InvalidInput

T = TypeVar("T")
#: entries of a page unless the caller wants fewer
DEFAULT = 100


def start(params: Mapping[str, Any]) -> str:
    """The key behind which the page begins. Raises InvalidInput for a marker that we did not make."""
    marker = params.get("Marker")
    if marker is None:
        return ""
    try:
        return place_of(marker)
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
    found, marker = cut(items, params.get("MaxItems") or DEFAULT, key)
    answer: dict[str, Any] = {member: [show(item) for item in found], "IsTruncated": marker is not None}
    if marker is not None:
        answer["Marker"] = marker
    return answer
