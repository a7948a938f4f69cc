"""A message as a publisher gives it, checked: its texts by protocol, its attributes, its size."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.services.sns import fifo
from stepwell.services.sns.errors import ParameterValueInvalid, invalid
from stepwell.services.sns.records import Topic

#: bytes of a message with its attributes, and of all messages of a batch (SNS quotas)
BYTES = 262_144
_SUBJECT = re.compile(r"[^\x00-\x1f\x7f]{1,100}")
_NAME = re.compile(r"(?!(?i:aws\.|amazon\.))(?!\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_NUMBER = re.compile(r"-?(0|[1-9]\d{0,9})(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
_GROUP = re.compile(r"[!-~]{1,128}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Attribute:
    """A message's attribute: text or bytes."""

    #: `String`, `String.Array`, `Number`, `Binary`
    type: str
    text: str | None = None
    data: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A message."""

    #: by protocol, with `default`
    texts: Mapping[str, str]
    subject: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str | None = None
    deduplication: str | None = None
    #: bytes
    size: int = 0

    def text(self, protocol: str) -> str:
        return self.texts.get(protocol, self.texts["default"])


def read(topic: Topic, params: Mapping[str, Any]) -> Message:
    """The message that Publish, or an entry of PublishBatch, gives. Raises InvalidParameter."""
    text, subject, group = params["Message"], params.get("Subject"), params.get("MessageGroupId")
    if not text:
        raise invalid("Empty message")
    if subject is not None and not _SUBJECT.fullmatch(subject):
        raise invalid("Subject")
    if topic.fifo and group is None:
        raise invalid("The MessageGroupId parameter is required for FIFO topics")
    for name in ("MessageGroupId", "MessageDeduplicationId"):
        if params.get(name) is not None and not _GROUP.fullmatch(params[name]):
            raise invalid(f"{name} Reason: 1 to 128 printable ASCII characters")
    given = params.get("MessageAttributes") or {}
    attributes = {name: _attribute(name, value) for name, value in given.items()}
    size = len(text.encode()) + sum(_size(name, each) for name, each in attributes.items())
    if size > BYTES:
        raise invalid("Message too long")
    return Message(
        texts=_texts(text, params.get("MessageStructure")),
        subject=subject,
        attributes=attributes,
        group=group,
        deduplication=fifo.deduplication(topic, params.get("MessageDeduplicationId"), text),
        size=size,
    )


def _texts(text: str, structure: str | None) -> dict[str, str]:
    if structure is None:
        return {"default": text}
    if structure != "json":
        raise invalid(f"MessageStructure Reason: {structure} is no structure: json is")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(found.get("default"), str):
        raise invalid("Message Structure - No default entry in JSON message body")
    return {protocol: each for protocol, each in found.items() if isinstance(each, str)}


def _size(name: str, each: Attribute) -> int:
    value = each.text.encode() if each.text is not None else each.data or b""
    return len(name.encode()) + len(each.type.encode()) + len(value)


def _attribute(name: str, value: Mapping[str, Any]) -> Attribute:
    if not _NAME.fullmatch(name) or ".." in name:
        raise ParameterValueInvalid(f"The message attribute name '{name}' is invalid.")
    kind = value["DataType"]
    if not _TYPE.fullmatch(kind):
        raise ParameterValueInvalid(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported "
            "type prefixes is Binary, Number, and String."
        )
    text, data = value.get("StringValue"), value.get("BinaryValue")
    main = kind.partition(".")[0]
    if not (data if main == "Binary" else text) or (text if main == "Binary" else data) is not None:
        raise ParameterValueInvalid(
            f"The message attribute '{name}' must contain non-empty message attribute value for message "
            f"attribute type '{main}'."
        )
    if main == "Number" and not _NUMBER.fullmatch(str(text)):
        raise ParameterValueInvalid(
            f"Could not cast message attribute '{name}' value to number: it is no decimal number."
        )
    if kind == "String.Array" and not _is_array(str(text)):
        raise ParameterValueInvalid(
            f"The message attribute '{name}' has an invalid value for its type String.Array: a JSON array of "
            "texts, numbers, true, false and null is one."
        )
    return Attribute(type=kind, text=text, data=data)


def _is_array(text: str) -> bool:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, list) and not any(isinstance(each, dict | list) for each in found)
