"""Queues' attributes: their ranges, what they default to, what they show."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.sqs import names, retention
from stepwell.services.sqs.errors import InvalidAttributeName, InvalidAttributeValue, InvalidParameterValue
from stepwell.services.sqs.records import Opening, Place, Queue, find, place_key, tally
from stepwell.services.sqs.settings import NUMBERS, OF_FIFO

#: those that encryption by KMS has; kept, and without effect here
_KMS: Mapping[str, tuple[int, int, int]] = {"KmsDataKeyReusePeriodSeconds": (60, 86_400, 300)}
_CHOICES: Mapping[str, tuple[str, ...]] = {
    "ContentBasedDeduplication": ("true", "false"),
    "DeduplicationScope": ("queue", "messageGroup"),
    "FifoQueue": ("true",),
    "FifoThroughputLimit": ("perQueue", "perMessageGroupId"),
    "SqsManagedSseEnabled": ("true", "false"),
}
#: those that an empty text takes away
_REMOVABLE = frozenset({"KmsMasterKeyId", "Policy", "RedriveAllowPolicy", "RedrivePolicy"})
SETTABLE = frozenset({*NUMBERS, *_KMS, *_CHOICES, *_REMOVABLE})
#: those that are worked out
_COUNTED = frozenset(
    {
        "ApproximateNumberOfMessages",
        "ApproximateNumberOfMessagesDelayed",
        "ApproximateNumberOfMessagesNotVisible",
    }
)
_SHOWN = frozenset({"CreatedTimestamp", "LastModifiedTimestamp", "QueueArn"})
#: receives after which a message may be given up, and queues that may be named
_MOST_RECEIVES = 1000
_MOST_SOURCES = 10


def check(view: View, queue: str, wanted: Mapping[str, str], *, new: bool) -> dict[str, str]:
    """The attributes as they are kept. Raises InvalidAttributeName, InvalidAttributeValue."""
    fifo = queue.endswith(names.FIFO)
    kept: dict[str, str] = {}
    for name, text in wanted.items():
        if name not in SETTABLE or (name in OF_FIFO and not fifo and text != "false"):
            raise InvalidAttributeName(f"Unknown Attribute {name}.")
        if text == "" and name in _REMOVABLE:
            kept[name] = text
        elif name in _JSON:
            kept[name] = _JSON[name](view, queue, text)
        elif not _fits(name, text) or (name == "FifoQueue" and not new and not fifo):
            raise InvalidAttributeValue(f"Invalid value for the parameter {name}.")
        elif fifo or name not in OF_FIFO:
            kept[name] = text
    return kept


def _fits(name: str, text: str) -> bool:
    limits = NUMBERS.get(name) or _KMS.get(name)
    if limits is not None:
        return text.isascii() and text.isdigit() and limits[0] <= int(text) <= limits[1]
    return name not in _CHOICES or text in _CHOICES[name]


def _invalid(name: str, text: str, reason: str) -> InvalidParameterValue:
    return InvalidParameterValue(f"Value {text} for parameter {name} is invalid. Reason: {reason}")


def _object(name: str, text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise _invalid(name, text, "Value is not valid JSON.")
    return found


def _redrive_policy(view: View, queue: str, text: str) -> str:
    """Kept with AWS's spelling: the count is a number."""
    found = _object("RedrivePolicy", text)
    if set(found) != {"deadLetterTargetArn", "maxReceiveCount"}:
        raise _invalid(
            "RedrivePolicy", text, "Redrive policy must have deadLetterTargetArn and maxReceiveCount."
        )
    try:
        count = int(found["maxReceiveCount"])
    except (TypeError, ValueError):
        count = 0
    if not 1 <= count <= _MOST_RECEIVES:
        raise _invalid("RedrivePolicy", text, "Invalid value for maxReceiveCount.")
    target = names.name_of_arn(str(found["deadLetterTargetArn"]), view)
    if target is None:
        raise _invalid("RedrivePolicy", text, "Dead letter target does not exist.")
    dead = view.get(Queue, target)
    if dead is None:
        raise _invalid("RedrivePolicy", text, "Dead letter target does not exist.")
    if dead.fifo != queue.endswith(names.FIFO):
        raise _invalid("RedrivePolicy", text, "Dead-letter queue must be same type of queue as the source.")
    if not _admits(dead, names.queue_arn(view, queue)):
        raise _invalid("RedrivePolicy", text, "Queue does not have permission to use the dead letter queue.")
    kept = {"deadLetterTargetArn": found["deadLetterTargetArn"], "maxReceiveCount": count}
    return json.dumps(kept, separators=(",", ":"))


def _admits(dead: Queue, source: str) -> bool:
    text = dead.attributes.get("RedriveAllowPolicy")
    found = json.loads(text) if text is not None else {"redrivePermission": "allowAll"}
    if found["redrivePermission"] == "byQueue":
        return source in found["sourceQueueArns"]
    return bool(found["redrivePermission"] == "allowAll")


