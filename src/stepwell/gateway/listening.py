"""The socket that the server listens on, and the HTTP server behind it.

The socket is bound before anything else is made: an address that is taken is found out at once, and the
URL is known to all that is told of it.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from stepwell.errors import UsageError
from stepwell.gateway.patience import LimitedProtocol, connection_limit

#: seconds that requests under way get when the server ends
DRAIN = 8


def listen(host: str, port: int) -> socket.socket:
    """The bound socket; port 0 takes a free one.

    Raises UsageError for an address that is taken, or not ours to offer.
    """
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise UsageError(f"--listen takes an IP address and a port, not {host!r}") from None
    if not address.is_loopback:
        raise UsageError(
            f"{host} is reachable from other machines, and this server speaks plain HTTP. "
            "Listen on 127.0.0.1 and put a TLS proxy in front"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    # asyncio switches Nagle's delay off only for sockets that say TCP: a stream costs 40 ms otherwise.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen on {host}:{port}: {os.strerror(error.errno or 0)}. "
            "Another program may use the port: `stepwell serve --listen 127.0.0.1:0` takes a free one"
        ) from error
    return bound


def url_of(bound: socket.socket) -> str:
    """The URL that reaches a bound socket: `http://127.0.0.1:4566`, `http://[::1]:4566`."""
    host, port = bound.getsockname()[:2]
    return f"http://[{host}]:{port}" if bound.family == socket.AF_INET6 else f"http://{host}:{port}"


class HttpServer:
    """Answers HTTP on one socket with an ASGI application."""

    def __init__(self, application: Any, bound: socket.socket) -> None:
        self._uvicorn = _Uvicorn(
            uvicorn.Config(
                application,
                http=LimitedProtocol,
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        self._socket = bound
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Return when requests are answered. What kept it from that is raised."""
        LimitedProtocol.most = connection_limit()
        self._serving = asyncio.create_task(self._uvicorn.serve(sockets=[self._socket]))
        while not self._uvicorn.started and not self._serving.done():
            await asyncio.sleep(0.002)
        if self._serving.done():
            await self._serving

    async def close(self) -> None:
        """Take no new requests, answer those under way, close the socket."""
        self._uvicorn.should_exit = True
        if self._serving is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._serving


class _Uvicorn(uvicorn.Server):
    """uvicorn without its signal handlers: the server has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield
