"""When a retraining is due: enough new rows, enough time, a score that has fallen; declared together."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stepwell.retrain.parts.declaration import DeclarationError, Part, number, seconds, whole

LONGEST = 366 * 86400


@dataclass(frozen=True, kw_only=True)
class When(Part):
    """Conditions, of which one is enough.

    What arrives before one of them holds waits, and is one batch then. `rows` and `after` are looked at
    whenever something arrives, and `after` also by the clock; `score_below` whenever the monitor measures,
    and from then on whenever something arrives, until the score was back.
    """

    #: as soon as at least so many rows wait
    rows: int | None = None
    #: as soon as the oldest rows that wait have waited so long: seconds, or `7 days`
    after: int | str | None = None
    #: as soon as the score on late labels is below this; for errors: above. It needs a Monitor
    score_below: float | None = None

    def __post_init__(self) -> None:
        if self.rows is None and self.after is None and self.score_below is None:
            raise DeclarationError("When needs a condition: rows=1000, after='7 days' or score_below=0.9")
        if self.rows is not None:
            whole("When's rows", self.rows, 1, 10**12)
        if self.after is not None:
            seconds("When's after", self.after, 60, LONGEST)
        if self.score_below is not None:
            number("When's score_below", self.score_below, -1e300, 1e300)

    def settings(self) -> dict[str, Any]:
        """What the ledger looks at."""
        return {"rows": self.rows, "seconds": self.seconds, "score": self.score_below is not None}

    @property
    def seconds(self) -> int | None:
        """`after` in seconds."""
        return None if self.after is None else seconds("When's after", self.after, 60, LONGEST)
