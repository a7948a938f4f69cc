"""The narrow waist: one API request as a value, whoever makes it.

The gateway decodes HTTP into a `Call`; the engine's Task states, triggers and effects build one
themselves; all of them end in the same dispatch (`stepwell.api.dispatch`).
Parameters and replies have the shapes of botocore's service models: what `boto3` takes as keyword
arguments and gives back, with blobs as `bytes`, timestamps as seconds since the epoch (float), and
streams as `Body`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who makes a call."""

    #: the principal's ARN as AWS prints it in messages: `arn:aws:iam::A:root`,
    #: `arn:aws:sts::A:assumed-role/ROLE/SESSION`, or a service principal such as `s3.amazonaws.com`
    arn: str
    #: twelve digits
    account: str
    #: `root`, `user`, `role` (a role's session) or `service` (AWS's own services acting by themselves)
    kind: str
    #: the role's ARN (with its path) where `kind` is `role`
    role: str | None = None
    #: `AIDA...`, `AROA...:session`, or the account's id for root
    user_id: str = ""
    #: the key that signed the request
    access_key_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a call came from: what condition keys and access logs need to know."""

    #: the client's address
    source_ip: str = "127.0.0.1"
    user_agent: str = ""
    #: whether TLS protected the request
    secure: bool = False
    #: `aws:SourceArn`: the resource for which a service makes the call
    source_arn: str | None = None
    #: the address that the client used, such as `127.0.0.1:4566`
    host: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One API request as a value."""

    #: botocore's service name: `stepfunctions`, `lambda`, `s3`, `sagemaker`, `sagemaker-runtime`, ...
    service: str
    #: botocore's operation name: `StartExecution`
    operation: str
    #: the operation's input, shaped as boto3 takes it
    params: Mapping[str, Any]
    caller: Caller
    origin: Origin = field(default_factory=Origin)
    #: answered as the request id, and found in the logs
    request_id: str = ""
    #: an effect's token: a repeat with the same token gets the same reply and changes nothing
    token: str | None = None
    #: returns once whoever made the call has left, for operations that wait; None where nobody can tell
    gone: Callable[[], Coroutine[Any, Any, None]] | None = field(default=None, compare=False, repr=False)


class Body(Protocol):
    """A stream of bytes in a call or a reply."""

    @property
    def size(self) -> int | None:
        """The number of bytes where it is known beforehand."""
        ...

    def chunks(self) -> AsyncIterator[bytes]:
        """The bytes, once."""
        ...


@dataclass(frozen=True, slots=True)
class BytesBody:
    """A body that is in memory already."""

    data: bytes

    @property
    def size(self) -> int | None:
        return len(self.data)

    async def chunks(self) -> AsyncIterator[bytes]:
        if self.data:
            yield self.data


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBody:
    """A part of a file: the gateway may send it without copying it through Python."""

    path: Path
    offset: int = 0
    length: int

    @property
    def size(self) -> int | None:
        return self.length

    async def chunks(self) -> AsyncIterator[bytes]:
        left = self.length
        with self.path.open("rb") as file:
            file.seek(self.offset)
            while left > 0 and (piece := file.read(min(left, 1 << 18))):
                left -= len(piece)
                yield piece


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An operation's answer: its output by the model, and what HTTP needs beyond it."""

    #: the operation's output, shaped as boto3 gives it back
    output: Mapping[str, Any] = field(default_factory=dict)
    #: the HTTP status where it differs from the model's
    status: int | None = None
    #: extra response headers
    headers: Mapping[str, str] = field(default_factory=dict)


async def read_body(body: Any, limit: int) -> bytes:
    """All bytes of `body` (a `Body`, bytes or None).

    Raises ValueError as soon as more than `limit` bytes have come.
    """
    if body is None:
        return b""
    if isinstance(body, bytes | bytearray):
        if len(body) > limit:
            raise ValueError(f"more than {limit} bytes")
        return bytes(body)
    pieces: list[bytes] = []
    total = 0
    async for piece in body.chunks():
        total += len(piece)
        if total > limit:
            raise ValueError(f"more than {limit} bytes")
        pieces.append(piece)
    return b"".join(pieces)
