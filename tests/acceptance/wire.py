"""Requests as bytes: for what no SDK would send. Answers are read by botocore's own parsers."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

import urllib3
from botocore import parsers
from botocore.auth import S3SigV4Auth, S3SigV4QueryAuth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from running import Running

FORM = "application/x-www-form-urlencoded"
#: the protocol that each service's clients speak, by its signing name
PROTOCOLS = {
    "states": "json",
    "logs": "json",
    "sagemaker": "json",
    "lambda": "rest-json",
    "s3": "rest-xml",
    "iam": "query",
    "sts": "query",
}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """A request, right but for what a test makes wrong."""

    #: the signing name
    service: str
    method: str = "POST"
    path: str = "/"
    body: bytes = b""
    headers: Mapping[str, str] | None = None
    #: who signs; None the server's owner
    key: str | None = None
    secret: str | None = None
    #: the region that is signed for; None the server's
    region: str | None = None
    #: how long ago it was signed
    age: timedelta = timedelta()
    sign: bool = True


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back, and what a client makes of it."""

    status: int
    code: str
    message: str
    request_id: str


def json_ask(service: str, target: str, body: bytes, **others: Any) -> Ask:
    """A request of the JSON protocol."""
    headers = {"x-amz-target": target, "content-type": "application/x-amz-json-1.1"}
    return Ask(service=service, body=body, headers=headers, **others)


def query_ask(service: str, body: bytes, **others: Any) -> Ask:
    """A request of the query protocol."""
    return Ask(service=service, body=body, headers={"content-type": FORM}, **others)


def signed(running: Running, ask: Ask) -> tuple[str, dict[str, str]]:
    """URL and headers of a request, signed as it asks for."""
    settings = running.settings
    request = AWSRequest(
        method=ask.method, url=running.url + ask.path, headers=dict(ask.headers or {}), data=ask.body
    )
    if ask.sign:
        credentials = Credentials(
            ask.key or settings["aws_access_key_id"], ask.secret or settings["aws_secret_access_key"]
        )
        signer = S3SigV4Auth if ask.service == "s3" else SigV4Auth
        moment = datetime.now(UTC).replace(tzinfo=None) - ask.age
        with patch("botocore.auth.get_current_datetime", return_value=moment):
            signer(credentials, ask.service, ask.region or settings["region_name"]).add_auth(request)
    return request.url, dict(request.headers.items())


def presigned(running: Running, path: str, *, expires: int, age: timedelta) -> str:
    """An S3 URL that was signed some time ago."""
    settings = running.settings
    credentials = Credentials(settings["aws_access_key_id"], settings["aws_secret_access_key"])
    request = AWSRequest(method="GET", url=running.url + path)
    moment = datetime.now(UTC).replace(tzinfo=None) - age
    with patch("botocore.auth.get_current_datetime", return_value=moment):
        S3SigV4QueryAuth(credentials, "s3", settings["region_name"], expires=expires).add_auth(request)
    url: str = request.url
    return url


def send(running: Running, ask: Ask) -> Answer:
    """Send it; read the answer as the service's SDK would."""
    url, headers = signed(running, ask)
    return read(ask.service, fetch(url, ask.method, headers=headers, body=ask.body))


def fetch(
    url: str, method: str = "GET", headers: Mapping[str, str] | None = None, body: bytes = b""
) -> urllib3.BaseHTTPResponse:
    """One request, on a connection of its own, never sent twice."""
    return urllib3.request(method, url, headers=headers, body=body, timeout=30, retries=False)


def read(service: str, reply: urllib3.BaseHTTPResponse) -> Answer:
    """An error answer in a client's eyes."""
    parsed = parsers.create_parser(PROTOCOLS[service]).parse(
        {"status_code": reply.status, "headers": reply.headers, "body": reply.data}, None
    )
    facts = parsed["ResponseMetadata"]
    return Answer(
        status=reply.status,
        code=parsed["Error"]["Code"],
        message=parsed["Error"]["Message"],
        request_id=facts.get("RequestId", ""),
    )


def raw(running: Running, content: bytes, seconds: float = 10) -> bytes:
    """Send bytes on a connection of their own and give what comes back until the server closes or is done.

    A server that closes before all is sent has said all it has to say. Raises TimeoutError.
    """
    place = urlsplit(running.url)
    received = b""
    with socket.create_connection((place.hostname, place.port), timeout=seconds) as connection:
        try:
            connection.sendall(content)
            connection.shutdown(socket.SHUT_WR)
            while piece := connection.recv(1 << 16):
                received += piece
        except TimeoutError:
            raise
        except OSError:
            return received
    return received
