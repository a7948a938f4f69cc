"""Aliases of state machines and activities: the calls of their lives."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:m"
ALIAS = f"{MACHINE}:PROD"
CREATED = datetime(2026, 1, 2, tzinfo=UTC)
ACTIVITY = "arn:aws:states:us-east-1:000000000000:activity:a"


def routes(*weights: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": f"{MACHINE}:{number}", "weight": weight} for number, weight in weights]


LIVES = [
    Life(
        token="aws:sfn/alias:Alias",
        inputs={"name": "PROD", "description": "d", "routingConfigurations": routes((1, 100))},
        id=ALIAS,
        answers={
            "CreateStateMachineAlias": {"stateMachineAliasArn": ALIAS, "creationDate": CREATED},
            "UpdateStateMachineAlias": {"updateDate": CREATED},
            "DescribeStateMachineAlias": {
                "stateMachineAliasArn": ALIAS,
                "name": "PROD",
                "description": "d",
                "routingConfiguration": routes((1, 100)),
                "creationDate": CREATED,
            },
        },
        creating=[
            (
                "CreateStateMachineAlias",
                {"name": "PROD", "description": "d", "routingConfiguration": routes((1, 100))},
            )
        ],
        reads={
            "arn": ALIAS,
            "name": "PROD",
            "description": "d",
            "routingConfigurations": routes((1, 100)),
            "creationDate": "2026-01-02T00:00:00Z",
        },
        changed={"description": None, "routingConfigurations": routes((1, 10), (2, 90))},
        updating=[
            (
                "UpdateStateMachineAlias",
                {
                    "stateMachineAliasArn": ALIAS,
                    "description": "",
                    "routingConfiguration": routes((1, 10), (2, 90)),
                },
            )
        ],
        deleting=[("DeleteStateMachineAlias", {"stateMachineAliasArn": ALIAS})],
        gone={
            "DescribeStateMachineAlias": "ResourceNotFound",
            "DeleteStateMachineAlias": "ResourceNotFound",
        },
    ),
    Life(
        token="aws:sfn/activity:Activity",
        inputs={"name": "a", "tagsAll": {"k": "1"}},
        id=ACTIVITY,
        answers={
            "CreateActivity": {"activityArn": ACTIVITY, "creationDate": CREATED},
            "DescribeActivity": {"activityArn": ACTIVITY, "name": "a", "creationDate": CREATED},
            "ListTagsForResource": {"tags": [{"key": "k", "value": "1"}]},
        },
        creating=[("CreateActivity", {"name": "a", "tags": [{"key": "k", "value": "1"}]})],
        reads={
            "arn": ACTIVITY,
            "name": "a",
            "creationDate": "2026-01-02T00:00:00Z",
            "tagsAll": {"k": "1"},
        },
        changed={"tagsAll": {"l": "2"}},
        updating=[
            ("TagResource", {"resourceArn": ACTIVITY, "tags": [{"key": "l", "value": "2"}]}),
            ("UntagResource", {"resourceArn": ACTIVITY, "tagKeys": ["k"]}),
        ],
        deleting=[("DeleteActivity", {"activityArn": ACTIVITY})],
        gone={"DescribeActivity": "ActivityDoesNotExist"},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_life(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make these calls and no others."""
    play(life, cloud, script)


@pytest.mark.parametrize(
    ("routing", "message"),
    [
        (routes((1, 60), (2, 30)), "the weights of routingConfigurations add up to 90"),
        (routes((1, 40), (2, 30), (3, 30)), "routingConfigurations has 3 entries"),
        ([], "routingConfigurations has 0 entries"),
    ],
)
def test_routes_that_no_alias_can_have(routing: list[dict[str, Any]], message: str) -> None:
    """Told before anything is called."""
    inputs = {"name": "PROD", "routingConfigurations": routing}
    found = schema.check(TYPES["aws:sfn/alias:Alias"], inputs, "us-east-1")
    assert any(message in each for each in found)
