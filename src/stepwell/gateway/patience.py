"""How long clients are waited for, how much head is read of them, how many connections they get.

uvicorn reads heads of any length for as long as they take, and waits for content for ever; the server's
memory and descriptors are for those with a key who send what they announced.
"""

from __future__ import annotations

import asyncio
import resource
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

#: bytes of a head that are read; the gateway answers in AWS's terms to what is too long before that
HEAD_LIMIT = 128 << 10
#: seconds in which a head must have come
HEAD_TIME = 30.0
#: seconds without a byte of a body that was announced, after which the connection ends
BODY_TIME = 60.0
#: descriptors that the server takes if it may
DESCRIPTORS = 65536


def connection_limit() -> int:
    """How many connections there may be: half of the descriptors, the others are for files and workers.

    Raises this process's limit of descriptors as far as it may.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = DESCRIPTORS if hard == resource.RLIM_INFINITY else min(DESCRIPTORS, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    return wanted // 2


class LimitedProtocol(HttpToolsProtocol):
    """uvicorn's, with limits. A connection above them is closed."""

    #: seconds in which a head must have come
    head_time = HEAD_TIME
    #: connections at once
    most = DESCRIPTORS // 2

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head = 0
        self._in_head = True
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.most:
            transport.abort()
        self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        self._cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._head = self._head + len(data) if self._in_head else 0
        if self._head > HEAD_LIMIT:
            self.transport.abort()

    def on_message_begin(self) -> None:
        self._in_head = True
        if self._deadline is None:
            self._expect_head()
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        self._in_head = False
        self._cancel()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        loop = asyncio.get_running_loop()
        self._deadline = loop.call_later(self.head_time, self.transport.abort)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
