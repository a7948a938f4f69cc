"""Processing jobs: what may be asked of them, and what Describe and List show."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
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
from stepwell.services.sagemaker.s3_uris import require_s3
from stepwell.workers import worker_roles

EVENT = "SageMaker Processing Job State Change"
RUN = "processing-job"
STOP = "stop-processing-job"
#: StoppingCondition.MaxRuntimeInSeconds where the caller names none
MAX_RUNTIME = 86_400
#: every input and output lies below it
BASE = PurePosixPath("/opt/ml/processing")
DESCRIBED = words(
    "ProcessingInputs ProcessingOutputConfig ProcessingResources StoppingCondition AppSpecification"
    " Environment NetworkConfig RoleArn ExperimentConfig"
)


class ProcessingJob(Job, frozen=True, kw_only=True):
    """A processing job."""

    KIND: ClassVar[str] = "processing-job"

    #: what the job left in /opt/ml/output/message
    message: str | None = None


def describe(job: ProcessingJob) -> dict[str, Any]:
    """DescribeProcessingJob's output."""
    optional = {
        "ExitMessage": job.message,
        "FailureReason": job.failure,
        "ProcessingStartTime": job.started,
        "ProcessingEndTime": job.ended,
    }
    return {
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "ProcessingJobStatus": job.status,
        **{name: job.request[name] for name in DESCRIBED if name in job.request},
        "CreationTime": job.created,
        "LastModifiedTime": job.modified,
        **{name: value for name, value in optional.items() if value is not None},
    }


def save(draft: Draft, job: ProcessingJob) -> None:
    """Write the job and tell its state change."""
    draft.put(job)
    tell(draft, EVENT, job.arn, describe(job))


def find(view: View, name: str) -> ProcessingJob:
    """The job. Raises ValidationException."""
    job = view.get(ProcessingJob, name.lower())
    if job is None:
        raise ValidationException(f"Could not find requested job with name: {name}")
    return job


def create(call: Call, draft: Draft, _: None) -> dict[str, Any]:
    """CreateProcessingJob."""
    params = call.params
    name = params["ProcessingJobName"]
    arn = names.arn_of(draft, ProcessingJob.KIND, name)
    if draft.get(ProcessingJob, name.lower()) is not None:
        raise ResourceInUse(
            f"Job name must be unique within an AWS account and region, and a job with this name already "
            f"exists ({arn})"
        )
    roles.require(draft, params["RoleArn"], arn)
    request = {key: value for key, value in params.items() if key != "Tags"}
    request.setdefault("StoppingCondition", {"MaxRuntimeInSeconds": MAX_RUNTIME})
    job = ProcessingJob(
        name=name,
        arn=arn,
        request=request,
        created=draft.now,
        modified=draft.now,
        generation=jobs.generation(draft, ProcessingJob, name),
    )
    tags.add(draft, arn, params.get("Tags"))
    save(draft, job)
    worker_roles.grant(
        draft, job.worker_id, job.role, principal=roles.SERVICE, session=roles.SESSION, source=job.arn
    )
    draft.effect(RUN, {"key": job.key}, token=f"{RUN}/{job.key}")
    return {"ProcessingJobArn": arn}


