"""The states from a registered model to an endpoint that answers with it.

The endpoint is created with the first champion and updated from then on; before it is updated, the machine
sees that it still has what the gate compared with.
"""

from __future__ import annotations

from typing import Any

from stepwell.retrain.machine.states import Deployment, Machine, State, ledger, otherwise, tags, task

#: how SageMaker refuses what isn't there, called through the SDK integration, and whatever else it refuses
REFUSED = ["SageMaker.SageMakerException"]


def serving(machine: Machine) -> dict[str, State]:
    """The states, `CreateModel` first; `CloseDeployed` and other ends follow them."""
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
        "Tags": tags(machine),
    }
    if deployment.capture is not None:
        config["DataCaptureConfig"] = dict(deployment.capture)
    pause = {"ResultSelector": {"seconds": 1, "more": 0}, "ResultPath": "$.pause"}
    changing = [_status("Creating"), _status("Updating"), _status("SystemUpdating"), _status("RollingBack")]
    return {
        "CreateModel": task(
            "sagemaker:createModel",
            {
                "ModelName.$": "$.model",
                "ExecutionRoleArn": deployment.role,
                "PrimaryContainer": {"ModelPackageName.$": "$.package.ModelPackageArn"},
                "Tags": tags(machine),
            },
            "CreateEndpointConfig",
        ),
        "CreateEndpointConfig": task("sagemaker:createEndpointConfig", config, "FindEndpoint"),
        "FindEndpoint": {
            **task("aws-sdk:sagemaker:describeEndpoint", endpoint, "IsUnchanged", ResultPath="$.endpoint"),
            "Catch": [
                {"ErrorEquals": REFUSED, "ResultPath": "$.endpoint", "Next": "IsFirst"},
                otherwise(),
            ],
        },
        "IsFirst": {
            "Type": "Choice",
            "Choices": [
                {
                    "Not": {"Variable": "$.endpoint.Cause", "StringMatches": "*Could not find*"},
                    "Next": "NotSeen",
                },
                {"Variable": "$.champion_config", "StringEquals": "", "Next": "CreateEndpoint"},
            ],
            "Default": "PlanAgain",
        },
        "NotSeen": {
            "Type": "Pass",
            "InputPath": "$.endpoint",
            "ResultPath": "$.fault",
            "Next": "CloseFailed",
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
        "DeleteEndpoint": task("aws-sdk:sagemaker:deleteEndpoint", endpoint, "AwaitQuiet"),
        "PlanAgain": ledger(machine, "plan_again", "Gate"),
        "CreateEndpoint": task(
            "sagemaker:createEndpoint", _deploy(machine, deployment), "AwaitEndpoint", **pause
        ),
        "UpdateEndpoint": task(
            "sagemaker:updateEndpoint",
            {**endpoint, "EndpointConfigName.$": "$.model"},
            "AwaitEndpoint",
            **pause,
        ),
        # createEndpoint has no `.sync`. Pauses grow: a new endpoint takes a second here, minutes on AWS.
        "AwaitEndpoint": {"Type": "Wait", "SecondsPath": "$.pause.seconds", "Next": "DescribeEndpoint"},
        "DescribeEndpoint": task(
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
            "Parameters": {"seconds.$": "States.MathAdd($.pause.seconds, $.pause.more)", "more": 1},
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


def _deploy(machine: Machine, deployment: Deployment) -> State:
    workflow = {"Key": "stepwell:workflow", "Value": machine.name}
    return {"EndpointName": deployment.endpoint, "EndpointConfigName.$": "$.model", "Tags": [workflow]}


def _status(name: str) -> dict[str, Any]:
    return {"Variable": "$.endpoint.EndpointStatus", "StringEquals": name}
