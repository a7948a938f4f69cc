"""Signature Version 4: AWS's published examples hold, and each refusal has the code that SDKs act on."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stepwell.calls import Caller
from stepwell.clock import SystemClock
from stepwell.errors import AwsError
from stepwell.gateway import sigv4
from stepwell.gateway.asgi import Gateway
from stepwell.gateway.http import Request
from stepwell.gateway.ports import Key

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
S3_SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _key(secret: str) -> Key:
    caller = Caller(arn="arn:aws:iam::123456789012:root", account="123456789012", kind="root")
    return Key(secret_access_key=secret, caller=caller)


def _authorization(scope: str, headers: str, value: str, key: str = "AKIDEXAMPLE") -> str:
    return (
        f"AWS4-HMAC-SHA256 Credential={key}/{scope}/aws4_request, SignedHeaders={headers}, Signature={value}"
    )


#: name, request, payload hash, secret: signatures printed in AWS's documentation
PUBLISHED = [
    (
        "get-vanilla",
        Request(
            method="GET",
            raw_path="/",
            headers={
                "host": "example.amazonaws.com",
                "x-amz-date": "20150830T123600Z",
                "authorization": _authorization(
                    "20150830/us-east-1/service",
                    "host;x-amz-date",
                    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
                ),
            },
        ),
        EMPTY,
        SECRET,
    ),
    (
        "get-vanilla-query-order-key-case",
        Request(
            method="GET",
            raw_path="/",
            raw_query="Param2=value2&Param1=value1",
            headers={
                "host": "example.amazonaws.com",
                "x-amz-date": "20150830T123600Z",
                "authorization": _authorization(
                    "20150830/us-east-1/service",
                    "host;x-amz-date",
                    "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
                ),
            },
        ),
        EMPTY,
        SECRET,
    ),
    (
        "s3-get-object-with-range",
        Request(
            method="GET",
            raw_path="/test.txt",
            headers={
                "host": "examplebucket.s3.amazonaws.com",
                "range": "bytes=0-9",
                "x-amz-content-sha256": EMPTY,
                "x-amz-date": "20130524T000000Z",
                "authorization": _authorization(
                    "20130524/us-east-1/s3",
                    "host;range;x-amz-content-sha256;x-amz-date",
                    "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
                    "AKIAIOSFODNN7EXAMPLE",
                ),
            },
        ),
        EMPTY,
        S3_SECRET,
    ),
    (
        "s3-presigned",
        Request(
            method="GET",
            raw_path="/test.txt",
            raw_query=(
                "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1"
                "%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host"
                "&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404"
            ),
            headers={"host": "examplebucket.s3.amazonaws.com"},
        ),
        sigv4.UNSIGNED_PAYLOAD,
        S3_SECRET,
    ),
]


@pytest.mark.parametrize(
    ("name", "request_", "payload_hash", "secret"), PUBLISHED, ids=[p[0] for p in PUBLISHED]
)
def test_published_signatures_hold(name: str, request_: Request, payload_hash: str, secret: str) -> None:
    signature = sigv4.read(request_, "rest-xml")
    sigv4.check_value(signature, "rest-xml", request_, _key(secret), payload_hash)
    with pytest.raises(AwsError) as caught:
        sigv4.check_value(signature, "rest-xml", request_, _key(secret + "x"), payload_hash)
    assert caught.value.error_code == "SignatureDoesNotMatch"
    assert caught.value.fields["CanonicalRequest"].startswith(f"GET\n{request_.raw_path}\n")


def _signed_by_botocore(service: str, method: str, url: str, headers: dict[str, str], body: bytes) -> Request:
    made = AWSRequest(method=method, url=url, headers=dict(headers), data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials("AKIDEXAMPLE", SECRET), service, "us-east-1").add_auth(made)
    address = url.partition("://")[2]
    host, slash, rest = address.partition("/")
    path, _, query = rest.partition("?")
    sent = {name.lower(): value for name, value in made.headers.items()}
    return Request(method=method, raw_path=slash + path, raw_query=query, headers={"host": host, **sent})


@pytest.mark.parametrize("service", ["s3", "lambda", "states"])
@pytest.mark.parametrize(
    "address",
    [
        "/",
        "/a/b",
        "/a%20b/%C3%A4",
        "//a///b",
        "/a/./b/../c",
        "/a%2Fb",
        "/x~y",
        "/a?b=c&b=a&a",
        "/a?q=%20%2B%2F~",
    ],
)
def test_agrees_with_botocores_signer(service: str, address: str) -> None:
    headers = {"X-Amz-Meta-A": "  two   spaces ", "Content-Type": "text/plain"}
    request = _signed_by_botocore(service, "PUT", "http://127.0.0.1:4566" + address, headers, b"content")
    signature = sigv4.read(request, "rest-xml")
    digest = "ed7002b439e9ac845f22357d822bac1444730fbdb6016d3ec9432297b9ec9f73"
    sigv4.check_value(signature, "rest-xml", request, _key(SECRET), digest)


@pytest.mark.parametrize(
    ("service", "method", "params", "options", "code", "status"),
    [
        ("stepfunctions", "list_state_machines", {}, {"key": "AKIANONE"}, "UnrecognizedClientException", 400),
        ("lambda", "list_functions", {}, {"key": "AKIANONE"}, "UnrecognizedClientException", 403),
        ("iam", "list_roles", {}, {"key": "AKIANONE"}, "InvalidClientTokenId", 403),
        ("s3", "list_buckets", {}, {"key": "AKIANONE"}, "InvalidAccessKeyId", 403),
        ("stepfunctions", "list_state_machines", {}, {"secret": "wrong"}, "InvalidSignatureException", 400),
        ("lambda", "list_functions", {}, {"secret": "wrong"}, "InvalidSignatureException", 403),
        ("iam", "list_roles", {}, {"secret": "wrong"}, "SignatureDoesNotMatch", 403),
        ("s3", "list_buckets", {}, {"secret": "wrong"}, "SignatureDoesNotMatch", 403),
        ("stepfunctions", "list_state_machines", {}, {"key": "ASIAOLD"}, "ExpiredTokenException", 400),
        ("lambda", "list_functions", {}, {"key": "ASIAOLD"}, "ExpiredTokenException", 403),
        ("sts", "get_caller_identity", {}, {"key": "ASIAOLD"}, "ExpiredToken", 403),
        ("s3", "list_buckets", {}, {"key": "ASIAOLD"}, "ExpiredToken", 400),
        ("s3", "list_buckets", {}, {"key": "ASIATEMP", "token": "no"}, "InvalidToken", 400),
        ("iam", "list_roles", {}, {"key": "AKIAROOT", "token": "no"}, "InvalidClientTokenId", 403),
        (
            "stepfunctions",
            "list_state_machines",
            {},
            {"region": "eu-west-1"},
            "InvalidSignatureException",
            400,
        ),
    ],
)
def test_refusals_have_the_codes_of_their_protocol(
    client: Any, api: Any, service: str, method: str, params: Any, options: Any, code: str, status: int
) -> None:
    made = client(service, **options)
    with pytest.raises(made.exceptions.ClientError) as caught:
        getattr(made, method)(**params)
    answer = caught.value.response
    assert answer["Error"]["Code"] == code
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == status
    assert answer["ResponseMetadata"]["RequestId"]
    assert not api.calls


def test_temporary_credentials_with_their_token_are_let_in(client: Any, api: Any) -> None:
    client("stepfunctions", key="ASIATEMP").list_state_machines()
    assert api.calls[0].caller.kind == "role"


def test_a_wrong_region_is_told_the_right_one(client: Any, wire: Any) -> None:
    made = client("stepfunctions", region="eu-west-1")
    with pytest.raises(made.exceptions.ClientError, match=r"not 'eu-west-1'. This server serves us-east-1"):
        made.list_state_machines()


def test_s3_names_the_right_region_in_its_own_field(wire: Any) -> None:
    made = AWSRequest(method="GET", url="http://127.0.0.1:4566/b")
    S3SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "s3", "eu-west-1").add_auth(made)
    answer = wire.send("GET", made.url, dict(made.headers.items()))
    assert answer.status == 400
    assert b"<Code>AuthorizationHeaderMalformed</Code>" in answer.body
    assert b"<Region>us-east-1</Region>" in answer.body


@pytest.mark.parametrize(
    ("service", "method", "taken"),
    [
        ("iam", "list_roles", True),
        ("sts", "get_caller_identity", True),
        ("logs", "describe_log_groups", False),
    ],
)
def test_global_services_alone_also_take_us_east_1(
    client: Any, api: Any, wire: Any, keys: Any, service: str, method: str, taken: bool
) -> None:
    wire.gateway = Gateway(api, keys, SystemClock(), region="eu-west-1")
    made = client(service)
    if taken:
        getattr(made, method)()
    else:
        with pytest.raises(made.exceptions.ClientError, match="This server serves eu-west-1"):
            getattr(made, method)()
    assert len(api.calls) == taken


@pytest.mark.parametrize("off_by", [-1000.0, 1000.0])
def test_a_clock_too_far_off_is_told_so(
    client: Any, wire: Any, monkeypatch: pytest.MonkeyPatch, off_by: float
) -> None:
    now = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda self: now + off_by)
    json, s3 = client("stepfunctions"), client("s3")
    with pytest.raises(json.exceptions.ClientError, match=r"InvalidSignatureException.*15 min"):
        json.list_state_machines()
    with pytest.raises(s3.exceptions.ClientError, match="RequestTimeTooSkewed"):
        s3.list_buckets()


def test_a_clock_a_little_off_is_let_in(client: Any, api: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    now = SystemClock().now()
    monkeypatch.setattr(SystemClock, "now", lambda self: now + 800)
    client("stepfunctions").list_state_machines()
    assert len(api.calls) == 1


@pytest.mark.parametrize(
    ("authorization", "code"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/20261120/us-east-1/s3/aws4_request", "AuthorizationHeaderMalformed"),
        (_authorization("20261120/us-east-1/s3/x", "host", "0"), "AuthorizationHeaderMalformed"),
        (_authorization("20261119/us-east-1/s3", "host;x-amz-date", "0"), "AuthorizationHeaderMalformed"),
        (_authorization("20261120/us-east-1/s3", "x-amz-date", "0"), "AuthorizationHeaderMalformed"),
        (_authorization("20261120/us-east-1/s3", "host", "0"), "AccessDenied"),
        ("AWS AKIAROOT:c2lnbmF0dXJl", "InvalidRequest"),
        ("Bearer x", "InvalidRequest"),
    ],
)
def test_malformed_headers_are_named(authorization: str, code: str) -> None:
    headers = {"host": "h", "x-amz-date": "20261120T120000Z", "authorization": authorization}
    with pytest.raises(AwsError) as caught:
        sigv4.read(Request(method="GET", raw_path="/", headers=headers), "rest-xml")
    assert caught.value.error_code == code


def test_a_signature_for_another_service_is_refused(wire: Any, api: Any) -> None:
    url = "http://127.0.0.1:4566/"
    headers = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"}
    made = AWSRequest(method="POST", url=url, headers=headers, data=b"{}")
    SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "logs", "us-east-1").add_auth(made)
    answer = wire.send("POST", url, dict(made.headers.items()), b"{}")
    assert answer.status == 400
    assert b"correct service: 'states'" in answer.body
    assert not api.calls


def test_content_that_was_not_signed_is_refused(wire: Any, api: Any) -> None:
    url = "http://127.0.0.1:4566/"
    headers = {"X-Amz-Target": "AWSStepFunctions.ListStateMachines"}
    made = AWSRequest(method="POST", url=url, headers=headers, data=b"{}")
    SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "states", "us-east-1").add_auth(made)
    answer = wire.send("POST", url, dict(made.headers.items()), b'{"maxResults": 1}')
    assert b"InvalidSignatureException" in answer.body
    assert not api.calls


def test_the_moment_of_a_signature_is_utc() -> None:
    signature = sigv4.read(PUBLISHED[0][1], "json")
    assert datetime.fromtimestamp(signature.moment, UTC).isoformat() == "2015-08-30T12:36:00+00:00"


def test_what_is_signed_is_what_is_read() -> None:
    """A plus in a query is read as a space: signed as a plus, the two could be exchanged on the way."""
    signature = sigv4.Signature(
        access_key_id="AKIDEXAMPLE",
        timestamp="20150830T123600Z",
        date="20150830",
        region="us-east-1",
        service="s3",
        signed_headers=("host",),
        value="",
        token=None,
    )
    forms = {}
    for query in ("prefix=a+b", "prefix=a%20b", "prefix=a%2Bb"):
        request = Request(method="GET", raw_path="/b", raw_query=query, headers={"host": "x"})
        canonical = sigv4.canonical_request(request, signature, EMPTY)
        assert forms.setdefault(canonical, request.query) == request.query
    assert len(forms) == 2
