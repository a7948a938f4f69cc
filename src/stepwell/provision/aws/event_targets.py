"""EventBridge: what a rule starts, and with which input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.events import DEFAULT_BUS
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured, refused

_NO_SUCH_TARGET = {
    "appsyncTarget": "AppSync",
    "batchTarget": "Batch",
    "ecsTarget": "ECS",
    "httpTarget": "API destinations and API Gateway",
    "kinesisTarget": "Kinesis",
    "redshiftTarget": "Redshift",
    "sagemakerPipelineTarget": "SageMaker Pipelines",
    "sqsTarget": "a FIFO queue",
}
_INPUTS = ("input", "inputPath", "inputTransformer")


def _identify(cloud: Cloud, inputs: Inputs) -> str:
    """`RULE-TARGET`, behind the bus where that isn't the default one, as AWS's package has it."""
    ending = f"{inputs['rule']}-{inputs['targetId']}"
    return ending if inputs["eventBusName"] == DEFAULT_BUS else f"{inputs['eventBusName']}-{ending}"


def _place(id_: str, inputs: Inputs) -> tuple[str, str, str]:
    """Bus, rule and target; from the id of an import, `[BUS/]RULE/TARGET`, where the inputs don't tell."""
    if "rule" in inputs and "targetId" in inputs:
        return inputs.get("eventBusName", DEFAULT_BUS), inputs["rule"], inputs["targetId"]
    bus, rule, target = (id_ if id_.count("/") > 1 else f"{DEFAULT_BUS}/{id_}").rsplit("/", 2)
    return bus, rule, target


def _target(inputs: Inputs) -> dict[str, Any]:
    transformer = inputs.get("inputTransformer")
    commands = inputs.get("runCommandTargets")
    return given(
        Id=inputs["targetId"],
        Arn=inputs["arn"],
        RoleArn=inputs.get("roleArn"),
        Input=inputs.get("input"),
        InputPath=inputs.get("inputPath"),
        InputTransformer=None
        if transformer is None
        else given(InputPathsMap=transformer.get("inputPaths"), InputTemplate=transformer["inputTemplate"]),
        RunCommandParameters={"RunCommandTargets": pascal(commands)} if commands else None,
        DeadLetterConfig=pascal(inputs.get("deadLetterConfig")),
        RetryPolicy=pascal(inputs.get("retryPolicy")),
    )


def _put(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("events").put_targets(
            EventBusName=inputs["eventBusName"], Rule=inputs["rule"], Targets=[_target(inputs)]
        )
    _require_all("PutTargets", answer)
    return _identify(cloud, inputs)


def _require_all(operation: str, answer: Mapping[str, Any]) -> None:
    """These operations succeed as a whole and tell of each target that they failed for."""
    for entry in answer.get("FailedEntries") or ():
        code, message = entry.get("ErrorCode", ""), entry.get("ErrorMessage", "")
        raise ResourceFailed(f"{operation} answered {code}: {message}", code=code)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put(cloud, new)


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    bus, rule, target_id = _place(id_, inputs)
    found = _find(cloud, bus, rule, target_id)
    if found is None:
        return None
    transformer = found.get("InputTransformer")
    commands = found.get("RunCommandParameters")
    return given(
        eventBusName=bus,
        rule=rule,
        targetId=target_id,
        arn=found["Arn"],
        roleArn=found.get("RoleArn"),
        input=found.get("Input"),
        inputPath=found.get("InputPath"),
        inputTransformer=None
        if transformer is None
        else given(inputPaths=transformer.get("InputPathsMap"), inputTemplate=transformer["InputTemplate"]),
        runCommandTargets=camel(commands["RunCommandTargets"]) if commands else None,
        deadLetterConfig=camel(found.get("DeadLetterConfig")),
        retryPolicy=camel(found.get("RetryPolicy")),
    )


def _find(cloud: Cloud, bus: str, rule: str, target_id: str) -> dict[str, Any] | None:
    token: dict[str, str] = {}
    while True:
        listing = cloud.client("events").list_targets_by_rule
        page = attempt(cloud, listing, EventBusName=bus, Rule=rule, **token)
        if page is None:
            return None
        for found in page["Targets"]:
            if found["Id"] == target_id:
                return dict(found)
        if not page.get("NextToken"):
            return None
        token = {"NextToken": page["NextToken"]}


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    bus, rule, target_id = _place(id_, inputs)
    force = given(Force=inputs.get("forceDestroy"))
    removing = cloud.client("events").remove_targets
    _require_all(
        "RemoveTargets", attempt(cloud, removing, EventBusName=bus, Rule=rule, Ids=[target_id], **force) or {}
    )


def _check(inputs: Inputs) -> Iterator[str]:
    asked = [name for name in _INPUTS if name in inputs]
    if len(asked) > 1:
        yield f"properties {' and '.join(asked)} exclude each other"


EVENT_TARGET = ResourceType(
    token="aws:cloudwatch/eventTarget:EventTarget",
    properties={
        "arn": honoured(required=True),
        "rule": honoured(required=True, replaces=True),
        "targetId": honoured(replaces=True),
        "eventBusName": honoured(replaces=True, default=DEFAULT_BUS),
        "roleArn": honoured(),
        "input": honoured(),
        "inputPath": honoured(),
        "inputTransformer": honoured(
            fields={"inputPaths": honoured(), "inputTemplate": honoured(required=True)}
        ),
        "runCommandTargets": honoured(
            fields={"key": honoured(required=True), "values": honoured(required=True)}
        ),
        "deadLetterConfig": honoured(fields=block("arn")),
        "retryPolicy": honoured(fields=block("maximumEventAgeInSeconds maximumRetryAttempts")),
        "forceDestroy": honoured(),
        "region": honoured(replaces=True),
        **{
            name: refused(f"{target} can't be a rule's target here")
            for name, target in _NO_SUCH_TARGET.items()
        },
    },
    computed=frozenset(),
    naming=Naming(property="targetId", longest=64),
    create=_put,
    update=_update,
    read=_read,
    delete=_delete,
    identify=_identify,
    check=_check,
)

TYPES = (EVENT_TARGET,)
