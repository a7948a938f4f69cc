"""The monitor's state machine: measure, commit, tell.

What happens in which order makes a crossing start the workflow once, wherever an execution is killed. It is
committed as untold together with the state that it comes from (Commit); then told (Announce, Start); then
struck out (Told). An execution begins with what is left over (Begin). The event may be sent again then; the
start is not: it has the crossing's own name, and Step Functions takes a name once in 90 days.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.retrain.machine.states import PROCESSING, RETRY_PASSING, Job, Later, State

#: of the events that tell of a crossing
SOURCE, DETAIL_TYPE = "stepwell.retrain", "Drift Detected"


@dataclass(frozen=True, kw_only=True)
class MonitorMachine:
    """All that a definition is made of; ARNs may be outputs."""

    #: the workflow's name
    name: str
    bucket: Later
    #: the endpoint's name
    endpoint: str
    #: ARN of the function that keeps rounds
    rounds: Later
    #: ARN of the workflow's state machine
    retraining: Later
    job: Job


def definition(machine: MonitorMachine) -> dict[str, Any]:
    """The definition as a dict; what is an output in `machine` is one in it."""
    return {
        "Comment": f"Measures drift of what {machine.endpoint} is asked, and starts {machine.name} for it",
        "StartAt": "Begin",
        "States": {
            "Begin": _round(machine, "begin", {}),
            "Next": {
                "Type": "Choice",
                "Choices": [
                    {"Variable": "$.next", "StringEquals": answer, "Next": state}
                    for answer, state in (("measure", "Measure"), ("tell", "Announce"), ("begin", "Begin"))
                ],
                "Default": "Done",
            },
            "Measure": _measure(machine),
            "ReadSummary": {
                "Type": "Task",
                "Resource": "arn:aws:states:::aws-sdk:s3:getObject",
                "Parameters": {"Bucket": machine.bucket, "Key.$": "$.summary_key"},
                "ResultSelector": {"value.$": "States.StringToJson($.Body)"},
                "ResultPath": "$.read",
                "Next": "TakeSummary",
            },
            "TakeSummary": {
                "Type": "Pass",
                "InputPath": "$.read.value",
                "ResultPath": "$.summary",
                "Next": "Commit",
            },
            "Commit": _round(machine, "commit", {"round.$": "$"}),
            "Announce": {
                "Type": "Task",
                "Resource": "arn:aws:states:::events:putEvents",
                "Parameters": {
                    "Entries": [
                        {
                            "Source": SOURCE,
                            "DetailType": DETAIL_TYPE,
                            "Detail": {
                                "workflow": machine.name,
                                "endpoint": machine.endpoint,
                                "id.$": "$.untold.id",
                                "sentence.$": "$.untold.sentence",
                                "crossings.$": "$.untold.crossings",
                                "more.$": "$.untold.more",
                                "report.$": "$.untold.report",
                            },
                        }
                    ]
                },
                "ResultPath": None,
                "Next": "Start",
            },
            "Start": {
                "Type": "Task",
                "Resource": "arn:aws:states:::states:startExecution",
                "Parameters": {
                    "StateMachineArn": machine.retraining,
                    "Name.$": "$.untold.id",
                    "Input": {"trigger": "drift", "crossings.$": "$.untold.crossings"},
                },
                "ResultPath": None,
                "Catch": [
                    {
                        "ErrorEquals": ["StepFunctions.ExecutionAlreadyExistsException"],
                        "ResultPath": None,
                        "Next": "Told",
                    }
                ],
                "Next": "Told",
            },
            "Told": _round(machine, "told", {"round.$": "$"}),
            "Done": {"Type": "Pass", "InputPath": "$.result", "End": True},
        },
    }


def _round(machine: MonitorMachine, action: str, more: Mapping[str, Any]) -> State:
    """The function is asked; its answer is the round from then on, and says what comes next."""
    return {
        "Type": "Task",
        "Resource": machine.rounds,
        "Parameters": {
            "do": action,
            "execution.$": "$$.Execution.Id",
            "at.$": "$$.State.EnteredTime",
            **more,
        },
        "Retry": [RETRY_PASSING],
        "Next": "Next",
    }


def _measure(machine: MonitorMachine) -> State:
    output = {"S3Uri.$": "$.folder", "LocalPath": f"{PROCESSING}/report", "S3UploadMode": "EndOfJob"}
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createProcessingJob.sync",
        "Parameters": {
            "ProcessingJobName.$": "$.job",
            "RoleArn": machine.job.role,
            "AppSpecification": {
                "ImageUri": machine.job.image,
                "ContainerEntrypoint": ["python3", "-m", "retrain.monitor"],
            },
            "Environment": {
                "PYTHONPATH": f"{PROCESSING}/code/monitor.zip",
                "MEASURED_AT.$": "$.at",
            },
            "ProcessingInputs.$": "$.inputs",
            "ProcessingOutputConfig": {"Outputs": [{"OutputName": "report", "S3Output": output}]},
            "ProcessingResources": {"ClusterConfig": machine.job.cluster},
            "StoppingCondition": {"MaxRuntimeInSeconds": machine.job.longest},
            "Tags": [
                {"Key": "stepwell:workflow", "Value": machine.name},
                {"Key": "stepwell:execution", "Value.$": "$$.Execution.Name"},
            ],
        },
        "ResultPath": None,
        "Next": "ReadSummary",
    }
