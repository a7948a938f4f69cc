"""Tags of state machines and activities."""

from __future__ import annotations

from msgspec.structs import replace

from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.engine.activities import Activity
from stepwell.services.stepfunctions import activities
from stepwell.services.stepfunctions.errors import (
    ActivityDoesNotExist,
    ResourceNotFound,
    StateMachineDoesNotExist,
    TooManyTags,
)
from stepwell.services.stepfunctions.machines import TAGS_LIMIT
from stepwell.services.stepfunctions.records import StateMachine, find, save


def _find(view: View, arn: str) -> StateMachine | Activity:
    try:
        return activities.find(view, arn) if ":activity:" in arn else find(view, arn)
    except (ActivityDoesNotExist, StateMachineDoesNotExist) as error:
        raise ResourceNotFound(arn) from error


def _save(draft: Draft, tagged: StateMachine | Activity, tags: dict[str, str]) -> None:
    if isinstance(tagged, Activity):
        draft.put(replace(tagged, tags=tags))
    else:
        save(draft, replace(tagged, tags=tags))


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The tags of the machine or activity that an ARN names, an execution's machine's; none for neither."""
    kind, _, rest = arn.split(":", 5)[5].partition(":")
    if kind == "activity":
        activity = view.get(Activity, rest)
        return {} if activity is None else activity.tags
    found = view.get(StateMachine, rest.partition(":")[0]) if kind in ("stateMachine", "execution") else None
    return {} if found is None else found.tags


def tag(call: Call, draft: Draft) -> Answer:
    """TagResource: adds, or gives another value."""
    arn = call.params["resourceArn"]
    found = _find(draft, arn)
    tags = {**found.tags, **{each["key"]: each["value"] for each in call.params["tags"]}}
    if len(tags) > TAGS_LIMIT:
        raise TooManyTags(arn)
    _save(draft, found, tags)
    return {}


def untag(call: Call, draft: Draft) -> Answer:
    """UntagResource; keys that are not there are no error."""
    found = _find(draft, call.params["resourceArn"])
    gone = set(call.params["tagKeys"])
    tags = {key: value for key, value in found.tags.items() if key not in gone}
    _save(draft, found, tags)
    return {}


def list_tags(call: Call, view: View) -> Answer:
    """ListTagsForResource."""
    found = _find(view, call.params["resourceArn"])
    return {"tags": [{"key": key, "value": value} for key, value in found.tags.items()]}


OPERATIONS = (
    Operation(
        name="TagResource",
        rights=(Right(action="states:TagResource", resource="{resourceArn}"),),
        honoured=words("resourceArn tags"),
        decide=tag,
    ),
    Operation(
        name="UntagResource",
        rights=(Right(action="states:UntagResource", resource="{resourceArn}"),),
        honoured=words("resourceArn tagKeys"),
        decide=untag,
    ),
    Operation(
        name="ListTagsForResource",
        rights=(Right(action="states:ListTagsForResource", resource="{resourceArn}"),),
        honoured=words("resourceArn"),
        read=list_tags,
    ),
)
