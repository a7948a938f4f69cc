"""Whatever a client sends, it gets an answer of AWS's form with a 4xx status, and the server goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from running import Running, role
from wire import Ask, fetch, json_ask, presigned, query_ask, raw, read, send, signed

LIST = b"{}"
WHO = b"Action=GetCallerIdentity&Version=2011-06-15"
CREATE = "AWSStepFunctions.CreateStateMachine"

MACHINES = json_ask("states", "AWSStepFunctions.ListStateMachines", LIST)
CALLER = query_ask("sts", WHO)
BUCKETS = Ask(service="s3", method="GET")
FUNCTIONS = Ask(service="lambda", method="GET", path="/2015-03-31/functions/")


@pytest.fixture(autouse=True)
def goes_on(server: Running) -> Iterator[None]:
    """After every test a good call is answered, by the process that was there before it."""
    assert server.process is not None
    yield
    assert server.process.poll() is None
    assert server.client("sts").get_caller_identity()["Account"] == "000000000000"


def changed(ask: Ask, **changes: Any) -> Ask:
    return Ask(**{**ask.__dict__, **changes})


def test_the_requests_that_are_spoilt_below_are_good(server: Running) -> None:
    """What the cases below change one thing of is answered without an error."""
    for ask in (MACHINES, CALLER, BUCKETS, FUNCTIONS):
        url, headers = signed(server, ask)
        assert fetch(url, ask.method, headers=headers, body=ask.body).status == 200


UNSIGNED = {"sign": False}
WRONG_SECRET = {"secret": "not-the-secret"}
EXPIRED = {"age": timedelta(minutes=20)}
UNKNOWN_KEY = {"key": "AKIAAAAAAAAAAAAAAAAA"}
OTHER_REGION = {"region": "eu-west-1"}


@pytest.mark.parametrize(
    ("ask", "fault", "status", "code"),
    [
        (MACHINES, UNSIGNED, 400, "MissingAuthenticationTokenException"),
        (CALLER, UNSIGNED, 403, "MissingAuthenticationToken"),
        (BUCKETS, {**UNSIGNED, "path": "/bucket/key"}, 403, "AccessDenied"),
        (FUNCTIONS, UNSIGNED, 403, "MissingAuthenticationTokenException"),
        (MACHINES, WRONG_SECRET, 400, "InvalidSignatureException"),
        (CALLER, WRONG_SECRET, 403, "SignatureDoesNotMatch"),
        (BUCKETS, WRONG_SECRET, 403, "SignatureDoesNotMatch"),
        (FUNCTIONS, WRONG_SECRET, 403, "InvalidSignatureException"),
        (MACHINES, EXPIRED, 400, "InvalidSignatureException"),
        (CALLER, EXPIRED, 403, "SignatureDoesNotMatch"),
        (BUCKETS, EXPIRED, 403, "RequestTimeTooSkewed"),
        (FUNCTIONS, EXPIRED, 403, "InvalidSignatureException"),
        (MACHINES, UNKNOWN_KEY, 400, "UnrecognizedClientException"),
        (CALLER, UNKNOWN_KEY, 403, "InvalidClientTokenId"),
        (BUCKETS, UNKNOWN_KEY, 403, "InvalidAccessKeyId"),
        (FUNCTIONS, UNKNOWN_KEY, 403, "UnrecognizedClientException"),
        (MACHINES, OTHER_REGION, 400, "InvalidSignatureException"),
        (CALLER, OTHER_REGION, 403, "SignatureDoesNotMatch"),
        (BUCKETS, OTHER_REGION, 400, "AuthorizationHeaderMalformed"),
        (FUNCTIONS, OTHER_REGION, 403, "InvalidSignatureException"),
    ],
)
def test_signatures_that_do_not_hold_are_refused_in_each_protocols_terms(
    server: Running, ask: Ask, fault: dict[str, Any], status: int, code: str
) -> None:
    answer = send(server, changed(ask, **fault))
    assert (answer.status, answer.code) == (status, code)
    assert answer.message
    if fault is OTHER_REGION:
        assert "eu-west-1" in answer.message
        assert "us-east-1" in answer.message


def test_a_request_that_was_changed_after_signing_is_refused(server: Running) -> None:
    """The signature covers path, query, headers and content."""
    client = server.client("s3")
    client.create_bucket(Bucket="signed-things")
    client.put_object(Bucket="signed-things", Key="a", Body=b"a")
    client.put_object(Bucket="signed-things", Key="b", Body=b"b")
    url = client.generate_presigned_url("get_object", Params={"Bucket": "signed-things", "Key": "a"})
    assert fetch(url).data == b"a"
    other = fetch(url.replace("/a?", "/b?"))
    assert read("s3", other).code == "SignatureDoesNotMatch"
    late = presigned(server, "/signed-things/a", expires=5, age=timedelta(seconds=60))
    answer = read("s3", fetch(late))
    assert (answer.status, answer.code, answer.message) == (403, "AccessDenied", "Request has expired")


def test_a_session_token_that_is_not_the_keys_own_is_refused(server: Running) -> None:
    arn = role(server, "requests-session", "lambda.amazonaws.com")
    with pytest.raises(ClientError) as refused:
        server.client("sts", aws_session_token="of-another-key").get_caller_identity()
    assert refused.value.response["Error"]["Code"] == "InvalidClientTokenId"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
    assert arn.endswith("requests-session")


@pytest.mark.parametrize(
    ("ask", "status", "code", "says"),
    [
        (json_ask("states", CREATE, b"{"), 400, "SerializationException", "not valid JSON"),
        (json_ask("states", CREATE, b"\xff"), 400, "SerializationException", "not valid JSON"),
        (json_ask("states", CREATE, b"[" * 50_000), 400, "SerializationException", "not valid JSON"),
        (json_ask("states", CREATE, b"[1]"), 400, "SerializationException", "must be an object"),
        (json_ask("states", CREATE, b'{"name": 3}'), 400, "SerializationException", "name must be a string"),
        (json_ask("states", CREATE, b'{"name": "a"}'), 400, "ValidationException", "'definition'"),
        (json_ask("states", CREATE, b'{"tags": {}}'), 400, "SerializationException", "tags must be a list"),
        (
            json_ask("sagemaker", "SageMaker.ListModels", b'{"MaxResults": "many"}'),
            400,
            "SerializationException",
            "MaxResults",
        ),
        (
            json_ask("sagemaker", "SageMaker.ListModels", b'{"MaxResults": 1000}'),
            400,
            "ValidationException",
            "'maxResults'",
        ),
        (
            json_ask("logs", "Logs_20140328.CreateLogGroup", b'{"logGroupName": ""}'),
            400,
            "InvalidParameterException",
            "'logGroupName'",
        ),
        (json_ask("states", "AWSStepFunctions.Fly", LIST), 400, "UnknownOperationException", "Fly"),
        (json_ask("states", "Nonsense", LIST), 400, "UnsupportedOperation", "Nonsense"),
        (json_ask("states", "AmazonSNS.Publish", LIST), 400, "UnsupportedOperation", "AmazonSNS"),
        (
            json_ask("states", "AWSStepFunctions.ListMapRuns", b'{"executionArn": "a"}'),
            400,
            "UnsupportedOperation",
            "ListMapRuns",
        ),
        (query_ask("sts", b"Action=Fly&Version=2011-06-15"), 400, "InvalidAction", "Fly"),
        (query_ask("sts", b"Version=2011-06-15"), 400, "MissingAction", ""),
        (
            query_ask("sts", b"Action=GetCallerIdentity&Version=1999-01-01"),
            400,
            "InvalidAction",
            "1999-01-01",
        ),
        (query_ask("sts", b"%%%&&&==="), 400, "MissingAction", ""),
        (query_ask("sts", b"Action=\xff"), 400, "MalformedInput", "not a form"),
        (
            query_ask("iam", b"Action=ListRoles&Version=2010-05-08&MaxItems=many"),
            400,
            "MalformedInput",
            "MaxItems",
        ),
        (
            query_ask("iam", b"Action=CreateSAMLProvider&Version=2010-05-08&GroupName=a"),
            400,
            "UnsupportedOperation",
            "CreateSAMLProvider",
        ),
        (
            Ask(service="s3", method="POST", path="/requests?delete", body=b"<Delete><Object></Delete>"),
            400,
            "MalformedXML",
            "",
        ),
        (
            Ask(service="s3", method="PUT", path="/requests?tagging", body=b"not xml"),
            400,
            "MalformedXML",
            "",
        ),
        (Ask(service="s3", method="GET", path="/requests?max-keys=many"), 400, "InvalidArgument", "MaxKeys"),
        (
            Ask(service="s3", method="PUT", path="/requests?website", body=b"<WebsiteConfiguration/>"),
            400,
            "UnsupportedOperation",
            "Website",
        ),
        (Ask(service="s3", method="PATCH", path="/requests/a"), 405, "MethodNotAllowed", "PATCH"),
        (
            Ask(service="lambda", path="/2015-03-31/functions", body=b"{"),
            400,
            "SerializationException",
            "not valid JSON",
        ),
        (
            Ask(service="lambda", path="/2015-03-31/functions", body=b'{"Timeout": "long"}'),
            400,
            "SerializationException",
            "Timeout",
        ),
        (
            Ask(service="lambda", path="/2015-03-31/functions", body=b'{"Code": {"ZipFile": "!"}}'),
            400,
            "SerializationException",
            "ZipFile",
        ),
        (Ask(service="lambda", path="/2015-03-31/nowhere"), 404, "UnknownOperationException", "nowhere"),
    ],
    ids=lambda value: (value.body[:30].decode("latin-1") or value.path) if isinstance(value, Ask) else None,
)
def test_content_that_makes_no_sense_is_refused_and_says_where(
    server: Running, ask: Ask, status: int, code: str, says: str
) -> None:
    """Malformed JSON, XML and forms; wrong types; unknown operations and targets."""
    if ask.service == "s3":
        server.client("s3").create_bucket(Bucket="requests")
    answer = send(server, ask)
    assert (answer.status, answer.code) == (status, code), answer
    assert says in answer.message
    assert answer.request_id


@pytest.mark.parametrize(
    ("service", "operation", "params", "named"),
    [
        (
            "sagemaker",
            "create_model_package_group",
            {"ModelPackageGroupName": "a", "ManagedConfiguration": {"ManagedStorageType": "Restricted"}},
            "ManagedConfiguration",
        ),
        (
            "s3",
            "put_object",
            {"Bucket": "refused-fields", "Key": "a", "Body": b"a", "ObjectLockMode": "GOVERNANCE"},
            "ObjectLockMode",
        ),
        (
            "lambda",
            "create_function",
            {
                "FunctionName": "a",
                "Role": "arn:aws:iam::000000000000:role/a",
                "Code": {"ImageUri": "a"},
                "PackageType": "Image",
            },
            "PackageType Image",
        ),
    ],
)
def test_a_parameter_that_is_not_supported_is_refused_by_its_name(
    server: Running, service: str, operation: str, params: dict[str, Any], named: str
) -> None:
    client = server.client(service)
    if service == "s3":
        client.create_bucket(Bucket=params["Bucket"])
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)(**params)
    assert named in refused.value.response["Error"]["Message"]
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


def test_a_parameter_that_no_model_has_is_refused_by_its_name(server: Running) -> None:
    answer = send(server, query_ask("iam", b"Action=ListRoles&Version=2010-05-08&Unheard=of"))
    assert (answer.status, answer.code) == (400, "ValidationError")
    assert "Unheard" in answer.message


def test_a_head_or_content_of_more_than_the_limit_is_refused_before_it_is_read(server: Running) -> None:
    head = changed(MACHINES, headers={**(MACHINES.headers or {}), "x-amz-meta-a": "a" * (70 << 10)})
    answer = send(server, head)
    assert (answer.status, answer.code) == (400, "RequestHeaderSectionTooLarge")

    large = changed(MACHINES, body=b'{"nextToken": "' + b"a" * (5 << 20) + b'"}')
    answer = send(server, large)
    assert (answer.status, answer.code) == (413, "RequestEntityTooLarge")

    announced = raw(
        server,
        b"PUT /signed-things/huge HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999\r\n"
        b"Expect: 100-continue\r\nConnection: close\r\n\r\n",
    )
    assert announced.split(b" ")[1].startswith(b"4")
    assert b"100 Continue" not in announced


@pytest.mark.parametrize(
    "content",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZZ\r\nabc\r\n",
        b"PUT /a/b HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" + b"abcd: efgh\r\n" * 20_000 + b"\r\n",
        b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
    ids=[
        "tls",
        "no-path",
        "version",
        "negative-length",
        "two-lengths",
        "bad-chunk",
        "many-headers",
        "long-path",
    ],
)
def test_bytes_that_are_no_http_never_reach_a_service(server: Running, content: bytes) -> None:
    """The connection is answered with a 4xx or closed; it never hangs and nothing is 5xx."""
    answer = raw(server, content)
    assert not answer or answer.split(b" ")[1].startswith(b"4")


def test_an_upload_that_its_client_gives_up_leaves_nothing(server: Running) -> None:
    """Half an object is no object, and no byte of it is kept."""
    client = server.client("s3")
    client.create_bucket(Bucket="given-up")
    url = client.generate_presigned_url("put_object", Params={"Bucket": "given-up", "Key": "half"})
    path = url.removeprefix(server.url)
    host = server.url.removeprefix("http://")
    head = f"PUT {path} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000000\r\n\r\n"
    raw(server, head.encode() + b"a" * 400_000)
    assert "Contents" not in client.list_objects_v2(Bucket="given-up")
    assert list(Path(server.data, "tmp").iterdir()) == []


def test_a_checksum_that_does_not_match_stores_nothing(server: Running) -> None:
    client = server.client("s3")
    client.create_bucket(Bucket="checked")
    with pytest.raises(ClientError) as refused:
        client.put_object(Bucket="checked", Key="a", Body=b"a", ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")
    assert refused.value.response["Error"]["Code"] == "BadDigest"
    assert "Contents" not in client.list_objects_v2(Bucket="checked")
