"""How the lists of windows, targets, tasks and executions are filtered and cut into pages."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from stepwell.errors import ValidationException
from stepwell.services.ssm.paging import listed

T = TypeVar("T")

#: whether an item fits one value of a filter
Fits = Callable[[T, str], bool]


def equal(value: Callable[[T], Any]) -> Fits[T]:
    """A filter that compares the text of `value`."""
    return lambda item, wanted: str(value(item)) == wanted


def page(
    params: Mapping[str, Any],
    items: Iterable[T],
    key: Callable[[T], str],
    filters: Mapping[str, Fits[T]],
) -> tuple[list[T], dict[str, str]]:
    """One page of the items that fit all `Filters`, each by one of its values. Raises ValidationException."""
    wanted = [
        (_known(each["Key"], filters), each.get("Values") or []) for each in params.get("Filters") or ()
    ]
    found = [item for item in items if all(any(fits(item, one) for one in some) for fits, some in wanted)]
    return listed(params, found, key)


def _known(key: str, filters: Mapping[str, Fits[T]]) -> Fits[T]:
    if key not in filters:
        raise ValidationException(f"The filter key {key} isn't valid. Valid keys: {', '.join(filters)}.")
    return filters[key]
