"""Amazon SQS: standard and FIFO queues, their messages, dead letters.

service(parts)    the operations
timers(parts)     messages expire, deleted queues are emptied, move tasks go on
"""

from __future__ import annotations

from stepwell.api.bells import Bells
from stepwell.api.operations import Service
from stepwell.durable.loop import TimerHandler
from stepwell.services.sqs import (
    attributes,
    expiry,
    moving,
    permissions,
    queues,
    receipts,
    receiving,
    sending,
    tagging,
)
from stepwell.services.sqs.errors import missing
from stepwell.services.sqs.names import Addresses
from stepwell.services.sqs.parts import Parts
from stepwell.services.sqs.permissions import policy_of
from stepwell.services.sqs.records import Queue, tags_of

__all__ = ["Addresses", "Bells", "Parts", "Queue", "policy_of", "service", "tags_of", "timers"]


def service(parts: Parts) -> Service:
    """The service's operations."""
    return Service(
        "sqs",
        (
            *attributes.OPERATIONS,
            *moving.OPERATIONS,
            *permissions.OPERATIONS,
            *queues.operations(parts.addresses),
            *receipts.operations(parts.bells),
            *receiving.operations(parts.bells),
            *sending.operations(parts.bells),
            *tagging.OPERATIONS,
        ),
        invalid="InvalidParameterValue",
        missing=missing,
    )


def timers(parts: Parts) -> dict[str, TimerHandler]:
    """The handlers of due timers, by their kind."""
    return {**expiry.timers(), **moving.timers(parts.bells)}
