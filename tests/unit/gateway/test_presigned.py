"""URLs that carry their signature: the new form, and the old one that boto3 still makes by default."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.calls import BytesBody, Reply

V4 = {"signature_version": "s3v4"}
OLD: dict[str, Any] = {}


@pytest.mark.parametrize("config", [V4, OLD], ids=["v4", "old"])
@pytest.mark.parametrize("key", ["AKIAROOT", "ASIATEMP"])
@pytest.mark.parametrize(
    ("endpoint", "style"), [("http://127.0.0.1:4566", "path"), ("http://localhost:4566", "virtual")]
)
def test_a_presigned_get_is_let_in(
    client: Any, wire: Any, api: Any, config: Any, key: str, endpoint: str, style: str
) -> None:
    made = client("s3", key=key, endpoint=endpoint, s3={"addressing_style": style}, **config)
    url = made.generate_presigned_url(
        "get_object",
        Params={"Bucket": "bu", "Key": "a b/ä+c", "ResponseContentType": "text/x; a=b", "VersionId": "1/2"},
    )
    assert ("AWSAccessKeyId" in url) == (config is OLD)
    api.answer = Reply(output={"Body": BytesBody(b"content")})
    answer = wire.send("GET", url)
    assert (answer.status, answer.body) == (200, b"content")
    assert api.calls[0].params == {
        "Bucket": "bu",
        "Key": "a b/ä+c",
        "ResponseContentType": "text/x; a=b",
        "VersionId": "1/2",
    }
    assert api.calls[0].caller.access_key_id == key


@pytest.mark.parametrize("config", [V4, OLD], ids=["v4", "old"])
def test_a_presigned_put_takes_its_content_and_signed_headers(
    client: Any, wire: Any, api: Any, config: Any
) -> None:
    params = {"Bucket": "bu", "Key": "k", "ContentType": "text/csv", "Metadata": {"m": "1"}}
    url = client("s3", **config).generate_presigned_url("put_object", Params=params)
    headers = {"content-type": "text/csv", "x-amz-meta-m": "1"}
    assert wire.send("PUT", url, headers, b"data").status == 200
    assert api.params["Body"] == b"data"
    assert api.params["Metadata"] == {"m": "1"}
    assert wire.send("PUT", url, {**headers, "x-amz-meta-m": "2"}, b"data").status == 403


@pytest.mark.parametrize("config", [V4, OLD], ids=["v4", "old"])
@pytest.mark.parametrize(
    ("change", "code"),
    [
        (("/bu/k", "/bu/l"), "SignatureDoesNotMatch"),
        (("AKIAROOT", "AKIANONE"), "InvalidAccessKeyId"),
    ],
)
def test_a_changed_url_is_refused(
    client: Any, wire: Any, api: Any, config: Any, change: tuple[str, str], code: str
) -> None:
    url = client("s3", **config).generate_presigned_url("get_object", Params={"Bucket": "bu", "Key": "k"})
    answer = wire.send("GET", url.replace(*change))
    assert answer.status == 403
    assert f"<Code>{code}</Code>".encode() in answer.body
    assert not api.calls


@pytest.mark.parametrize("config", [V4, OLD], ids=["v4", "old"])
def test_a_url_whose_time_is_over_is_refused(
    client: Any, wire: Any, config: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = client("s3", **config).generate_presigned_url(
        "get_object", Params={"Bucket": "bu", "Key": "k"}, ExpiresIn=60
    )
    clock = wire.gateway._authenticator._clock
    now = clock.now()
    monkeypatch.setattr(type(clock), "now", lambda self: now + 120)
    answer = wire.send("GET", url)
    assert answer.status == 403
    assert b"<Code>AccessDenied</Code><Message>Request has expired</Message>" in answer.body


def test_an_unsigned_amazon_header_on_a_presigned_url_is_refused(client: Any, wire: Any) -> None:
    url = client("s3", **V4).generate_presigned_url("put_object", Params={"Bucket": "bu", "Key": "k"})
    answer = wire.send("PUT", url, {"x-amz-acl": "public-read"}, b"data")
    assert answer.status == 403
    assert b"<HeadersNotSigned>x-amz-acl</HeadersNotSigned>" in answer.body


@pytest.mark.parametrize(
    "left_out", ["X-Amz-Expires", "X-Amz-Signature", "X-Amz-Date", "X-Amz-SignedHeaders"]
)
def test_a_url_that_lacks_a_part_says_which(client: Any, wire: Any, left_out: str) -> None:
    url = client("s3", **V4).generate_presigned_url("get_object", Params={"Bucket": "bu", "Key": "k"})
    answer = wire.send("GET", url.replace(left_out, "X-Else"))
    assert answer.status == 400
    assert b"AuthorizationQueryParametersError" in answer.body
    assert left_out.encode() in answer.body


def test_a_presigned_identity_call_works_by_get(client: Any, wire: Any, api: Any) -> None:
    api.answer = Reply(output={"Account": "1"})
    url = client("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    answer = wire.send("GET", url)
    assert answer.status == 200
    assert b"<GetCallerIdentityResult><Account>1</Account></GetCallerIdentityResult>" in answer.body
    assert api.calls[0].params == {}
