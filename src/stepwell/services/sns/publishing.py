"""Publish, one message or a batch: a message is on its way to all who want it once the call is answered."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.errors import AwsError
from stepwell.services.sns import errors, fifo, filters, letters, messages, names
from stepwell.services.sns.messages import Message
from stepwell.services.sns.parts import Parts
from stepwell.services.sns.records import Topic, find, subscriptions
from stepwell.triggers import deliveries

#: entries of a batch
_LIMIT = 10
_ID = re.compile(r"[\w-]{1,80}", re.ASCII)


def publish(parts: Parts, call: Call, draft: Draft) -> dict[str, Any]:
    """Publish."""
    given = [name for name in ("TopicArn", "TargetArn") if call.params.get(name) is not None]
    if len(given) != 1:
        raise errors.invalid(
            "TopicArn or TargetArn Reason: no value for required parameter"
            if not given
            else "Only one of TopicArn and TargetArn may be given"
        )
    topic = find(draft, call.params[given[0]], given[0])
    return _send(parts, topic, messages.read(topic, call.params), draft)


def publish_batch(parts: Parts, call: Call, draft: Draft) -> dict[str, Any]:
    """PublishBatch: each entry is sent, or says why not."""
    topic = find(draft, call.params["TopicArn"])
    read: list[tuple[str, Message]] = []
    failed: list[dict[str, Any]] = []
    for entry in _entries(call.params["PublishBatchRequestEntries"]):
        try:
            read.append((entry["Id"], messages.read(topic, entry)))
        except AwsError as error:
            failed.append(
                {"Id": entry["Id"], "Code": error.error_code, "Message": error.message, "SenderFault": True}
            )
    if sum(message.size for _, message in read) > messages.BYTES:
        raise errors.BatchRequestTooLong(
            "The length of all the messages put together is more than the limit."
        )
    sent = [{"Id": name, **_send(parts, topic, message, draft)} for name, message in read]
    return {"Successful": sent, "Failed": failed}


def _entries(found: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """A batch's entries. Raises an error about the batch as a whole."""
    ids = [entry["Id"] for entry in found]
    if not found:
        raise errors.EmptyBatchRequest("The batch request doesn't contain any entries.")
    if len(found) > _LIMIT:
        raise errors.TooManyEntriesInBatchRequest("The batch request contains more entries than permissible.")
    if not all(map(_ID.fullmatch, ids)):
        raise errors.InvalidBatchEntryId(
            "The Id of a batch entry in a batch request doesn't abide by the specification."
        )
    if len(set(ids)) != len(ids):
        raise errors.BatchEntryIdsNotDistinct("Two or more batch entries in the request have the same Id.")
    return found


def _send(parts: Parts, topic: Topic, message: Message, draft: Draft) -> dict[str, Any]:
    """Begin the deliveries to all who want the message; a FIFO topic's repeat begins none."""
    message_id = draft.uuid()
    answer = {"MessageId": message_id}
    sequence = None
    if topic.fifo:
        group, deduplicated_by = message.group or "", message.deduplication or ""
        known = fifo.known(draft, topic, group, deduplicated_by)
        if known is not None:
            return {"MessageId": known.message, "SequenceNumber": fifo.sequence(known.number)}
        sequence = fifo.sequence(fifo.remember(draft, topic, group, deduplicated_by, message_id))
        answer["SequenceNumber"] = sequence
    sent = letters.Sent(message=message, topic=topic, id=message_id, at=draft.now, sequence=sequence)
    for each in list(subscriptions(draft, topic.name)):
        if not each.pending and filters.wants(each, message):
            deliveries.begin(draft, letters.notification(sent, each, draft, parts.endpoint))
    return answer


_MEMBERS = words(
    "Message Subject MessageStructure MessageAttributes.DataType MessageAttributes.StringValue "
    "MessageAttributes.BinaryValue MessageDeduplicationId MessageGroupId"
)
_RIGHT = Right(action="sns:Publish", resource=names.published_to)


def operations(parts: Parts) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="Publish",
            rights=(_RIGHT,),
            honoured=("TopicArn", "TargetArn", *_MEMBERS),
            decide=partial(publish, parts),
        ),
        Operation(
            name="PublishBatch",
            rights=(_RIGHT,),
            honoured=(
                "TopicArn",
                "PublishBatchRequestEntries.Id",
                *(f"PublishBatchRequestEntries.{member}" for member in _MEMBERS),
            ),
            decide=partial(publish_batch, parts),
        ),
    )
