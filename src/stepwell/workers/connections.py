"""Kept-alive HTTP connections to one model server on this machine.

A prediction takes a millisecond or less: a general client would cost as much again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import cast

import httptools

#: idle connections that are kept for the next request
KEPT = 32
#: bytes of an answer with its head: InvokeEndpoint passes on 25 MiB at most
ANSWER_LIMIT = 26 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a model server answered."""

    status: int
    #: names in lower case
    headers: Mapping[str, str]
    body: bytes


class Broken(Exception):
    """The connection ended before the answer was whole; `begun` says whether any of it had come."""

    def __init__(self, begun: bool) -> None:
        super().__init__("the model server closed the connection")
        self.begun = begun


class Connection(asyncio.Protocol):
    """One connection: one request at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: asyncio.Transport | None = None
        self._answer: asyncio.Future[Response] | None = None
        self._begin()

    def _begin(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: dict[str, str] = {}
        self._pieces: list[bytes] = []
        self._begun = False
        self._received = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is no subclass

    def data_received(self, data: bytes) -> None:
        self._begun = True
        self._received += len(data)
        if self._received > ANSWER_LIMIT:
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, error: Exception | None) -> None:
        self.closed = True
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(Broken(self._begun))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_body(self, data: bytes) -> None:
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        response = Response(
            status=self._parser.get_status_code(), headers=self._headers, body=b"".join(self._pieces)
        )
        if not self._parser.should_keep_alive():
            self.close()
        if self._answer is not None and not self._answer.done():
            self._answer.set_result(response)

    async def request(self, message: bytes, body: bytes) -> Response:
        """Raises Broken."""
        if self.closed or self._transport is None:
            raise Broken(False)
        self._begin()
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.writelines((message, body))
        return await self._answer

    def close(self) -> None:
        self.closed = True
        if self._transport is not None:
            self._transport.close()


class Connections:
    """The connections to one port on the loopback interface."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._idle: list[Connection] = []

    async def request(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes, timeout: float
    ) -> Response:
        """One request. Raises TimeoutError, OSError (nobody listens) and Broken.

        Repeats it once on a new connection when a kept one turns out to have been closed in the meantime.
        When nobody listens any more, the request itself may have ended the server: that is Broken too.
        """
        lines = [f"{method} {path} HTTP/1.1", f"host: 127.0.0.1:{self.port}", f"content-length: {len(body)}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        message = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        async with asyncio.timeout(timeout):
            lost: Broken | None = None
            while self._idle:
                kept = self._idle.pop()
                try:
                    return await self._on(kept, message, body)
                except Broken as broken:
                    if broken.begun:
                        raise
                    lost = broken
            loop = asyncio.get_running_loop()
            try:
                _, fresh = await loop.create_connection(Connection, "127.0.0.1", self.port)
            except ConnectionRefusedError as refused:
                raise lost or refused from refused
            return await self._on(fresh, message, body)

    async def _on(self, connection: Connection, message: bytes, body: bytes) -> Response:
        try:
            response = await connection.request(message, body)
        except BaseException:
            connection.close()
            raise
        if not connection.closed and len(self._idle) < KEPT:
            self._idle.append(connection)
        else:
            connection.close()
        return response

    def close(self) -> None:
        """Close what is idle; a request under way keeps its connection."""
        while self._idle:
            self._idle.pop().close()
