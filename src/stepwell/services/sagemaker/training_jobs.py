"""Training jobs: what may be asked of them, and what Describe and List show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.sagemaker import job as jobs
from stepwell.services.sagemaker import listing, names, roles, tags
from stepwell.services.sagemaker.errors import ResourceInUse
from stepwell.services.sagemaker.events import tell
from stepwell.services.sagemaker.image_check import CheckImage
from stepwell.services.sagemaker.job import Job
from stepwell.services.sagemaker.metrics import check as check_metrics
from stepwell.services.sagemaker.s3_uris import below, require_s3
from stepwell.workers import worker_roles

EVENT = "SageMaker Training Job State Change"
RUN = "training-job"
STOP = "stop-training-job"
#: StoppingCondition.MaxRuntimeInSeconds where the caller names none (CreateTrainingJob's reference)
MAX_RUNTIME = 86_400
#: members of the request that Describe gives back as they came
DESCRIBED = words(
    "HyperParameters AlgorithmSpecification RoleArn InputDataConfig OutputDataConfig ResourceConfig VpcConfig"
    " StoppingCondition EnableNetworkIsolation EnableInterContainerTrafficEncryption"
    " EnableManagedSpotTraining Environment ExperimentConfig ProfilerConfig DebugHookConfig"
)


class TrainingJob(Job, frozen=True, kw_only=True):
    """A training job."""

    KIND: ClassVar[str] = "training-job"

    #: SecondaryStatus
    secondary: str = "Starting"
    #: SecondaryStatusTransitions, the last one open while the job lives
    transitions: list[dict[str, Any]] = []
    #: FinalMetricDataList
    metrics: list[dict[str, Any]] = []

    @property
    def output(self) -> str:
        """Where its outputs go."""
        return below(self.request["OutputDataConfig"]["S3OutputPath"], self.name, "output")

    @property
    def compressed(self) -> bool:
        return bool(self.request["OutputDataConfig"].get("CompressionType", "GZIP") == "GZIP")

    @property
    def artifacts(self) -> str:
        """Where its model lies, or will: AWS says so from the start."""
        return below(self.output, "model.tar.gz") if self.compressed else below(self.output, "model/")


def enter(job: TrainingJob, now: float, secondary: str, message: str, **changes: Any) -> TrainingJob:
    """`job` in another secondary status; a new message alone changes the open transition."""
    past = list(job.transitions)
    if past and past[-1]["Status"] == secondary:
        past[-1] = {**past[-1], "StatusMessage": message}
    else:
        if past:
            past[-1] = {**past[-1], "EndTime": now}
        past.append({"Status": secondary, "StartTime": now, "StatusMessage": message})
    return replace(job, secondary=secondary, transitions=past, modified=now, **changes)


def describe(job: TrainingJob) -> dict[str, Any]:
    """DescribeTrainingJob's output."""
    shown: dict[str, Any] = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "ModelArtifacts": {"S3ModelArtifacts": job.artifacts},
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
        **{name: job.request[name] for name in DESCRIBED if name in job.request},
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "SecondaryStatusTransitions": job.transitions,
        "ProfilingStatus": "Disabled",
    }
    if job.failure is not None:
        shown["FailureReason"] = job.failure
    if job.started is not None:
        shown["TrainingStartTime"] = job.started
    if job.ended is not None:
        shown["TrainingEndTime"] = job.ended
    if job.started is not None and job.ended is not None:
        seconds = max(1, round(job.ended - job.started))
        shown |= {"TrainingTimeInSeconds": seconds, "BillableTimeInSeconds": seconds}
    if job.metrics:
        shown["FinalMetricDataList"] = job.metrics
    return shown


def save(draft: Draft, job: TrainingJob) -> None:
    """Write the job and tell its state change."""
    draft.put(job)
    tell(draft, EVENT, job.arn, describe(job))


def find(view: View, name: str) -> TrainingJob:
    """The job. Raises ValidationException."""
    job = view.get(TrainingJob, name.lower())
    if job is None:
        raise ValidationException("Requested resource not found.")
    return job


