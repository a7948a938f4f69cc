"""Responses onto the wire: whole, or piece by piece with files read off the event loop."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from typing import Any

from stepwell.calls import Body, FileBody
from stepwell.gateway.content import Receive
from stepwell.gateway.http import Response

Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_PIECE = 1 << 20
#: what may be a header's name (RFC 9110)
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: control characters end a header, or are no part of one
_SPACES = dict.fromkeys([*range(0x20), 0x7F], " ")
_log = logging.getLogger("stepwell.gateway")


async def send_response(response: Response, method: str, receive: Receive | None, send: Send) -> None:
    """Send `response`; a HEAD's without its content.

    With `receive`, a stream ends early when the client leaves. A stream that fails midway raises, so
    that the server cuts the connection: the client must not take a part for the whole.
    """
    body = response.body
    if method == "HEAD" or response.status in (204, 304):
        await send(_start(response, None))
        await send({"type": "http.response.body", "body": b""})
    elif isinstance(body, bytes):
        await send(_start(response, len(body)))
        await send({"type": "http.response.body", "body": body})
    else:
        await _send_stream(response, body, receive, send)


async def _send_stream(response: Response, body: Body, receive: Receive | None, send: Send) -> None:
    pieces = _file_pieces(body) if isinstance(body, FileBody) else body.chunks()
    # The first piece comes before the status is sent: a file that cannot be opened is an error, not a
    # short answer.
    piece = await anext(pieces, None)
    await send(_start(response, body.size))
    gone = asyncio.create_task(until_gone(receive)) if receive is not None else None
    try:
        while piece is not None:
            if piece:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            if gone is not None and gone.done():
                _log.debug("the client left before the whole answer was sent")
                return
            piece = await anext(pieces, None)
        await send({"type": "http.response.body", "body": b""})
    finally:
        if gone is not None:
            gone.cancel()


async def until_gone(receive: Receive) -> None:
    """Return once the client has left; its request must have been read to the end."""
    while (await receive())["type"] != "http.disconnect":
        continue


async def _file_pieces(body: FileBody) -> AsyncIterator[bytes]:
    file = await asyncio.to_thread(body.path.open, "rb")
    try:
        await asyncio.to_thread(file.seek, body.offset)
        left = body.length
        while left > 0:
            piece = await asyncio.to_thread(file.read, min(left, _PIECE))
            if not piece:
                raise OSError(f"{body.path} is shorter than it was")
            left -= len(piece)
            yield piece
    finally:
        file.close()


def _start(response: Response, size: int | None) -> dict[str, Any]:
    # What was stored without HTTP (Step Functions calls S3 too) may not fit into a header: a name that is
    # none is left out, so that the content can still be read.
    headers = [
        (_encoded(name.lower()), _encoded(value))
        for name, value in response.headers
        if (size is None or name.lower() != "content-length") and _TOKEN.fullmatch(name)
    ]
    if size is not None:
        headers.append((b"content-length", str(size).encode()))
    return {"type": "http.response.start", "status": response.status, "headers": headers}


def _encoded(text: str) -> bytes:
    single_line = text.translate(_SPACES)
    try:
        return single_line.encode("latin-1")
    except UnicodeEncodeError:
        return single_line.encode()
