"""Numbers, booleans, timestamps and blobs as text, in the spellings that AWS's protocols share.

Readers are strict: what AWS would refuse is refused with a message that names the member, because a
value taken wrongly here surfaces much later and far away.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any

from botocore.model import Shape

from stepwell.clock import iso


class Malformed(ValueError):
    """The content does not have the shape of the operation's input; the message says where."""


ReadText = Callable[[str, str], Any]
WriteText = Callable[[Any], str]

_INTEGER = re.compile(r"[+-]?[0-9]{1,40}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_RANGES = {"integer": 1 << 31, "long": 1 << 63}


def in_range(value: int, type_name: str, where: str) -> int:
    """`value` where the type holds it. Raises Malformed otherwise."""
    limit = _RANGES[type_name]
    if not -limit <= value < limit:
        raise Malformed(f"{where} is out of range for the type {type_name}")
    return value


def finite(value: float, where: str) -> float:
    """`value` where it is a number. Raises Malformed for NaN and the infinities."""
    if not math.isfinite(value):
        raise Malformed(f"{where} must be a finite number")
    return value


def timestamp_from_text(text: str, where: str) -> float:
    """Seconds since the epoch from ISO 8601, RFC 1123 or a decimal number, whichever `text` is."""
    try:
        if _NUMBER.fullmatch(text):
            return finite(float(text), where)
        moment = parsedate_to_datetime(text) if text[:1].isalpha() else datetime.fromisoformat(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError) as error:
        raise Malformed(f"{where} is not a timestamp: {text[:60]!r}") from error


def blob_from_text(text: str, where: str) -> bytes:
    """The bytes of a Base64 text."""
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"{where} is not Base64") from error


def blob_to_text(value: bytes | str) -> str:
    """Base64 of a blob; text counts as UTF-8, as with boto3."""
    return base64.b64encode(value.encode() if isinstance(value, str) else value).decode()


def timestamp_to_iso(value: float) -> str:
    """ISO 8601 with milliseconds only where there are some."""
    return iso(value).replace(".000Z", "Z")


def timestamp_to_http(value: float) -> str:
    """RFC 1123: `Fri, 20 Nov 2026 12:00:00 GMT`."""
    return format_datetime(datetime.fromtimestamp(int(value), UTC), usegmt=True)


def timestamp_to_number(value: float) -> int | float:
    """Epoch seconds with at most milliseconds, the precision that AWS sends."""
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


TIMESTAMPS: Mapping[str, Callable[[float], Any]] = {
    "iso8601": timestamp_to_iso,
    "iso8601-ms": iso,
    "rfc822": timestamp_to_http,
    "unixtimestamp": timestamp_to_number,
}


def timestamp_writer(shape: Shape, default: str) -> Callable[[Any], Any]:
    """Writes the shape's timestamps: in its own format where it has one, else in `default`.

    Text passes as it is (S3 keeps an `Expires` that is no date).
    """
    write = TIMESTAMPS[shape.serialization.get("timestampFormat", default).lower()]
    return lambda value: value if isinstance(value, str) else write(float(value))


def _integer(type_name: str) -> ReadText:
    def read(text: str, where: str) -> int:
        if not _INTEGER.fullmatch(text):
            raise Malformed(f"{where} must be an integer, not {text[:60]!r}")
        return in_range(int(text), type_name, where)

    return read


def _number(text: str, where: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise Malformed(f"{where} must be a number, not {text[:60]!r}")
    return finite(float(text), where)


def _boolean(text: str, where: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise Malformed(f"{where} must be true or false, not {text[:60]!r}")
    return text.lower() == "true"


def _string(text: str, where: str) -> str:
    return text


_READERS: Mapping[str, ReadText] = {
    "string": _string,
    "character": _string,
    "integer": _integer("integer"),
    "long": _integer("long"),
    "float": _number,
    "double": _number,
    "boolean": _boolean,
    "timestamp": timestamp_from_text,
    "blob": blob_from_text,
}


def text_reader(shape: Shape) -> ReadText:
    """Reads one scalar of the shape's type: `reader(text, where)`. It raises Malformed."""
    return _READERS[shape.type_name]


def text_writer(shape: Shape, timestamps: str) -> WriteText:
    """Writes one scalar of the shape's type as text; `timestamps` names their default format."""
    if shape.type_name == "timestamp":
        write = timestamp_writer(shape, timestamps)
        return lambda value: str(write(value))
    if shape.type_name == "blob":
        return blob_to_text
    if shape.type_name == "boolean":
        return lambda value: "true" if value else "false"
    return str
