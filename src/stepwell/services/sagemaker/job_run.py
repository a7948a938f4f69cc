"""Runs a job: stage, start, follow, store, and tell the end once.

Everything here may be repeated after a crash at any instant. What was done is found again, in the record and
in the worker's folder; the worker's id comes from the job's name, so there is never a second run.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from stepwell.durable import Draft, Effect, EffectKind, Outcome
from stepwell.errors import AwsError
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.image_check import built
from stepwell.services.sagemaker.job import Job
from stepwell.services.sagemaker.ports import Parts
from stepwell.services.sagemaker.progress import Progress
from stepwell.services.sagemaker.roles import assume
from stepwell.services.sagemaker.staging import Staging
from stepwell.services.sagemaker.worker_log import WorkerLog
from stepwell.workers import worker_roles
from stepwell.workers.environments import Environment
from stepwell.workers.jobs import Exit, JobSpec, WorkerError
from stepwell.workers.worker_environment import CredentialsUrl

log = logging.getLogger(__name__)
J = TypeVar("J", bound=Job)
FORGET = "forget-worker"
#: characters of a FailureReason
REASON_LIMIT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """How a job ended."""

    #: `Completed`, `Failed` or `Stopped`
    status: str
    #: FailureReason
    failure: str | None = None
    #: how the worker ended; None when it never began
    exit: Exit | None = None
    #: what the kind of job adds to its record
    facts: dict[str, Any] = field(default_factory=dict)


class Kind(Protocol[J]):
    """What tells training and processing apart."""

    #: the record's class, the names of its effects, and CloudWatch's log group
    record: type[J]
    run: str
    stop: str
    group: str

    def image(self, job: J) -> str: ...

    async def fill(self, job: J, folder: Path, staging: Staging) -> None:
        """Put inputs, code and configuration where the job will see /opt/ml. Raises RunFailed."""
        ...

    def spec(self, job: J, environment: Environment, credentials: CredentialsUrl | None) -> JobSpec: ...

    async def store(self, job: J, folder: Path, staging: Staging, *, failed: bool) -> dict[str, Any]:
        """Store the outputs, fewer for a job that failed; returns what Describe shows. Raises RunFailed."""
        ...

    def listen(self, job: J, lines: WorkerLog) -> None:
        """Say what is wanted of the job's lines beside keeping them."""
        ...

    def failure(self, folder: Path, exit_: Exit) -> str:
        """The FailureReason of a worker that ended badly by itself."""
        ...

    def moved(self, draft: Draft, job: J, stage: str, message: str | None) -> None:
        """Write that the job reached a stage: `Preparing`, `Downloading`, `Running`, `Uploading`."""
        ...

    def ended(self, draft: Draft, job: J, ending: Ending) -> None:
        """Write and tell the end."""
        ...


