"""The state machine of a retraining workflow: what happens in which order, as a table of states.

The names of the states are public: tests mock them, histories show them. One run at a time holds the
workflow's claim, from `Begin` to `Park` or a `Close` state; a run that waits for a person does not. Every
state but the first has the run as its input, which the ledger gives and amends (see `ledger/handler.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.retrain.machine.serving import serving
from stepwell.retrain.machine.states import (
    RETRY_BUSY,
    RETRY_PASSING,
    Machine,
    State,
    ledger,
    otherwise,
    processing,
    processing_input,
    s3_source,
    tags,
    task,
)

#: where a run may have a package without the gate's last word on it: approved or not, it must not be used
UNDECIDED = ("Park", "AwaitDecision", "Resume", "PlanAgain", "Gate", "ReadSummary", "AmendPackage")
#: what a package asks of people that needs none; metadata can't be empty
NOTHING = "nothing"


def definition(machine: Machine) -> dict[str, Any]:
    """The definition as a dict; what is an output in `machine` is one in it."""
    served = serving(machine) if machine.deployment is not None else {}
    states: dict[str, State] = {
        **_beginning(machine),
        **_judging(machine),
        **_asking(machine),
        **served,
        **_ends(machine),
    }
    for name, state in states.items():
        if state["Type"] == "Task" and "Catch" not in state and not name.startswith("Close"):
            state["Catch"] = [otherwise("IsRegistered" if name in UNDECIDED else "CloseFailed")]
    return {
        "Comment": f"Retrains {machine.name} on a new batch and lets the gate decide",
        "StartAt": "Begin",
        "States": states,
    }


def _beginning(machine: Machine) -> dict[str, State]:
    begin = ledger(machine, "begin", "IsDue", {"input.$": "$"})
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
            **processing(
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
        "Plan": ledger(machine, "plan", "Train"),
    }


def _judging(machine: Machine) -> dict[str, State]:
    channels = [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": s3_source("ManifestFile", {"S3Uri.$": "$.train_manifest"})},
        },
        *(
            {
                "ChannelName": name,
                "DataSource": {"S3DataSource": s3_source("S3Prefix", {"S3Uri": uri})},
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
                "Tags": tags(machine),
            },
            "ResultPath": None,
            "Next": "Gate",
        },
        "Gate": processing(
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
        "Park": ledger(machine, "park", "AwaitDecision"),
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
                otherwise("IsRegistered"),
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
            **ledger(machine, "resume", "IsGatedAgain"),
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
        "IsRegistered": {
            "Type": "Choice",
            "Choices": [
                {"Variable": "$.package.ModelPackageArn", "IsPresent": True, "Next": "RetractPackage"}
            ],
            "Default": "CloseFailed",
        },
        "RetractPackage": {
            **_update_package(
                {
                    **package,
                    "ModelApprovalStatus": "Rejected",
                    "ApprovalDescription.$": "States.Format('The run failed: {}', $.fault.Error)",
                },
                "CloseFailed",
            ),
            # The first fault is the one that counts.
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": None, "Next": "CloseFailed"}],
        },
        "ExpirePackage": _update_package(
            {
                **package,
                "ModelApprovalStatus": "Rejected",
                "ApprovalDescription": "Nobody decided in time.",
            },
            "CloseExpired",
        ),
    }


def _ends(machine: Machine) -> dict[str, State]:
    """How a run ends. The ledger's answer is the execution's output."""
    good = ["CloseKept", "CloseRejected", "CloseExpired"]
    good += ["CloseDeployed", "CloseReplaced"] if machine.deployment is not None else ["CloseRegistered"]
    states: dict[str, State] = {}
    for name in good:
        states[name] = ledger(machine, "close", "", {"outcome": name.removeprefix("Close").upper()})
    for name in ("CloseInvalid", "CloseFailed"):
        states[name] = {
            **ledger(machine, "close", "Failed", {"outcome": name.removeprefix("Close").upper()}),
            "ResultPath": "$.closed",
            # The run's own fault is what counts, and a claim that is left is taken over by the next run.
            "Catch": [{"ErrorEquals": ["States.ALL"], "ResultPath": "$.unclosed", "Next": "FailedUnclosed"}],
        }
    states["Failed"] = {"Type": "Fail", "ErrorPath": "$.closed.error", "CausePath": "$.closed.cause"}
    states["FailedUnclosed"] = {"Type": "Fail", "ErrorPath": "$.fault.Error", "CausePath": "$.fault.Cause"}
    return states


def _outcome(name: str) -> dict[str, Any]:
    return {"Variable": "$.summary.value.decision.outcome", "StringEquals": name}


def _update_package(parameters: Mapping[str, Any], after: str) -> State:
    return task("aws-sdk:sagemaker:updateModelPackage", parameters, after)
