"""The one error of event patterns."""

from __future__ import annotations

from stepwell.errors import StepwellError


class InvalidPattern(StepwellError):
    """An event pattern that AWS refuses; `reason` is AWS's."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"Event pattern is not valid. Reason: {reason}")
        self.reason = reason
