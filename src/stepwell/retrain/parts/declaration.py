"""What every part of a declaration is checked by: a mistake is told where it is written, in one sentence.

A mistake that is found when a job fails has cost minutes and money; one that is found here costs nothing.
So parts check themselves as they are made, and a message says what is wrong, what is allowed, and which
known name is nearest.
"""

from __future__ import annotations

import dataclasses
import difflib
import math
import re
from collections.abc import Iterable, Mapping
from typing import Any, Self

from stepwell.errors import StepwellError

_UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 7 * 86400}
_DURATION = re.compile(r"(\d+) (second|minute|hour|day|week)s?")


class DeclarationError(StepwellError):
    """A workflow's declaration makes no sense; the message says what is allowed."""


class Part:
    """A part of a workflow: a frozen dataclass whose settings are given by name."""

    def __new__(cls, *values: object, **settings: object) -> Self:
        """Settings that there aren't, and needed ones that lack, are told before Python does.

        Raises DeclarationError.
        """
        if values:
            raise DeclarationError(f"{cls.__name__} takes its settings by name: {_names(cls)}")
        fields = {each.name: each for each in dataclasses.fields(cls) if each.init}  # type: ignore[arg-type]
        for name in settings:
            known(f"{cls.__name__}'s settings", name, fields)
        missing = dataclasses.MISSING
        for name, each in fields.items():
            if name not in settings and each.default is missing and each.default_factory is missing:
                raise DeclarationError(f"{cls.__name__} needs {name}; it takes {_names(cls)}")
        return super().__new__(cls)


def _names(cls: type) -> str:
    return ", ".join(each.name for each in dataclasses.fields(cls) if each.init)


def known(what: str, value: object, allowed: Iterable[str]) -> None:
    """Raises DeclarationError unless the value is one of those allowed."""
    names = list(allowed)
    if value not in names:
        near = difflib.get_close_matches(str(value), names, 1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise DeclarationError(f"{what}: there is no {value!r}, but {', '.join(names) or 'none'}{meant}")


def matches(what: str, value: object, pattern: str, allowed: str) -> None:
    """Raises DeclarationError unless the value is a text that the whole pattern matches."""
    if not isinstance(value, str) or re.fullmatch(pattern, value) is None:
        raise DeclarationError(f"{what} is {allowed}, not {value!r}")


def whole(what: str, value: object, low: int, high: int) -> None:
    """Raises DeclarationError unless the value is a whole number between the bounds."""
    if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
        raise DeclarationError(f"{what} is a whole number from {low:,} to {high:,}, not {value!r}")


def number(what: str, value: object, low: float, high: float) -> None:
    """Raises DeclarationError unless the value is a finite number between the bounds."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    if not is_number or not low <= value <= high:  # type: ignore[operator]
        raise DeclarationError(f"{what} is a number from {low:g} to {high:g}, not {value!r}")


def instance_of(what: str, value: object, *kinds: type) -> None:
    """Raises DeclarationError unless the value is one of these kinds."""
    if not isinstance(value, kinds):
        names = " or ".join(kind.__name__ for kind in kinds)
        raise DeclarationError(f"{what} is {names}, not {value!r}")


def texts(what: str, value: object) -> None:
    """Raises DeclarationError unless the value maps texts to texts."""
    if not isinstance(value, Mapping) or not all(
        isinstance(key, str) and isinstance(each, str) for key, each in value.items()
    ):
        raise DeclarationError(f"{what} is a dict of texts, not {value!r}")


def seconds(what: str, value: Any, low: int, high: int) -> int:
    """The seconds of `7 days`, `36 hours` or a number of seconds. Raises DeclarationError."""
    found = value
    if isinstance(value, str):
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise DeclarationError(
                f"{what} is a number and a unit ({', '.join(_UNITS)}), such as '7 days', not {value!r}"
            )
        found = int(match[1]) * _UNITS[match[2]]
    whole(f"{what}, in seconds,", found, low, high)
    return int(found)
