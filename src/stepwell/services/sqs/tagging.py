"""Tags of queues."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.sqs import names
from stepwell.services.sqs.errors import InvalidParameterValue
from stepwell.services.sqs.records import find

#: tags of one queue
LIMIT = 50


def checked(old: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags of a queue with some more. Raises InvalidParameterValue for too many."""
    tags = {**old, **added}
    if len(tags) > LIMIT:
        raise InvalidParameterValue(f"Too many tags added for queue: a queue has {LIMIT} at most.")
    return tags


def tag(call: Call, draft: Draft) -> None:
    """TagQueue: adds, or gives another value."""
    queue = find(draft, call.params["QueueUrl"])
    draft.put(replace(queue, tags=checked(queue.tags, call.params["Tags"])))


def untag(call: Call, draft: Draft) -> None:
    """UntagQueue; keys that are not there are no error."""
    queue = find(draft, call.params["QueueUrl"])
    gone = set(call.params["TagKeys"])
    draft.put(replace(queue, tags={key: text for key, text in queue.tags.items() if key not in gone}))


def list_tags(call: Call, view: View) -> dict[str, Any]:
    """ListQueueTags."""
    tags = find(view, call.params["QueueUrl"]).tags
    return {"Tags": dict(tags)} if tags else {}


OPERATIONS = (
    Operation(
        name="TagQueue", rights=(names.right("TagQueue"),), honoured=words("QueueUrl Tags"), decide=tag
    ),
    Operation(
        name="UntagQueue",
        rights=(names.right("UntagQueue"),),
        honoured=words("QueueUrl TagKeys"),
        decide=untag,
    ),
    Operation(
        name="ListQueueTags",
        rights=(names.right("ListQueueTags"),),
        honoured=words("QueueUrl"),
        read=list_tags,
    ),
)
