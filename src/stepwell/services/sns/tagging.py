"""Tags of topics."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.sns.errors import ResourceNotFound, TagLimitExceeded, invalid
from stepwell.services.sns.records import Topic, by_arn

#: tags of one topic
LIMIT = 50


def read(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Tags as they come. Raises InvalidParameter for a key that comes twice."""
    pairs = [(each["Key"], each["Value"]) for each in given]
    if len(dict(pairs)) != len(pairs):
        raise invalid("Duplicated keys are not allowed.")
    return dict(pairs)


def check(tags: Mapping[str, str]) -> None:
    """Raise TagLimitExceeded for more than a topic may have."""
    if len(tags) > LIMIT:
        raise TagLimitExceeded("Could not complete request: tag quota of per resource exceeded")


def _find(view: View, arn: str) -> Topic:
    topic = by_arn(view, arn)
    if topic is None:
        raise ResourceNotFound("Resource does not exist")
    return topic


def tag(call: Call, draft: Draft) -> dict[str, Any]:
    """TagResource: adds, or gives another value."""
    topic = _find(draft, call.params["ResourceArn"])
    tags = {**topic.tags, **read(call.params["Tags"])}
    check(tags)
    draft.put(replace(topic, tags=tags))
    return {}


def untag(call: Call, draft: Draft) -> dict[str, Any]:
    """UntagResource; keys that are not there are no error."""
    topic = _find(draft, call.params["ResourceArn"])
    gone = set(call.params["TagKeys"])
    draft.put(replace(topic, tags={key: text for key, text in topic.tags.items() if key not in gone}))
    return {}


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListTagsForResource."""
    tags = _find(view, call.params["ResourceArn"]).tags
    return {"Tags": [{"Key": key, "Value": tags[key]} for key in sorted(tags)]}


def _right(action: str) -> Right:
    return Right(action=f"sns:{action}", resource="{ResourceArn}")


OPERATIONS = (
    Operation(
        name="TagResource",
        rights=(_right("TagResource"),),
        honoured=words("ResourceArn Tags"),
        decide=tag,
    ),
    Operation(
        name="UntagResource",
        rights=(_right("UntagResource"),),
        honoured=words("ResourceArn TagKeys"),
        decide=untag,
    ),
    Operation(
        name="ListTagsForResource",
        rights=(_right("ListTagsForResource"),),
        honoured=("ResourceArn",),
        read=list_all,
    ),
)
