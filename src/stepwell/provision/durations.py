"""Durations as programs write them, in Go's notation: `90s`, `10m`, `1h30m`, `500ms`."""

from __future__ import annotations

import re
from collections.abc import Mapping

from stepwell.provision.problems import ResourceRefused

_UNITS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0}
_PART = r"(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)"


def seconds(timeouts: Mapping[str, str]) -> dict[str, float]:
    """The `custom_timeouts` of a resource in seconds, by operation.

    Raises:
        ResourceRefused: one of them is no duration.
    """
    found: dict[str, float] = {}
    for operation, text in timeouts.items():
        if not re.fullmatch(f"({_PART})+", text):
            raise ResourceRefused(
                f"custom_timeouts: {operation} is {text!r}", advice="Write it as 90s, 10m or 1h30m"
            )
        found[operation] = sum(float(number) * _UNITS[unit] for number, unit in re.findall(_PART, text))
    return found
