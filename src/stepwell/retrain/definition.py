"""The state machine of a retraining workflow: what happens in which order, as a table of states.

The names of the states are public: tests mock them, histories show them. One run at a time holds the
workflow's claim, from `Begin` to `Park` or a `Close` state; a run that waits for a person does not. Every
state but the first has the run as its input, which the ledger gives and amends (see `ledger/handler.py`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: a value that may be known only when the program has run
Later = Any
State = dict[str, Any]

#: what an AWS service answers while it is busy, and a function while it is changed
PASSING = ["Lambda.ServiceException", "Lambda.SdkClientException", "Lambda.TooManyRequestsException"]
RETRY_PASSING = {"ErrorEquals": PASSING, "IntervalSeconds": 1, "MaxAttempts": 5, "BackoffRate": 2}
#: another run holds the claim: it may train for hours
RETRY_BUSY = {
    "ErrorEquals": ["Busy"],
    "IntervalSeconds": 1,
    "BackoffRate": 1.5,
    "MaxDelaySeconds": 30,
    "MaxAttempts": 99_999,
}
#: how SageMaker refuses what isn't there, called through the SDK integration
NOT_FOUND = ["SageMaker.SageMakerException"]
PROCESSING = "/opt/ml/processing"
#: what a package asks of people that needs none; metadata can't be empty
NOTHING = "nothing"


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


def definition(machine: Machine) -> dict[str, Any]:
    """The definition as a dict; what is an output in `machine` is one in it."""
    serving = _serving(machine) if machine.deployment is not None else {}
    states: dict[str, State] = {
        **_beginning(machine),
        **_judging(machine),
        **_asking(machine),
        **serving,
        **_ends(machine),
    }
    for name, state in states.items():
        if state["Type"] == "Task" and "Catch" not in state and not name.startswith("Close"):
            state["Catch"] = [_otherwise()]
    return {
        "Comment": f"Retrains {machine.name} on a new batch and lets the gate decide",
        "StartAt": "Begin",
        "States": states,
    }


def _beginning(machine: Machine) -> dict[str, State]:
    begin = _ledger(machine, "begin", "IsDue", {"input.$": "$"})
    begin["Retry"] = [RETRY_PASSING, RETRY_BUSY]
    begin["Catch"] = [{"ErrorEquals": ["States.ALL"], "ResultPath": "$", "Next": "NotBegun"}]
    return {
        "Begin": begin,
        "NotBegun": {"Type": "Fail", "ErrorPath": "$.Error", "CausePath": "$.Cause"},
        "IsDue": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.due", "BooleanEquals": True, "Next": "Prepare"}],
            "Default": "NotDue",
        },
        "NotDue": {"Type": "Pass", "InputPath": "$.result", "End": True},
        "Prepare": {
            **_processing(
                machine,
                machine.prepare,
                "prepare",
                "States.Format('{}-prepare', $.job)",
                inputs=[
                    processing_input("source", {"S3Uri.$": "$.manifest"}, "ManifestFile"),
                    *machine.prepare_inputs,
                ],
                output=("batch", "$.folder"),
                after="Plan",
            ),
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "CloseInvalid"}],
        },
        "Plan": _ledger(machine, "plan", "Train"),
    }


def _judging(machine: Machine) -> dict[str, State]:
    channels = [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": _s3_source("ManifestFile", {"S3Uri.$": "$.train_manifest"})},
        },
        *(
            {
                "ChannelName": name,
                "DataSource": {"S3DataSource": _s3_source("S3Prefix", {"S3Uri": uri})},
            }
            for name, uri in machine.channels.items()
        ),
    ]
    specification: State = {"TrainingImage": machine.train.image, "TrainingInputMode": "File"}
    if machine.metrics:
        specification["MetricDefinitions"] = [dict(each) for each in machine.metrics]
    resumed = {"Variable": "$.approval", "IsPresent": True}
    return {
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": {
                "TrainingJobName.$": "$.training_job",
                "RoleArn": machine.train.role,
                "AlgorithmSpecification": specification,
                "HyperParameters": dict(machine.hyperparameters),
                "InputDataConfig": channels,
                "OutputDataConfig": {"S3OutputPath.$": "$.models"},
                "ResourceConfig": machine.train.cluster,
                "StoppingCondition": {"MaxRuntimeInSeconds": machine.train.longest},
                "Tags": _tags(machine),
            },
            "ResultPath": None,
            "Next": "Gate",
        },
        "Gate": _processing(
            machine,
            machine.gate,
            "gate",
            "$.gate_job",
            inputs="$.gate_inputs",
            output=("report", "$.gate_folder"),
            after="ReadSummary",
        ),
        "ReadSummary": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
            "Parameters": {"Bucket": machine.bucket, "Key.$": "$.summary_key"},
            "ResultSelector": {"value.$": "States.StringToJson($.Body)"},
            "ResultPath": "$.summary",
            "Next": "Decide",
        },
        "Decide": {
            "Type": "Choice",
            "Choices": [
                {"And": [_outcome("DEPLOY"), resumed], "Next": "AmendPackage"},
                {"And": [{"Not": _outcome("DEPLOY")}, resumed], "Next": "RejectPackage"},
                {**_outcome("DEPLOY"), "Next": "AskNobody" if machine.approval is None else "AskApproval"},
                {**_outcome("QUARANTINE"), "Next": "AskRelease"},
            ],
            "Default": "CloseKept",
        },
    }


def _asking(machine: Machine) -> dict[str, State]:
    """Registering the challenger, and waiting for a person where one is asked."""
    asks: dict[str, dict[str, Any]] = {
        "AskRelease": {"asks": "release", "status": "PendingManualApproval", "seconds": machine.patience}
    }
    if machine.approval is None:
        asks["AskNobody"] = {"asks": NOTHING, "status": "Approved"}
    else:
        asks["AskApproval"] = {**asks["AskRelease"], "asks": "approve", "seconds": machine.approval}
    go_on = "CreateModel" if machine.deployment is not None else "CloseRegistered"
    container: State = {"Image": machine.train.image, "ModelDataUrl.$": "$.challenger"}
    if machine.model_environment:
        container["Environment"] = dict(machine.model_environment)
    decision = "$.summary.value.decision"
    package = {"ModelPackageArn.$": "$.package.ModelPackageArn"}
    states: dict[str, State] = {
        name: {
            "Type": "Pass",
            "Result": asked,
            "ResultPath": "$.asked",
            "Next": "Register",
        }
        for name, asked in asks.items()
    }
    return {
        **states,
        "Register": {
            "Type": "Task",
            "Resource": "arn:aws:states:::aws-sdk:sagemaker:createModelPackage",
            "Parameters": {
                "ModelPackageGroupName": machine.package_group,
                "ModelPackageDescription.$": "States.Format('Trained when {} arrived', $.batch)",
                "ModelApprovalStatus.$": "$.asked.status",
                "InferenceSpecification": {
                    "Containers": [container],
                    "SupportedContentTypes": list(machine.takes),
                    "SupportedResponseMIMETypes": list(machine.gives),
                },
                "CustomerMetadataProperties": {
                    "execution.$": "$$.Execution.Id",
                    "batch.$": "$.batch",
                    "plan.$": "$.plan",
                    "evidence.$": "$.evidence",
                    "reason.$": f"{decision}.reason",
                    "training-job.$": "$.training_job",
                    "asks.$": "$.asked.asks",
                },
            },
            "ResultPath": "$.package",
            "Next": "IsAsked",
        },
        "IsAsked": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.asked.asks", "StringEquals": NOTHING, "Next": go_on}],
            "Default": "Park",
        },
        "Park": _ledger(machine, "park", "AwaitDecision"),
        "AwaitDecision": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Parameters": {
                "FunctionName": machine.approvals,
                "Payload": {
                    "token.$": "$$.Task.Token",
                    "execution.$": "$$.Execution.Id",
                    "package.$": "$.package.ModelPackageArn",
                    "asks.$": "$.asked.asks",
                    "evidence.$": "$.evidence",
                },
            },
            "TimeoutSecondsPath": "$.asked.seconds",
            "Retry": [RETRY_PASSING],
            "Catch": [
                {"ErrorEquals": ["States.Timeout"], "ResultPath": "$.fault", "Next": "ExpirePackage"},
                _otherwise(),
            ],
            "ResultPath": "$.approval",
            "Next": "IsApproved",
        },
        "IsApproved": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.approval.action", "StringEquals": "reject", "Next": "CloseRejected"}],
            "Default": "Resume",
        },
        "Resume": {
            **_ledger(machine, "resume", "IsGatedAgain"),
            "Retry": [RETRY_PASSING, RETRY_BUSY],
        },
        "IsGatedAgain": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.gate_again", "BooleanEquals": True, "Next": "Gate"}],
            "Default": go_on,
        },
        "AmendPackage": _update_package(
            {
                **package,
                "CustomerMetadataProperties": {
                    "evidence.$": "$.evidence",
                    "reason.$": f"{decision}.reason",
                },
            },
            go_on,
        ),
        "RejectPackage": _update_package(
            {
                **package,
                "ModelApprovalStatus": "Rejected",
                "ApprovalDescription.$": f"States.Format('The gate: {{}}', {decision}.reason)",
            },
            "CloseKept",
        ),
        "ExpirePackage": _update_package(
            {
                **package,
                "ModelApprovalStatus": "Rejected",
                "ApprovalDescription": "Nobody decided in time.",
            },
            "CloseExpired",
        ),
    }


def _serving(machine: Machine) -> dict[str, State]:
    """From the registered model to an endpoint that answers with it."""
    deployment = machine.deployment
    assert deployment is not None
    endpoint = {"EndpointName": deployment.endpoint}
    config: State = {
        "EndpointConfigName.$": "$.model",
        "ProductionVariants": [
            {
                "VariantName": "champion",
                "ModelName.$": "$.model",
                "InitialInstanceCount": deployment.count,
                "InstanceType": deployment.instance,
            }
        ],
        "Tags": _tags(machine),
    }
    if deployment.capture is not None:
        config["DataCaptureConfig"] = dict(deployment.capture)
    pause = {"ResultSelector": {"seconds": 1}, "ResultPath": "$.pause"}
    changing = [_status("Creating"), _status("Updating"), _status("SystemUpdating"), _status("RollingBack")]
    return {
        "CreateModel": _task(
            "sagemaker:createModel",
            {
                "ModelName.$": "$.model",
                "ExecutionRoleArn": deployment.role,
                "PrimaryContainer": {"ModelPackageName.$": "$.package.ModelPackageArn"},
                "Tags": _tags(machine),
            },
            "CreateEndpointConfig",
        ),
        "CreateEndpointConfig": _task("sagemaker:createEndpointConfig", config, "FindEndpoint"),
        "FindEndpoint": {
            **_task("aws-sdk:sagemaker:describeEndpoint", endpoint, "IsUnchanged", ResultPath="$.endpoint"),
            "Catch": [
                {"ErrorEquals": NOT_FOUND, "ResultPath": "$.endpoint", "Next": "IsFirst"},
                _otherwise(),
            ],
        },
        "IsFirst": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.champion_config", "StringEquals": "", "Next": "CreateEndpoint"}],
            "Default": "PlanAgain",
        },
        # What the gate compared with must be what is replaced: a person may have rolled back meanwhile.
        "IsUnchanged": {
            "Type": "Choice",
            "Choices": [
                {
                    "And": [
                        _status("InService"),
                        {
                            "Variable": "$.endpoint.EndpointConfigName",
                            "StringEqualsPath": "$.champion_config",
                        },
                    ],
                    "Next": "UpdateEndpoint",
                },
                {"Or": [*changing, _status("Deleting")], "Next": "AwaitQuiet"},
                # It never served, and SageMaker lets it only be deleted.
                {**_status("Failed"), "Next": "DeleteEndpoint"},
            ],
            "Default": "PlanAgain",
        },
        "AwaitQuiet": {"Type": "Wait", "Seconds": deployment.poll, "Next": "FindEndpoint"},
        "DeleteEndpoint": _task("aws-sdk:sagemaker:deleteEndpoint", endpoint, "AwaitQuiet"),
        "PlanAgain": _ledger(machine, "plan_again", "Gate"),
        "CreateEndpoint": _task(
            "sagemaker:createEndpoint", _deploy(machine, deployment), "AwaitEndpoint", **pause
        ),
        "UpdateEndpoint": _task(
            "sagemaker:updateEndpoint",
            {**endpoint, "EndpointConfigName.$": "$.model"},
            "AwaitEndpoint",
            **pause,
        ),
        # createEndpoint has no `.sync`. Pauses grow: a new endpoint takes a second here, minutes on AWS.
        "AwaitEndpoint": {"Type": "Wait", "SecondsPath": "$.pause.seconds", "Next": "DescribeEndpoint"},
        "DescribeEndpoint": _task(
            "aws-sdk:sagemaker:describeEndpoint", endpoint, "IsDeployed", ResultPath="$.endpoint"
        ),
        "IsDeployed": {
            "Type": "Choice",
            "Choices": [
                {"Or": changing, "Next": "LengthenPause"},
                {
                    "And": [
                        _status("InService"),
                        {"Variable": "$.endpoint.EndpointConfigName", "StringEqualsPath": "$.model"},
                    ],
                    "Next": "CloseDeployed",
                },
                {
                    "And": [
                        _status("InService"),
                        {"Variable": "$.endpoint.FailureReason", "IsPresent": False},
                    ],
                    "Next": "CloseReplaced",
                },
            ],
            "Default": "NotDeployed",
        },
        "LengthenPause": {
            "Type": "Pass",
            "Parameters": {"seconds.$": "States.MathAdd($.pause.seconds, 1)"},
            "ResultPath": "$.pause",
            "Next": "AwaitEndpoint",
        },
        "NotDeployed": {
            "Type": "Pass",
            "Parameters": {
                "Error": "DeploymentFailed",
                "Cause.$": (
                    "States.Format('The endpoint did not take the new model and is {} with {}.', "
                    "$.endpoint.EndpointStatus, $.endpoint.EndpointConfigName)"
                ),
            },
            "ResultPath": "$.fault",
            "Next": "CloseFailed",
        },
    }


def _ends(machine: Machine) -> dict[str, State]:
    """How a run ends. The ledger's answer is the execution's output."""
    good = ["CloseKept", "CloseRejected", "CloseExpired"]
    good += ["CloseDeployed", "CloseReplaced"] if machine.deployment is not None else ["CloseRegistered"]
    states: dict[str, State] = {}
    for name in good:
        states[name] = _ledger(machine, "close", "", {"outcome": name.removeprefix("Close").upper()})
    for name in ("CloseInvalid", "CloseFailed"):
        states[name] = {
            **_ledger(machine, "close", "Failed", {"outcome": name.removeprefix("Close").upper()}),
            "ResultPath": "$.closed",
            # The run's own fault is what counts, and a claim that is left is taken over by the next run.
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unclosed", "Next": "FailedUnclosed"}],
        }
    states["Failed"] = {"Type": "Fail", "ErrorPath": "$.closed.error", "CausePath": "$.closed.cause"}
    states["FailedUnclosed"] = {"Type": "Fail", "ErrorPath": "$.fault.Error", "CausePath": "$.fault.Cause"}
    return states


def processing_input(name: str, uri: Mapping[str, Later], kind: str = "S3Prefix") -> dict[str, Any]:
    """A ProcessingInput; `uri` is {"S3Uri": ...} or {"S3Uri.$": ...}."""
    local = {"LocalPath": f"{PROCESSING}/{name}", "S3DataType": kind, "S3InputMode": "File"}
    return {"InputName": name, "S3Input": {**uri, **local}}


def _processing(
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
            "Tags": _tags(machine),
        },
        "ResultPath": None,
        "Next": after,
    }


def _ledger(machine: Machine, action: str, after: str, more: Mapping[str, Any] | None = None) -> State:
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


def _task(resource: str, parameters: Mapping[str, Any], after: str, **more: Any) -> State:
    return {
        "Type": "Task",
        "Resource": f"arn:aws:states:::{resource}",
        "Parameters": dict(parameters),
        "ResultPath": None,
        "Next": after,
        **more,
    }


def _update_package(parameters: Mapping[str, Any], after: str) -> State:
    return _task("aws-sdk:sagemaker:updateModelPackage", parameters, after)


def _deploy(machine: Machine, deployment: Deployment) -> State:
    workflow = {"Key": "stepwell:workflow", "Value": machine.name}
    return {"EndpointName": deployment.endpoint, "EndpointConfigName.$": "$.model", "Tags": [workflow]}


def _tags(machine: Machine) -> list[dict[str, Any]]:
    return [
        {"Key": "stepwell:workflow", "Value": machine.name},
        {"Key": "stepwell:execution", "Value.$": "$$.Execution.Name"},
        {"Key": "stepwell:batch", "Value.$": "$.batch"},
    ]


def _s3_source(kind: str, uri: Mapping[str, Any]) -> dict[str, Any]:
    return {"S3DataType": kind, **uri, "S3DataDistributionType": "FullyReplicated"}


def _outcome(name: str) -> dict[str, Any]:
    return {"Variable": "$.summary.value.decision.outcome", "StringEquals": name}


def _status(name: str) -> dict[str, Any]:
    return {"Variable": "$.endpoint.EndpointStatus", "StringEquals": name}


def _otherwise() -> dict[str, Any]:
    return {"ErrorEquals": ["States.ALL"], "ResultPath": "$.fault", "Next": "CloseFailed"}
