"""One port serves every service: the request alone tells which operation it is for."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.api.models import service_model
from stepwell.gateway.http import Request
from stepwell.gateway.route import Router, Unroutable, bucket_of_host, scope_service

SERVED = (
    "stepfunctions",
    "lambda",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "iam",
    "sts",
    "logs",
    "cloudwatch",
)


@pytest.fixture(scope="module")
def router() -> Router:
    return Router(SERVED.__contains__)


def _request(
    method: str, address: str, service: str = "", headers: dict[str, str] | None = None, host: str = "h:4566"
) -> Request:
    path, _, query = address.partition("?")
    scope = f"AWS4-HMAC-SHA256 Credential=AK/20261120/us-east-1/{service}/aws4_request, SignedHeaders=host"
    signed = {"authorization": scope} if service else {}
    return Request(
        method=method, raw_path=path, raw_query=query, headers={"host": host, **signed, **(headers or {})}
    )


@pytest.mark.parametrize(
    ("method", "address", "operation"),
    [
        ("GET", "/", "ListBuckets"),
        ("GET", "/b", "ListObjects"),
        ("GET", "/b/", "ListObjects"),
        ("GET", "/b?list-type=2&prefix=x", "ListObjectsV2"),
        ("GET", "/b/?versions", "ListObjectVersions"),
        ("GET", "/b?uploads", "ListMultipartUploads"),
        ("GET", "/b?uploads=", "ListMultipartUploads"),
        ("GET", "/b?notification", "GetBucketNotificationConfiguration"),
        ("PUT", "/b?notification", "PutBucketNotificationConfiguration"),
        ("PUT", "/b?lifecycle", "PutBucketLifecycleConfiguration"),
        ("GET", "/b?location", "GetBucketLocation"),
        ("GET", "/b?analytics", "ListBucketAnalyticsConfigurations"),
        ("GET", "/b?analytics&id=x", "GetBucketAnalyticsConfiguration"),
        ("HEAD", "/b", "HeadBucket"),
        ("PUT", "/b", "CreateBucket"),
        ("DELETE", "/b", "DeleteBucket"),
        ("POST", "/b?delete", "DeleteObjects"),
        ("GET", "/b/k", "GetObject"),
        ("GET", "/b/k?x-id=GetObject&versionId=1", "GetObject"),
        ("GET", "/b/k?uploadId=u", "ListParts"),
        ("GET", "/b/k?acl", "GetObjectAcl"),
        ("GET", "/b/k?attributes", "GetObjectAttributes"),
        ("PUT", "/b/k", "PutObject"),
        ("PUT", "/b/k?partNumber=1&uploadId=u", "UploadPart"),
        ("POST", "/b/k?uploads", "CreateMultipartUpload"),
        ("POST", "/b/k?uploadId=u", "CompleteMultipartUpload"),
        ("DELETE", "/b/k?uploadId=u", "AbortMultipartUpload"),
        ("DELETE", "/b/k", "DeleteObject"),
        ("DELETE", "/b/k?tagging", "DeleteObjectTagging"),
        ("POST", "/b/k?select&select-type=2", "SelectObjectContent"),
    ],
)
def test_s3s_operations(router: Router, method: str, address: str, operation: str) -> None:
    route = router.route(_request(method, address, "s3"))
    assert route.operation.name == operation
    assert route.labels.get("Bucket", "b") == "b"


@pytest.mark.parametrize(
    ("address", "operation"), [("/b/k", "CopyObject"), ("/b/k?partNumber=1&uploadId=u", "UploadPartCopy")]
)
def test_a_copy_source_makes_a_copy(router: Router, address: str, operation: str) -> None:
    route = router.route(_request("PUT", address, "s3", {"x-amz-copy-source": "b/k"}))
    assert route.operation.name == operation


@pytest.mark.parametrize(
    ("path", "key"),
    [("/b/a%2Fb", "a/b"), ("/b//x", "/x"), ("/b/x//", "x//"), ("/b/a+b%20c%2B", "a+b c+"), ("/b/%0A", "\n")],
)
def test_keys_are_decoded_once(router: Router, path: str, key: str) -> None:
    assert router.route(_request("GET", path, "s3")).labels == {"Bucket": "b", "Key": key}


@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.localhost:4566", "b"),
        ("a.b.localhost", "a.b"),
        ("b.s3.amazonaws.com", "b"),
        ("b.s3.eu-west-1.localhost:80", "b"),
        ("b.s3-eu-west-1.amazonaws.com", "b"),
        ("localhost:4566", None),
        ("127.0.0.1:4566", None),
        ("s3.localhost:4566", None),
        ("s3.us-east-1.amazonaws.com", None),
        ("s3-us-west-2.amazonaws.com", None),
        ("sync-localhost:4566", None),
        ("[::1]:4566", None),
        ("example.org", None),
        ("", None),
    ],
)
def test_buckets_in_hosts(router: Router, host: str, bucket: str | None) -> None:
    assert bucket_of_host(host) == bucket
    labels = router.route(_request("GET", "/x/y", "s3", host=host)).labels
    assert labels == ({"Bucket": bucket, "Key": "x/y"} if bucket else {"Bucket": "x", "Key": "y"})


@pytest.mark.parametrize(
    ("service", "method", "address", "name", "operation"),
    [
        ("lambda", "GET", "/2015-03-31/functions", "lambda", "ListFunctions"),
        ("lambda", "GET", "/2015-03-31/functions/", "lambda", "ListFunctions"),
        ("lambda", "POST", "/2015-03-31/functions/f/invocations", "lambda", "Invoke"),
        ("lambda", "GET", "/2018-10-31/layers?find=LayerVersion&Arn=a", "lambda", "GetLayerVersionByArn"),
        ("lambda", "GET", "/2018-10-31/layers", "lambda", "ListLayers"),
        ("sagemaker", "POST", "/endpoints/e/invocations", "sagemaker-runtime", "InvokeEndpoint"),
    ],
)
def test_paths_of_rest_services(
    router: Router, service: str, method: str, address: str, name: str, operation: str
) -> None:
    route = router.route(_request(method, address, service))
    assert (route.service, route.operation.name, route.protocol) == (name, operation, "rest-json")


@pytest.mark.parametrize(
    ("target", "service"),
    [
        ("AWSStepFunctions.ListActivities", "stepfunctions"),
        ("SageMaker.ListModels", "sagemaker"),
        ("Logs_20140328.DescribeLogGroups", "logs"),
        ("GraniteServiceVersion20100801.ListMetrics", "cloudwatch"),
    ],
)
def test_targets_of_json_services(router: Router, target: str, service: str) -> None:
    route = router.route(_request("POST", "/", "any", {"x-amz-target": target}))
    assert (route.service, route.protocol) == (service, "json")
    assert target.endswith(f".{route.operation.name}")


def test_a_service_that_speaks_two_protocols_is_heard_in_both(router: Router) -> None:
    route = router.route(_request("POST", "/", "monitoring"))
    assert (route.service, route.protocol, route.operation) == ("cloudwatch", "query", None)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_forms_name_their_operation(router: Router, method: str) -> None:
    request = _request(method, "/?Action=GetCallerIdentity&Version=2011-06-15", "sts")
    route = router.route(request)
    assert route.operation is None
    assert router.query_operation(route, request).name == "GetCallerIdentity"


def test_the_scope_may_stand_in_the_query() -> None:
    query = "X-Amz-Credential=AK%2F20261120%2Fus-east-1%2Flambda%2Faws4_request"
    assert scope_service(_request("GET", f"/?{query}")) == "lambda"
    assert scope_service(_request("GET", "/?X-Amz-Credential=AK")) is None


@pytest.mark.parametrize(
    ("request_", "names", "protocol"),
    [
        (_request("POST", "/", "states", {"x-amz-target": "AWSStepFunctions.Fly"}), "Fly", "json"),
        (_request("POST", "/", "x", {"x-amz-target": "NoSuch.Op"}), "NoSuch.Op", "json"),
        (_request("GET", "/nowhere", "lambda"), "GET /nowhere", "rest-json"),
        (_request("GET", "/", "glue", {"content-type": "application/x-amz-json-1.1"}), "glue", "json"),
        (_request("DELETE", "/b?acl", "s3"), "DELETE /b?acl", "rest-xml"),
        (
            _request("POST", "/b", "", {"content-type": "multipart/form-data; boundary=x"}),
            "PostObject",
            "rest-xml",
        ),
    ],
)
def test_what_is_not_here_is_named_in_its_protocol(
    router: Router, request_: Request, names: str, protocol: str
) -> None:
    with pytest.raises(Unroutable) as caught:
        router.route(request_)
    assert names in caught.value.fault.message
    assert caught.value.protocol == protocol
    assert 400 <= caught.value.fault.http_status < 500


def test_every_operation_of_a_rest_service_is_found_at_its_own_address(router: Router) -> None:
    for service, scope in (("lambda", "lambda"), ("s3", "s3"), ("sagemaker-runtime", "sagemaker")):
        model = service_model(service)
        found: dict[str, Any] = {}
        for name in model.operation_names:
            operation = model.operation_model(name)
            path = operation.http["requestUri"].replace("+}", "}").replace("{", "").replace("}", "")
            required = [
                operation.input_shape.members[each] for each in operation.input_shape.required_members
            ]
            query = [
                f"{m.serialization['name']}=1"
                for m in required
                if m.serialization.get("location") == "querystring"
            ]
            headers = {
                m.serialization["name"].lower(): "1"
                for m in required
                if m.serialization.get("location") == "header"
            }
            joined = path + ("&" if "?" in path else "?") + "&".join(query) if query else path
            request = _request(operation.http["method"], joined, scope, headers)
            found[name] = router.route(request).operation.name
        # These share an address with what replaced them, or with one for another kind of bucket.
        twins = {name for name, got in found.items() if name != got}
        assert twins <= {
            "GetBucketLifecycle",
            "GetBucketNotification",
            "PutBucketLifecycle",
            "PutBucketNotification",
            "ListDirectoryBuckets",
        }
