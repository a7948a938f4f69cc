"""The one error of schedule expressions: it names the field and says what to write instead."""

from __future__ import annotations

from stepwell.errors import StepwellError


class ScheduleError(StepwellError):
    """A schedule expression or its time zone makes no sense."""

    def __init__(self, field: str, problem: str, hint: str = "") -> None:
        super().__init__(f"{field}: {problem}" + (f"; {hint}" if hint else ""))
        #: the faulty part as AWS's documentation names it: `minutes`, `day-of-week`, `rate`, `timezone`, ...
        self.field = field
        #: what is wrong with it
        self.problem = problem
        #: what to write instead, where that can be said
        self.hint = hint
