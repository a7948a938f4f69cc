"""What a message may have: its characters, its attributes, its size (SQS quotas, "Message quotas")."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from stepwell.services.sqs.errors import InvalidMessageContents, InvalidParameterValue, missing
from stepwell.services.sqs.records import Attribute

_STRANGE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"(?!(?i:aws\.|amazon\.))(?!\.)[\w.-]{1,256}(?<!\.)", re.ASCII)
_TYPE = re.compile(r"(String|Number|Binary)(\..+)?")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
#: attributes of one message
MOST_ATTRIBUTES = 10


def check_body(body: str) -> None:
    """Raise MissingParameter for an empty body, InvalidMessageContents for characters that none may have."""
    if not body:
        raise missing("MessageBody")
    if _STRANGE.search(body):
        raise InvalidMessageContents(
            "Invalid binary character was found in the message body, the set of allowed characters is #x9 | "
            "#xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF"
        )


def attributes(given: Mapping[str, Mapping[str, Any]]) -> dict[str, Attribute]:
    """The attributes as they are kept. Raises InvalidParameterValue."""
    if len(given) > MOST_ATTRIBUTES:
        raise InvalidParameterValue(
            f"Number of message attributes [{len(given)}] exceeds the allowed maximum [{MOST_ATTRIBUTES}]."
        )
    return {name: _attribute(name, value) for name, value in given.items()}


def size(body: str, kept: Mapping[str, Attribute]) -> int:
    """Bytes of the body and of its attributes' names, types and values."""
    return len(body.encode()) + sum(
        len(name.encode()) + len(each.type.encode()) + len((each.text or "").encode()) + len(each.data or b"")
        for name, each in kept.items()
    )


def _attribute(name: str, value: Mapping[str, Any]) -> Attribute:
    if not _NAME.fullmatch(name) or ".." in name:
        raise InvalidParameterValue(f"Message (user) attribute name '{name}' is invalid.")
    kind = value["DataType"]
    if not _TYPE.fullmatch(kind) or len(kind) > 256:
        raise InvalidParameterValue(
            f"The type of message (user) attribute '{name}' is invalid. You must use only the following "
            "supported type prefixes: Binary, Number, String."
        )
    text, data = value.get("StringValue"), value.get("BinaryValue")
    binary = kind.partition(".")[0] == "Binary"
    if (data if binary else text) in (None, "", b"") or (text if binary else data) is not None:
        raise InvalidParameterValue(
            f"The message (user) attribute '{name}' must contain a non-empty value of its type '{kind}'."
        )
    if kind.partition(".")[0] == "Number" and not _NUMBER.fullmatch(str(text)):
        raise InvalidParameterValue(f"Can't cast the value of message (user) attribute '{name}' to a number.")
    if text is not None and _STRANGE.search(text):
        raise InvalidMessageContents(f"Invalid binary character was found in the attribute '{name}'.")
    return Attribute(type=kind, text=text, data=data)
