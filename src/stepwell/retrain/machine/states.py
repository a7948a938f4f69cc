"""What states are made of: the values of a definition, and the shapes that several states share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: a value that may be known only when the program has run
Later = Any
State = dict[str, Any]

#: how Lambda and functions fail that do better the next time: it is busy, or the process went or stood still
PASSING = [
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Sandbox.Timedout",
]
RETRY_PASSING = {"ErrorEquals": PASSING, "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 2}
#: another run holds the claim: it may train for hours. Those that wait ask at random moments, as of many that
#: ask at once only one gets its turn. A retry is three events, and an execution has 25,000: so many pauses of
#: two minutes in the mean, once to begin and once after a person, are five days each and fit
RETRY_BUSY = {
    "ErrorEquals": ["Busy"],
    "IntervalSeconds": 2,
    "BackoffRate": 1.3,
    "MaxDelaySeconds": 240,
    "MaxAttempts": 4000,
    "JitterStrategy": "FULL",
}
PROCESSING = "/opt/ml/processing"


@dataclass(frozen=True, kw_only=True)
class Job:
    """What a job runs on."""

    #: the container image
    image: Later
    #: ARN of the role that it runs as
    role: Later
    #: SageMaker's instance type
    instance: str = "ml.m5.large"
    #: GB of disk
    volume: int = 30
    #: seconds
    longest: int = 3600

    @property
    def cluster(self) -> dict[str, Any]:
        return {"InstanceCount": 1, "InstanceType": self.instance, "VolumeSizeInGB": self.volume}


@dataclass(frozen=True, kw_only=True)
class Deployment:
    """Where the champion serves."""

    #: the endpoint's name
    endpoint: str
    #: ARN of the role of the model's container
    role: Later
    instance: str = "ml.m5.large"
    count: int = 1
    #: CreateEndpointConfig's DataCaptureConfig; None: nothing is captured
    capture: Mapping[str, Any] | None = None
    #: seconds between two looks at an endpoint that somebody else is changing
    poll: int = 2


@dataclass(frozen=True, kw_only=True)
class Machine:
    """All that a definition is made of; ARNs, names and URIs may be outputs."""

    #: the workflow's name
    name: str
    bucket: Later
    #: ARN of the function that keeps batches and claim
    ledger: Later
    #: ARN of the function that holds the tokens of waiting runs
    approvals: Later
    package_group: Later
    prepare: Job
    train: Job
    gate: Job
    #: further ProcessingInputs of Prepare: its code and configuration
    prepare_inputs: Sequence[Mapping[str, Any]] = ()
    hyperparameters: Mapping[str, Later] = field(default_factory=dict)
    metrics: Sequence[Mapping[str, str]] = ()
    #: further channels of the training job: name to S3 URI
    channels: Mapping[str, Later] = field(default_factory=dict)
    #: the environment of the model's container
    model_environment: Mapping[str, str] = field(default_factory=dict)
    #: content types that the model takes and gives
    takes: Sequence[str] = ("text/csv",)
    gives: Sequence[str] = ("text/csv",)
    #: None: models are registered and not served
    deployment: Deployment | None = None
    #: seconds that a person has to approve what the gate lets pass; None: nobody is asked
    approval: int | None = None
    #: seconds that a person has to release or reject what the gate has quarantined
    patience: int = 30 * 86400


def processing_input(name: str, uri: Mapping[str, Later], kind: str = "S3Prefix") -> dict[str, Any]:
    """A ProcessingInput; `uri` is {"S3Uri": ...} or {"S3Uri.$": ...}."""
    local = {"LocalPath": f"{PROCESSING}/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**uri, **local}}


def processing(
    machine: Machine,
    job: Job,
    module: str,
    name: str,
    *,
    inputs: Sequence[Mapping[str, Any]] | str,
    output: tuple[str, str],
    after: str,
) -> State:
    """A job that runs one of our modules out of its archive; `inputs` may be a path into the run."""
    folder, uri = output
    given = {"ProcessingInputs.$": inputs} if isinstance(inputs, str) else {"ProcessingInputs": list(inputs)}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName.$": name,
            "RoleArn": job.role,
            "AppSpecification": {
                "ImageUri": job.image,
                "ContainerEntrypoint": ["python3", "-m", module],
            },
            "Environment": {"PYTHONPATH": f"{PROCESSING}/code/{module}.zip"},
            **given,
            "ProcessingOutputConfig": {
                "Outputs": [
                    {
                        "OutputName": folder,
                        "S3Output": {
                            "S3Uri.$": uri,
                            "LocalPath": f"{PROCESSING}/{folder}",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ]
            },
            "ProcessingResources": {"ClusterConfig": job.cluster},
            "StoppingCondition": {"MaxRuntimeInSeconds": job.longest},
            "Tags": tags(machine),
        },
        "ResultPath": None,
        "Next": after,
    }


def ledger(machine: Machine, action: str, after: str, more: Mapping[str, Any] | None = None) -> State:
    """The ledger is asked; its answer is the run from then on. Without `after` it ends the execution."""
    given: dict[str, Any] = {"run.$": "$"} if action != "begin" else {}
    return {
        "Type": "Task",
        "Resource": machine.ledger,
        "Parameters": {
            "do": action,
            "execution.$": "$$.Execution.Id",
            "at.$": "$$.State.EnteredTime",
            **given,
            **(more or {}),
        },
        "Retry": [RETRY_PASSING],
        **({"Next": after} if after else {"End": True}),
    }


def task(resource: str, parameters: Mapping[str, Any], after: str, **more: Any) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": dict(parameters),
        "ResultPath": None,
        "Next": after,
        **more,
    }


def tags(machine: Machine) -> list[dict[str, Any]]:
    return [
        {"Key": "stepwell:workflow", "Value": machine.name},
        {"Key": "stepwell:execution", "Value.$": "$$.Execution.Name"},
        {"Key": "stepwell:batch", "Value.$": "$.batch"},
    ]


def s3_source(kind: str, uri: Mapping[str, Any]) -> dict[str, Any]:
    return {"S3DataType": kind, **uri, "S3DataDistributionType": "FullyReplicated"}


def otherwise(after: str = "CloseFailed") -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": after}
