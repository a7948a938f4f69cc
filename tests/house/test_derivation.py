"""What is derived from a definition is enough: the server's own rows ask for no right beyond it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from stepwell.api.authorise import condition_keys, rights
from stepwell.api.callers import role_session
from stepwell.api.operations import Service, Site
from stepwell.calls import Call
from stepwell.engine.integrations import INTEGRATIONS
from stepwell.identity import policy
from stepwell.identity.derive import derive
from stepwell.identity.evaluate import Policies, Request, decide

A, R = "000000000000", "us-east-1"
ROLE = f"arn:aws:iam::{A}:role/job"
CALLER = role_session(f"arn:aws:iam::{A}:role/machine", "execution")

#: arguments of every integration that the engine has, in PascalCase
ARGUMENTS: dict[str, dict[str, Any]] = {
    "lambda:invoke": {"FunctionName": "f", "Payload": {}},
    "states:startExecution": {"StateMachineArn": f"arn:aws:states:{R}:{A}:stateMachine:m"},
    "sagemaker:createTrainingJob": {"TrainingJobName": "j", "RoleArn": ROLE},
    "sagemaker:createProcessingJob": {"ProcessingJobName": "j", "RoleArn": ROLE},
    "sagemaker:createTransformJob": {"TransformJobName": "j", "ModelName": "m"},
    "sagemaker:createHyperParameterTuningJob": {
        "HyperParameterTuningJobName": "j",
        "TrainingJobDefinition": {"RoleArn": ROLE},
    },
    "sagemaker:createModel": {"ModelName": "m", "ExecutionRoleArn": ROLE},
    "sagemaker:createEndpointConfig": {"EndpointConfigName": "c", "ProductionVariants": [{"ModelName": "m"}]},
    "sagemaker:createEndpoint": {"EndpointName": "e", "EndpointConfigName": "c"},
    "sagemaker:updateEndpoint": {"EndpointName": "e", "EndpointConfigName": "c"},
    "events:putEvents": {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]},
    "sns:publish": {"TopicArn": f"arn:aws:sns:{R}:{A}:t", "Message": "m"},
    "sqs:sendMessage": {"QueueUrl": f"https://sqs.{R}.amazonaws.com/{A}/q", "MessageBody": "m"},
}


class Empty:
    """The state of a server that has nothing."""

    account, region = A, R

    def get(self, kind: type, key: str) -> None:
        return None


def spelled(service: str, arguments: dict[str, Any]) -> dict[str, Any]:
    """Arguments as the service's API spells them; Step Functions' own begin small."""
    if service != "stepfunctions":
        return arguments
    return {name[0].lower() + name[1:]: value for name, value in arguments.items()}


@pytest.mark.parametrize("key", INTEGRATIONS, ids=":".join)
def test_every_integration_may_what_it_does(key: tuple[str, str], services: Mapping[str, Service]) -> None:
    row, name = INTEGRATIONS[key], ":".join(key)
    operation = services[row.service].operations.get(row.operation) if row.service in services else None
    if operation is None:
        pytest.skip(f"{row.operation} is not served here")
    task = {"Type": "Task", "Resource": f"arn:aws:states:::{name}", "Parameters": ARGUMENTS[name]}
    found = derive({"StartAt": "S", "States": {"S": {**task, "End": True}}}, account=A, region=R)
    params = spelled(row.service, ARGUMENTS[name])
    view: Any = Empty()
    call = Call(service=row.service, operation=row.operation, params=params, caller=CALLER)
    for right, resource in rights(operation.rights, params, Site(account=A, region=R, view=view)):
        request = Request(
            action=right.action,
            resource=resource,
            principal=CALLER,
            context=condition_keys(call, right, view, 0.0),
        )
        granted = Policies(identity=(policy.parse(found.policy),))
        assert decide(request, granted).allowed, (right.action, resource, found.policy)
