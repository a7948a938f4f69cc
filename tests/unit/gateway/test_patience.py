"""Whoever has not said who he is cannot make the server hold much, or for long."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from stepwell.gateway.listening import HttpServer, listen
from stepwell.gateway.patience import HEAD_LIMIT, LimitedProtocol

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]
REQUEST = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"


async def application(scope: Any, receive: Any, send: Any) -> None:
    await asyncio.sleep(0.3)
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})


def serve(work: Callable[[Callable[[], Awaitable[Streams]]], Awaitable[None]], *, most: int = 100) -> None:
    async def go() -> None:
        bound = listen("127.0.0.1", 0)
        server = HttpServer(application, bound)
        await server.start()
        LimitedProtocol.most = most
        port = bound.getsockname()[1]
        await work(lambda: asyncio.open_connection("127.0.0.1", port))
        await server.close()

    asyncio.run(asyncio.wait_for(go(), 20))


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedProtocol, "head_time", 0.1)


async def closed(reader: asyncio.StreamReader) -> bool:
    try:
        return await reader.read() == b""
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("sent", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: x\r\n"])
def test_a_head_that_does_not_come_ends_the_connection(sent: bytes) -> None:
    async def work(connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(sent)
        assert await closed(reader)

    serve(work)


def test_a_head_without_end_is_not_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LimitedProtocol, "head_time", 60)

    async def work(connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        writer.write(REQUEST[:-2] + b"x-a: ")
        writer.write(b"a" * (HEAD_LIMIT * 20))
        assert await closed(reader)

    serve(work)


def test_an_answer_may_take_longer_than_a_head_and_the_next_request_is_taken() -> None:
    async def work(connect: Callable[[], Awaitable[Streams]]) -> None:
        reader, writer = await connect()
        for _ in range(2):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")

    serve(work)


def test_connections_beyond_the_limit_are_refused_and_those_within_it_answered() -> None:
    async def work(connect: Callable[[], Awaitable[Streams]]) -> None:
        within = [await connect(), await connect()]
        for _, writer in within:
            writer.write(REQUEST)
        beyond, _ = await connect()
        assert await closed(beyond)
        for reader, _ in within:
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 204")

    serve(work, most=2)
