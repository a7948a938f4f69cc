"""Activities as an API: created, described, listed, tagged, deleted."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from engine.machines import single, task
from engine.world import ACCOUNT, World

from stepwell.api.bells import Bells
from stepwell.api.callers import root
from stepwell.calls import Call
from stepwell.services.stepfunctions import activities

ARN = f"arn:aws:states:us-east-1:{ACCOUNT}:activity:a"


def create(world: World, name: str = "a", **params: Any) -> dict[str, Any]:
    return world.call("CreateActivity", name=name, **params)


def test_an_activity_is_created_once(world: World) -> None:
    """The same name is the same activity; other tags change nothing, another encryption is refused."""
    first = create(world, tags=[{"key": "k", "value": "v"}])
    assert first["activityArn"] == ARN
    world.clock.advance(5)
    assert create(world, tags=[{"key": "k", "value": "w"}]) == first
    assert world.call("ListTagsForResource", resourceArn=ARN) == {"tags": [{"key": "k", "value": "v"}]}
    encryption = {"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": "k"}
    refused = world.refused("CreateActivity", name="a", encryptionConfiguration=encryption)
    assert refused == ("ActivityAlreadyExists", f"Activity Already Exists: '{ARN}'")
    described = world.call("DescribeActivity", activityArn=ARN)
    assert described == {
        "activityArn": ARN,
        "name": "a",
        "creationDate": first["creationDate"],
        "encryptionConfiguration": {"type": "AWS_OWNED_KEY"},
    }


@pytest.mark.parametrize("name", ["a b", "a<b", "a/b", "a:b", "a\x7f", "\x00a", "a$"])
def test_names_that_are_refused(world: World, name: str) -> None:
    assert world.refused("CreateActivity", name=name) == ("InvalidName", f"Invalid Name: '{name}'")


def test_activities_are_listed_in_pages(world: World) -> None:
    for name in "bca":
        create(world, name)
    first = world.call("ListActivities", maxResults=2)
    rest = world.call("ListActivities", maxResults=2, nextToken=first["nextToken"])
    assert [each["name"] for each in (*first["activities"], *rest["activities"])] == ["a", "b", "c"]
    assert "nextToken" not in rest


def test_tags_of_activities_change(world: World) -> None:
    create(world)
    world.call("TagResource", resourceArn=ARN, tags=[{"key": "a", "value": "1"}, {"key": "b", "value": "2"}])
    world.call("UntagResource", resourceArn=ARN, tagKeys=["a"])
    assert world.call("ListTagsForResource", resourceArn=ARN) == {"tags": [{"key": "b", "value": "2"}]}
    assert world.refused("ListTagsForResource", resourceArn=ARN + "x")[0] == "ResourceNotFound"


@pytest.mark.parametrize(
    ("arn", "code", "message"),
    [
        ("nothing", "InvalidArn", "Invalid Arn: 'Invalid ARN prefix: nothing'"),
        (ARN + "x", "ActivityDoesNotExist", f"Activity Does Not Exist: '{ARN}x'"),
    ],
)
def test_what_is_no_activity(world: World, arn: str, code: str, message: str) -> None:
    for operation in ("DescribeActivity", "GetActivityTask"):
        assert world.refused(operation, activityArn=arn) == (code, message)


def test_an_activity_is_deleted_once_or_more(world: World) -> None:
    create(world)
    for _ in range(2):
        assert world.call("DeleteActivity", activityArn=ARN) == {}
    assert world.refused("DescribeActivity", activityArn=ARN)[0] == "ActivityDoesNotExist"


class Polling:
    """Polls that wait, beside a loop that the test ticks by their own decisions."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.bells = Bells()
        world.engine._ring = self.bells.ring
        self.call = Call(
            service="stepfunctions",
            operation="GetActivityTask",
            params={"activityArn": ARN},
            caller=root(ACCOUNT),
        )

    async def poll(self, call: Call | None = None) -> dict[str, Any]:
        context = self.world._context()
        return await activities.poll(self.world.engine, self.bells, call or self.call, context)


async def _hung(polling: Polling) -> None:
    while not polling.bells.waiting("a"):
        await asyncio.sleep(0)


def test_a_waiting_poll_gets_what_comes(world: World) -> None:
    """A task that is scheduled later wakes it: long before its minute is over."""
    create(world)
    polling = Polling(world)

    async def scenario() -> dict[str, Any]:
        waiting = asyncio.ensure_future(polling.poll())
        await _hung(polling)
        world.start(world.create(single(**task(ARN))), {"a": 1})
        world.tick()
        return await asyncio.wait_for(waiting, 10)

    found = asyncio.run(scenario())
    assert json.loads(found["input"]) == {"a": 1}


def test_a_poll_whose_client_has_left_takes_nothing(world: World) -> None:
    """The task stays for the next worker, and the poll ends at once."""
    create(world)
    polling = Polling(world)

    async def scenario() -> dict[str, Any]:
        left = asyncio.Event()

        async def gone() -> None:
            await left.wait()

        waiting = asyncio.ensure_future(polling.poll(replace(polling.call, gone=gone)))
        await _hung(polling)
        left.set()
        world.start(world.create(single(**task(ARN))), {"a": 1})
        world.tick()
        return await asyncio.wait_for(waiting, 10)

    assert asyncio.run(scenario()) == {}
    assert world.call("GetActivityTask", activityArn=ARN)["taskToken"]


def test_a_task_that_polls_gets_the_same_after_a_crash(world: World) -> None:
    """A call with an effect's token is answered once: its repeat takes no second task."""
    create(world)
    polling = Polling(world)
    machine = world.create(single(**task(ARN)))
    for value in (1, 2):
        world.start(machine, value)
        world.run()
        world.clock.advance(1)
    call = replace(polling.call, token="effect")
    first, again = (asyncio.run(polling.poll(call)) for _ in range(2))
    assert first == again and first["input"] == "1"
    assert world.call("GetActivityTask", activityArn=ARN)["input"] == "2"


def test_only_so_many_workers_wait(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    create(world)
    polling = Polling(world)
    monkeypatch.setattr(activities, "WORKERS", 1)

    async def scenario() -> None:
        waiting = asyncio.ensure_future(polling.poll())
        await _hung(polling)
        with pytest.raises(activities.ActivityWorkerLimitExceeded):
            await polling.poll()
        polling.bells.close()
        assert await asyncio.wait_for(waiting, 10) == {}

    asyncio.run(scenario())
