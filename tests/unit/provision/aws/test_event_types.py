"""Buses, rules, targets, permissions and log streams: the calls of their lives."""

from __future__ import annotations

import json
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed

HERE = "arn:aws:events:us-east-1:000000000000:"
FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"
DOCUMENT = "arn:aws:ssm:us-east-1::document/AWS-RunShellScript"
PATTERN = json.dumps({"source": ["a"]})
STATEMENT = {
    "Sid": "s",
    "Effect": "Allow",
    "Action": "events:PutEvents",
    "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
    "Resource": f"{HERE}event-bus/b",
    "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}},
}
BUS_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
CONDITION = {"key": "aws:PrincipalOrgID", "type": "StringEquals", "value": "o-1"}
PERMISSION = {
    "EventBusName": "b",
    "StatementId": "s",
    "Action": "events:PutEvents",
    "Principal": "111122223333",
    "Condition": {"Key": "aws:PrincipalOrgID", "Type": "StringEquals", "Value": "o-1"},
}
TARGET = {
    "Id": "t",
    "Arn": FUNCTION,
    "InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": "<a>"},
    "RetryPolicy": {"MaximumRetryAttempts": 3, "MaximumEventAgeInSeconds": 60},
    "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:000000000000:q"},
}
COMMAND = {
    "Id": "t",
    "Arn": DOCUMENT,
    "RoleArn": "arn:aws:iam::000000000000:role/r",
    "Input": '{"commands": ["true"]}',
    "RunCommandParameters": {"RunCommandTargets": [{"Key": "tag:a", "Values": ["b"]}]},
}
GONE = "ResourceNotFoundException"