def inputs(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The S3Inputs of a request."""
    return [each["S3Input"] for each in request.get("ProcessingInputs", [])]


def outputs(request: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The S3Outputs of a request."""
    return [each["S3Output"] for each in request.get("ProcessingOutputConfig", {}).get("Outputs", [])]


def _check(params: Mapping[str, Any]) -> None:
    """Raise ValidationException for what AWS refuses, or what one machine cannot honour."""
    count = params["ProcessingResources"]["ClusterConfig"].get("InstanceCount", 1)
    if count != 1:
        raise ValidationException(
            f"ClusterConfig.InstanceCount is {count}: Stepwell processes on one host. Set it to 1."
        )
    for group, member, name in (
        (params.get("ProcessingInputs", []), "S3Input", "InputName"),
        (params.get("ProcessingOutputConfig", {}).get("Outputs", []), "S3Output", "OutputName"),
    ):
        if len({each[name] for each in group}) != len(group):
            raise ValidationException(f"{name} must be unique within a processing job.")
        for each in group:
            if each.get("AppManaged"):
                raise ValidationException(f"{each[name]}: AppManaged is not supported by Stepwell.")
            if member not in each:
                raise ValidationException(f"{each[name]} must have an {member}.")
    paths = [(place["S3Uri"], place.get("LocalPath")) for place in (*inputs(params), *outputs(params))]
    for uri, path in paths:
        require_s3(uri)
        if path is None or not _below_base(path):
            raise ValidationException(f"LocalPath must be a folder below {BASE}, not {path}.")
    if len({path for _, path in paths}) != len(paths):
        raise ValidationException("Each input and output needs a LocalPath of its own.")
    for place in inputs(params):
        if place.get("S3InputMode", "File") != "File":
            raise ValidationException("S3InputMode Pipe is not supported by Stepwell. Use File.")
        if place.get("S3CompressionType", "None") != "None":
            raise ValidationException("S3CompressionType Gzip is only supported with S3InputMode Pipe.")
    for place in outputs(params):
        if place["S3UploadMode"] != "EndOfJob":
            raise ValidationException("S3UploadMode Continuous is not supported by Stepwell. Use EndOfJob.")


def _below_base(path: str) -> bool:
    parts = PurePosixPath(path)
    return BASE in parts.parents and ".." not in parts.parts


def stop(call: Call, draft: Draft) -> None:
    """StopProcessingJob."""
    job = find(draft, call.params["ProcessingJobName"])
    if not job.live:
        raise ValidationException(
            f"The request was rejected because the processing job is in status {job.status}."
        )
    if job.status == "InProgress":
        save(draft, replace(job, status="Stopping", modified=draft.now))
        draft.effect(STOP, {"worker": job.worker_id})


def delete(call: Call, draft: Draft) -> None:
    """DeleteProcessingJob: its name is free again. Raises ResourceInUse while the job lives."""
    jobs.delete(draft, find(draft, call.params["ProcessingJobName"]))


def list_jobs(call: Call, view: View) -> dict[str, Any]:
    """ListProcessingJobs."""
    return listing.page(
        call.params,
        (_summary(job) for job in view.scan(ProcessingJob)),
        member="ProcessingJobSummaries",
        name="ProcessingJobName",
        status="ProcessingJobStatus",
    )


def _summary(job: ProcessingJob) -> dict[str, Any]:
    shown = {
        "ProcessingJobName": job.name,
        "ProcessingJobArn": job.arn,
        "CreationTime": job.created,
        "ProcessingEndTime": job.ended,
        "LastModifiedTime": job.modified,
        "ProcessingJobStatus": job.status,
        "FailureReason": job.failure,
        "ExitMessage": job.message,
    }
    return {name: value for name, value in shown.items() if value is not None}


def operations(check_image: CheckImage) -> list[Operation]:
    async def prepare(call: Call, context: Context) -> None:
        _check(call.params)
        await check_image(call.params["AppSpecification"]["ImageUri"])

    named = "ProcessingJobName"
    return [
        Operation(
            name="CreateProcessingJob",
            rights=(
                names.right(
                    "CreateProcessingJob",
                    ProcessingJob.KIND,
                    named,
                    InstanceTypes=names.given("ProcessingResources", "ClusterConfig", "InstanceType"),
                    MaxRuntimeInSeconds=names.given("StoppingCondition", "MaxRuntimeInSeconds"),
                    NetworkIsolation=names.given("NetworkConfig", "EnableNetworkIsolation"),
                ),
                names.passing("RoleArn"),
                names.tagging(ProcessingJob.KIND, named),
            ),
            honoured=words(
                "ProcessingJobName RoleArn Tags Environment StoppingCondition AppSpecification"
                " ProcessingInputs.InputName ProcessingInputs.S3Input ProcessingInputs.AppManaged"
                " ProcessingOutputConfig.Outputs.OutputName ProcessingOutputConfig.Outputs.S3Output"
                " ProcessingOutputConfig.Outputs.AppManaged"
                " ProcessingResources.ClusterConfig.InstanceCount"
                " ProcessingResources.ClusterConfig.VolumeSizeInGB NetworkConfig.EnableNetworkIsolation"
            ),
            recorded=words(
                "ProcessingResources.ClusterConfig.InstanceType"
                " ProcessingResources.ClusterConfig.VolumeKmsKeyId ProcessingOutputConfig.KmsKeyId"
                " NetworkConfig.VpcConfig NetworkConfig.EnableInterContainerTrafficEncryption"
                " ExperimentConfig"
            ),
            prepare=prepare,
            decide=create,
        ),
        Operation(
            name="DescribeProcessingJob",
            rights=(names.right("DescribeProcessingJob", ProcessingJob.KIND, named),),
            honoured=(named,),
            read=lambda call, view: describe(find(view, call.params[named])),
        ),
        Operation(
            name="ListProcessingJobs",
            rights=(names.listing("ListProcessingJobs", ProcessingJob.KIND),),
            honoured=(*listing.FIELDS, "LastModifiedTimeAfter", "LastModifiedTimeBefore", "StatusEquals"),
            read=list_jobs,
        ),
        Operation(
            name="StopProcessingJob",
            rights=(names.right("StopProcessingJob", ProcessingJob.KIND, named),),
            honoured=(named,),
            decide=stop,
        ),
        Operation(
            name="DeleteProcessingJob",
            rights=(names.right("DeleteProcessingJob", ProcessingJob.KIND, named),),
            honoured=(named,),
            decide=delete,
        ),
    ]
