"""What starts a retraining: objects that arrive, a schedule, a maintenance window."""

from __future__ import annotations

from dataclasses import dataclass

from stepwell.retrain.parts import schedules
from stepwell.retrain.parts.declaration import DeclarationError, Part, matches, whole

#: where a workflow keeps its own objects
OWN_PREFIXES = (
    "code/", "ledger/", "batches/", "runs/", "models/", "approvals/", "monitor/", "capture/",
)  # fmt: skip


class Trigger(Part):
    """What all triggers say: below which prefix of the bucket raw data arrives."""

    prefix: str
    suffix: str

    def _check_place(self) -> None:
        what = type(self).__name__
        allowed = "a folder of the bucket that ends with '/', such as 'data/'"
        matches(f"{what}'s prefix", self.prefix, r"[^/\s*?\\<>\"'][^*?\\<>\"']*/", allowed)
        matches(f"{what}'s suffix", self.suffix, r"[^*?\\<>\"'/]*", "the end of a name, such as '.csv'")
        for own in OWN_PREFIXES:
            if own.startswith(self.prefix) or self.prefix.startswith(own):
                raise DeclarationError(
                    f"{what}'s prefix {self.prefix!r} overlaps {own!r}, where the workflow keeps its own "
                    f"objects (its prefixes: {', '.join(OWN_PREFIXES)})"
                )


@dataclass(frozen=True, kw_only=True)
class Upload(Trigger):
    """Each object that arrives: EventBridge tells of it within seconds."""

    #: the folder of the bucket
    prefix: str = "data/"
    #: how names end; empty: all
    suffix: str = ""

    def __post_init__(self) -> None:
        self._check_place()


@dataclass(frozen=True, kw_only=True)
class Schedule(Trigger):
    """An EventBridge schedule, in UTC; what has arrived since the last run is one batch."""

    #: `rate(7 days)`, `cron(0 4 ? * SUN *)`
    expression: str
    #: as `Upload.prefix`: where the data is looked for
    prefix: str = "data/"
    suffix: str = ""

    def __post_init__(self) -> None:
        schedules.check("Schedule's expression", self.expression)
        self._check_place()


@dataclass(frozen=True, kw_only=True)
class Window(Trigger):
    """A Systems Manager maintenance window, in any time zone; what has arrived since is one batch."""

    #: `cron(0 4 ? * SUN *)`, `rate(7 days)`
    schedule: str
    #: an IANA time zone: the window moves with its summer time
    timezone: str = "UTC"
    #: hours that the window is open
    duration: int = 3
    #: hours before its end when nothing is begun any more
    cutoff: int = 1
    #: as `Upload.prefix`: where the data is looked for
    prefix: str = "data/"
    suffix: str = ""

    def __post_init__(self) -> None:
        schedules.check("Window's schedule", self.schedule)
        schedules.check_zone("Window's timezone", self.timezone)
        whole("Window's duration", self.duration, 1, 24)
        whole("Window's cutoff", self.cutoff, 0, 23)
        if self.cutoff >= self.duration:
            raise DeclarationError(
                f"Window's cutoff is less than its duration of {self.duration} h, not {self.cutoff}"
            )
        self._check_place()
