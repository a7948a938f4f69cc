"""SendMessage, one message or a batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from stepwell.api.bells import Bells
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.sqs import batches, boxes, contents, fifo, names, settings, sums
from stepwell.services.sqs.errors import BatchRequestTooLong, InvalidParameterValue
from stepwell.services.sqs.records import Message, Queue, find

#: seconds that a message may be delayed
_DELAYS = (0, 900)
#: bytes of all messages of a batch
_BATCH_BYTES = 1_048_576

Answer = dict[str, Any]


def send(bells: Bells, call: Call, draft: Draft) -> Answer:
    """SendMessage."""
    queue = find(draft, call.params["QueueUrl"])
    return _send(bells, call, draft, queue, call.params)


def send_batch(bells: Bells, call: Call, draft: Draft) -> Answer:
    """SendMessageBatch: each entry comes in, or says why not."""
    queue = find(draft, call.params["QueueUrl"])
    entries = batches.entries(call.params)
    total = sum(
        contents.size(entry["MessageBody"], contents.attributes(entry.get("MessageAttributes") or {}))
        for entry in entries
    )
    if total > _BATCH_BYTES:
        raise BatchRequestTooLong(
            f"Batch requests cannot be longer than {_BATCH_BYTES} bytes. You have sent {total} bytes."
        )
    return batches.each(entries, partial(_send, bells, call, draft, queue))


def _send(bells: Bells, call: Call, draft: Draft, queue: Queue, params: Mapping[str, Any]) -> Answer:
    message = _message(call, draft, queue, params)
    delay = _delay(queue, params)
    answer = {
        "MessageId": message.id,
        "MD5OfMessageBody": message.md5,
        "MD5OfMessageAttributes": sums.of_attributes(message.attributes),
        "MD5OfMessageSystemAttributes": sums.of_attributes(message.system),
    }
    known = fifo.known(draft, queue, message)
    if known is not None:
        answer |= {"MessageId": known.message, "SequenceNumber": fifo.sequence(known.number)}
    else:
        message = boxes.add(draft, queue, message, draft.now + delay, bells)
        if queue.fifo:
            fifo.remember(draft, queue, message)
            answer["SequenceNumber"] = fifo.sequence(message.number)
    return {name: value for name, value in answer.items() if value is not None}


def _message(call: Call, draft: Draft, queue: Queue, params: Mapping[str, Any]) -> Message:
    body = params["MessageBody"]
    contents.check_body(body)
    attributes = contents.attributes(params.get("MessageAttributes") or {})
    system = contents.attributes(params.get("MessageSystemAttributes") or {})
    most = settings.number(queue, "MaximumMessageSize")
    if contents.size(body, attributes) > most:
        raise InvalidParameterValue(
            f"One or more parameters are invalid. Reason: Message must be shorter than {most} bytes."
        )
    return Message(
        box=queue.box,
        number=0,
        id=draft.uuid(),
        sent=round(draft.now, 3),
        body=body,
        md5=sums.of_body(body),
        sender=call.caller.user_id or call.caller.arn,
        attributes=attributes,
        system=system,
        group=fifo.group(queue, params),
        deduplication=fifo.deduplication(queue, params, body),
    )


def _delay(queue: Queue, params: Mapping[str, Any]) -> int:
    asked = params.get("DelaySeconds")
    if asked is None or (asked == 0 and queue.fifo):
        return settings.number(queue, "DelaySeconds")
    if queue.fifo:
        raise fifo.not_for(asked, "DelaySeconds")
    if not _DELAYS[0] <= asked <= _DELAYS[1]:
        raise InvalidParameterValue(
            f"Value {asked} for parameter DelaySeconds is invalid. Reason: DelaySeconds must be >= "
            f"{_DELAYS[0]} and <= {_DELAYS[1]}."
        )
    return int(asked)


_MEMBERS = words(
    "MessageBody DelaySeconds MessageAttributes.StringValue MessageAttributes.BinaryValue "
    "MessageAttributes.DataType MessageSystemAttributes.StringValue MessageSystemAttributes.BinaryValue "
    "MessageSystemAttributes.DataType MessageDeduplicationId MessageGroupId"
)


def operations(bells: Bells) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="SendMessage",
            rights=(names.right("SendMessage"),),
            honoured=("QueueUrl", *_MEMBERS),
            decide=partial(send, bells),
        ),
        Operation(
            name="SendMessageBatch",
            rights=(names.right("SendMessage"),),
            honoured=("QueueUrl", "Entries.Id", *(f"Entries.{member}" for member in _MEMBERS)),
            decide=partial(send_batch, bells),
        ),
    )
