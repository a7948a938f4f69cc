"""Queues: created, found, listed, purged, deleted."""

from __future__ import annotations

from functools import partial
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.api.pages import Pages
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.sqs import attributes, names, retention, settings, tagging
from stepwell.services.sqs.errors import (
    InvalidParameterValue,
    PurgeQueueInProgress,
    QueueNameExists,
    no_queue,
)
from stepwell.services.sqs.names import Addresses
from stepwell.services.sqs.records import Queue, Tally, by_arn, find, tally

#: entries of a page (API reference, ListQueues)
_PAGE = 1000
#: seconds between two purges of a queue
_BETWEEN_PURGES = 60.0

PAGES = Pages(
    token="NextToken",
    size="MaxResults",
    following="NextToken",
    default=_PAGE,
    invalid=lambda: InvalidParameterValue("Invalid or expired next token."),
)


def create(addresses: Addresses, call: Call, draft: Draft) -> dict[str, Any]:
    """CreateQueue; for a queue that is there with these attributes, its URL."""
    params = call.params
    name = params["QueueName"]
    names.check_name(name)
    wanted = params.get("Attributes") or {}
    if name.endswith(names.FIFO) != (wanted.get("FifoQueue") == "true"):
        raise InvalidParameterValue(
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, "
            "must end with .fifo suffix and be 1 to 80 in length"
            if wanted.get("FifoQueue") == "true"
            else "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )
    kept = attributes.laid_over({}, attributes.check(draft, name, wanted, new=True))
    found = draft.get(Queue, name)
    if found is None:
        tags = tagging.checked({}, params.get("tags") or {})
        box = draft.unique()[:16]
        draft.put(
            Queue(name=name, box=box, created=draft.now, modified=draft.now, attributes=kept, tags=tags)
        )
    else:
        now = attributes.shown(found, draft)
        different = sorted(each for each, text in kept.items() if now.get(each) != text)
        if different:
            raise QueueNameExists(
                "A queue already exists with the same name and a different value for attribute "
                f"{different[0]}"
            )
    return {"QueueUrl": addresses.url(call, draft, name)}


def delete(call: Call, draft: Draft) -> None:
    """DeleteQueue, with all that is in it."""
    queue = find(draft, call.params["QueueUrl"])
    draft.delete(Queue, queue.name)
    retention.empty(draft, queue)


def purge(call: Call, draft: Draft) -> None:
    """PurgeQueue: the queue gets an empty box; numbers go on."""
    queue = find(draft, call.params["QueueUrl"])
    if queue.purged is not None and draft.now - queue.purged < _BETWEEN_PURGES:
        raise PurgeQueueInProgress(
            f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds."
        )
    following = tally(draft, queue.box).next
    retention.empty(draft, queue)
    purged = replace(queue, box=draft.unique()[:16], purged=draft.now)
    draft.put(purged)
    draft.put(Tally(box=purged.box, next=following))


def get_url(addresses: Addresses, call: Call, view: View) -> dict[str, Any]:
    """GetQueueUrl."""
    name, owner = call.params["QueueName"], call.params.get("QueueOwnerAWSAccountId")
    if owner not in (None, view.account) or view.get(Queue, name) is None:
        raise no_queue()
    return {"QueueUrl": addresses.url(call, view, name)}


def list_all(addresses: Addresses, call: Call, view: View) -> dict[str, Any]:
    """ListQueues, by name."""
    params = call.params
    found = view.scan(Queue, prefix=params.get("QueueNamePrefix") or "", after=PAGES.start(params))
    url = partial(addresses.url, call, view)
    answer = PAGES.page(
        _bounded(params), "QueueUrls", found, lambda each: each.name, lambda each: url(each.name)
    )
    return answer if answer["QueueUrls"] else {}


def list_sources(addresses: Addresses, call: Call, view: View) -> dict[str, Any]:
    """ListDeadLetterSourceQueues: those that name this one in their redrive policy."""
    params = call.params
    dead = find(view, params["QueueUrl"])
    found = sources(view, dead, after=PAGES.start(params))
    url = partial(addresses.url, call, view)
    return PAGES.page(
        _bounded(params), "queueUrls", found, lambda each: each.name, lambda each: url(each.name)
    )


def sources(view: View, dead: Queue, *, after: str = "") -> list[Queue]:
    """The queues whose dead letters go there, by name."""
    found = []
    for queue in view.scan(Queue, after=after):
        target = settings.redrive(queue)
        named = by_arn(view, target[0]) if target is not None else None
        if named is not None and named.name == dead.name:
            found.append(queue)
    return found


def _bounded(params: Any) -> Any:
    wanted = params.get("MaxResults")
    if wanted is not None and not 1 <= wanted <= _PAGE:
        raise InvalidParameterValue(
            f"Value {wanted} for parameter MaxResults is invalid. Reason: must be between 1 and {_PAGE}."
        )
    return params


def operations(addresses: Addresses) -> tuple[Operation, ...]:
    """The operations of this noun."""
    return (
        Operation(
            name="CreateQueue",
            rights=(
                names.named_right("CreateQueue"),
                Right(
                    action="sqs:TagQueue",
                    resource="arn:aws:sqs:{region}:{account}:{QueueName}",
                    when=lambda params: bool(params.get("tags")),
                ),
            ),
            honoured=words("QueueName Attributes tags"),
            decide=partial(create, addresses),
        ),
        Operation(
            name="DeleteQueue",
            rights=(names.right("DeleteQueue"),),
            honoured=words("QueueUrl"),
            decide=delete,
        ),
        Operation(
            name="PurgeQueue",
            rights=(names.right("PurgeQueue"),),
            honoured=words("QueueUrl"),
            decide=purge,
        ),
        Operation(
            name="GetQueueUrl",
            rights=(names.named_right("GetQueueUrl"),),
            honoured=words("QueueName QueueOwnerAWSAccountId"),
            read=partial(get_url, addresses),
        ),
        Operation(
            name="ListQueues",
            rights=(Right(action="sqs:ListQueues"),),
            honoured=words("QueueNamePrefix NextToken MaxResults"),
            read=partial(list_all, addresses),
        ),
        Operation(
            name="ListDeadLetterSourceQueues",
            rights=(names.right("ListDeadLetterSourceQueues"),),
            honoured=words("QueueUrl NextToken MaxResults"),
            read=partial(list_sources, addresses),
        ),
    )
