"""What boto3 sends arrives as boto3 was told, and what an operation answers arrives as boto3 gives it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from stepwell.calls import BytesBody, Reply

MOMENT = datetime(2026, 11, 20, 12, 30, 15, 250_000, tzinfo=UTC)
SECONDS = datetime(2026, 11, 20, 12, 30, 15, tzinfo=UTC)
MACHINE = "arn:aws:states:us-east-1:123456789012:stateMachine:m"
ROLE = "arn:aws:iam::123456789012:role/service-role/r"

#: service, operation, parameters, output
CASES: list[tuple[str, str, dict[str, Any], dict[str, Any]]] = [
    (
        "stepfunctions",
        "start_execution",
        {"stateMachineArn": MACHINE, "name": "é ü", "input": '{"a": [1, 2, "\\u00e9"]}'},
        {"executionArn": MACHINE.replace("stateMachine", "execution") + ":n", "startDate": MOMENT},
    ),
    ("stepfunctions", "list_state_machines", {}, {"stateMachines": []}),
    (
        "stepfunctions",
        "get_execution_history",
        {"executionArn": MACHINE, "maxResults": 5, "reverseOrder": True},
        {
            "events": [
                {"timestamp": MOMENT, "type": "ExecutionStarted", "id": 1, "previousEventId": 0},
                {
                    "timestamp": MOMENT,
                    "type": "TaskStateEntered",
                    "id": 2,
                    "stateEnteredEventDetails": {"name": "T", "inputDetails": {"truncated": False}},
                },
            ]
        },
    ),
    (
        "stepfunctions",
        "start_sync_execution",
        {"stateMachineArn": MACHINE},
        {"executionArn": MACHINE, "startDate": MOMENT, "stopDate": MOMENT, "status": "SUCCEEDED"},
    ),
    (
        "lambda",
        "create_function",
        {
            "FunctionName": "f",
            "Runtime": "python3.12",
            "Role": ROLE,
            "Handler": "a.b",
            "Code": {"ZipFile": b"PK\x00\xff"},
            "Environment": {"Variables": {"A": "ä", "B": ""}},
            "MemorySize": 256,
            "Layers": [],
            "Publish": False,
        },
        {"FunctionName": "f", "CodeSize": 12, "Timeout": 3, "Environment": {"Variables": {"A": "b"}}},
    ),
    ("lambda", "get_function", {"FunctionName": MACHINE, "Qualifier": "$LATEST"}, {"Tags": {"a": "b"}}),
    ("lambda", "delete_function", {"FunctionName": "f"}, {}),
    ("lambda", "list_functions", {"MaxItems": 7}, {"Functions": [{"FunctionName": "f"}], "NextMarker": "x"}),
    (
        "lambda",
        "add_permission",
        {"FunctionName": "f", "StatementId": "s", "Action": "lambda:InvokeFunction", "Principal": "*"},
        {"Statement": "{}"},
    ),
    (
        "lambda",
        "untag_resource",
        {"Resource": "arn:aws:lambda:us-east-1:123456789012:function:f", "TagKeys": ["a", "b c&d"]},
        {},
    ),
    (
        "sagemaker",
        "create_training_job",
        {
            "TrainingJobName": "t",
            "AlgorithmSpecification": {
                "TrainingImage": "i",
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "m", "Regex": "m=(.*)"}],
            },
            "HyperParameters": {"a": "1"},
            "RoleArn": ROLE,
            "OutputDataConfig": {"S3OutputPath": "s3://b/p"},
            "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            "EnableNetworkIsolation": True,
        },
        {"TrainingJobArn": "arn:aws:sagemaker:us-east-1:123456789012:training-job/t"},
    ),
    (
        "sagemaker",
        "describe_training_job",
        {"TrainingJobName": "t"},
        {
            "TrainingJobName": "t",
            "CreationTime": MOMENT,
            "FinalMetricDataList": [{"MetricName": "m", "Value": 0.5, "Timestamp": MOMENT}],
        },
    ),
    ("sagemaker", "delete_endpoint", {"EndpointName": "e"}, {}),
    (
        "iam",
        "create_role",
        {
            "RoleName": "r",
            "Path": "/service-role/",
            "AssumeRolePolicyDocument": '{"Version": "2012-10-17", "Statement": []} + & = %',
            "MaxSessionDuration": 3600,
            "Tags": [{"Key": "a", "Value": ""}, {"Key": "b", "Value": "c d"}],
        },
        {
            "Role": {
                "RoleName": "r",
                "Path": "/",
                "Arn": ROLE,
                "RoleId": "AROA",
                "CreateDate": SECONDS,
                "Tags": [{"Key": "a", "Value": "<&>"}],
            }
        },
    ),
    ("iam", "list_roles", {"MaxItems": 3}, {"Roles": [], "IsTruncated": False}),
    ("iam", "delete_role", {"RoleName": "r"}, {}),
    (
        "iam",
        "get_policy_version",
        {"PolicyArn": ROLE, "VersionId": "v1"},
        {"PolicyVersion": {"VersionId": "v1"}},
    ),
    (
        "iam",
        "simulate_custom_policy",
        {
            "PolicyInputList": ["{}", "[]"],
            "ActionNames": ["s3:GetObject"],
            "ContextEntries": [
                {"ContextKeyName": "aws:username", "ContextKeyValues": ["1", "2"], "ContextKeyType": "string"}
            ],
        },
        {"EvaluationResults": [], "IsTruncated": False},
    ),
    ("sts", "get_caller_identity", {}, {"UserId": "u", "Account": "1", "Arn": "arn"}),
    (
        "sts",
        "assume_role",
        {"RoleArn": ROLE, "RoleSessionName": "session", "DurationSeconds": 900, "PolicyArns": []},
        {
            "Credentials": {
                "AccessKeyId": "A",
                "SecretAccessKey": "B",
                "SessionToken": "C",
                "Expiration": SECONDS,
            }
        },
    ),
    (
        "logs",
        "put_log_events",
        {
            "logGroupName": "/aws/lambda/f",
            "logStreamName": "2026/[$LATEST]x",
            "logEvents": [{"timestamp": 1_700_000_000_123, "message": "zeile ☃"}],
        },
        {"nextSequenceToken": "x"},
    ),
    ("logs", "create_log_group", {"logGroupName": "g", "tags": {"a": "b"}}, {}),
    ("sqs", "send_message", {"QueueUrl": "http://q/1", "MessageBody": "m"}, {"MessageId": "1"}),
    (
        "scheduler",
        "create_schedule",
        {
            "Name": "s",
            "ScheduleExpression": "rate(1 day)",
            "StartDate": SECONDS,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": MACHINE, "RoleArn": ROLE},
        },
        {"ScheduleArn": "arn"},
    ),
    (
        "s3",
        "put_bucket_notification_configuration",
        {
            "Bucket": "b",
            "NotificationConfiguration": {
                "LambdaFunctionConfigurations": [
                    {
                        "Id": "1",
                        "LambdaFunctionArn": "arn",
                        "Events": ["s3:ObjectCreated:*", "s3:ObjectRemoved:*"],
                        "Filter": {"Key": {"FilterRules": [{"Name": "prefix", "Value": "data/"}]}},
                    }
                ],
                "EventBridgeConfiguration": {},
            },
        },
        {},
    ),
    (
        "s3",
        "get_bucket_notification_configuration",
        {"Bucket": "b"},
        {
            "LambdaFunctionConfigurations": [
                {"Id": "1", "LambdaFunctionArn": "arn", "Events": ["s3:ObjectCreated:*"]},
                {"Id": "2", "LambdaFunctionArn": "arn", "Events": ["a", "b"]},
            ]
        },
    ),
    ("s3", "create_bucket", {"Bucket": "b"}, {"Location": "/b"}),
    ("s3", "head_bucket", {"Bucket": "b"}, {"BucketRegion": "us-east-1"}),
    ("s3", "delete_bucket", {"Bucket": "b"}, {}),
    ("s3", "list_buckets", {}, {"Buckets": [{"Name": "b", "CreationDate": MOMENT}], "Owner": {"ID": "o"}}),
    ("s3", "get_bucket_location", {"Bucket": "b"}, {"LocationConstraint": "eu-west-1"}),
    ("s3", "get_bucket_versioning", {"Bucket": "b"}, {"Status": "Enabled"}),
    (
        "s3",
        "list_objects_v2",
        {"Bucket": "b", "Prefix": "a b/", "MaxKeys": 2, "EncodingType": "url", "StartAfter": "a&b"},
        {
            "IsTruncated": True,
            "KeyCount": 2,
            "Contents": [
                {
                    "Key": "k",
                    "Size": 1,
                    "ETag": '"e"',
                    "LastModified": MOMENT,
                    "ChecksumAlgorithm": ["CRC32"],
                },
                {"Key": "l", "Size": 2},
            ],
            "CommonPrefixes": [{"Prefix": "p/"}],
            "NextContinuationToken": "t",
        },
    ),
    (
        "s3",
        "head_object",
        {"Bucket": "b", "Key": "dir//./ä +%&?#~.csv", "VersionId": "v"},
        {
            "ContentLength": 12,
            "ETag": '"e"',
            "LastModified": SECONDS,
            "ContentType": "text/csv",
            "Metadata": {"a": "b"},
        },
    ),
    (
        "s3",
        "copy_object",
        {"Bucket": "b", "Key": "k", "CopySource": "b/ä k?versionId=1", "MetadataDirective": "COPY"},
        {"CopyObjectResult": {"ETag": '"e"', "LastModified": MOMENT}},
    ),
    (
        "s3",
        "upload_part_copy",
        {"Bucket": "b", "Key": "k", "CopySource": "b/k", "PartNumber": 2, "UploadId": "u"},
        {"CopyPartResult": {"ETag": '"e"'}},
    ),
    (
        "s3",
        "create_multipart_upload",
        {"Bucket": "b", "Key": "k"},
        {"UploadId": "u", "Bucket": "b", "Key": "k"},
    ),
    (
        "s3",
        "complete_multipart_upload",
        {
            "Bucket": "b",
            "Key": "k",
            "UploadId": "u",
            "MultipartUpload": {
                "Parts": [{"PartNumber": 1, "ETag": '"a"'}, {"PartNumber": 2, "ETag": '"b"'}]
            },
        },
        {"ETag": '"e-2"', "Location": "l"},
    ),
    ("s3", "list_parts", {"Bucket": "b", "Key": "k", "UploadId": "u"}, {"Parts": [{"PartNumber": 1}]}),
    ("s3", "abort_multipart_upload", {"Bucket": "b", "Key": "k", "UploadId": "u"}, {}),
    (
        "s3",
        "delete_objects",
        {"Bucket": "b", "Delete": {"Objects": [{"Key": "a"}, {"Key": "<b>\t"}], "Quiet": False}},
        {"Deleted": [{"Key": "a"}], "Errors": [{"Key": "b", "Code": "AccessDenied", "Message": "m"}]},
    ),
    (
        "s3",
        "put_object_tagging",
        {"Bucket": "b", "Key": "k", "Tagging": {"TagSet": [{"Key": "a", "Value": "b"}]}},
        {},
    ),
    ("s3", "get_object_tagging", {"Bucket": "b", "Key": "k"}, {"TagSet": [{"Key": "a", "Value": ""}]}),
    ("s3", "put_bucket_policy", {"Bucket": "b", "Policy": '{"Statement": []}'}, {}),
    ("s3", "get_bucket_policy", {"Bucket": "b"}, {"Policy": '{"Statement": []}'}),
    (
        "s3",
        "put_bucket_acl",
        {
            "Bucket": "b",
            "AccessControlPolicy": {
                "Grants": [{"Grantee": {"Type": "CanonicalUser", "ID": "1"}, "Permission": "READ"}],
                "Owner": {"ID": "1"},
            },
        },
        {},
    ),
    (
        "s3",
        "get_bucket_acl",
        {"Bucket": "b"},
        {"Grants": [{"Grantee": {"Type": "Group", "URI": "u&v"}, "Permission": "READ"}]},
    ),
    (
        "s3",
        "list_object_versions",
        {"Bucket": "b"},
        {
            "Versions": [{"Key": "k", "VersionId": "1", "IsLatest": True, "LastModified": MOMENT}],
            "DeleteMarkers": [{"Key": "l", "IsLatest": False}],
        },
    ),
    (
        "s3",
        "put_bucket_lifecycle_configuration",
        {
            "Bucket": "b",
            "LifecycleConfiguration": {
                "Rules": [
                    {
                        "ID": "1",
                        "Status": "Enabled",
                        "Filter": {"Prefix": ""},
                        "Expiration": {"Date": SECONDS},
                    }
                ]
            },
        },
        {},
    ),
    (
        "sns",
        "create_topic",
        {"Name": "t", "Attributes": {"DisplayName": "a b", "Policy": "{}"}, "Tags": []},
        {"TopicArn": "arn"},
    ),
    ("sns", "get_topic_attributes", {"TopicArn": "arn"}, {"Attributes": {"a": "1", "b": "<2>"}}),
    (
        "sns",
        "publish",
        {"Message": "m", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": b"\x00\xff"}}},
        {"MessageId": "1"},
    ),
    (
        "cloudwatch",
        "put_metric_data",
        {
            "Namespace": "n",
            "MetricData": [{"MetricName": "m", "Value": 1.5, "Timestamp": MOMENT, "Counts": [1.0, 2.0]}],
        },
        {},
    ),
    (
        "cloudwatch",
        "get_metric_data",
        {"MetricDataQueries": [], "StartTime": SECONDS, "EndTime": SECONDS},
        {"MetricDataResults": [{"Id": "a", "Timestamps": [SECONDS], "Values": [0.25]}]},
    ),
    (
        "s3",
        "get_object_attributes",
        {"Bucket": "b", "Key": "k", "ObjectAttributes": ["ETag", "ObjectSize"]},
        {"ObjectSize": 5, "ETag": "e"},
    ),
]


def _wired(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: _wired(item) for key, item in value.items()}
    return [_wired(item) for item in value] if isinstance(value, list) else value


#: members that boto3's own handlers add to what the caller gives
ADDED = {
    "ChecksumAlgorithm",
    "EncodingType",
    "ContentMD5",
    "ChecksumCRC32",
    "ContentLength",
    "ContentType",
    "ClientToken",
}


@pytest.mark.parametrize(
    ("service", "method", "params", "output"), CASES, ids=[f"{c[0]}-{c[1]}" for c in CASES]
)
def test_parameters_and_outputs_survive_the_wire(
    client: Any, api: Any, service: str, method: str, params: dict[str, Any], output: dict[str, Any]
) -> None:
    api.answer = Reply(output=_wired(output))
    made = client(service)
    answer = getattr(made, method)(**params)
    call = api.calls[0]
    assert (call.service, call.operation) == (service, made.meta.method_to_api_mapping[method])
    expected = _wired(params)
    if "CopySource" in expected:
        expected["CopySource"] = expected["CopySource"].replace("ä k", "%C3%A4%20k")
    extra = {name: value for name, value in call.params.items() if name not in expected}
    assert {name: value for name, value in call.params.items() if name in expected} == expected
    assert not extra.keys() - ADDED
    assert call.caller.access_key_id == "AKIAROOT"
    assert (call.origin.source_ip, call.origin.host) == ("10.0.0.7", "127.0.0.1:4566")
    metadata = answer.pop("ResponseMetadata")
    assert metadata["RequestId"] == call.request_id
    assert {name: value for name, value in answer.items() if name in output} == output


@pytest.mark.parametrize(
    "key", ["k", "a/b//c/", "/leading", "..", "a/../b", "ä ö+ü?x=1&y#z%41", "~*'()!$,;:@="]
)
def test_any_key_of_an_object_arrives_unchanged(client: Any, api: Any, key: str) -> None:
    client("s3").put_object(Bucket="my-bucket", Key=key, Body=b"hello", Metadata={"a": "b"})
    assert api.params["Bucket"] == "my-bucket"
    assert api.params["Key"] == key
    assert api.params["Body"] == b"hello"
    assert api.params["Metadata"] == {"a": "b"}
    assert api.params["ContentLength"] == 5


@pytest.mark.parametrize(
    ("endpoint", "style"),
    [
        ("http://127.0.0.1:4566", "path"),
        ("http://localhost:4566", "virtual"),
        ("http://s3.us-east-1.example.org", "virtual"),
        ("http://s3.localhost:4566", "path"),
        ("https://127.0.0.1:4566", "path"),
    ],
)
def test_buckets_in_path_or_host(client: Any, api: Any, endpoint: str, style: str) -> None:
    made = client("s3", endpoint=endpoint, s3={"addressing_style": style})
    made.put_object(Bucket="my-bucket", Key="a/b", Body=b"x" * 3000)
    assert (api.params["Bucket"], api.params["Key"]) == ("my-bucket", "a/b")
    assert api.params["Body"] == b"x" * 3000
    assert "aws-chunked" not in api.params.get("ContentEncoding", "")


def test_an_objects_content_streams_back(client: Any, api: Any) -> None:
    output = {
        "Body": BytesBody(b"0123456789"),
        "ContentType": "text/csv",
        "ContentLength": 10,
        "LastModified": SECONDS.timestamp(),
    }
    api.answer = Reply(output=output, status=206, headers={"x-extra": "1"})
    answer = client("s3").get_object(Bucket="b", Key="k", Range="bytes=0-9")
    assert answer["Body"].read() == b"0123456789"
    assert answer["ContentLength"] == 10
    assert answer["LastModified"] == SECONDS
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 206
    assert answer["ResponseMetadata"]["HTTPHeaders"]["x-extra"] == "1"
    assert api.params["Range"] == "bytes=0-9"


def test_invoke_carries_payload_status_and_function_error(client: Any, api: Any) -> None:
    api.answer = Reply(output={"StatusCode": 200, "FunctionError": "Unhandled", "Payload": b'{"a": 1}'})
    answer = client("lambda").invoke(FunctionName="f", Payload=b'{"x": [1]}', InvocationType="Event")
    assert api.params["Payload"] == b'{"x": [1]}'
    assert api.params["InvocationType"] == "Event"
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert answer["Payload"].read() == b'{"a": 1}'


def test_invoke_endpoint_carries_bytes_both_ways(client: Any, api: Any) -> None:
    api.answer = Reply(output={"Body": b"\x00\xff", "ContentType": "application/x-npy"})
    made = client("sagemaker-runtime")
    answer = made.invoke_endpoint(EndpointName="e", Body=b"1,2\n", ContentType="text/csv", Accept="*/*")
    assert api.calls[0].service == "sagemaker-runtime"
    assert api.params["Body"] == b"1,2\n"
    assert (api.params["ContentType"], api.params["Accept"]) == ("text/csv", "*/*")
    assert answer["Body"].read() == b"\x00\xff"
    assert answer["ContentType"] == "application/x-npy"


def test_an_output_member_that_the_model_lacks_is_a_fault_of_ours(client: Any, api: Any) -> None:
    api.answer = Reply(output={"stateMachineArn": MACHINE, "nosuch": 1})
    made = client("stepfunctions")
    with pytest.raises(made.exceptions.ClientError, match="InternalFailure"):
        made.describe_state_machine(stateMachineArn=MACHINE)


def test_numbers_that_json_lacks_are_spelled_out(client: Any, api: Any) -> None:
    metrics = [{"MetricName": name, "Value": float(name)} for name in ("nan", "inf", "-inf")]
    api.answer = Reply(output={"FinalMetricDataList": metrics})
    answer = client("sagemaker").describe_training_job(TrainingJobName="t")
    values = [metric["Value"] for metric in answer["FinalMetricDataList"]]
    assert values == ["NaN", "Infinity", "-Infinity"]


def test_lists_in_headers_and_metadata_prefixes(client: Any, api: Any) -> None:
    made = client("s3")
    api.answer = Reply(
        output={"Metadata": {"one": "1", "two": "2"}, "ObjectLockRetainUntilDate": MOMENT.timestamp()}
    )
    answer = made.head_object(Bucket="bu", Key="k", IfModifiedSince=SECONDS)
    assert api.params["IfModifiedSince"] == SECONDS.timestamp()
    assert answer["Metadata"] == {"one": "1", "two": "2"}
    assert answer["ObjectLockRetainUntilDate"] == MOMENT
