"""Whatever comes over the wire is answered in AWS's terms, 4xx for the client's faults, and never crashes."""

from __future__ import annotations

import hashlib
import logging
from typing import Any

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from stepwell.errors import AccessDenied, AwsError, UnsupportedOperation

BASE = "http://127.0.0.1:4566"
FORM = "application/x-www-form-urlencoded"
BOMB = (
    b'<?xml version="1.0"?><!DOCTYPE b [<!ENTITY a "aaaaaaaaaa"><!ENTITY c "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    b"<Tagging><TagSet><Tag><Key>&c;</Key><Value>v</Value></Tag></TagSet></Tagging>"
)


def signed(
    wire: Any, service: str, method: str, path: str, headers: dict[str, str] | None = None, body: bytes = b""
) -> Any:
    made = AWSRequest(method=method, url=BASE + path, headers=headers or {}, data=body)
    signer = S3SigV4Auth if service == "s3" else SigV4Auth
    signer(Credentials("AKIAROOT", "root/secret+key"), service, "us-east-1").add_auth(made)
    return wire.send(method, BASE + path, dict(made.headers.items()), body)


def states(wire: Any, operation: str, body: bytes) -> Any:
    headers = {"x-amz-target": f"AWSStepFunctions.{operation}", "content-type": "application/x-amz-json-1.0"}
    return signed(wire, "states", "POST", "/", headers, body)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"{", "not valid JSON"),
        (b"[]", "must be an object"),
        (b"nul", "not valid JSON"),
        (b'{"name": NaN}', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b'{"name": "\\ud800"}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"name": 1}', "name must be a string, not a number"),
        (b'{"tags": {}}', "tags must be a list, not an object"),
        (b'{"tags": [{"key": []}]}', "tags.1.key must be a string, not a list"),
        (b'{"publish": "true"}', "publish must be true or false, not a string"),
        (b'{"loggingConfiguration": {"includeExecutionData": 1}}', "includeExecutionData must be true or"),
    ],
)
def test_json_of_the_wrong_form_is_a_serialization_exception(
    wire: Any, api: Any, body: bytes, says: str
) -> None:
    answer = states(wire, "CreateStateMachine", body)
    assert answer.status == 400
    assert b'"__type":"SerializationException"' in answer.body
    assert says.encode() in answer.body
    assert not api.calls


@pytest.mark.parametrize(
    "number", [b'"1"', b"1.5", b"true", b"1e999", b"2147483648", b"99999999999999999999999"]
)
def test_what_is_no_integer_is_refused(wire: Any, number: bytes) -> None:
    answer = states(wire, "ListStateMachines", b'{"maxResults": ' + number + b"}")
    assert (answer.status, b"SerializationException" in answer.body) == (400, True)


def test_members_that_the_model_lacks_are_handed_on_to_be_refused_by_name(wire: Any, api: Any) -> None:
    states(wire, "ListStateMachines", b'{"maxResults": 3, "unheardOf": {"a": 12345678901234567890123}}')
    assert api.params == {"maxResults": 3, "unheardOf": {"a": 12345678901234567890123}}


@pytest.mark.parametrize("body", [b"", b"{}", b" "])
def test_empty_content_means_no_parameters(wire: Any, api: Any, body: bytes) -> None:
    assert states(wire, "ListStateMachines", body).status == 200
    assert api.params == {}


def test_null_members_are_absent(wire: Any, api: Any) -> None:
    states(wire, "ListStateMachines", b'{"maxResults": null}')
    assert api.params == {}


