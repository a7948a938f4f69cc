"""aws-chunked content decodes in whatever pieces it arrives, and nothing wrong gets through to its end."""

from __future__ import annotations

import base64
import hashlib
import hmac
import zlib
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stepwell.errors import AwsError
from stepwell.gateway.chunked import ChunkDecoder, ChunkKey

CRC = base64.b64encode(zlib.crc32(b"hello world").to_bytes(4, "big")).decode()
PLAIN = f"5\r\nhello\r\n6\r\n world\r\n0\r\nx-amz-checksum-crc32:{CRC}\r\n\r\n".encode()

#: AWS's published example of signed chunks: 65536 + 1024 bytes of "a"
EXAMPLE_KEY = ChunkKey(
    key=b"",
    timestamp="20130524T000000Z",
    scope="20130524/us-east-1/s3/aws4_request",
    seed="4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9",
)
EXAMPLE = (
    b"10000;chunk-signature=ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648\r\n"
    + b"a" * 65536
    + b"\r\n400;chunk-signature=0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497\r\n"
    + b"a" * 1024
    + b"\r\n0;chunk-signature=b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9\r\n\r\n"
)


def _derived(secret: str, date: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, "us-east-1", "s3", "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _decode(decoder: ChunkDecoder, content: bytes, step: int) -> bytes:
    pieces = [
        piece
        for start in range(0, len(content), step)
        for piece in decoder.feed(content[start : start + step])
    ]
    decoder.finish()
    return b"".join(pieces)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
def test_pieces_may_be_cut_anywhere(step: int) -> None:
    decoder = ChunkDecoder(None, with_trailers=True)
    assert _decode(decoder, PLAIN, step) == b"hello world"
    assert decoder.trailers == {"x-amz-checksum-crc32": CRC}


@pytest.mark.parametrize("step", [1000, 65536, 100_000])
def test_the_published_example_of_signed_chunks_holds(step: int) -> None:
    key = ChunkKey(
        key=_derived("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "20130524"),
        timestamp=EXAMPLE_KEY.timestamp,
        scope=EXAMPLE_KEY.scope,
        seed=EXAMPLE_KEY.seed,
    )
    assert _decode(ChunkDecoder(key, with_trailers=False), EXAMPLE, step) == b"a" * 66560
    for changed in (EXAMPLE.replace(b"aaa", b"aab", 1), EXAMPLE.replace(b"b6c6", b"b6c7")):
        with pytest.raises(AwsError) as caught:
            _decode(ChunkDecoder(key, with_trailers=False), changed, step)
        assert caught.value.error_code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (PLAIN[:-2], "IncompleteBody"),
        (PLAIN[:7], "IncompleteBody"),
        (b"", "IncompleteBody"),
        (b"x\r\nhello\r\n", "InvalidRequest"),
        (b"-5\r\nhello\r\n", "InvalidRequest"),
        (b"5\r\nhello!\r\n0\r\n\r\n", "InvalidRequest"),
        (b"0" * 5000, "InvalidRequest"),
        (b"f" * 17 + b"\r\n", "InvalidRequest"),
        (b"\xff\r\n", "InvalidRequest"),
        (b"0\r\nnocolon\r\n\r\n", "InvalidRequest"),
        (b"0\r\n" + b"a:b\r\n" * 40, "InvalidRequest"),
        (PLAIN + b"more", "InvalidRequest"),
    ],
)
def test_broken_framing_is_refused(content: bytes, code: str) -> None:
    for step in (3, 10_000):
        with pytest.raises(AwsError) as caught:
            _decode(ChunkDecoder(None, with_trailers=True), content, step)
        assert caught.value.error_code == code


def _signed_upload(
    kind: str, content: bytes, trailer: tuple[str, str] | None
) -> tuple[dict[str, str], bytes]:
    """Headers and content of an upload in signed chunks of 8 KiB, as AWS's SDKs for Java and Go send them."""
    url = "http://127.0.0.1:4566/bu/k"
    headers = {
        "content-encoding": "gzip,aws-chunked",
        "x-amz-decoded-content-length": str(len(content)),
        **({"x-amz-trailer": trailer[0]} if trailer else {}),
    }
    made = AWSRequest(method="PUT", url=url, headers=headers)
    signer = S3SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "s3", "us-east-1")
    signer.payload = lambda request: kind
    signer.add_auth(made)
    stamp = made.context["timestamp"]
    key = _derived("root/secret+key", stamp[:8])
    previous = made.headers["Authorization"].rpartition("Signature=")[2]

    def chain(name: str, what: str) -> str:
        text = f"AWS4-HMAC-SHA256-{name}\n{stamp}\n{stamp[:8]}/us-east-1/s3/aws4_request\n{previous}\n{what}"
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    empty = hashlib.sha256(b"").hexdigest()
    parts = [content[start : start + 8192] for start in range(0, len(content), 8192)]
    encoded = b""
    for part in [*parts, b""]:
        previous = chain("PAYLOAD", f"{empty}\n{hashlib.sha256(part).hexdigest()}")
        encoded += f"{len(part):x};chunk-signature={previous}\r\n".encode() + part
        encoded += b"\r\n" if part or not trailer else b""
    if trailer:
        line = f"{trailer[0]}:{trailer[1]}"
        previous = chain("TRAILER", hashlib.sha256(f"{line}\n".encode()).hexdigest())
        encoded += f"{line}\r\nx-amz-trailer-signature:{previous}\r\n\r\n".encode()
    return dict(made.headers.items()), encoded


@pytest.mark.parametrize("with_trailer", [False, True])
def test_signed_chunks_upload_an_object(wire: Any, api: Any, with_trailer: bool) -> None:
    content = bytes(range(256)) * 100
    crc = base64.b64encode(zlib.crc32(content).to_bytes(4, "big")).decode()
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" + ("-TRAILER" if with_trailer else "")
    headers, encoded = _signed_upload(kind, content, ("x-amz-checksum-crc32", crc) if with_trailer else None)
    pieces = [encoded[start : start + 5000] for start in range(0, len(encoded), 5000)]
    answer = wire.send("PUT", "http://127.0.0.1:4566/bu/k", headers, pieces)
    assert answer.status == 200, answer.body
    assert api.params["Body"] == content
    assert api.params["ContentEncoding"] == "gzip"
    assert api.params["ContentLength"] == len(content)
    trailers = api.calls[0].params["Body"].trailers
    assert trailers == ({"x-amz-checksum-crc32": crc} if with_trailer else {})


@pytest.mark.parametrize("position", [200, -40, -150])
def test_a_changed_byte_in_signed_chunks_is_refused(wire: Any, position: int) -> None:
    kind = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
    headers, encoded = _signed_upload(kind, b"a" * 500, ("x-amz-checksum-crc32", CRC))
    changed = bytearray(encoded)
    changed[position] ^= 1
    answer = wire.send("PUT", "http://127.0.0.1:4566/bu/k", headers, bytes(changed))
    assert 400 <= answer.status < 500


def test_boto3s_trailing_checksum_over_tls_is_verified(client: Any, api: Any) -> None:
    client("s3", endpoint="https://127.0.0.1:4566").put_object(
        Bucket="bu", Key="k", Body=b"hello", ContentEncoding="gzip", ChecksumAlgorithm="SHA256"
    )
    body = api.calls[0].params["Body"]
    digest = hashlib.sha256(b"hello").digest()
    assert api.params["Body"] == b"hello"
    assert body.size == 5
    assert body.trailers == {"x-amz-checksum-sha256": base64.b64encode(digest).decode()}
    assert body.checksums == {"sha256": digest}
    assert api.params["ContentEncoding"] == "gzip"
