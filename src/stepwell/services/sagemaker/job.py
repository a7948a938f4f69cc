"""What training and processing jobs have in common: a request, a status, and one worker that does it."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.durable import Record

#: statuses in which a job's worker may run
LIVE = frozenset({"InProgress", "Stopping"})


class Job(Record, frozen=True, kw_only=True):
    """A job, as asked for and as far as it came."""

    SERVICE: ClassVar[str] = "sagemaker"

    name: str
    arn: str
    #: the Create operation's parameters without Tags
    request: dict[str, Any]
    #: `InProgress`, `Stopping`, `Completed`, `Failed`, `Stopped`
    status: str = "InProgress"
    created: float
    modified: float
    #: when its worker began, and when all its outputs were stored
    started: float | None = None
    ended: float | None = None
    failure: str | None = None
    #: how many jobs of this name were deleted before it
    generation: int = 0

    @property
    def key(self) -> str:
        return self.name.lower()

    @property
    def live(self) -> bool:
        return self.status in LIVE

    @property
    def role(self) -> str:
        return str(self.request["RoleArn"])

    @property
    def worker_id(self) -> str:
        """Unique for ever: a job has one worker and never a second, also where a name comes again."""
        return f"{self.KIND}-{self.key}" + (f"-{self.generation}" if self.generation else "")