@pytest.mark.parametrize(
    "body",
    [
        b"<",
        b"not xml",
        b"<Tagging>",
        b"<Tagging/><Tagging/>",
        b"<Other/>",
        b"<Tagging>text</Tagging>",
        b"<Tagging><TagSet><Tag><Key><x/></Key></Tag></TagSet></Tagging>",
        b'<?xml version="1.0" encoding="nonsense"?><Tagging/>',
        b"\xff\xff",
        BOMB,
        b'<!DOCTYPE T SYSTEM "file:///etc/passwd"><Tagging/>',
    ],
)
def test_xml_of_the_wrong_form_is_malformed_xml(wire: Any, api: Any, body: bytes) -> None:
    answer = signed(wire, "s3", "PUT", "/bu/k?tagging", {}, body)
    assert answer.status == 400, answer.body
    assert b"<Code>MalformedXML</Code>" in answer.body
    assert not api.calls


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/bu?list-type=2&max-keys=many", {}),
        ("/bu?list-type=2&fetch-owner=maybe", {}),
        ("/bu/k?partNumber=1e3", {}),
        ("/bu/k", {"if-modified-since": "yesterday"}),
    ],
)
def test_wrong_headers_and_query_are_invalid_arguments(wire: Any, path: str, headers: Any) -> None:
    answer = signed(wire, "s3", "GET", path, headers)
    assert answer.status == 400
    assert b"<Code>InvalidArgument</Code>" in answer.body


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"Action=Frobnicate&Version=2010-05-08", "InvalidAction"),
        (b"Action=ListRoles&Version=1999-01-01", "InvalidAction"),
        (b"Version=2010-05-08", "MissingAction"),
        (b"Action=ListRoles&Version=2010-05-08&MaxItems=x", "MalformedInput"),
        (b"Action=ListRoles&Version=2010-05-08&MaxItems.a=1", "MalformedInput"),
        (b"Action=CreateRole&Version=2010-05-08&Tags=x", "MalformedInput"),
        (b"Action=CreateRole&Version=2010-05-08&Tags.member.x.Key=1", "MalformedInput"),
        (b"Action=CreateRole&Version=2010-05-08&Tags.other.1.Key=1", "MalformedInput"),
        (b"Action=CreateRole&Version=2010-05-08&Tags.member.1=1", "MalformedInput"),
        (b"Action=ListRoles&Version=2010-05-08&PathPrefix=%FF", "MalformedInput"),
        (b"Action=ListRoles&Version=2010-05-08" + b"&a" * 20_000, "MalformedInput"),
        ("Action=ä".encode(), "MalformedInput"),
    ],
)
def test_wrong_forms_are_named(wire: Any, api: Any, body: bytes, code: str) -> None:
    answer = signed(wire, "iam", "POST", "/", {"content-type": FORM}, body)
    assert answer.status == 400
    assert f"<Type>Sender</Type><Code>{code}</Code>".encode() in answer.body
    assert not api.calls


@pytest.mark.parametrize(
    ("service", "method", "path", "headers", "code"),
    [
        ("states", "POST", "/", {"x-amz-target": "AWSStepFunctions.Nope"}, "UnknownOperationException"),
        ("states", "POST", "/", {"x-amz-target": "Kinesis_20131202.PutRecord"}, "UnsupportedOperation"),
        ("states", "POST", "/", {}, "UnknownOperationException"),
        ("ec2", "POST", "/", {}, "UnsupportedOperation"),
        ("lambda", "GET", "/2015-03-31/nothing", {}, "UnknownOperationException"),
        ("lambda", "PATCH", "/2015-03-31/functions", {}, "UnknownOperationException"),
        ("sagemaker", "POST", "/endpoints/e", {}, "UnknownOperationException"),
        ("s3", "PATCH", "/bu/k", {}, "MethodNotAllowed"),
        ("s3", "DELETE", "/bu?acl", {}, "MethodNotAllowed"),
        ("s3", "POST", "/bu", {}, "MethodNotAllowed"),
    ],
)
def test_what_is_not_here_is_a_4xx_that_names_it(
    wire: Any, api: Any, service: str, method: str, path: str, headers: Any, code: str
) -> None:
    answer = signed(wire, service, method, path, headers)
    assert 400 <= answer.status < 500
    assert code.encode() in answer.body + answer.headers.get("x-amzn-errortype", "").encode()
    assert not api.calls


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "code"),
    [
        (
            "POST",
            "/",
            {"x-amz-target": "AWSStepFunctions.ListStateMachines"},
            b"{}",
            "MissingAuthenticationToken",
        ),
        ("POST", "/", {"content-type": FORM}, b"Action=ListRoles", "MissingAuthenticationToken"),
        ("GET", "/?Action=ListRoles&Version=2010-05-08", {}, b"", "MissingAuthenticationToken"),
        ("GET", "/2015-03-31/functions", {}, b"", "MissingAuthenticationToken"),
        ("POST", "/endpoints/e/invocations", {}, b"1", "MissingAuthenticationToken"),
        ("GET", "/bu/k", {}, b"", "AccessDenied"),
        ("PUT", "/bu/k", {}, b"x" * 100, "AccessDenied"),
        ("PUT", "/bu/k", {"content-type": FORM}, b"x", "AccessDenied"),
        ("GET", "/bu?list-type=2", {}, b"", "AccessDenied"),
    ],
)
def test_unsigned_requests_are_refused(
    wire: Any, api: Any, method: str, path: str, headers: Any, body: bytes, code: str
) -> None:
    answer = wire.send(method, BASE + path, headers, body)
    assert answer.status in (400, 403)
    assert code.encode() in answer.body + answer.headers.get("x-amzn-errortype", "").encode()
    assert not api.calls


