"""What is done with a receipt handle: DeleteMessage and ChangeMessageVisibility, one or a batch."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from stepwell.api.bells import Bells
from stepwell.api.operations import Operation, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.services.sqs import batches, boxes, handles, names
from stepwell.services.sqs.errors import InvalidParameterValue, MessageNotInflight
from stepwell.services.sqs.records import Place, Queue, find

#: seconds that a message may be in flight after a receive
LONGEST = 43_200


def delete(call: Call, draft: Draft) -> None:
    """DeleteMessage."""
    _delete(draft, find(draft, call.params["QueueUrl"]), call.params)


def delete_batch(call: Call, draft: Draft) -> dict[str, Any]:
    """DeleteMessageBatch."""
    queue = find(draft, call.params["QueueUrl"])
    return batches.each(batches.entries(call.params), partial(_delete, draft, queue))


def change(bells: Bells, call: Call, draft: Draft) -> None:
    """ChangeMessageVisibility."""
    _change(bells, draft, find(draft, call.params["QueueUrl"]), call.params)


def change_batch(bells: Bells, call: Call, draft: Draft) -> dict[str, Any]:
    """ChangeMessageVisibilityBatch."""
    queue = find(draft, call.params["QueueUrl"])
    return batches.each(batches.entries(call.params), partial(_change, bells, draft, queue))


def _delete(draft: Draft, queue: Queue, params: Mapping[str, Any]) -> None:
    """A message that is gone, or was given to another since, is left as it is: that is no error."""
    handle = handles.read(params["ReceiptHandle"], queue)
    place = draft.get(Place, handle.place)
    if place is None:
        return
    if queue.fifo and (place.visible <= draft.now or place.receipt != handle.receipt):
        raise _expired(params["ReceiptHandle"])
    if place.receipt == handle.receipt:
        boxes.remove(draft, place, fifo=queue.fifo)


def _change(bells: Bells, draft: Draft, queue: Queue, params: Mapping[str, Any]) -> None:
    timeout = params.get("VisibilityTimeout", 0)
    if not 0 <= timeout <= LONGEST:
        raise InvalidParameterValue(
            f"Value {timeout} for parameter VisibilityTimeout is invalid. Reason: VisibilityTimeout must be "
            f"an integer between 0 and {LONGEST}."
        )
    handle = handles.read(params["ReceiptHandle"], queue)
    place = draft.get(Place, handle.place)
    if place is None:
        raise InvalidParameterValue(
            f"Value {params['ReceiptHandle']} for parameter ReceiptHandle is invalid. Reason: Message does "
            "not exist or is not available for visibility timeout change."
        )
    if place.visible <= draft.now or place.receipt != handle.receipt:
        raise MessageNotInflight("The specified message isn't in flight.")
    if draft.now + timeout > (place.last or 0.0) + LONGEST:
        raise InvalidParameterValue(
            f"Value {timeout} for parameter VisibilityTimeout is invalid. Reason: Total VisibilityTimeout "
            f"for the message is beyond the limit [{LONGEST} seconds]"
        )
    boxes.move(draft, place, draft.now + timeout, fifo=queue.fifo)
    if timeout == 0:
        bells.ring(queue.name)


def _expired(handle: str) -> InvalidParameterValue:
    return InvalidParameterValue(
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )


def operations(bells: Bells) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="DeleteMessage",
            rights=(names.right("DeleteMessage"),),
            honoured=words("QueueUrl ReceiptHandle"),
            decide=delete,
        ),
        Operation(
            name="DeleteMessageBatch",
            rights=(names.right("DeleteMessage"),),
            honoured=words("QueueUrl Entries.Id Entries.ReceiptHandle"),
            decide=delete_batch,
        ),
        Operation(
            name="ChangeMessageVisibility",
            rights=(names.right("ChangeMessageVisibility"),),
            honoured=words("QueueUrl ReceiptHandle VisibilityTimeout"),
            decide=partial(change, bells),
        ),
        Operation(
            name="ChangeMessageVisibilityBatch",
            rights=(names.right("ChangeMessageVisibility"),),
            honoured=words("QueueUrl Entries.Id Entries.ReceiptHandle Entries.VisibilityTimeout"),
            decide=partial(change_batch, bells),
        ),
    )
