"""Activities: created and deleted, and polled by workers for tasks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Any

import msgspec

from stepwell.api.bells import Bell, Bells
from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine import Engine
from stepwell.engine.activities import Activity, QueuedTask
from stepwell.services.stepfunctions import names, pages
from stepwell.services.stepfunctions.errors import (
    ActivityAlreadyExists,
    ActivityDoesNotExist,
    ActivityWorkerLimitExceeded,
    TooManyTags,
)
from stepwell.services.stepfunctions.machines import TAGS_LIMIT
from stepwell.services.stepfunctions.records import OWN_KEY

#: seconds for which a poll waits for a task
LONGEST = 60.0
#: polls that may wait at one activity
WORKERS = 1000


def find(view: View, arn: str) -> Activity:
    """The activity with this ARN. Raises InvalidArn, ActivityDoesNotExist."""
    found = view.get(Activity, names.activity_name(arn))
    if found is None or found.arn != arn:
        raise ActivityDoesNotExist(arn)
    return found


def create(call: Call, draft: Draft) -> Answer:
    """CreateActivity: the same name is the same activity, whatever its tags."""
    params = call.params
    name = params["name"]
    names.check_name(name)
    arn = names.activity_arn(draft.region, draft.account, name)
    encryption = params.get("encryptionConfiguration") or dict(OWN_KEY)
    found = draft.get(Activity, name)
    if found is None:
        tags = {tag["key"]: tag["value"] for tag in params.get("tags", ())}
        if len(tags) > TAGS_LIMIT:
            raise TooManyTags(arn)
        found = Activity(name=name, arn=arn, created=draft.now, encryption=encryption, tags=tags)
        draft.put(found)
    elif found.encryption != encryption:
        raise ActivityAlreadyExists(arn)
    return {"activityArn": arn, "creationDate": found.created}


def delete(call: Call, draft: Draft) -> Answer:
    """DeleteActivity: its tasks wait on; one that is not there is no error."""
    arn = call.params["activityArn"]
    found = draft.get(Activity, names.activity_name(arn))
    if found is not None and found.arn == arn:
        draft.delete(Activity, found.key)
    return {}


def describe(call: Call, view: View) -> Answer:
    """DescribeActivity."""
    found = find(view, call.params["activityArn"])
    return {**_entry(found), "encryptionConfiguration": found.encryption}


def list_all(call: Call, view: View) -> Answer:
    """ListActivities, by name."""
    after = pages.place("ListActivities", call.params)
    listed = view.scan(Activity, after=after)
    found, more = pages.page("ListActivities", call.params, listed, lambda activity: activity.key)
    return {"activities": [_entry(activity) for activity in found], **more}


def _entry(activity: Activity) -> dict[str, Any]:
    return {"activityArn": activity.arn, "name": activity.name, "creationDate": activity.created}


async def poll(engine: Engine, bells: Bells, call: Call, context: Context) -> dict[str, Any]:
    """GetActivityTask: the task that waits longest; nothing where none comes in time.

    Who has left gets none: a task that is taken waits for its worker and for nobody else.
    """
    arn, worker = call.params["activityArn"], call.params.get("workerName")
    activity = await context.read(lambda view: find(view, arn))
    if bells.waiting(activity.name) >= WORKERS:
        raise ActivityWorkerLimitExceeded(arn)

    def take(draft: Draft) -> QueuedTask | None:
        known = None if call.token is None else draft.known_reply(call.token)
        if known is not None:
            # a task's call, made again after a crash
            return msgspec.json.decode(known, type=QueuedTask)
        task = engine.next_task(draft, activity.name, worker)
        if task is not None and call.token is not None:
            draft.keep_reply(call.token, msgspec.json.encode(task))
        return task

    clock = asyncio.get_running_loop().time
    ends = clock() + LONGEST
    gone = None if call.gone is None else asyncio.ensure_future(call.gone())
    try:
        while True:
            with bells.hung(activity.name) as bell:
                if gone is not None and gone.done():
                    return {}
                task = await context.decide(take)
                if task is not None and gone is not None and gone.done():
                    await context.decide(partial(engine.hand_back, task=task))
                    return {}
                if task is not None:
                    return {"taskToken": task.token, "input": task.input}
                left = ends - clock()
                if left <= 0 or bells.closed:
                    return {}
                await _wait(bell, left, gone)
    finally:
        if gone is not None:
            gone.cancel()
            with suppress(asyncio.CancelledError):
                await gone


async def _wait(bell: Bell, seconds: float, gone: asyncio.Future[None] | None) -> None:
    """Return when rung, after that time, or when whoever asked has left."""
    if gone is None:
        await bell.wait(seconds)
        return
    rung = asyncio.ensure_future(bell.wait(seconds))
    try:
        await asyncio.wait((rung, gone), return_when=asyncio.FIRST_COMPLETED)
    finally:
        rung.cancel()


def _arn_of_name(params: Mapping[str, Any], site: Site) -> str:
    return names.activity_arn(site.region, site.account, params["name"])


def operations(engine: Engine, bells: Bells) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="CreateActivity",
            rights=(
                Right(action="states:CreateActivity", resource=_arn_of_name),
                Right(
                    action="states:TagResource",
                    resource=_arn_of_name,
                    when=lambda params: bool(params.get("tags")),
                ),
            ),
            honoured=words("name tags"),
            recorded=words("encryptionConfiguration"),
            decide=create,
        ),
        Operation(
            name="DeleteActivity",
            rights=(Right(action="states:DeleteActivity", resource="{activityArn}"),),
            honoured=words("activityArn"),
            decide=delete,
        ),
        Operation(
            name="DescribeActivity",
            rights=(Right(action="states:DescribeActivity", resource="{activityArn}"),),
            honoured=words("activityArn"),
            read=describe,
        ),
        Operation(
            name="ListActivities",
            rights=(Right(action="states:ListActivities"),),
            honoured=words("maxResults nextToken"),
            read=list_all,
        ),
        Operation(
            name="GetActivityTask",
            rights=(Right(action="states:GetActivityTask", resource="{activityArn}"),),
            honoured=words("activityArn workerName"),
            act=partial(poll, engine, bells),
        ),
    )