@pytest.mark.parametrize("where", ["header", "address"])
def test_a_huge_head_is_refused(wire: Any, api: Any, where: str) -> None:
    huge = "x" * 100_000
    answer = (
        signed(wire, "s3", "GET", "/bu/k", {"x-amz-meta-a": huge})
        if where == "header"
        else signed(wire, "s3", "GET", f"/bu/{huge}")
    )
    assert answer.status == 400
    assert b"RequestHeaderSectionTooLarge" in answer.body


@pytest.mark.parametrize("announced", [True, False])
def test_too_much_content_is_refused(wire: Any, api: Any, announced: bool) -> None:
    body = b'{"name": "' + b"x" * (5 << 20) + b'"}'
    made = AWSRequest(
        method="POST", url=BASE + "/", headers={"x-amz-target": "AWSStepFunctions.ListActivities"}, data=body
    )
    SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "states", "us-east-1").add_auth(made)
    headers = dict(made.headers.items()) | ({} if announced else {"transfer-encoding": "chunked"})
    pieces = [body[start : start + (1 << 16)] for start in range(0, len(body), 1 << 16)]
    answer = wire.send("POST", BASE + "/", headers, pieces)
    assert answer.status == 413
    assert b"RequestEntityTooLarge" in answer.body
    assert wire.received == len(pieces), "what was refused is read away, so that the client sees the answer"
    assert not api.calls


@pytest.mark.parametrize(
    ("payload_hash", "code"),
    [
        (hashlib.sha256(b"{}").hexdigest(), None),
        (hashlib.sha256(b"else").hexdigest(), "XAmzContentSHA256Mismatch"),
        ("z" * 64, "InvalidRequest"),
        ("UNSIGNED-PAYLOAD", "InvalidSignatureException"),
    ],
)
def test_other_services_may_announce_the_contents_hash(
    wire: Any, api: Any, payload_hash: str, code: str | None
) -> None:
    headers = {"x-amz-target": "AWSStepFunctions.ListActivities", "X-Amz-Content-SHA256": payload_hash}
    answer = signed(wire, "states", "POST", "/", headers, b"{}")
    assert (answer.status, len(api.calls)) == ((400, 0) if code else (200, 1))
    assert (code or "").encode() in answer.body


@pytest.mark.parametrize("address", ["/bu/%ff", "/bu/a%C3", "/bu%80"])
def test_an_address_that_is_not_utf_8_is_refused(wire: Any, api: Any, address: str) -> None:
    answer = signed(wire, "s3", "GET", address)
    assert (answer.status, b"<Code>InvalidURI</Code>" in answer.body) == (400, True)


@pytest.mark.parametrize("length", ["x", "-1", "1" * 30])
def test_a_content_length_that_is_none_is_refused(wire: Any, length: str) -> None:
    made = AWSRequest(method="PUT", url=BASE + "/bu/k", data=b"x")
    S3SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "s3", "us-east-1").add_auth(made)
    answer = wire.send("PUT", made.url, {**dict(made.headers.items()), "content-length": length}, b"x")
    assert answer.status == 400


def test_s3_wants_the_payload_hash(wire: Any) -> None:
    made = AWSRequest(method="GET", url=BASE + "/bu/k")
    SigV4Auth(Credentials("AKIAROOT", "root/secret+key"), "s3", "us-east-1").add_auth(made)
    answer = wire.send("GET", made.url, dict(made.headers.items()))
    assert (answer.status, b"x-amz-content-sha256" in answer.body) == (400, True)