def create(call: Call, draft: Draft, _: None) -> dict[str, Any]:
    """CreateTrainingJob."""
    params = call.params
    name = params["TrainingJobName"]
    arn = names.arn_of(draft, TrainingJob.KIND, name)
    if draft.get(TrainingJob, name.lower()) is not None:
        raise ResourceInUse(
            f"Training job names must be unique within an AWS account and region, and a training job with "
            f"this name already exists ({arn})"
        )
    roles.require(draft, params["RoleArn"], arn)
    request = {key: value for key, value in params.items() if key != "Tags"}
    request["StoppingCondition"] = {
        "MaxRuntimeInSeconds": MAX_RUNTIME,
        **params.get("StoppingCondition", {}),
    }
    job = TrainingJob(
        name=name,
        arn=arn,
        request=request,
        created=draft.now,
        modified=draft.now,
        generation=jobs.generation(draft, TrainingJob, name),
    )
    tags.add(draft, arn, params.get("Tags"))
    save(draft, enter(job, draft.now, "Starting", "Starting the training job"))
    worker_roles.grant(
        draft, job.worker_id, job.role, principal=roles.SERVICE, session=roles.SESSION, source=job.arn
    )
    draft.effect(RUN, {"key": job.key}, token=f"{RUN}/{job.key}")
    return {"TrainingJobArn": arn}


def _check(params: Mapping[str, Any]) -> None:
    """Raise ValidationException for what AWS refuses, or what one machine cannot honour."""
    algorithm = params.get("AlgorithmSpecification", {})
    resources = params.get("ResourceConfig")
    if "TrainingImage" not in algorithm:
        raise ValidationException("AlgorithmSpecification must name a TrainingImage.")
    if resources is None:
        raise ValidationException("ResourceConfig is required.")
    if resources.get("InstanceCount", 1) != 1:
        raise ValidationException(
            f"ResourceConfig.InstanceCount is {resources['InstanceCount']}: Stepwell trains on one host. "
            "Set it to 1."
        )
    channels = params.get("InputDataConfig", [])
    for channel in channels:
        mode = channel.get("InputMode", algorithm["TrainingInputMode"])
        if mode == "Pipe":
            raise ValidationException(
                f"Channel {channel['ChannelName']}: the input mode Pipe is not supported by Stepwell. "
                "Use File or FastFile."
            )
        source = channel["DataSource"].get("S3DataSource")
        if source is None:
            raise ValidationException(f"Channel {channel['ChannelName']} must have an S3DataSource.")
        if source["S3DataType"] not in ("S3Prefix", "ManifestFile"):
            raise ValidationException(
                f"Channel {channel['ChannelName']}: the S3DataType {source['S3DataType']} is not supported "
                "by Stepwell. Use S3Prefix or ManifestFile."
            )
        if channel.get("CompressionType") == "Gzip":
            raise ValidationException("CompressionType Gzip is only supported with the input mode Pipe.")
        if channel.get("RecordWrapperType") == "RecordIO":
            raise ValidationException(
                "RecordWrapperType RecordIO is only supported with the input mode Pipe."
            )
        require_s3(source["S3Uri"])
    if len({channel["ChannelName"] for channel in channels}) != len(channels):
        raise ValidationException("Channel names must be unique within a training job.")
    require_s3(params["OutputDataConfig"]["S3OutputPath"])
    check_metrics(algorithm.get("MetricDefinitions", []))


def stop(call: Call, draft: Draft) -> None:
    """StopTrainingJob."""
    job = find(draft, call.params["TrainingJobName"])
    if not job.live:
        raise ValidationException(
            f"The request was rejected because the training job is in status {job.status}."
        )
    if job.status == "InProgress":
        save(draft, enter(job, draft.now, "Stopping", "Stopping the training job", status="Stopping"))
        draft.effect(STOP, {"worker": job.worker_id})


