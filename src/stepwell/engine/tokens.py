"""Task tokens: what a `.waitForTaskToken` task hands out, and SendTaskSuccess brings back.

A token says which execution and frame it belongs to, so that no table of tokens is needed; a random part
makes it a secret, and the frame keeps the whole token to compare.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

import msgspec


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskToken:
    """A parsed token."""

    #: the execution's key
    execution: str
    #: the path of the frame
    frame: str


def make(execution: str, frame: str, secret: str) -> str:
    """A token's text; `secret` is 32 random hexadecimal digits."""
    packed = msgspec.msgpack.encode((execution, frame, bytes.fromhex(secret)))
    return base64.b64encode(packed).decode()


def parse(text: str) -> TaskToken | None:
    """The parts of a token; None when it is none."""
    try:
        execution, frame, _ = msgspec.msgpack.decode(
            base64.b64decode(text, validate=True), type=tuple[str, str, bytes]
        )
    except (binascii.Error, ValueError, msgspec.DecodeError):
        return None
    return TaskToken(execution=execution, frame=frame)