@pytest.mark.parametrize(
    ("service", "method", "params", "fault", "code", "status"),
    [
        ("stepfunctions", "list_activities", {}, AccessDenied("no"), "AccessDeniedException", 400),
        ("lambda", "list_functions", {}, AccessDenied("no"), "AccessDeniedException", 403),
        ("iam", "list_roles", {}, AccessDenied("no"), "AccessDenied", 403),
        ("s3", "list_buckets", {}, AccessDenied("no"), "AccessDenied", 403),
        ("iam", "get_role", {"RoleName": "r"}, AwsError("m", code="NoSuchEntity"), "NoSuchEntity", 404),
        (
            "iam",
            "get_role",
            {"RoleName": "r"},
            AwsError("m", code="NoSuchEntityException"),
            "NoSuchEntity",
            404,
        ),
        (
            "lambda",
            "get_function",
            {"FunctionName": "f"},
            AwsError("m", code="ResourceNotFoundException"),
            "ResourceNotFoundException",
            404,
        ),
        ("s3", "get_object", {"Bucket": "bu", "Key": "k"}, AwsError("m", code="NoSuchKey"), "NoSuchKey", 404),
        ("s3", "head_object", {"Bucket": "bu", "Key": "k"}, AwsError("m", code="NoSuchKey"), "404", 404),
        (
            "stepfunctions",
            "describe_state_machine",
            {"stateMachineArn": "a"},
            AwsError("m", code="StateMachineDoesNotExist"),
            "StateMachineDoesNotExist",
            400,
        ),
        ("sagemaker", "list_endpoints", {}, UnsupportedOperation("m"), "UnsupportedOperation", 400),
        (
            "cloudwatch",
            "get_dashboard",
            {"DashboardName": "d"},
            AwsError("m", code="DashboardNotFoundError"),
            "ResourceNotFound",
            404,
        ),
    ],
)
def test_errors_are_spelled_as_the_service_spells_them(
    client: Any, api: Any, service: str, method: str, params: Any, fault: AwsError, code: str, status: int
) -> None:
    api.answer = fault
    made = client(service)
    with pytest.raises(made.exceptions.ClientError) as caught:
        getattr(made, method)(**params)
    answer = caught.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == (code, status)
    if code != "404":
        assert answer["Error"]["Message"] == fault.message
    if code == "StateMachineDoesNotExist":
        assert isinstance(caught.value, made.exceptions.StateMachineDoesNotExist)


def test_s3s_extra_fields_reach_the_client(client: Any, api: Any) -> None:
    api.answer = AwsError("no such\x00 <bucket>", code="NoSuchBucket", fields={"BucketName": "bu"})
    made = client("s3")
    with pytest.raises(made.exceptions.NoSuchBucket) as caught:
        made.list_objects_v2(Bucket="bu")
    assert caught.value.response["Error"]["BucketName"] == "bu"
    assert caught.value.response["Error"]["Message"] == "no such\ufffd <bucket>"


@pytest.mark.parametrize("service", ["stepfunctions", "lambda", "iam", "s3"])
def test_a_fault_of_ours_is_a_logged_5xx_with_its_request_id(
    client: Any, api: Any, caplog: pytest.LogCaptureFixture, service: str
) -> None:
    method = {"stepfunctions": "list_activities", "lambda": "list_functions", "iam": "list_roles"}
    api.answer = RuntimeError("secret detail")
    made = client(service)
    with caplog.at_level(logging.ERROR), pytest.raises(made.exceptions.ClientError) as caught:
        getattr(made, method.get(service, "list_buckets"))()
    answer = caught.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert answer["Error"]["Code"] == ("InternalError" if service == "s3" else "InternalFailure")
    assert answer["ResponseMetadata"]["RequestId"] in caplog.text
    assert "secret detail" in caplog.text
    assert "secret detail" not in str(answer)


def test_a_large_number_of_random_requests_never_makes_a_5xx(wire: Any) -> None:
    alphabet = [
        b"/",
        b"%",
        b"2F",
        b"?",
        b"&",
        b"=",
        b"+",
        b"bu",
        b"acl",
        b"uploadId",
        b"\xc3\xa4",
        b"%zz",
        b".",
    ]
    for number in range(300):
        seed = hashlib.sha256(str(number).encode()).digest()
        path = b"/" + b"".join(alphabet[byte % len(alphabet)] for byte in seed[:12])
        method = ("GET", "PUT", "POST", "DELETE", "HEAD")[seed[13] % 5]
        service = ("s3", "lambda", "iam", "states", "sagemaker")[seed[14] % 5]
        answer = signed(wire, service, method, path.decode("latin-1"), {"content-type": FORM}, seed[15:20])
        assert answer.status < 500, (method, path, answer.body)


def test_a_head_that_is_too_large_is_refused_in_the_clients_own_protocol(wire: Any) -> None:
    headers = {
        "x-amz-target": "AWSStepFunctions.ListStateMachines",
        "content-type": "application/x-amz-json-1.0",
        "x-long": "a" * 70_000,
    }
    answer = signed(wire, "states", "POST", "/", headers, b"{}")
    assert answer.status == 400
    assert b'"__type":"RequestHeaderSectionTooLarge"' in answer.body
