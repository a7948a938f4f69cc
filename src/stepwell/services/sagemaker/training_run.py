"""How a training job runs: SageMaker's container contract for training, and where its outputs go.

SageMaker Developer Guide, "How Amazon SageMaker runs your training image"; script mode is the image's.
"""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from stepwell.durable import Draft
from stepwell.services.sagemaker import archives, commands, training_jobs
from stepwell.services.sagemaker.job_run import Ending
from stepwell.services.sagemaker.metrics import Metrics
from stepwell.services.sagemaker.s3_uris import below
from stepwell.services.sagemaker.staging import Staging, inside
from stepwell.services.sagemaker.training_jobs import TrainingJob
from stepwell.services.sagemaker.worker_folder import own, read_text
from stepwell.services.sagemaker.worker_log import WorkerLog
from stepwell.workers.environments import Environment
from stepwell.workers.jobs import Exit, JobSpec, Limits
from stepwell.workers.worker_environment import CredentialsUrl

HOST = "algo-1"
GROUP_NAME = "homogeneousCluster"
#: characters of /opt/ml/output/failure
FAILURE_LIMIT = 1024
#: folders that a container finds
FOLDERS = ("input/config", "input/data", "model", "output/data", "code", "checkpoints")
#: seconds between SIGTERM and SIGKILL (StopTrainingJob's reference)
GRACE = 120.0
#: SecondaryStatus and its message for each stage of a run
STAGES = {
    "Preparing": ("Starting", "Preparing the environment for training"),
    "Downloading": ("Downloading", "Downloading input data"),
    "Running": ("Training", "Training image download completed. Training in progress."),
    "Uploading": ("Uploading", "Uploading generated training model"),
}


class Training:
    """The `job_run.Kind` of training jobs."""

    record = TrainingJob
    run = training_jobs.RUN
    stop = training_jobs.STOP
    group = "/aws/sagemaker/TrainingJobs"

    def __init__(self) -> None:
        self._metrics: dict[str, Metrics] = {}

    def image(self, job: TrainingJob) -> str:
        return str(job.request["AlgorithmSpecification"]["TrainingImage"])

    async def fill(self, job: TrainingJob, folder: Path, staging: Staging) -> None:
        for name in FOLDERS:
            (folder / name).mkdir(parents=True, exist_ok=True)
        for name, value in configuration(job).items():
            (folder / "input/config" / name).write_text(json.dumps(value))
        for channel in job.request.get("InputDataConfig", []):
            source = channel["DataSource"]["S3DataSource"]
            target = inside(folder / "input/data", channel["ChannelName"])
            target.mkdir(exist_ok=True)
            if source["S3DataType"] == "ManifestFile":
                await staging.fetch_manifest(source["S3Uri"], target)
            else:
                await staging.fetch_prefix(source["S3Uri"], target)
        code = submit_directory(job.request.get("HyperParameters", {}))
        if code is not None:
            archive = folder / "code.tar.gz"
            await staging.fetch(code, archive)
            await asyncio.to_thread(archives.unpack, archive, folder / "code")
            archive.unlink()

    def spec(self, job: TrainingJob, environment: Environment, credentials: CredentialsUrl | None) -> JobSpec:
        algorithm = job.request["AlgorithmSpecification"]
        return JobSpec(
            worker_id=job.worker_id,
            command=commands.training(
                environment, algorithm.get("ContainerEntrypoint"), algorithm.get("ContainerArguments")
            ),
            variables={
                **environment.variables,
                **job.request.get("Environment", {}),
                "TRAINING_JOB_NAME": job.name,
                "TRAINING_JOB_ARN": job.arn,
            },
            credentials=credentials,
            read=environment.read,
            path=environment.path,
            network=not job.request.get("EnableNetworkIsolation", False),
            limits=Limits(
                runtime=job.request["StoppingCondition"]["MaxRuntimeInSeconds"],
                grace=GRACE,
                disk_bytes=commands.volume(job.request["ResourceConfig"]),
            ),
        )

    async def store(
        self, job: TrainingJob, folder: Path, staging: Staging, *, failed: bool
    ) -> dict[str, Any]:
        facts: dict[str, Any] = {"metrics": self._metrics.pop(job.key).final()}
        if not failed:
            model = await asyncio.to_thread(own, folder, "model")
            model.mkdir(exist_ok=True)
            await _store(job, model, below(job.output, "model"), staging, scratch=folder.parent)
        data = await asyncio.to_thread(own, folder, "output", "data")
        if not await asyncio.to_thread(archives.is_empty, data):
            await _store(job, data, below(job.output, "output"), staging, scratch=folder.parent)
        return facts

    def listen(self, job: TrainingJob, lines: WorkerLog) -> None:
        metrics = Metrics(job.name, job.request["AlgorithmSpecification"].get("MetricDefinitions", []))
        self._metrics[job.key] = metrics
        lines.listeners.append(metrics)

    def failure(self, folder: Path, exit_: Exit) -> str:
        text = read_text(folder, "output", "failure", limit=FAILURE_LIMIT) or commands.detail(exit_)
        code = commands.exit_code(exit_)
        ending = f", exit code: {code}"
        return f"AlgorithmError: {text[: FAILURE_LIMIT - len(ending) - 16]}{ending}"

    def moved(self, draft: Draft, job: TrainingJob, stage: str, message: str | None) -> None:
        secondary, usual = STAGES[stage]
        changes = {"started": draft.now} if stage == "Downloading" and job.started is None else {}
        moved = training_jobs.enter(job, draft.now, secondary, message or usual, **changes)
        if secondary == job.secondary:
            draft.put(moved)
        else:
            training_jobs.save(draft, moved)

    def ended(self, draft: Draft, job: TrainingJob, ending: Ending) -> None:
        exceeded = ending.exit is not None and ending.exit.reason == "max_runtime"
        by_limit = exceeded and job.status == "InProgress"
        secondary = "MaxRuntimeExceeded" if by_limit else ending.status
        messages = {
            "Completed": "Training job completed",
            "Failed": "Training job failed",
            "Stopped": "Training job stopped",
            "MaxRuntimeExceeded": "Training job runtime exceeded MaxRuntimeInSeconds provided",
        }
        job = replace(
            training_jobs.enter(job, draft.now, secondary, messages[secondary]),
            status=ending.status,
            failure=ending.failure,
            ended=draft.now,
            **ending.facts,
        )
        job.transitions[-1]["EndTime"] = draft.now
        training_jobs.save(draft, job)