def delete(call: Call, draft: Draft) -> None:
    """DeleteTrainingJob: its name is free again. Raises ResourceInUse while the job lives."""
    job = find(draft, call.params["TrainingJobName"])
    jobs.delete(draft, job)


def list_jobs(call: Call, view: View) -> dict[str, Any]:
    """ListTrainingJobs."""
    return listing.page(
        call.params,
        (_summary(job) for job in view.scan(TrainingJob)),
        member="TrainingJobSummaries",
        name="TrainingJobName",
        status="TrainingJobStatus",
    )


def _summary(job: TrainingJob) -> dict[str, Any]:
    shown = {
        "TrainingJobName": job.name,
        "TrainingJobArn": job.arn,
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        "TrainingJobStatus": job.status,
        "SecondaryStatus": job.secondary,
    }
    return shown if job.ended is None else {**shown, "TrainingEndTime": job.ended}


def operations(check_image: CheckImage) -> list[Operation]:
    async def prepare(call: Call, context: Context) -> None:
        _check(call.params)
        await check_image(call.params["AlgorithmSpecification"]["TrainingImage"])

    named = "TrainingJobName"
    return [
        Operation(
            name="CreateTrainingJob",
            rights=(
                names.right(
                    "CreateTrainingJob",
                    TrainingJob.KIND,
                    named,
                    InstanceTypes=names.given("ResourceConfig", "InstanceType"),
                    MaxRuntimeInSeconds=names.given("StoppingCondition", "MaxRuntimeInSeconds"),
                    NetworkIsolation=names.given("EnableNetworkIsolation"),
                ),
                names.passing("RoleArn"),
                names.tagging(TrainingJob.KIND, named),
            ),
            honoured=words(
                "TrainingJobName HyperParameters RoleArn Tags Environment EnableNetworkIsolation"
                " AlgorithmSpecification.TrainingImage AlgorithmSpecification.TrainingInputMode"
                " AlgorithmSpecification.MetricDefinitions AlgorithmSpecification.ContainerEntrypoint"
                " AlgorithmSpecification.ContainerArguments"
                " InputDataConfig.ChannelName InputDataConfig.DataSource.S3DataSource.S3DataType"
                " InputDataConfig.DataSource.S3DataSource.S3Uri InputDataConfig.ContentType"
                " InputDataConfig.DataSource.S3DataSource.S3DataDistributionType"
                " InputDataConfig.CompressionType InputDataConfig.RecordWrapperType InputDataConfig.InputMode"
                " OutputDataConfig.S3OutputPath OutputDataConfig.CompressionType"
                " ResourceConfig.InstanceCount ResourceConfig.VolumeSizeInGB"
                " StoppingCondition.MaxRuntimeInSeconds"
            ),
            recorded=words(
                "OutputDataConfig.KmsKeyId ResourceConfig.InstanceType"
                " ResourceConfig.VolumeKmsKeyId VpcConfig EnableInterContainerTrafficEncryption"
                " EnableManagedSpotTraining StoppingCondition.MaxWaitTimeInSeconds"
                " AlgorithmSpecification.EnableSageMakerMetricsTimeSeries ExperimentConfig"
                " ProfilerConfig DebugHookConfig"
            ),
            prepare=prepare,
            decide=create,
        ),
        Operation(
            name="DescribeTrainingJob",
            rights=(names.right("DescribeTrainingJob", TrainingJob.KIND, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListTrainingJobs",
            rights=(names.listing("ListTrainingJobs", TrainingJob.KIND),),
            honoured=(*listing.FIELDS, "LastModifiedTimeAfter", "LastModifiedTimeBefore", "StatusEquals"),
            read=list_jobs,
        ),
        Operation(
            name="StopTrainingJob",
            rights=(names.right("StopTrainingJob", TrainingJob.KIND, named),),
            honoured=(named,),
            decide=stop,
        ),
        Operation(
            name="DeleteTrainingJob",
            rights=(names.right("DeleteTrainingJob", TrainingJob.KIND, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