class JobRuns(Generic[J]):
    """The effects of one kind of job."""

    def __init__(self, kind: Kind[J], parts: Parts) -> None:
        self._kind = kind
        self._parts = parts
        self._stops: dict[str, asyncio.Event] = {}

    def effects(self) -> list[EffectKind]:
        return [
            EffectKind(name=self._kind.run, perform=self._perform, complete=self._complete),
            EffectKind(name=self._kind.stop, perform=self._stop, complete=_nothing),
        ]

    async def _perform(self, effect: Effect) -> Ending | None:
        job = await self._read(effect.body["key"])
        if job is None or not job.live:
            return None
        try:
            return await self._run(job)
        except RunFailed as error:
            return Ending(status="Failed", failure=f"ClientError: {error.message}"[:REASON_LIMIT])
        except WorkerError as error:
            return Ending(status="Failed", failure=internal(str(error)))

    def _complete(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        job = draft.get(self._kind.record, effect.body["key"])
        if job is None or not job.live:
            return
        ending = outcome.value
        if outcome.error is not None:
            ending = Ending(status="Failed", failure=internal(outcome.error.message))
        if not isinstance(ending, Ending):
            raise TypeError(f"{self._kind.run} ended without saying how")
        self._kind.ended(draft, job, ending)
        worker_roles.revoke(draft, job.worker_id)
        draft.effect(FORGET, {"worker": job.worker_id})

    async def _stop(self, effect: Effect) -> None:
        worker_id = effect.body["worker"]
        if worker_id in self._stops:
            self._stops[worker_id].set()
        if self._parts.jobs.known(worker_id):
            self._parts.jobs.stop(worker_id)

    async def _read(self, key: str) -> J | None:
        return await self._parts.context.read(lambda view: view.get(self._kind.record, key))

    async def _run(self, job: J) -> Ending:
        jobs = self._parts.jobs
        if job.status == "Stopping" and not jobs.known(job.worker_id):
            return Ending(status="Stopped")
        try:
            session = await assume(self._parts.context, job.role, job.arn)
        except AwsError as error:
            raise RunFailed(error.message) from error
        staging = Staging(context=self._parts.context, caller=session.caller)
        stream = f"{job.name}/algo-1-{int(job.created)}"
        lines = WorkerLog(self._parts, job.worker_id, group=self._kind.group, stream=stream)
        await lines.open(session.caller)
        self._kind.listen(job, lines)
        if not jobs.known(job.worker_id):
            stopping = self._stops.setdefault(job.worker_id, asyncio.Event())
            try:
                began = await unless(stopping, self._begin(job, staging, lines))
            finally:
                del self._stops[job.worker_id]
            if not began and not jobs.known(job.worker_id):
                return Ending(status="Stopped")
        elif job.status == "Stopping":
            jobs.stop(job.worker_id)
        # Both at once: waiting also starts, or buries, a worker whose supervisor is missing.
        exit_, _ = await asyncio.gather(jobs.wait(job.worker_id), lines.follow())
        return await self._finish(job, staging, exit_)

    async def _begin(self, job: J, staging: Staging, lines: WorkerLog) -> bool:
        """Start the worker; false when the job is to stop before it began."""
        jobs, kind = self._parts.jobs, self._kind
        progress = Progress(lambda message: self._move(job.key, "Preparing", message), lines.say)
        try:
            environment = await built(self._parts.environments, kind.image(job), progress)
        except BaseException:
            progress.abandon()
            raise
        await progress.close()
        await self._move(job.key, "Downloading", None)
        folder = await asyncio.to_thread(jobs.staging, job.worker_id)
        if folder is not None:
            await kind.fill(job, folder, staging)
        current = await self._read(job.key)
        if current is None or current.status == "Stopping":
            return False
        await self._move(job.key, "Running", None)
        await jobs.start(kind.spec(job, environment, await self._parts.credentials.url(job.worker_id)))
        # A stop that was committed while the worker started found none to stop.
        current = await self._read(job.key)
        if current is not None and current.status == "Stopping":
            jobs.stop(job.worker_id)
        return True

    async def _finish(self, job: J, staging: Staging, exit_: Exit) -> Ending:
        folder = self._parts.jobs.folder(job.worker_id) / "ml"
        current = await self._read(job.key)
        stopping = current is not None and current.status == "Stopping"
        stopped = stopping or exit_.reason in ("stopped", "max_runtime")
        if exit_.reason == "internal" and not stopping:
            return Ending(status="Failed", failure=internal(exit_.detail), exit=exit_)
        if not stopped and not exit_.succeeded:
            failure = await asyncio.to_thread(self._kind.failure, folder, exit_)
            facts = await self._kind.store(job, folder, staging, failed=True)
            return Ending(status="Failed", failure=failure[:REASON_LIMIT], exit=exit_, facts=facts)
        await self._move(job.key, "Uploading", None)
        facts = await self._kind.store(job, folder, staging, failed=False)
        return Ending(status="Stopped" if stopped else "Completed", exit=exit_, facts=facts)

    async def _move(self, key: str, stage: str, message: str | None) -> None:
        """Commit that a running job reached a stage; one that is stopping keeps its status."""

        def decide(draft: Draft) -> None:
            job = draft.get(self._kind.record, key)
            if job is not None and job.status == "InProgress":
                self._kind.moved(draft, job, stage, message)

        await self._parts.context.decide(decide)


def internal(detail: str) -> str:
    """The FailureReason for faults that are not the user's."""
    text = f"InternalServerError: We encountered an internal error. Please try again. ({detail})"
    return text[:REASON_LIMIT]


async def unless(stopping: asyncio.Event, work: Coroutine[Any, Any, bool]) -> bool:
    """What `work` returns; false, and the work given up, when `stopping` is set first."""
    task = asyncio.ensure_future(work)
    stop = asyncio.ensure_future(stopping.wait())
    try:
        await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else False
    finally:
        stop.cancel()
        if not task.done():
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def forgetting(parts: Parts) -> EffectKind:
    """The effect that removes an ended worker's folder."""

    async def perform(effect: Effect) -> None:
        worker_id = effect.body["worker"]
        parts.credentials.forget(worker_id)
        if parts.jobs.known(worker_id) and parts.jobs.ended(worker_id) is None:
            parts.jobs.stop(worker_id)
            await parts.jobs.wait(worker_id)
        await asyncio.to_thread(parts.jobs.forget, worker_id)

    return EffectKind(name=FORGET, perform=perform, complete=_nothing)


def _nothing(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """What is done needs no decision; what failed is in the server's log."""
    if outcome.error is not None:
        log.warning("%s %s: %s", effect.kind, effect.body, outcome.error.message)
