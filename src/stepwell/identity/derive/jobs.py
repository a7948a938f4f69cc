"""The role of a SageMaker job or model: its data, its logs, its metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from stepwell.identity.derive.needs import Need, Place, needs
from stepwell.identity.derive.values import DYNAMIC, texts

LOGGING = "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogStreams logs:PutLogEvents"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """Where an operation's parameters name data."""

    #: the log group's last part
    logs: str
    reads: tuple[str, ...] = ()
    #: read, and named with their whole key
    objects: tuple[str, ...] = ()
    writes: tuple[str, ...] = ()
    #: read and written: checkpoints
    both: tuple[str, ...] = ()


JOBS: Mapping[str, Job] = {
    "CreateTrainingJob": Job(
        logs="TrainingJobs",
        reads=("InputDataConfig.DataSource.S3DataSource.S3Uri",),
        writes=("OutputDataConfig.S3OutputPath", "TensorBoardOutputConfig.S3OutputPath"),
        both=("CheckpointConfig.S3Uri",),
    ),
    "CreateProcessingJob": Job(
        logs="ProcessingJobs",
        reads=("ProcessingInputs.S3Input.S3Uri",),
        writes=("ProcessingOutputConfig.Outputs.S3Output.S3Uri",),
    ),
    "CreateHyperParameterTuningJob": Job(
        logs="TrainingJobs",
        reads=("TrainingJobDefinition.InputDataConfig.DataSource.S3DataSource.S3Uri",),
        writes=("TrainingJobDefinition.OutputDataConfig.S3OutputPath",),
        both=("TrainingJobDefinition.CheckpointConfig.S3Uri",),
    ),
    "CreateModel": Job(
        logs="Endpoints",
        objects=("PrimaryContainer.ModelDataUrl", "Containers.ModelDataUrl"),
    ),
}


def job_role(
    operation: str,
    parameters: Mapping[str, Any],
    *,
    account: str,
    region: str,
    partition: str = "aws",
    language: str = "JSONPath",
) -> tuple[Need, ...]:
    """What the role of a job takes, from the parameters of CreateTrainingJob, CreateProcessingJob, ...

    language: how the parameters spell what is computed, where they stand in a definition.
    Raises KeyError for an operation that makes no job.
    """
    job = JOBS[operation]
    place = Place(account=account, region=region, partition=partition)
    return tuple(sorted(set(_needs(job, operation, parameters, language, place))))


def _needs(
    job: Job, operation: str, parameters: Mapping[str, Any], language: str, place: Place
) -> Iterator[Need]:
    for path in job.objects:
        for uri in texts(parameters, path, language):
            bucket, key = _parts(uri)
            yield from needs("s3:GetObject", [place.arn(f"s3:{bucket}/{key or DYNAMIC}")], why=path)
    for path in (*job.reads, *job.both):
        for uri in texts(parameters, path, language):
            bucket, key = _parts(uri)
            yield from needs("s3:GetObject", [place.arn(f"s3:{bucket}/{_under(key)}")], why=path)
            yield from needs("s3:ListBucket", [place.arn(f"s3:{bucket}")], why=path)
    for path in (*job.writes, *job.both):
        for uri in texts(parameters, path, language):
            bucket, key = _parts(uri)
            yield from needs("s3:PutObject", [place.arn(f"s3:{bucket}/{_under(key)}")], why=path)
    group = place.arn(f"logs:log-group:/aws/sagemaker/{job.logs}")
    yield from needs(LOGGING, [f"{group}:*"], why=operation)
    yield from needs("cloudwatch:PutMetricData", ["*"], why=operation)


def _parts(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`."""
    pieces = urlsplit(uri)
    if pieces.scheme != "s3":
        return DYNAMIC, ""
    return pieces.netloc, pieces.path.lstrip("/")


def _under(key: str) -> str:
    """What a prefix reaches: `S3Uri` may name an object or whatever begins so."""
    return key if key.endswith(DYNAMIC) else f"{key}{DYNAMIC}"
