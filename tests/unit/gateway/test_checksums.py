"""Checksums that come with content: a right one is handed on, a wrong one stops the upload."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stepwell.gateway import checksums

URL = "http://127.0.0.1:4566/bu/k"


def _put(wire: Any, content: bytes, headers: dict[str, str], signed: bytes | None = None) -> Any:
    made = AWSRequest(method="PUT", url=URL, headers=headers, data=content if signed is None else signed)
    S3SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "s3", "us-east-1").add_auth(made)
    return wire.send("PUT", URL, dict(made.headers.items()), content)


def _base64(algorithm: str, content: bytes) -> str:
    digest = checksums.new(algorithm)
    digest.update(content)
    return base64.b64encode(digest.digest()).decode()


@pytest.mark.parametrize("algorithm", ["crc32", "crc32c", "crc64nvme", "sha1", "sha256"])
def test_a_checksum_header_is_verified_and_handed_on(wire: Any, api: Any, algorithm: str) -> None:
    header, value = f"x-amz-checksum-{algorithm}", _base64(algorithm, b"content")
    assert _put(wire, b"content", {header: value}).status == 200
    assert api.params[f"Checksum{algorithm.upper()}"] == value
    assert api.calls[0].params["Body"].checksums == {algorithm: base64.b64decode(value)}
    answer = _put(wire, b"other", {header: value})
    assert answer.status == 400
    assert f"<Code>BadDigest</Code><Message>The {algorithm.upper()} you specified".encode() in answer.body


@pytest.mark.parametrize(
    ("headers", "code"),
    [
        ({"x-amz-checksum-crc32": "!"}, "InvalidRequest"),
        ({"x-amz-checksum-crc32": "AAAA"}, "InvalidRequest"),
        ({"x-amz-checksum-xxhash3": "AAAA"}, "InvalidRequest"),
        ({"content-md5": "abc"}, "InvalidDigest"),
        ({"content-md5": base64.b64encode(hashlib.md5(b"no").digest()).decode()}, "BadDigest"),
    ],
)
def test_checksums_that_are_wrong_or_unknown_are_refused(
    wire: Any, headers: dict[str, str], code: str
) -> None:
    answer = _put(wire, b"content", headers)
    assert answer.status == 400
    assert f"<Code>{code}</Code>".encode() in answer.body


def test_content_other_than_the_signed_hash_is_refused(wire: Any, api: Any) -> None:
    answer = _put(wire, b"tampered", {}, signed=b"original")
    assert answer.status == 400
    assert b"<Code>XAmzContentSHA256Mismatch</Code>" in answer.body
    assert b"ClientComputedContentSHA256" in answer.body


def test_a_bad_signature_is_refused_before_any_content_is_read(wire: Any, api: Any) -> None:
    made = AWSRequest(method="PUT", url=URL, headers={"expect": "100-continue"}, data=b"x")
    S3SigV4Auth(Credentials("AKIAROOT", "wrong"), "s3", "us-east-1").add_auth(made)
    answer = wire.send("PUT", URL, dict(made.headers.items()), b"x")
    assert answer.status == 403
    assert wire.received == 0
    assert answer.headers["connection"] == "close"
    assert not api.calls
