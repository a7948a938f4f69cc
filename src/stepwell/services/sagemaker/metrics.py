"""Metrics that a training job prints: its MetricDefinitions over the lines of its log."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from typing import Any

from stepwell.errors import ValidationException


class Metrics:
    """The last value of each metric, as FinalMetricDataList shows it."""

    def __init__(self, definitions: Iterable[Mapping[str, str]]) -> None:
        """Raises ValidationException for a regular expression that is none or has no group."""
        self._patterns = [(each["Name"], _compiled(each)) for each in definitions]
        self._last: dict[str, dict[str, Any]] = {}

    def feed(self, lines: Iterable[tuple[float, str]]) -> None:
        """Take lines: seconds since the epoch, text."""
        for moment, text in lines:
            for name, pattern in self._patterns:
                for found in pattern.finditer(text):
                    value = _number(found.group(1))
                    if value is not None:
                        self._last[name] = {"MetricName": name, "Value": value, "Timestamp": moment}

    def final(self) -> list[dict[str, Any]]:
        """In the order of their definitions."""
        order = dict.fromkeys(name for name, _ in self._patterns)
        return [self._last[name] for name in order if name in self._last]


def _compiled(definition: Mapping[str, str]) -> re.Pattern[str]:
    try:
        pattern = re.compile(definition["Regex"])
    except re.error as error:
        raise ValidationException(
            f"The metric {definition['Name']} has an invalid regular expression: {error}"
        ) from error
    if pattern.groups < 1:
        raise ValidationException(
            f"The metric {definition['Name']} needs a group in its regular expression: {definition['Regex']}"
        )
    return pattern


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if math.isfinite(value) else None
