"""Requests go to this machine only, and say what their answers mean."""

from __future__ import annotations

import asyncio

import pytest

from stepwell.errors import AwsError
from stepwell.triggers import posting


@pytest.mark.parametrize(
    ("url", "local"),
    [
        ("http://localhost", True),
        ("http://LOCALHOST:80/a?b", True),
        ("http://127.0.0.1:8080/", True),
        ("https://127.9.9.9/", True),
        ("http://[::1]:1/", True),
        ("ftp://127.0.0.1/", False),
        ("http://", False),
        ("http://localhost.", False),
        ("http://a@127.0.0.1/", False),
        ("http://0.0.0.0/", False),
        ("http://[::]/", False),
        ("http://[::ffff:127.0.0.1%25eth0]/", False),
        ("http://192.168.0.1/", False),
        ("http://169.254.169.254/", False),
        ("http://0177.0.0.1/", False),
        ("http://127.1/", False),
        ("http://example.com/127.0.0.1", False),
        ("http://127.0.0.1:0/", False),
        ("http://127.0.0.1:70000/", False),
        ("http://[::1/", False),
    ],
)
def test_only_literal_addresses_of_this_machine_are_local(url: str, local: bool) -> None:
    assert posting.is_local(url) == local


async def answered(answer: bytes, path: str = "/") -> bytes:
    """Post to an endpoint that answers so; gives what it was sent."""
    got = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        got.extend(await reader.readuntil(b"\r\n\r\n"))
        got.extend(await reader.readexactly(len("hällo".encode())))
        writer.write(answer)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        await posting.post(f"http://127.0.0.1:{port}{path}", {"A": "b"}, "hällo")
    return bytes(got)


def test_a_request_is_complete() -> None:
    sent = asyncio.run(answered(b"HTTP/1.1 204 No Content\r\n\r\n", "/a?b=c"))
    head, _, body = sent.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    assert lines[0] == "POST /a?b=c HTTP/1.1"
    assert {"A: b", "Content-Length: 6", "Connection: close"} <= set(lines[1:])
    assert body.decode() == "hällo"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (b"HTTP/1.1 500 No\r\n\r\n", "EndpointFailed"),
        (b"HTTP/1.0 429 Slow\r\n\r\n", "EndpointFailed"),
        (b"", "EndpointFailed"),
        (b"+PONG\r\n", "EndpointFailed"),
        (b"HTTP/1.1 302 There\r\nLocation: http://10.0.0.1/\r\n\r\n", "EndpointRefused"),
        (b"HTTP/1.1 404 No\r\n\r\n", "EndpointRefused"),
    ],
)
def test_an_answer_says_whether_to_try_again(answer: bytes, code: str) -> None:
    with pytest.raises(AwsError) as failure:
        asyncio.run(answered(answer))
    assert failure.value.error_code == code
    assert (failure.value.http_status >= 500) == (code == "EndpointFailed")


@pytest.mark.parametrize(
    ("url", "headers"),
    [
        ("http://10.0.0.1/", {}),
        ("http://127.0.0.1:9/", {"A": "b\r\nInjected: c"}),
        ("http://127.0.0.1:9/a b\r\n", {"A": "ä"}),
    ],
)
def test_what_no_request_may_be_is_not_sent(url: str, headers: dict[str, str]) -> None:
    with pytest.raises(AwsError) as failure:
        asyncio.run(posting.post(url, headers, ""))
    assert failure.value.error_code == "EndpointRefused"
