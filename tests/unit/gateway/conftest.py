"""A gateway with an API that answers what a test tells it, and real boto3 clients wired to it in memory."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote, urlsplit

import boto3
import pytest
from botocore.awsrequest import AWSResponse
from botocore.config import Config

from stepwell.api.models import service_names
from stepwell.calls import Call, Caller, Reply
from stepwell.clock import SystemClock
from stepwell.gateway.asgi import Gateway
from stepwell.gateway.ports import Key

ACCOUNT = "123456789012"
ROOT = Caller(arn=f"arn:aws:iam::{ACCOUNT}:root", account=ACCOUNT, kind="root")
SERVED = frozenset(
    {
        "stepfunctions",
        "lambda",
        "s3",
        "sagemaker",
        "sagemaker-runtime",
        "iam",
        "sts",
        "logs",
        "sqs",
        "cloudwatch",
        "sns",
        "scheduler",
    }
)


@dataclass
class FakeApi:
    """Records each call, with its streams read, and answers `answer`."""

    answer: Reply | Exception | Callable[[Call], Reply] = field(default_factory=Reply)
    calls: list[Call] = field(default_factory=list)
    streams: dict[str, Any] = field(default_factory=dict)

    def service_known(self, name: str) -> bool:
        return name in SERVED and name in service_names()

    async def dispatch(self, call: Call) -> Reply:
        self.calls.append(call)
        for name, value in call.params.items():
            if hasattr(value, "chunks"):
                self.streams[name] = b"".join([piece async for piece in value.chunks()])
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer(call) if callable(self.answer) else self.answer

    @property
    def params(self) -> dict[str, Any]:
        """The last call's parameters, streams as the bytes that came."""
        return {**self.calls[-1].params, **self.streams}


@dataclass
class FakeKeys:
    """Key pairs by id."""

    keys: dict[str, Key]

    def find(self, access_key_id: str) -> Key | None:
        return self.keys.get(access_key_id)


@dataclass
class Answer:
    """What came back over ASGI."""

    status: int
    headers: dict[str, str]
    body: bytes


class Wire:
    """Speaks ASGI to the gateway."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.received = 0

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        body: bytes | Iterable[bytes] = b"",
    ) -> Answer:
        parts = urlsplit(url)
        pieces = [body] if isinstance(body, bytes) else list(body)
        sent = {name.lower(): value for name, value in (headers or {}).items()}
        sent.setdefault("host", parts.netloc)
        if any(pieces) and "transfer-encoding" not in sent:
            sent.setdefault("content-length", str(sum(map(len, pieces))))
        scope = {
            "type": "http",
            "method": method,
            "path": unquote(parts.path),
            "raw_path": (parts.path or "/").encode(),
            "query_string": parts.query.encode(),
            "headers": [(name.encode(), value.encode()) for name, value in sent.items()],
            "scheme": parts.scheme,
            "client": ("10.0.0.7", 51000),
        }
        self.received = 0
        messages: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            if self.received >= len(pieces):
                await asyncio.Event().wait()
            self.received += 1
            return {
                "type": "http.request",
                "body": pieces[self.received - 1],
                "more_body": self.received < len(pieces),
            }

        async def send(message: Any) -> None:
            messages.append(message)

        asyncio.run(self.gateway(scope, receive, send))
        assert not messages[-1].get("more_body"), "the answer was not completed"
        start = messages[0]
        return Answer(
            status=start["status"],
            headers={name.decode(): value.decode("latin-1") for name, value in start["headers"]},
            body=b"".join(message.get("body", b"") for message in messages[1:]),
        )


class _Raw(io.BytesIO):
    def stream(self, amt: int = 1024, decode_content: bool | None = None) -> Iterable[bytes]:
        while piece := self.read(amt):
            yield piece


KEYS = FakeKeys(
    {
        "AKIAROOT": Key(secret_access_key="root/secret+key", caller=ROOT),
        "ASIATEMP": Key(
            secret_access_key="temporary",
            caller=Caller(
                arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/r/s",
                account=ACCOUNT,
                kind="role",
                role=f"arn:aws:iam::{ACCOUNT}:role/r",
            ),
            session_token="token/with+signs==",
            expires_at=4_000_000_000.0,
        ),
        "ASIAOLD": Key(secret_access_key="old", caller=ROOT, session_token="t", expires_at=1_000_000_000.0),
    }
)


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def keys() -> FakeKeys:
    return KEYS


@pytest.fixture
def wire(api: FakeApi) -> Wire:
    return Wire(Gateway(api, KEYS, SystemClock(), region="us-east-1"))


MakeClient = Callable[..., Any]


@pytest.fixture
def client(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> MakeClient:
    """`client("s3", key="AKIAROOT", ...)`: a boto3 client whose requests end in the gateway."""
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")

    def make(
        service: str,
        *,
        key: str = "AKIAROOT",
        secret: str | None = None,
        token: str | None = None,
        region: str = "us-east-1",
        endpoint: str = "http://127.0.0.1:4566",
        **config: Any,
    ) -> Any:
        known = KEYS.keys.get(key)
        made = boto3.session.Session().client(
            service,
            region_name=region,
            endpoint_url=endpoint,
            aws_access_key_id=key,
            aws_secret_access_key=secret or (known.secret_access_key if known else "x"),
            aws_session_token=token or (known.session_token if known else None),
            config=Config(retries={"max_attempts": 0}, inject_host_prefix=False, **config),
        )

        def before_send(request: Any, **_: Any) -> AWSResponse:
            body = request.body
            if body is None:
                content = b""
            elif isinstance(body, str):
                content = body.encode()
            else:
                content = body if isinstance(body, bytes | bytearray) else body.read()
            headers = {
                name: value.decode() if isinstance(value, bytes) else str(value)
                for name, value in request.headers.items()
            }
            answer = wire.send(request.method, request.url, headers, bytes(content))
            return AWSResponse(request.url, answer.status, answer.headers, _Raw(answer.body))

        made.meta.events.register("before-send", before_send)
        return made

    return make
