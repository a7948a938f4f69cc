"""Versions and aliases of state machines."""

from __future__ import annotations

import json
from typing import Any

import pytest
from engine.machines import single
from engine.world import ACCOUNT, ROLE, World

ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:m"


def definition(result: Any) -> str:
    return json.dumps(single(Type="Pass", Result=result))


def create(world: World, result: Any = 0, **params: Any) -> dict[str, Any]:
    return world.call("CreateStateMachine", name="m", definition=definition(result), roleArn=ROLE, **params)


def update(world: World, result: Any, **params: Any) -> dict[str, Any]:
    return world.call("UpdateStateMachine", stateMachineArn=ARN, definition=definition(result), **params)


def versions(world: World) -> list[str]:
    listed = world.call("ListStateMachineVersions", stateMachineArn=ARN)["stateMachineVersions"]
    return [version["stateMachineVersionArn"].rpartition(":")[2] for version in listed]


def route(*weights: tuple[int, int]) -> list[dict[str, Any]]:
    return [{"stateMachineVersionArn": f"{ARN}:{number}", "weight": weight} for number, weight in weights]


def alias(world: World, name: str, *weights: tuple[int, int], **params: Any) -> str:
    made = world.call("CreateStateMachineAlias", name=name, routingConfiguration=route(*weights), **params)
    return str(made["stateMachineAliasArn"])


@pytest.fixture
def three(world: World) -> World:
    """A machine with three versions, whose results are their numbers."""
    create(world, 1, publish=True)
    for number in (2, 3):
        update(world, number, publish=True)
    return world


def test_versions_are_numbered_and_listed_latest_first(three: World) -> None:
    """Numbers count from 1, are never used again, and pages hold all of them once."""
    assert versions(three) == ["3", "2", "1"]
    three.call("DeleteStateMachineVersion", stateMachineVersionArn=f"{ARN}:3")
    assert update(three, 4, publish=True)["stateMachineVersionArn"] == f"{ARN}:4"
    assert versions(three) == ["4", "2", "1"]
    first = three.call("ListStateMachineVersions", stateMachineArn=ARN, maxResults=2)
    token = first["nextToken"]
    rest = three.call("ListStateMachineVersions", stateMachineArn=ARN, maxResults=2, nextToken=token)
    assert [len(page["stateMachineVersions"]) for page in (first, rest)] == [2, 1]


def test_a_revision_is_published_once(world: World) -> None:
    """Publishing again what was not changed gives the same version, by every road."""
    assert create(world, publish=True, versionDescription="d")["stateMachineVersionArn"] == f"{ARN}:1"
    assert create(world, publish=True, versionDescription="d")["stateMachineVersionArn"] == f"{ARN}:1"
    assert (
        world.call("PublishStateMachineVersion", stateMachineArn=ARN)["stateMachineVersionArn"] == f"{ARN}:1"
    )
    same = update(world, 0, publish=True)
    assert same["stateMachineVersionArn"] == f"{ARN}:1" and "revisionId" not in same
    assert versions(world) == ["1"]


@pytest.mark.parametrize("said", [{}, {"publish": True}, {"publish": True, "versionDescription": "e"}])
def test_a_repeated_creation_must_say_the_same_of_publishing(world: World, said: dict[str, Any]) -> None:
    create(world, publish=True, versionDescription="d")
    params = {"name": "m", "definition": definition(0), "roleArn": ROLE, **said}
    assert world.refused("CreateStateMachine", **params)[0] == "StateMachineAlreadyExists"


def test_only_the_wished_revision_is_published(world: World) -> None:
    """A revision that is no longer the current one is a conflict that names both."""
    create(world)
    made = world.call("PublishStateMachineVersion", stateMachineArn=ARN, revisionId="INITIAL")
    assert made["stateMachineVersionArn"] == f"{ARN}:1"
    old, new = update(world, 1)["revisionId"], update(world, 2)["revisionId"]
    found = world.refused("PublishStateMachineVersion", stateMachineArn=ARN, revisionId=old)
    assert found == (
        "ConflictException",
        f"Failed to publish the State Machine version for revision {old}. The current State Machine "
        f"revision is {new}.",
    )
    world.call("PublishStateMachineVersion", stateMachineArn=ARN, revisionId=new, description="of two")
    described = world.call("DescribeStateMachine", stateMachineArn=f"{ARN}:2")
    assert (described["description"], described["revisionId"]) == ("of two", new)