async def _store(job: TrainingJob, folder: Path, place: str, staging: Staging, *, scratch: Path) -> None:
    """Store a folder as one archive, made in `scratch`, or file by file. Raises RunFailed."""
    if not job.compressed:
        await staging.store_folder(folder, place)
        return
    with tempfile.TemporaryDirectory(prefix="pack-", dir=scratch) as made:
        archive = Path(made) / "archive.tar.gz"
        await asyncio.to_thread(archives.pack, folder, archive)
        await staging.store(archive, f"{place}.tar.gz")


def configuration(job: TrainingJob) -> dict[str, Any]:
    """The files of /opt/ml/input/config."""
    algorithm = job.request["AlgorithmSpecification"]
    kind = job.request["ResourceConfig"].get("InstanceType", "local")
    return {
        "hyperparameters.json": job.request.get("HyperParameters", {}),
        "inputdataconfig.json": {
            channel["ChannelName"]: {
                "TrainingInputMode": channel.get("InputMode", algorithm["TrainingInputMode"]),
                "S3DistributionType": channel["DataSource"]["S3DataSource"].get(
                    "S3DataDistributionType", "FullyReplicated"
                ),
                "RecordWrapperType": channel.get("RecordWrapperType", "None"),
                **({"ContentType": channel["ContentType"]} if "ContentType" in channel else {}),
            }
            for channel in job.request.get("InputDataConfig", [])
        },
        "resourceconfig.json": {
            "current_host": HOST,
            "hosts": [HOST],
            "network_interface_name": "eth0",
            "current_instance_type": kind,
            "current_group_name": GROUP_NAME,
            "instance_groups": [{"instance_type": kind, "instance_group_name": GROUP_NAME, "hosts": [HOST]}],
        },
    }


def submit_directory(hyperparameters: Mapping[str, str]) -> str | None:
    """Where script mode's code lies in S3; None where it comes with the image or a channel.

    The toolkit reads every hyperparameter as JSON first, and as it is where it is none.
    """
    value: Any = hyperparameters.get("sagemaker_submit_directory")
    if value is None:
        return None
    with suppress(ValueError, RecursionError):
        value = json.loads(value)
    return value if isinstance(value, str) and value.startswith("s3://") else None