def _redrive_allow_policy(view: View, queue: str, text: str) -> str:
    found = _object("RedriveAllowPolicy", text)
    permission, sources = found.get("redrivePermission"), found.get("sourceQueueArns")
    by_queue = permission == "byQueue"
    listed = isinstance(sources, list) and 1 <= len(sources) <= _MOST_SOURCES
    known = set(found) <= {"redrivePermission", "sourceQueueArns"}
    if permission not in ("allowAll", "denyAll", "byQueue") or not known:
        raise _invalid("RedriveAllowPolicy", text, "Unknown redrivePermission.")
    if listed != by_queue:
        raise _invalid("RedriveAllowPolicy", text, "sourceQueueArns goes with byQueue, one to ten of them.")
    return text


def _policy(view: View, queue: str, text: str) -> str:
    try:
        policy.parse(text, kind="resource", name=names.queue_arn(view, queue))
    except policy.MalformedPolicyDocument as error:
        raise _invalid("Policy", text, error.message) from error
    return text


#: attribute → who checks it, and how it is kept
_JSON = {
    "Policy": _policy,
    "RedriveAllowPolicy": _redrive_allow_policy,
    "RedrivePolicy": _redrive_policy,
}


def laid_over(old: Mapping[str, str], wanted: Mapping[str, str]) -> dict[str, str]:
    """The attributes of a queue after some were set; an empty text takes one away."""
    return {name: text for name, text in {**old, **wanted}.items() if text != ""}


def shown(queue: Queue, view: View) -> dict[str, str]:
    """All attributes but the counts, as GetQueueAttributes answers them."""
    defaults = {name: str(limits[2]) for name, limits in NUMBERS.items()}
    if queue.fifo:
        defaults |= OF_FIFO
    if "KmsMasterKeyId" in queue.attributes:
        defaults |= {name: str(limits[2]) for name, limits in _KMS.items()}
    else:
        defaults["SqsManagedSseEnabled"] = "true"
    return {
        **defaults,
        **queue.attributes,
        "QueueArn": names.queue_arn(view, queue.name),
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
    }


def counts(queue: Queue, view: View, now: float) -> dict[str, str]:
    """How many messages can be received, are in flight, are delayed."""
    flying = delayed = 0
    for place in _hidden(queue, view, now):
        flying += place.received > 0
        delayed += place.received == 0
    return {
        "ApproximateNumberOfMessages": str(tally(view, queue.box).messages - flying - delayed),
        "ApproximateNumberOfMessagesNotVisible": str(flying),
        "ApproximateNumberOfMessagesDelayed": str(delayed),
    }


def _hidden(queue: Queue, view: View, now: float) -> Iterator[Place]:
    if queue.fifo:
        yield from (place for place in view.scan(Place, prefix=f"{queue.box}/") if place.visible > now)
        return
    for opening in view.scan(Opening, prefix=f"{queue.box}/", after=f"{queue.box}/{now:017.3f}/~"):
        place = view.get(Place, place_key(queue.box, opening.shelf, opening.number))
        if place is not None:
            yield place


async def get(call: Call, context: Context) -> dict[str, Any]:
    """GetQueueAttributes: those asked for. What is in flight depends on the time, which no view has."""
    now = context.now
    return await context.read(lambda view: _get(call, view, now))


def _get(call: Call, view: View, now: float) -> dict[str, Any]:
    queue = find(view, call.params["QueueUrl"])
    wanted = set(call.params.get("AttributeNames") or ())
    unknown = wanted - SETTABLE - _COUNTED - _SHOWN - {"All"}
    if unknown:
        raise InvalidAttributeName(f"Unknown Attribute {min(unknown)}.")
    found = shown(queue, view)
    if "All" in wanted or wanted & _COUNTED:
        found |= counts(queue, view, now)
    chosen = {name: text for name, text in found.items() if "All" in wanted or name in wanted}
    return {"Attributes": chosen} if chosen else {}


def set_(call: Call, draft: Draft) -> None:
    """SetQueueAttributes: those that are left out stay."""
    queue = find(draft, call.params["QueueUrl"])
    wanted = check(draft, queue.name, call.params["Attributes"], new=False)
    changed = replace(queue, attributes=laid_over(queue.attributes, wanted), modified=draft.now)
    draft.put(changed)
    if "MessageRetentionPeriod" in wanted:
        retention.wind(draft, changed)


OPERATIONS = (
    Operation(
        name="GetQueueAttributes",
        rights=(names.right("GetQueueAttributes"),),
        honoured=words("QueueUrl AttributeNames"),
        act=get,
    ),
    Operation(
        name="SetQueueAttributes",
        rights=(names.right("SetQueueAttributes"),),
        honoured=words("QueueUrl Attributes"),
        decide=set_,
    ),
)