def test_a_version_stays_as_it_was(three: World) -> None:
    """Describing and starting it give what was published, whatever the machine is now."""
    described = three.call("DescribeStateMachine", stateMachineArn=f"{ARN}:1")
    assert (described["stateMachineArn"], described["name"]) == (f"{ARN}:1", "m")
    assert described["definition"] == definition(1)
    execution = three.start(f"{ARN}:1")
    three.run()
    assert three.output(execution) == 1
    found = three.describe(execution)
    assert (found["stateMachineArn"], found["stateMachineVersionArn"]) == (ARN, f"{ARN}:1")
    assert "stateMachineAliasArn" not in found
    started = three.history(execution)[0]["executionStartedEventDetails"]
    assert started["stateMachineVersionArn"] == f"{ARN}:1"
    machine = three.call("DescribeStateMachineForExecution", executionArn=execution)
    assert (machine["stateMachineArn"], machine["definition"]) == (ARN, definition(1))


def test_a_version_cannot_be_updated(three: World) -> None:
    found = three.refused("UpdateStateMachine", stateMachineArn=f"{ARN}:2", definition=definition(9))
    assert found == ("StateMachineDoesNotExist", f"State Machine Does Not Exist: '{ARN}:2'")


def test_executions_outlive_their_version(three: World) -> None:
    """A running execution goes on when its version is deleted, and nothing new begins with it."""
    waiting = json.dumps(single(Type="Wait", Seconds=5))
    three.call("UpdateStateMachine", stateMachineArn=ARN, definition=waiting, publish=True)
    execution = three.start(f"{ARN}:4")
    three.run()
    three.call("DeleteStateMachineVersion", stateMachineVersionArn=f"{ARN}:4")
    update(three, 5)
    three.crash()
    three.advance(6)
    assert three.describe(execution)["status"] == "SUCCEEDED"
    assert three.refused("StartExecution", stateMachineArn=f"{ARN}:4")[0] == "StateMachineDoesNotExist"
    assert three.call("DeleteStateMachineVersion", stateMachineVersionArn=f"{ARN}:4") == {}


def test_a_version_behind_an_alias_is_kept(three: World) -> None:
    alias(three, "PROD", (1, 100))
    found = three.refused("DeleteStateMachineVersion", stateMachineVersionArn=f"{ARN}:1")
    assert found == (
        "ConflictException",
        "Version to be deleted must not be referenced by an alias. Current list of aliases referencing this "
        "version: [PROD]",
    )
    three.call("DeleteStateMachineAlias", stateMachineAliasArn=f"{ARN}:PROD")
    three.call("DeleteStateMachineVersion", stateMachineVersionArn=f"{ARN}:1")
    assert versions(three) == ["3", "2"]


def test_an_alias_leads_to_versions_by_weight(three: World) -> None:
    """Each start draws; what was drawn is told, and a weight of 0 is never drawn."""
    prod = alias(three, "PROD", (1, 70), (2, 30))
    drawn: list[int] = []
    for _ in range(200):
        execution = three.start(prod)
        three.run()
        found = three.describe(execution)
        assert found["stateMachineAliasArn"] == prod
        drawn.append(three.output(execution))
        assert found["stateMachineVersionArn"] == f"{ARN}:{drawn[-1]}"
    assert 110 < drawn.count(1) < 170 and drawn.count(1) + drawn.count(2) == 200
    three.call(
        "UpdateStateMachineAlias", stateMachineAliasArn=prod, routingConfiguration=route((1, 0), (3, 100))
    )
    later = [three.start(prod) for _ in range(20)]
    three.run()
    assert {three.output(execution) for execution in later} == {3}


def test_executions_are_listed_by_version_and_alias(three: World) -> None:
    prod = alias(three, "PROD", (1, 100))
    by_alias, by_version, plain = (three.start(arn) for arn in (prod, f"{ARN}:1", ARN))
    three.run()

    def listed(arn: str, **params: Any) -> set[str]:
        found = three.call("ListExecutions", stateMachineArn=arn, **params)["executions"]
        return {execution["executionArn"] for execution in found}

    assert listed(prod) == {by_alias}
    assert listed(f"{ARN}:1") == {by_alias, by_version}
    assert listed(f"{ARN}:1", statusFilter="FAILED") == set()
    assert listed(ARN) == {by_alias, by_version, plain}


