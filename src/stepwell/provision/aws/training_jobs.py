"""SageMaker: training jobs. One is made by running to its end."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.sagemaker import present_tags
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Property, ResourceType, block, honoured, recorded, refused

#: how long a create and a delete wait when the program doesn't say
_PATIENCE = 2700.0
_SPELLED = {
    "containerEntrypoints": "ContainerEntrypoint",
    "enableSagemakerMetricsTimeSeries": "EnableSageMakerMetricsTimeSeries",
    "volumeSizeInGb": "VolumeSizeInGB",
}
# blocks and values, ours to the API's
_MEMBERS = {
    "algorithmSpecification": "AlgorithmSpecification",
    "debugHookConfig": "DebugHookConfig",
    "enableInterContainerTrafficEncryption": "EnableInterContainerTrafficEncryption",
    "enableManagedSpotTraining": "EnableManagedSpotTraining",
    "enableNetworkIsolation": "EnableNetworkIsolation",
    "experimentConfig": "ExperimentConfig",
    "inputDataConfigs": "InputDataConfig",
    "outputDataConfig": "OutputDataConfig",
    "profilerConfig": "ProfilerConfig",
    "resourceConfig": "ResourceConfig",
    "roleArn": "RoleArn",
    "stoppingCondition": "StoppingCondition",
    "vpcConfig": "VpcConfig",
}
# mappings, whose keys are the program's own
_MAPPINGS = {"environment": "Environment", "hyperParameters": "HyperParameters"}
_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("sagemaker").create_training_job(
            TrainingJobName=inputs["trainingJobName"],
            **given(**{api: pascal(inputs.get(ours), _SPELLED) for ours, api in _MEMBERS.items()}),
            **given(**{api: inputs.get(ours) for ours, api in _MAPPINGS.items()}),
            **given(Tags=tags.pairs(tags.of(inputs)) or None),
        )
    return str(inputs["trainingJobName"])


def _describe(cloud: Cloud, id_: str) -> dict[str, Any] | None:
    found = attempt(cloud, cloud.client("sagemaker").describe_training_job, TrainingJobName=id_)
    return None if found is None else dict(found)


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    def ended() -> bool:
        found = _describe(cloud, id_) or {"TrainingJobStatus": "Failed", "FailureReason": "it is gone"}
        if found["TrainingJobStatus"] == "Failed":
            raise ResourceFailed(
                f"training job {id_} failed: {found.get('FailureReason', 'no reason')}",
                advice="Correct what the reason names, then run again: the job is made anew",
            )
        return found["TrainingJobStatus"] in ("Completed", "Stopped")

    cloud.until(ended, what=f"training job {id_}", seconds=_timeout(inputs, "create"))


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    """Only the tags of a job can change. One whose create did not come to a good end is made anew."""
    found = _describe(cloud, id_)
    if not old and (found is None or found["TrainingJobStatus"] == "Failed"):
        _delete(cloud, id_, new)
        _create(cloud, new)
    if not old:
        _settle(cloud, id_, new)
    arn, client = cloud.arn("sagemaker", f"training-job/{id_}"), cloud.client("sagemaker")
    with calling(cloud):
        if tags.added(old, new):
            client.add_tags(ResourceArn=arn, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            client.delete_tags(ResourceArn=arn, TagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    found = _describe(cloud, id_)
    if found is None:
        return None
    return given(
        trainingJobName=found["TrainingJobName"],
        arn=found["TrainingJobArn"],
        tagsAll=present_tags(cloud, found["TrainingJobArn"], inputs),
        **{ours: camel(found.get(api), _SPELLED) for ours, api in _MEMBERS.items()},
        **{ours: found.get(api) for ours, api in _MAPPINGS.items()},
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    """A job that still runs is stopped first."""
    client = cloud.client("sagemaker")
    found = _describe(cloud, id_)
    if found is None:
        return
    seconds = _timeout(inputs, "delete")
    if found["TrainingJobStatus"] == "InProgress":
        attempt(cloud, client.stop_training_job, TrainingJobName=id_)
    cloud.until(
        lambda: (_describe(cloud, id_) or {}).get("TrainingJobStatus") not in ("InProgress", "Stopping"),
        what=f"stopping training job {id_}",
        seconds=seconds,
    )
    attempt(cloud, client.delete_training_job, TrainingJobName=id_)
    cloud.until(lambda: _describe(cloud, id_) is None, what=f"deleting training job {id_}", seconds=seconds)


def _timeout(inputs: Inputs, operation: str) -> float:
    asked = (inputs.get("timeouts") or {}).get(operation)
    return _PATIENCE if asked is None else _seconds(str(asked))


def _seconds(text: str) -> float:
    """A duration such as `1h30m`. Raises ValueError."""
    parts = re.findall(r"(\d+(?:\.\d+)?)(ms|h|m|s)", text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        raise ValueError(f"{text!r} is not a duration such as 45m or 1h30m")
    return sum(float(number) * _UNITS[unit] for number, unit in parts)


def _check(inputs: Inputs) -> Iterator[str]:
    for operation, text in (inputs.get("timeouts") or {}).items():
        try:
            _seconds(str(text))
        except ValueError as error:
            yield f"property timeouts.{operation}: {error}"


_ONE_HOST = refused("a job runs on one host, this one")
_NO_HUB = refused("there is no hub of models here")
_ALGORITHM: Mapping[str, Property] = {
    **block("containerArguments containerEntrypoints"),
    "trainingImage": honoured(required=True),
    "trainingInputMode": honoured(required=True),
    "metricDefinitions": honoured(
        many=True, fields={"name": honoured(required=True), "regex": honoured(required=True)}
    ),
    "enableSagemakerMetricsTimeSeries": recorded(),
    "algorithmName": refused("there are no algorithm resources here: name a trainingImage"),
    "trainingImageConfig": refused("images are names of environments here, not pulled"),
}
_S3: Mapping[str, Property] = {
    "s3DataType": honoured(required=True),
    "s3Uri": honoured(required=True),
    "s3DataDistributionType": honoured(),
    "attributeNames": refused("augmented manifests are not supported"),
    "hubAccessConfig": _NO_HUB,
    "instanceGroupNames": _ONE_HOST,
    "modelAccessConfig": _NO_HUB,
}
_CHANNEL: Mapping[str, Property] = {
    "channelName": honoured(required=True),
    **block("compressionType contentType inputMode recordWrapperType"),
    "dataSource": honoured(
        required=True,
        fields={
            "s3DataSource": honoured(required=True, fields=_S3),
            "fileSystemDataSource": refused("data comes from S3"),
        },
    ),
    "shuffleConfig": refused("only the input mode Pipe shuffles, and it is not supported"),
}
_RESOURCES: Mapping[str, Property] = {
    **block("instanceCount instanceType volumeSizeInGb"),
    "volumeKmsKeyId": recorded(),
    "instanceGroups": _ONE_HOST,
    "instancePlacementConfig": _ONE_HOST,
    "keepAlivePeriodInSeconds": refused("there are no warm pools here"),
    "trainingPlanArn": refused("there is no capacity to reserve on this machine"),
}
_STOPPING: Mapping[str, Property] = {
    "maxRuntimeInSeconds": honoured(),
    "maxWaitTimeInSeconds": recorded(),
    "maxPendingTimeInSeconds": refused("a job doesn't wait for capacity here"),
}
_REFUSED = {
    "checkpointConfig": "checkpoints are not synchronised with S3 here",
    "debugRuleConfigurations": "there is no Debugger here",
    "deleteModelPackagesOnDestroy": "jobs register no model packages here",
    "infraCheckConfig": "there are no instances to check",
    "mlflowConfig": "there is no tracking server here",
    "modelPackageConfig": "jobs register no model packages here: use a state machine's step",
    "profilerRuleConfigurations": "there is no Debugger here",
    "remoteDebugConfig": "look at the job on this machine instead",
    "retryStrategy": "a job that fails is not tried again by itself: use a state machine's Retry",
    "serverlessJobConfig": "there is no model customisation here",
    "sessionChainingConfig": "sessions carry no tags here",
    "tensorBoardOutputConfig": "files are not synchronised with S3 while a job runs",
}

TRAINING_JOB = ResourceType(
    token="aws:sagemaker/trainingJob:TrainingJob",
    properties={
        "trainingJobName": honoured(required=True, replaces=True),
        "roleArn": honoured(required=True, replaces=True),
        "algorithmSpecification": honoured(required=True, replaces=True, fields=_ALGORITHM),
        "inputDataConfigs": honoured(replaces=True, many=True, fields=_CHANNEL),
        "outputDataConfig": honoured(
            required=True,
            replaces=True,
            fields={
                "s3OutputPath": honoured(required=True),
                "compressionType": honoured(),
                "kmsKeyId": recorded(),
            },
        ),
        "resourceConfig": honoured(required=True, replaces=True, fields=_RESOURCES),
        "stoppingCondition": honoured(replaces=True, fields=_STOPPING),
        "environment": honoured(replaces=True),
        "hyperParameters": honoured(replaces=True),
        "enableNetworkIsolation": honoured(replaces=True),
        "tags": honoured(),
        "timeouts": honoured(fields=block("create delete update")),
        "region": honoured(replaces=True),
        "debugHookConfig": recorded(replaces=True),
        "deleteVpcEnisOnDestroy": recorded(),
        "enableInterContainerTrafficEncryption": recorded(replaces=True),
        "enableManagedSpotTraining": recorded(replaces=True),
        "experimentConfig": recorded(replaces=True),
        "profilerConfig": recorded(),
        "vpcConfig": recorded(replaces=True),
        **{name: refused(reason) for name, reason in _REFUSED.items()},
    },
    computed=frozenset({"arn", "tagsAll"}),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["trainingJobName"]),
    check=_check,
)

TYPES = (TRAINING_JOB,)
