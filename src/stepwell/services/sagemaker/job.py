"""What training and processing jobs have in common: a request, a status, and one worker that does it."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.durable import Draft, Record
from stepwell.services.sagemaker import tags
from stepwell.services.sagemaker.errors import ResourceInUse

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


class Deleted(Record, frozen=True, kw_only=True):
    """A name that deleted jobs left free: what the worker of a next one is told apart by."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "deleted-job"

    #: the jobs' KIND
    kind: str
    #: in lower case
    name: str
    #: how many jobs had it
    count: int

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.name}"


def generation(draft: Draft, kind: type[Job], name: str) -> int:
    """How many jobs of that kind and name were deleted before."""
    before = draft.get(Deleted, f"{kind.KIND}/{name.lower()}")
    return 0 if before is None else before.count


def delete(draft: Draft, job: Job) -> None:
    """Forget an ended job: its name is free again. Raises ResourceInUse while it lives."""
    if job.live:
        raise ResourceInUse(
            f"{job.KIND} {job.name} is in status {job.status}: only a job that is Completed, Failed or "
            "Stopped can be deleted."
        )
    draft.delete(type(job), job.key)
    draft.delete(tags.Tags, job.arn)
    draft.put(Deleted(kind=job.KIND, name=job.key, count=job.generation + 1))