@pytest.mark.parametrize(
    ("routing", "code", "message"),
    [
        ([(0, 100)], "ValidationException", "must contain state machine version ARNs. Received: ["),
        ([(1, 50), (1, 50)], "ValidationException", "must contain distinct state machine version ARNs."),
        ([(1, 70), (2, 29)], "ValidationException", "must equal 100. Received: [70, 29]"),
        (
            [(1, 50), (2, 30), (3, 20)],
            "ValidationException",
            f"Value '[RoutingConfigurationListItem(stateMachineVersionArn={ARN}:1, weight=50), ",
        ),
        ([(9, 100)], "ResourceNotFound", f"Resource not found: '{ARN}:9'"),
    ],
)
def test_what_an_alias_cannot_lead_to(
    three: World, routing: list[tuple[int, int]], code: str, message: str
) -> None:
    """Zero stands for the machine itself, which no alias may name."""
    arns = [
        {"stateMachineVersionArn": f"{ARN}:{number}" if number else ARN, "weight": weight}
        for number, weight in routing
    ]
    found = three.refused("CreateStateMachineAlias", name="A", routingConfiguration=arns)
    assert found[0] == code and message in found[1]


def test_an_alias_is_created_once_and_described_as_it_is(three: World) -> None:
    """The same again is the same alias; anything else under its name is a conflict."""
    made = alias(three, "A", (1, 100), description="d")
    assert alias(three, "A", (1, 100), description="d") == made
    found = three.refused("CreateStateMachineAlias", name="A", routingConfiguration=route((2, 100)))
    assert found[0] == "ConflictException"
    three.clock.advance(10)
    three.call("UpdateStateMachineAlias", stateMachineAliasArn=made, description="e")
    described = three.call("DescribeStateMachineAlias", stateMachineAliasArn=made)
    assert described["updateDate"] - described["creationDate"] == 10
    assert (described["name"], described["description"]) == ("A", "e")
    assert described["routingConfiguration"] == route((1, 100))
    assert three.refused("UpdateStateMachineAlias", stateMachineAliasArn=made)[0] == "ValidationException"
    for operation in ("DescribeStateMachineAlias", "DeleteStateMachineAlias"):
        assert three.refused(operation, stateMachineAliasArn=f"{ARN}:B")[0] == "ResourceNotFound"


def test_aliases_are_listed_in_pages_and_by_version(three: World) -> None:
    for name, number in (("C", 1), ("A", 2), ("B", 1)):
        alias(three, name, (number, 100))
        three.clock.advance(1)

    def names(arn: str, **params: Any) -> list[str]:
        found = three.call("ListStateMachineAliases", stateMachineArn=arn, **params)
        return [each["stateMachineAliasArn"].rpartition(":")[2] for each in found["stateMachineAliases"]]

    assert names(ARN) == ["C", "A", "B"]
    assert names(f"{ARN}:1") == ["C", "B"]
    token = three.call("ListStateMachineAliases", stateMachineArn=ARN, maxResults=2)["nextToken"]
    assert names(ARN, maxResults=2, nextToken=token) == ["B"]


def test_a_machine_takes_its_versions_and_aliases_along(three: World) -> None:
    """A machine made again under the name has none of them, and counts from 1."""
    alias(three, "A", (1, 100))
    three.call("DeleteStateMachine", stateMachineArn=ARN)
    three.run()
    create(three, 7)
    assert versions(three) == []
    assert three.call("ListStateMachineAliases", stateMachineArn=ARN) == {"stateMachineAliases": []}
    assert three.refused("StartExecution", stateMachineArn=f"{ARN}:A")[0] == "StateMachineDoesNotExist"
    three.call("PublishStateMachineVersion", stateMachineArn=ARN)
    assert versions(three) == ["1"]


def test_an_update_that_changes_nothing_makes_no_revision(world: World) -> None:
    create(world)
    assert "revisionId" not in update(world, 0)
    revision = update(world, 1)["revisionId"]
    assert update(world, 1)["revisionId"] == revision
