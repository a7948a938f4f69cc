"""A connection to a model server is kept, replaced when it went stale, and never repeats what was begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from stepwell.workers import connections as connections_module
from stepwell.workers.connections import Broken, Connections

from .conftest import run

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-A: b\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n"
LAST = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok"


async def with_server(
    replies: list[list[bytes]], work: Callable[[Connections], Awaitable[None]]
) -> list[int]:
    """Serve, on each connection, its replies in turn, then close; returns how many requests each had."""
    served: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        number = len(served)
        served.append(0)
        for reply in replies[number]:
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"POST /invocations HTTP/1.1\r\n")
            await reader.readexactly(4)
            served[number] += 1
            writer.write(reply)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    connections = Connections(server.sockets[0].getsockname()[1])
    await work(connections)
    connections.close()
    server.close()
    return served


async def ask(connections: Connections) -> bytes:
    return (await connections.request("POST", "/invocations", {"content-type": "a"}, b"body", 5)).body


def test_an_answer_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections_module, "ANSWER_LIMIT", 1 << 20)
    endless = b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n" + bytes(2 << 20)

    async def work(connections: Connections) -> None:
        with pytest.raises(Broken):
            await ask(connections)

    run(with_server([[endless]], work))


@pytest.mark.parametrize(
    ("replies", "requests"),
    [([[OK, OK, OK]], [3]), ([[CHUNKED, OK, CHUNKED]], [3]), ([[LAST], [LAST], [OK]], [1, 1, 1])],
)
def test_a_connection_is_kept_as_long_as_its_server_keeps_it(
    replies: list[list[bytes]], requests: list[int]
) -> None:
    async def work(connections: Connections) -> None:
        assert [await ask(connections) for _ in range(3)] == [b"ok"] * 3

    assert run(with_server(replies, work)) == requests


def test_a_kept_connection_that_was_closed_meanwhile_is_replaced() -> None:
    async def work(connections: Connections) -> None:
        assert await ask(connections) == b"ok"
        assert await ask(connections) == b"ok"

    assert run(with_server([[OK], [OK]], work)) == [1, 1]


def test_a_request_after_which_nobody_listens_any_more_may_have_ended_the_server() -> None:
    async def ends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await reader.readuntil(b"\r\n\r\n")
        server.close()
        writer.close()

    async def work() -> None:
        nonlocal server
        server = await asyncio.start_server(ends, "127.0.0.1", 0)
        connections = Connections(server.sockets[0].getsockname()[1])
        assert await ask(connections) == b"ok"
        with pytest.raises(Broken):
            await ask(connections)
        with pytest.raises(ConnectionRefusedError):
            await ask(connections)

    server: asyncio.Server
    run(work())


@pytest.mark.parametrize(
    "reply", [b"", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", b"nonsense\r\n\r\n"]
)
def test_an_answer_that_is_not_whole_is_an_error_and_is_not_asked_for_again(reply: bytes) -> None:
    async def work(connections: Connections) -> None:
        with pytest.raises(Broken):
            await ask(connections)

    assert run(with_server([[reply]], work)) == [1]


def test_the_standard_library_s_loop_will_do_too() -> None:
    async def work(connections: Connections) -> None:
        assert await ask(connections) == b"ok"

    assert asyncio.run(with_server([[OK]], work)) == [1]


def test_nobody_listening_is_a_connection_error() -> None:
    async def work() -> None:
        server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        server.close()
        with pytest.raises(ConnectionError):
            await ask(Connections(port))

    run(work())
