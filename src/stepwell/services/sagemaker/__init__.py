"""SageMaker: training and processing jobs, models and the endpoints that serve them, the model registry.

    service(environments)       the operations
    effects(parts)              what jobs and endpoints do after a commit
    timers()                    when captured data is stored
    Captures                    what endpoints keep of their traffic, which InvokeEndpoint hands over
    Rollbacks, rollback_rights  how endpoints go back to what they served
    WorkerCredentials           answers `GET /_stepwell/credentials/WORKER`
    stop_all(parts)             ends every job and model server (`stepwell stop --all`)

One noun a file holds its record and its handlers; `job_run` and `hosting` do the work.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from stepwell.api.operations import Service
from stepwell.durable import Draft, EffectKind, Timer, View
from stepwell.services.sagemaker import (
    captures,
    endpoint_configs,
    endpoints,
    models,
    package_groups,
    packages,
    processing_jobs,
    tagging,
    training_jobs,
)
from stepwell.services.sagemaker.captures import Captures
from stepwell.services.sagemaker.endpoints import Endpoint
from stepwell.services.sagemaker.hosting import Hosting
from stepwell.services.sagemaker.image_check import image_check
from stepwell.services.sagemaker.job_run import JobRuns, forgetting
from stepwell.services.sagemaker.ports import Environments, Parts
from stepwell.services.sagemaker.processing_jobs import ProcessingJob
from stepwell.services.sagemaker.processing_run import Processing
from stepwell.services.sagemaker.rollback import Rollbacks
from stepwell.services.sagemaker.rollback import rights as rollback_rights
from stepwell.services.sagemaker.tags import tags_of
from stepwell.services.sagemaker.training_jobs import TrainingJob
from stepwell.services.sagemaker.training_run import Training
from stepwell.workers.worker_roles import WorkerCredentials, WorkerRole

__all__ = [
    "Captures",
    "Endpoint",
    "Parts",
    "ProcessingJob",
    "Rollbacks",
    "TrainingJob",
    "WorkerCredentials",
    "effects",
    "rollback_rights",
    "service",
    "stop_all",
    "tags_of",
    "timers",
]


def service(environments: Environments) -> Service:
    """The operations. environments: what images stand for."""
    check = image_check(environments)
    return Service(
        "sagemaker",
        [
            *training_jobs.operations(check),
            *processing_jobs.operations(check),
            *models.operations(check),
            *endpoint_configs.operations(),
            *endpoints.operations(),
            *package_groups.operations(),
            *packages.operations(),
            *tagging.operations(),
        ],
    )


def effects(parts: Parts) -> list[EffectKind]:
    """Effect kinds. They are resumed from the store at a start, so jobs and endpoints need no other hook."""
    return [
        *JobRuns(Training(), parts).effects(),
        *JobRuns(Processing(), parts).effects(),
        forgetting(parts),
        *Hosting(parts).effects(),
        *parts.captures.effects(),
    ]


def timers() -> dict[str, Callable[[Timer, Draft], None]]:
    """Timer handlers by their kinds."""
    return {captures.DUE: captures.timer}


async def stop_all(parts: Parts) -> None:
    """End every job and model server and wait until they have ended.

    To be called when effects are no longer performed. Jobs end as Stopped at the next start; endpoints'
    servers are started again then.
    """

    def workers(view: View) -> list[str]:
        return [role.worker_id for role in view.scan(WorkerRole)]

    running = [name for name in await parts.context.read(workers) if parts.jobs.known(name)]
    for worker_id in running:
        parts.jobs.stop(worker_id)
    await asyncio.gather(*(parts.jobs.wait(worker_id) for worker_id in running))
