"""How a processing job runs: SageMaker's container contract for processing, and where its outputs go.

SageMaker Developer Guide, "Build your own processing container".
"""

from __future__ import annotations

import asyncio
import codecs
import json
from pathlib import Path, PurePosixPath
from typing import Any

from msgspec.structs import replace

from stepwell.durable import Draft
from stepwell.services.sagemaker import commands, processing_jobs
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.job_run import Ending
from stepwell.services.sagemaker.processing_jobs import ProcessingJob
from stepwell.services.sagemaker.staging import Staging
from stepwell.services.sagemaker.worker_folder import own, read_bytes
from stepwell.services.sagemaker.worker_log import WorkerLog
from stepwell.workers.environments import Environment
from stepwell.workers.jobs import Exit, JobSpec, Limits
from stepwell.workers.worker_environment import CredentialsUrl

#: bytes of /opt/ml/output/message
MESSAGE_LIMIT = 1024
#: seconds between SIGTERM and SIGKILL
GRACE = 120.0
HOST = "algo-1"


class Processing:
    """The `job_run.Kind` of processing jobs."""

    record = ProcessingJob
    run = processing_jobs.RUN
    stop = processing_jobs.STOP
    group = "/aws/sagemaker/ProcessingJobs"

    def image(self, job: ProcessingJob) -> str:
        return str(job.request["AppSpecification"]["ImageUri"])

    async def fill(self, job: ProcessingJob, folder: Path, staging: Staging) -> None:
        for name in ("config", "processing", "output"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "config/processingjobconfig.json").write_text(json.dumps(configuration(job)))
        resources = {"current_host": HOST, "hosts": [HOST]}
        (folder / "config/resourceconfig.json").write_text(json.dumps(resources))
        for place in processing_jobs.inputs(job.request):
            target = folder.joinpath(*local(place["LocalPath"]))
            target.mkdir(parents=True, exist_ok=True)
            if place["S3DataType"] == "ManifestFile":
                await staging.fetch_manifest(place["S3Uri"], target)
            else:
                await staging.fetch_prefix(place["S3Uri"], target)
        for place in processing_jobs.outputs(job.request):
            folder.joinpath(*local(place["LocalPath"])).mkdir(parents=True, exist_ok=True)

    def spec(
        self, job: ProcessingJob, environment: Environment, credentials: CredentialsUrl | None
    ) -> JobSpec:
        application = job.request["AppSpecification"]
        isolated = job.request.get("NetworkConfig", {}).get("EnableNetworkIsolation", False)
        return JobSpec(
            worker_id=job.worker_id,
            command=commands.processing(
                environment, application.get("ContainerEntrypoint"), application.get("ContainerArguments")
            ),
            variables={**environment.variables, **job.request.get("Environment", {})},
            credentials=credentials,
            read=environment.read,
            path=environment.path,
            network=not isolated,
            limits=Limits(
                runtime=job.request["StoppingCondition"]["MaxRuntimeInSeconds"],
                grace=GRACE,
                disk_bytes=commands.volume(job.request["ProcessingResources"]["ClusterConfig"]),
            ),
        )

    async def store(
        self, job: ProcessingJob, folder: Path, staging: Staging, *, failed: bool
    ) -> dict[str, Any]:
        if not failed:
            for place in processing_jobs.outputs(job.request):
                source = await asyncio.to_thread(own, folder, *local(place["LocalPath"]))
                await staging.store_folder(source, place["S3Uri"])
        return {"message": await asyncio.to_thread(left_message, folder) or None}

    def listen(self, job: ProcessingJob, lines: WorkerLog) -> None:
        """A processing job has no metrics."""

    def failure(self, folder: Path, exit_: Exit) -> str:
        text = commands.detail(exit_) or left_message(folder) or "See job logs for more information"
        return f"AlgorithmError: {text}, exit code: {commands.exit_code(exit_)}"

    def moved(self, draft: Draft, job: ProcessingJob, stage: str, message: str | None) -> None:
        """Only the start shows: a processing job has no secondary status."""
        if stage == "Downloading" and job.started is None:
            draft.put(replace(job, started=draft.now, modified=draft.now))

    def ended(self, draft: Draft, job: ProcessingJob, ending: Ending) -> None:
        changes = {"failure": ending.failure, "ended": draft.now, "modified": draft.now, **ending.facts}
        processing_jobs.save(draft, replace(job, status=ending.status, **changes))


def local(path: str) -> tuple[str, ...]:
    """The parts of a LocalPath below /opt/ml."""
    return PurePosixPath(path).relative_to("/opt/ml").parts


def configuration(job: ProcessingJob) -> dict[str, Any]:
    """/opt/ml/config/processingjobconfig.json: the request as the container may read it."""
    return {"ProcessingJobArn": job.arn, **job.request}


def left_message(folder: Path) -> str:
    """The first bytes of /opt/ml/output/message, whole characters. Raises RunFailed unless it is UTF-8."""
    data = read_bytes(folder, "output", "message", limit=MESSAGE_LIMIT)
    try:
        text, _ = codecs.utf_8_decode(data, "strict", len(data) < MESSAGE_LIMIT)
    except UnicodeDecodeError as error:
        raise RunFailed("The file /opt/ml/output/message must be encoded in UTF-8") from error
    return text.strip()
