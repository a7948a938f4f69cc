"""How a message is shown to who receives it: what is asked for, and the sums that prove it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.services.sqs import fifo, sums
from stepwell.services.sqs.errors import InvalidAttributeName
from stepwell.services.sqs.records import Attribute, Message, Place

#: what the server knows of a message (API reference, ReceiveMessage)
_NAMES = frozenset(
    {
        *("All", "AWSTraceHeader", "ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount"),
        *("DeadLetterQueueSourceArn", "MessageDeduplicationId", "MessageGroupId", "SenderId"),
        *("SentTimestamp", "SequenceNumber"),
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """What a caller wants to see."""

    #: the server's attributes
    system: frozenset[str]
    #: the sender's attributes: names, and beginnings of names
    attributes: frozenset[str]
    prefixes: tuple[str, ...]

    def __call__(self, message: Message, place: Place, handle: str) -> dict[str, Any]:
        """The message as ReceiveMessage answers it."""
        shown: dict[str, Any] = {
            "MessageId": message.id,
            "ReceiptHandle": handle,
            "MD5OfBody": message.md5,
            "Body": message.body,
        }
        every = "All" in self.system
        system = {
            name: text for name, text in _system(message, place).items() if every or name in self.system
        }
        if system:
            shown["Attributes"] = system
        wanted = {name: each for name, each in message.attributes.items() if self._wants(name)}
        if wanted:
            shown["MessageAttributes"] = {name: _attribute(each) for name, each in wanted.items()}
            shown["MD5OfMessageAttributes"] = sums.of_attributes(wanted)
        return shown

    def _wants(self, name: str) -> bool:
        return name in self.attributes or "All" in self.attributes or name.startswith(self.prefixes)


def of(params: Mapping[str, Any]) -> Show:
    """What a call asks for. Raises InvalidAttributeName."""
    system = {*(params.get("AttributeNames") or ()), *(params.get("MessageSystemAttributeNames") or ())}
    unknown = system - _NAMES
    if unknown:
        raise InvalidAttributeName(f"Unknown Attribute {min(unknown)}.")
    asked = params.get("MessageAttributeNames") or ()
    return Show(
        system=frozenset(system),
        attributes=frozenset(asked),
        prefixes=tuple(name.removesuffix(".*") for name in asked if name.endswith(".*")),
    )


def _system(message: Message, place: Place) -> dict[str, str]:
    found = {
        "SenderId": message.sender,
        "SentTimestamp": _milliseconds(message.sent),
        "ApproximateReceiveCount": str(message.before + place.received),
        "ApproximateFirstReceiveTimestamp": _milliseconds(place.first or 0.0),
        "SequenceNumber": fifo.sequence(message.number) if message.deduplication is not None else None,
        "MessageDeduplicationId": message.deduplication,
        "MessageGroupId": message.group,
        "DeadLetterQueueSourceArn": message.source,
        **{name: each.text for name, each in message.system.items()},
    }
    return {name: text for name, text in found.items() if text is not None}


def _milliseconds(at: float) -> str:
    return str(round(at * 1000))


def _attribute(attribute: Attribute) -> dict[str, Any]:
    value = {"StringValue": attribute.text} if attribute.text is not None else {"BinaryValue": attribute.data}
    return {**value, "DataType": attribute.type}
