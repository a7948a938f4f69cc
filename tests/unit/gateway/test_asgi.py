"""The application's own manners: plain pages, streams, files, disconnects."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from stepwell.calls import FileBody, Reply
from stepwell.clock import SystemClock
from stepwell.gateway.asgi import Gateway

BASE = "http://127.0.0.1:4566"


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_health_needs_no_signature(wire: Any, method: str) -> None:
    answer = wire.send(method, BASE + "/_stepwell/health")
    assert answer.status == 200
    assert answer.body == (b'{"status": "running"}\n' if method == "GET" else b"")


def test_a_browser_gets_plain_text(wire: Any) -> None:
    answer = wire.send("GET", BASE + "/", {"accept": "text/html"})
    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    assert b"Stepwell" in answer.body


@pytest.mark.parametrize("host", ["sync-127.0.0.1:4566", "sync-localhost:4566"])
def test_prefixed_hosts_are_served(client: Any, api: Any, host: str) -> None:
    client("stepfunctions", endpoint=f"http://{host}").start_sync_execution(stateMachineArn="a")
    assert api.calls[0].operation == "StartSyncExecution"


def test_a_part_of_a_file_is_sent(client: Any, api: Any, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    content = bytes(range(256)) * 10_000
    path.write_bytes(content)
    body = FileBody(path=path, offset=100, length=2_000_000)
    api.answer = Reply(output={"Body": body, "ContentLength": 2_000_000})
    answer = client("s3").get_object(Bucket="bu", Key="k")
    assert answer["Body"].read() == content[100:2_000_100]


def test_a_file_that_is_too_short_breaks_the_answer_off(client: Any, api: Any, tmp_path: Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"short")
    api.answer = Reply(output={"Body": FileBody(path=path, length=10)})
    with pytest.raises(OSError, match="shorter"):
        client("s3").get_object(Bucket="bu", Key="k")


def _serve(gateway: Any, scope: dict[str, Any], received: list[dict[str, Any]]) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []
    messages = iter(received)

    async def receive() -> dict[str, Any]:
        return next(messages)

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(gateway(scope, receive, send))
    return sent


def _upload(client: Any) -> dict[str, Any]:
    """The scope of an upload that announces 100 bytes."""
    url = client("s3").generate_presigned_url("put_object", Params={"Bucket": "bu", "Key": "k"})
    path, _, query = url.removeprefix(BASE).partition("?")
    return {
        "type": "http",
        "method": "PUT",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(b"host", b"127.0.0.1:4566"), (b"content-length", b"100")],
        "scheme": "http",
        "client": None,
    }


def test_a_client_that_leaves_early_is_nobodys_error(wire: Any, client: Any) -> None:
    received = [
        {"type": "http.request", "body": b"part", "more_body": True},
        {"type": "http.disconnect"},
    ]
    assert _serve(wire.gateway, _upload(client), received) == []


@pytest.mark.parametrize(("pieces", "served"), [(0, True), (1, True), (1, False)])
def test_a_body_that_stalls_ends_its_connection(
    client: Any, api: Any, keys: Any, pieces: int, served: bool
) -> None:
    """The operation is told before it could keep anything; who is refused anyway is not waited for twice."""
    gateway = Gateway(api, keys, SystemClock(), region="us-east-1", body_time=0.05)
    scope, sent = _upload(client), []
    if not served:
        scope["query_string"] = b""

    async def receive() -> dict[str, Any]:
        nonlocal pieces
        pieces -= 1
        if pieces < 0:
            await asyncio.Event().wait()
        return {"type": "http.request", "body": b"part", "more_body": True}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(asyncio.wait_for(gateway(scope, receive, send), 5))
    assert sent[0]["status"] == (400 if served else 403)
    assert (b"connection", b"close") in sent[0]["headers"]
    text = b"".join(message.get("body", b"") for message in sent[1:])
    assert (b"<Code>RequestTimeout</Code>" if served else b"<Code>AccessDenied</Code>") in text
    assert api.streams == {}


def test_the_lifespan_is_acknowledged(wire: Any) -> None:
    sent = _serve(
        wire.gateway, {"type": "lifespan"}, [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    )
    assert [message["type"] for message in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


def test_a_header_value_cannot_start_another_header(client: Any, api: Any) -> None:
    api.answer = Reply(output={"Metadata": {"a": "1\r\nx-injected: 2"}})
    answer = client("s3").head_object(Bucket="bu", Key="k")
    assert answer["Metadata"] == {"a": "1  x-injected: 2"}
    assert "x-injected" not in answer["ResponseMetadata"]["HTTPHeaders"]