LIVES = [
    Life(
        token="aws:cloudwatch/eventBus:EventBus",
        inputs={"name": "b", "description": "d", "deadLetterConfig": {"arn": "arn:aws:sqs:x"}},
        id="b",
        answers={
            "DescribeEventBus": {
                "Name": "b",
                "Arn": f"{HERE}event-bus/b",
                "Description": "d",
                "DeadLetterConfig": {"Arn": "arn:aws:sqs:x"},
            }
        },
        creating=[
            (
                "CreateEventBus",
                {"Name": "b", "Description": "d", "DeadLetterConfig": {"Arn": "arn:aws:sqs:x"}},
            )
        ],
        reads={
            "name": "b",
            "arn": f"{HERE}event-bus/b",
            "description": "d",
            "deadLetterConfig": {"arn": "arn:aws:sqs:x"},
            "tagsAll": {},
        },
        changed={"description": "e", "deadLetterConfig": None, "tagsAll": {"a": "1"}},
        updating=[
            ("UpdateEventBus", {"Name": "b", "Description": "e"}),
            (
                "TagResource",
                {"ResourceARN": f"{HERE}event-bus/b", "Tags": [{"Key": "a", "Value": "1"}]},
            ),
        ],
        deleting=[("DeleteEventBus", {"Name": "b"})],
        gone={"DescribeEventBus": GONE},
    ),
    Life(
        token="aws:cloudwatch/eventRule:EventRule",
        inputs={"name": "r", "eventPattern": PATTERN, "isEnabled": False, "tagsAll": {"a": "1"}},
        id="r",
        answers={
            "PutRule": {"RuleArn": f"{HERE}rule/r"},
            "ListTagsForResource": {"Tags": [{"Key": "a", "Value": "1"}]},
            "DescribeRule": {
                "Name": "r",
                "Arn": f"{HERE}rule/r",
                "EventPattern": PATTERN,
                "State": "DISABLED",
            },
        },
        creating=[
            (
                "PutRule",
                {
                    "Name": "r",
                    "EventBusName": "default",
                    "EventPattern": PATTERN,
                    "State": "DISABLED",
                    "Tags": [{"Key": "a", "Value": "1"}],
                },
            )
        ],
        reads={
            "name": "r",
            "arn": f"{HERE}rule/r",
            "eventBusName": "default",
            "eventPattern": PATTERN,
            "state": "DISABLED",
            "isEnabled": False,
            "tagsAll": {"a": "1"},
        },
        changed={"eventPattern": None, "scheduleExpression": "rate(1 day)", "isEnabled": True},
        updating=[
            (
                "PutRule",
                {
                    "Name": "r",
                    "EventBusName": "default",
                    "ScheduleExpression": "rate(1 day)",
                    "State": "ENABLED",
                },
            )
        ],
        deleting=[("DeleteRule", {"Name": "r", "EventBusName": "default"})],
        gone={"DescribeRule": GONE, "DeleteRule": GONE},
    ),
    Life(
        token="aws:cloudwatch/eventRule:EventRule",
        inputs={"name": "r", "eventBusName": f"{HERE}event-bus/b", "eventPattern": PATTERN},
        id=f"{HERE}event-bus/b/r",
        answers={
            "PutRule": {"RuleArn": f"{HERE}rule/b/r"},
            "DescribeRule": {"Name": "r", "Arn": f"{HERE}rule/b/r", "State": "ENABLED"},
        },
        creating=[
            (
                "PutRule",
                {"Name": "r", "EventBusName": f"{HERE}event-bus/b", "EventPattern": PATTERN},
            )
        ],
        reads={
            "name": "r",
            "arn": f"{HERE}rule/b/r",
            "eventBusName": f"{HERE}event-bus/b",
            "state": "ENABLED",
            "isEnabled": True,
            "tagsAll": {},
        },
        changed={"tagsAll": {"a": "1"}},
        updating=[("TagResource", {"ResourceARN": f"{HERE}rule/b/r", "Tags": [{"Key": "a", "Value": "1"}]})],
        deleting=[("DeleteRule", {"Name": "r", "EventBusName": f"{HERE}event-bus/b"})],
    ),
    Life(
        token="aws:cloudwatch/eventTarget:EventTarget",
        inputs={
            "rule": "r",
            "targetId": "t",
            "arn": FUNCTION,
            "inputTransformer": {"inputPaths": {"a": "$.detail"}, "inputTemplate": "<a>"},
            "retryPolicy": {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 60},
            "deadLetterConfig": {"arn": "arn:aws:sqs:us-east-1:000000000000:q"},
        },
        id="r-t",
        answers={"ListTargetsByRule": {"Targets": [{"Id": "other", "Arn": "x"}, TARGET]}},
        creating=[("PutTargets", {"Rule": "r", "EventBusName": "default", "Targets": [TARGET]})],
        reads={
            "rule": "r",
            "targetId": "t",
            "eventBusName": "default",
            "arn": FUNCTION,
            "inputTransformer": {"inputPaths": {"a": "$.detail"}, "inputTemplate": "<a>"},
            "retryPolicy": {"maximumRetryAttempts": 3, "maximumEventAgeInSeconds": 60},
            "deadLetterConfig": {"arn": "arn:aws:sqs:us-east-1:000000000000:q"},
        },
        changed={"inputTransformer": None, "inputPath": "$.detail"},
        updating=[
            (
                "PutTargets",
                {
                    "Rule": "r",
                    "EventBusName": "default",
                    "Targets": [
                        {
                            **{k: v for k, v in TARGET.items() if k != "InputTransformer"},
                            "InputPath": "$.detail",
                        }
                    ],
                },
            )
        ],
        deleting=[("RemoveTargets", {"Rule": "r", "EventBusName": "default", "Ids": ["t"]})],
        gone={"ListTargetsByRule": GONE, "RemoveTargets": GONE},
    ),
    Life(
        token="aws:cloudwatch/eventTarget:EventTarget",
        inputs={
            "rule": "r",
            "targetId": "t",
            "eventBusName": "b",
            "arn": DOCUMENT,
            "roleArn": "arn:aws:iam::000000000000:role/r",
            "input": '{"commands": ["true"]}',
            "runCommandTargets": [{"key": "tag:a", "values": ["b"]}],
            "forceDestroy": True,
        },
        id="b-r-t",
        answers={
            "ListTargetsByRule": [
                {"Targets": [{"Id": "x", "Arn": "x"}], "NextToken": "more"},
                {"Targets": [COMMAND]},
            ]
        },
        creating=[("PutTargets", {"Rule": "r", "EventBusName": "b", "Targets": [COMMAND]})],
        reads={
            "rule": "r",
            "targetId": "t",
            "eventBusName": "b",
            "arn": DOCUMENT,
            "roleArn": "arn:aws:iam::000000000000:role/r",
            "input": '{"commands": ["true"]}',
            "runCommandTargets": [{"key": "tag:a", "values": ["b"]}],
        },
        deleting=[("RemoveTargets", {"Rule": "r", "EventBusName": "b", "Ids": ["t"], "Force": True})],
        gone={"ListTargetsByRule": {"Targets": [{"Id": "x", "Arn": "x"}]}},
    ),
    Life(
        token="aws:cloudwatch/eventPermission:EventPermission",
        inputs={
            "eventBusName": "b",
            "statementId": "s",
            "principal": "111122223333",
            "condition": CONDITION,
        },
        id="b/s",
        answers={"DescribeEventBus": {"Name": "b", "Policy": BUS_POLICY}},
        creating=[("PutPermission", PERMISSION)],
        reads={
            "eventBusName": "b",
            "statementId": "s",
            "action": "events:PutEvents",
            "principal": "111122223333",
            "condition": CONDITION,
        },
        changed={"principal": "*"},
        updating=[("PutPermission", {**PERMISSION, "Principal": "*"})],
        deleting=[("RemovePermission", {"EventBusName": "b", "StatementId": "s"})],
        gone={"DescribeEventBus": GONE, "RemovePermission": GONE},
    ),
    Life(
        token="aws:cloudwatch/eventBusPolicy:EventBusPolicy",
        inputs={"policy": BUS_POLICY},
        id="default",
        answers={"DescribeEventBus": {"Name": "default", "Policy": BUS_POLICY}},
        creating=[("PutPermission", {"EventBusName": "default", "Policy": BUS_POLICY})],
        reads={"eventBusName": "default", "policy": BUS_POLICY},
        changed={"policy": "{}"},
        updating=[("PutPermission", {"EventBusName": "default", "Policy": "{}"})],
        deleting=[("RemovePermission", {"EventBusName": "default", "RemoveAllPermissions": True})],
        gone={"DescribeEventBus": {"Name": "default"}},
    ),
    Life(
        token="aws:cloudwatch/logStream:LogStream",
        inputs={"logGroupName": "/g", "name": "s"},
        id="/g:s",
        answers={"DescribeLogStreams": {"logStreams": [{"logStreamName": "s"}]}},
        creating=[("CreateLogStream", {"logGroupName": "/g", "logStreamName": "s"})],
        reads={
            "logGroupName": "/g",
            "name": "s",
            "arn": "arn:aws:logs:us-east-1:000000000000:log-group:/g:log-stream:s",
        },
        deleting=[("DeleteLogStream", {"logGroupName": "/g", "logStreamName": "s"})],
        gone={"DescribeLogStreams": {"logStreams": [{"logStreamName": "s2"}]}},
    ),
    Life(
        token="aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
        inputs={"policyName": "events", "policyDocument": BUS_POLICY},
        id="events",
        answers={
            "DescribeResourcePolicies": {
                "resourcePolicies": [{"policyName": "events", "policyDocument": BUS_POLICY}]
            }
        },
        creating=[("PutResourcePolicy", {"policyName": "events", "policyDocument": BUS_POLICY})],
        reads={"policyName": "events", "policyDocument": BUS_POLICY, "policyScope": "ACCOUNT"},
        changed={"policyDocument": "{}"},
        updating=[("PutResourcePolicy", {"policyName": "events", "policyDocument": "{}"})],
        deleting=[("DeleteResourcePolicy", {"policyName": "events"})],
        gone={"DescribeResourcePolicies": {"resourcePolicies": []}},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: f"{life.token} {life.id}")
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


def test_a_target_that_failed_is_an_error_though_the_call_succeeded(cloud: Cloud, script: Any) -> None:
    """PutTargets answers 200 and tells of each target's failure in its body."""
    kind = TYPES["aws:cloudwatch/eventTarget:EventTarget"]
    entry = {"TargetId": "t", "ErrorCode": "ConcurrentModificationException", "ErrorMessage": "again"}
    script.answers = {"PutTargets": {"FailedEntryCount": 1, "FailedEntries": [entry]}}
    inputs = {"rule": "r", "targetId": "t", "eventBusName": "default", "arn": FUNCTION}
    with pytest.raises(ResourceFailed, match="ConcurrentModificationException: again"):
        kind.create(cloud, inputs)


@pytest.mark.parametrize(
    ("id_", "place"),
    [
        ("r/t", ("default", "r")),
        ("b/r/t", ("b", "r")),
        (f"{HERE}event-bus/b/r/t", (f"{HERE}event-bus/b", "r")),
    ],
)
def test_a_target_is_read_by_an_imports_id(
    id_: str, place: tuple[str, str], cloud: Cloud, script: Any
) -> None:
    """`[BUS/]RULE/TARGET`, with the bus's name or its ARN."""
    script.answers = {"ListTargetsByRule": {"Targets": [{"Id": "t", "Arn": FUNCTION}]}}
    found = TYPES["aws:cloudwatch/eventTarget:EventTarget"].read(cloud, id_, {})
    assert found is not None
    assert (found["eventBusName"], found["rule"]) == place


@pytest.mark.parametrize(
    ("token", "inputs", "fault"),
    [
        ("eventRule:EventRule", {}, "one of eventPattern and scheduleExpression has to be given"),
        (
            "eventRule:EventRule",
            {"eventPattern": PATTERN, "state": "ENABLED", "isEnabled": True},
            "properties state and isEnabled exclude each other",
        ),
        (
            "eventRule:EventRule",
            {"scheduleExpression": "rate(1 day)", "eventBusName": "b"},
            "property scheduleExpression: schedules run on the default bus only",
        ),
        (
            "eventTarget:EventTarget",
            {"rule": "r", "arn": FUNCTION, "input": "{}", "inputPath": "$"},
            "properties input and inputPath exclude each other",
        ),
        (
            "eventTarget:EventTarget",
            {"rule": "r", "arn": FUNCTION, "ecsTarget": {"taskDefinitionArn": "x"}},
            "property ecsTarget is not supported: ECS can't be a rule's target here",
        ),
        (
            "eventBus:EventBus",
            {"name": "default"},
            "property name is 'default': every account has that bus already",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(
    token: str, inputs: dict[str, Any], fault: str
) -> None:
    """Each by name, with the reason."""
    assert schema.check(TYPES[f"aws:cloudwatch/{token}"], inputs, "us-east-1") == [fault]
