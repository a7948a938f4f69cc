"""The kinds of things that runs make, as SageMaker lists, describes, stops and deletes them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Kind:
    """How SageMaker spells one kind; operations are boto3's methods."""

    #: as in `EndpointConfigName`, `EndpointConfigArn`
    word: str
    #: the listing, and the member of its answer that has the entries
    list: str
    entries: str
    delete: str


@dataclass(frozen=True, kw_only=True)
class Job(Kind):
    """A kind of job, which is stopped before it is deleted."""

    stop: str
    describe: str
    #: the log group of all jobs of this kind; a job's streams begin with its name
    log_group: str


#: jobs, by what people call them
JOBS = {
    "training job": Job(
        word="TrainingJob",
        list="list_training_jobs",
        entries="TrainingJobSummaries",
        delete="delete_training_job",
        stop="stop_training_job",
        describe="describe_training_job",
        log_group="/aws/sagemaker/TrainingJobs",
    ),
    "processing job": Job(
        word="ProcessingJob",
        list="list_processing_jobs",
        entries="ProcessingJobSummaries",
        delete="delete_processing_job",
        stop="stop_processing_job",
        describe="describe_processing_job",
        log_group="/aws/sagemaker/ProcessingJobs",
    ),
}
#: all that is known by its tag, in the order in which it is deleted
LISTED: dict[str, Kind] = {
    "endpoint": Kind(word="Endpoint", list="list_endpoints", entries="Endpoints", delete="delete_endpoint"),
    "endpoint config": Kind(
        word="EndpointConfig",
        list="list_endpoint_configs",
        entries="EndpointConfigs",
        delete="delete_endpoint_config",
    ),
    "model": Kind(word="Model", list="list_models", entries="Models", delete="delete_model"),
    **JOBS,
}
#: how AWS says that something isn't there: by its code, or by these words in a ValidationException
ABSENT = ("ResourceNotFound", "ResourceNotFoundException", "ExecutionDoesNotExist")
WORDS = ("could not find", "does not exist", "not found")


def is_gone(error: Exception) -> bool:
    """Whether AWS answered that there is no such thing."""
    response = getattr(error, "response", None)
    if response is None:
        return False
    code, message = response["Error"]["Code"], response["Error"]["Message"].lower()
    return code in ABSENT or (code == "ValidationException" and any(word in message for word in WORDS))
