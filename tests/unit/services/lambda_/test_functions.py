"""Functions are created, changed, listed and deleted as on AWS."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from harness import Harness

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
ROLE = "arn:aws:iam::000000000000:role/run"
Create = Callable[..., dict[str, Any]]
Refused = Callable[..., tuple[str, str]]
Zipped = Callable[..., bytes]


def test_a_new_function_is_shown_as_aws_shows_it(server: Harness, create: Create, zipped: Zipped) -> None:
    data = zipped()
    shown = create(Description="d", Environment={"Variables": {"AA": "b"}}, Tags={"t": "1"})
    revision = shown.pop("RevisionId")
    assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", revision)
    assert shown == {
        "FunctionName": "f",
        "FunctionArn": ARN,
        "Runtime": "python3.12",
        "Role": ROLE,
        "Handler": "app.handler",
        "CodeSize": len(data),
        "Description": "d",
        "Timeout": 3,
        "MemorySize": 128,
        "LastModified": "2023-11-14T22:13:20.000+0000",
        "CodeSha256": base64.b64encode(hashlib.sha256(data).digest()).decode(),
        "Version": "$LATEST",
        "TracingConfig": {"Mode": "PassThrough"},
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": ["x86_64"],
        "EphemeralStorage": {"Size": 512},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": "/aws/lambda/f"},
        "Environment": {"Variables": {"AA": "b"}},
    }
    found = server.call("lambda", "GetFunction", FunctionName="f")
    assert found["Configuration"] == shown | {"RevisionId": revision}
    assert found["Tags"] == {"t": "1"}


@pytest.mark.parametrize(
    "name", ["f", ARN, "000000000000:function:f", "function:f", "f:$LATEST", f"{ARN}:$LATEST"]
)
def test_every_way_to_name_a_function_finds_it(server: Harness, create: Create, name: str) -> None:
    create()
    found = server.call("lambda", "GetFunctionConfiguration", FunctionName=name)
    assert found["FunctionArn"] == (f"{ARN}:$LATEST" if name.endswith("$LATEST") else ARN)


@pytest.mark.parametrize(
    ("params", "text"),
    [
        ({"FunctionName": "g"}, "Function not found: arn:aws:lambda:us-east-1:000000000000:function:g"),
        ({"FunctionName": "g", "Qualifier": "3"}, "Function not found: " + ARN[:-1] + "g:3"),
        ({"FunctionName": "f", "Qualifier": "3"}, f"Function not found: {ARN}:3"),
        ({"FunctionName": "f", "Qualifier": "alias"}, f"Function not found: {ARN}:alias"),
        (
            {"FunctionName": ARN.replace("us-east-1", "eu-west-1")},
            "Function not found: " + ARN.replace("us-east-1", "eu-west-1"),
        ),
    ],
)
def test_what_does_not_exist_is_told_with_its_arn(
    create: Create, error: Refused, params: dict[str, str], text: str
) -> None:
    create()
    assert error("GetFunction", **params) == ("ResourceNotFoundException", text)


def test_a_name_and_a_qualifier_may_not_contradict_each_other(create: Create, error: Refused) -> None:
    create()
    code, message = error("GetFunction", FunctionName="f:1", Qualifier="2")
    assert code == "InvalidParameterValueException" and "derived qualifier" in message


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"Runtime": "nodejs20.x"}, "InvalidParameterValueException", "nodejs20.x is not supported"),
        (
            {"Runtime": "python3.8"},
            "InvalidParameterValueException",
            "The runtime parameter of python3.8 is no longer supported for creating or updating AWS Lambda",
        ),
        ({"Runtime": None}, "InvalidParameterValueException", "Runtime and Handler are mandatory"),
        ({"Handler": None}, "InvalidParameterValueException", "Runtime and Handler are mandatory"),
        ({"Handler": "a b"}, "ValidationException", "regular expression"),
        ({"Timeout": 901}, "ValidationException", "'timeout' failed to satisfy constraint"),
        ({"Timeout": 0}, "ValidationException", "greater than or equal to 1"),
        ({"MemorySize": 127}, "ValidationException", "greater than or equal to 128"),
        ({"MemorySize": 10_241}, "ValidationException", "less than or equal to 10240"),
        ({"EphemeralStorage": {"Size": 10_241}}, "ValidationException", "'ephemeralStorage.size'"),
        (
            {
                "Environment": {
                    "Variables": {"AWS_REGION": "x", "AA": "b", "TZ": "y", "AWS_SESSION_TOKEN": "z"}
                }
            },
            "InvalidParameterValueException",
            "Reserved keys used in this request: AWS_REGION, AWS_SESSION_TOKEN",
        ),
        (
            {"Environment": {"Variables": {"AA": "x" * 4090}}},
            "InvalidParameterValueException",
            "exceeded the 4KB limit",
        ),
        (
            {"Role": "arn:aws:iam::000000000000:role/none"},
            "InvalidParameterValueException",
            "The role defined for the function cannot be assumed by Lambda.",
        ),
        ({"Layers": ["arn:aws:lambda:us-east-1:000000000000:layer:l:1"]}, "ValidationException", "Layers"),
        ({"PackageType": "Image"}, "InvalidParameterValueException", "Image is not supported"),
        ({"Code": {"ImageUri": "x"}}, "InvalidParameterValueException", "Image is not supported"),
        ({"Code": {}}, "InvalidParameterValueException", "Please provide a source for function code."),
        ({"Code": {"S3Bucket": "abc"}}, "InvalidParameterValueException", "Please provide a source"),
        ({"Code": {"ZipFile": b"x"}}, "InvalidParameterValueException", "Could not unzip uploaded file"),
        (
            {"Code": {"S3Bucket": "none", "S3Key": "k"}},
            "InvalidParameterValueException",
            "Error occurred while GetObject. S3 Error Code: NoSuchBucket.",
        ),
        ({"FunctionName": "x" * 65}, "ValidationException", "less than or equal to 64"),
    ],
)
def test_what_aws_refuses_is_refused(
    server: Harness, error: Refused, zipped: Zipped, params: dict[str, Any], code: str, text: str
) -> None:
    wanted: dict[str, Any] = {
        "FunctionName": "f",
        "Runtime": "python3.12",
        "Handler": "app.handler",
        "Role": ROLE,
        "Code": {"ZipFile": zipped()},
        **params,
    }
    given = {key: value for key, value in wanted.items() if value is not None}
    found, message = error("CreateFunction", **given)
    assert found == code and text in message
    assert server.call("lambda", "ListFunctions")["Functions"] == []


def test_a_role_that_trusts_another_service_is_refused(
    server: Harness, create: Create, error: Refused
) -> None:
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Principal": {"Service": "s3.amazonaws.com"}, "Action": "sts:AssumeRole"}
        ],
    }
    server.call("iam", "CreateRole", RoleName="other", AssumeRolePolicyDocument=json.dumps(trust))
    create()
    assert error(
        "UpdateFunctionConfiguration", FunctionName="f", Role="arn:aws:iam::000000000000:role/other"
    ) == (
        "InvalidParameterValueException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


def test_a_name_is_taken_once(create: Create) -> None:
    create()
    with pytest.raises(Exception, match="Function already exist: f") as caught:
        create()
    assert caught.value.error_code == "ResourceConflictException"  # type: ignore[attr-defined]


def test_code_comes_from_s3_too(server: Harness, create: Create, zipped: Zipped) -> None:
    data = zipped({"app.py": "# " + "x" * 40_000})
    server.call("s3", "CreateBucket", Bucket="code")
    server.call("s3", "PutObject", Bucket="code", Key="k.zip", Body=data)
    shown = create(Code={"S3Bucket": "code", "S3Key": "k.zip"})
    assert shown["CodeSha256"] == base64.b64encode(hashlib.sha256(data).digest()).decode()
    folder = server.config.data / "workers" / "code" / hashlib.sha256(data).hexdigest()
    assert [path.name for path in folder.iterdir()] == ["app.py"]


def test_updates_change_what_they_name_and_the_revision(
    server: Harness, create: Create, error: Refused, zipped: Zipped, workers: Any
) -> None:
    first = create(Description="d", Timeout=7, Environment={"Variables": {"AA": "b"}})
    server.clock.advance(1)
    second = server.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", MemorySize=256, Description=""
    )
    changed = {key for key in first if first[key] != second.get(key)}
    assert changed == {"MemorySize", "Description", "RevisionId", "LastModified"}
    assert second["Description"] == "" and second["Timeout"] == 7
    third = server.call(
        "lambda", "UpdateFunctionConfiguration", FunctionName="f", Environment={"Variables": {}}
    )
    assert "Environment" not in third
    dry = server.call(
        "lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"b.py": ""}), DryRun=True
    )
    assert dry["CodeSha256"] != first["CodeSha256"]
    now = server.call("lambda", "GetFunctionConfiguration", FunctionName="f")
    assert now["CodeSha256"] == first["CodeSha256"]
    code = server.call("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"b.py": ""}))
    assert code["CodeSha256"] == dry["CodeSha256"]
    assert error("UpdateFunctionCode", FunctionName="f", ZipFile=zipped(), RevisionId="old")[0] == (
        "PreconditionFailedException"
    )
    server.settle()
    assert workers.retired[-1] == ("f", code["RevisionId"])


def test_versions_are_immutable_and_made_only_for_changes(
    server: Harness, create: Create, error: Refused, zipped: Zipped
) -> None:
    assert create(Publish=True)["FunctionArn"] == f"{ARN}:1"
    assert server.call("lambda", "PublishVersion", FunctionName="f")["Version"] == "1"
    server.call("lambda", "UpdateFunctionConfiguration", FunctionName="f", Timeout=9)
    wrong = error("PublishVersion", FunctionName="f", CodeSha256="x")
    assert wrong[0] == "InvalidParameterValueException" and "CodeSHA256 (x) is different" in wrong[1]
    assert server.call("lambda", "PublishVersion", FunctionName="f", Description="two")["Version"] == "2"
    assert (
        server.call(
            "lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"c.py": ""}), Publish=True
        )["Version"]
        == "3"
    )
    versions: list[dict[str, Any]] = []
    token: dict[str, str] = {}
    for _ in range(2):
        answer = server.call("lambda", "ListVersionsByFunction", FunctionName="f", MaxItems=2, **token)
        versions += answer["Versions"]
        token = {"Marker": answer["NextMarker"]} if "NextMarker" in answer else {}
    assert [(each["Version"], each["Timeout"]) for each in versions] == [
        ("$LATEST", 9),
        ("1", 3),
        ("2", 9),
        ("3", 9),
    ]
    assert not token
    assert versions[2]["Description"] == "two" and versions[2]["FunctionArn"] == f"{ARN}:2"
    server.call("lambda", "DeleteFunction", FunctionName="f", Qualifier="1")
    assert error("GetFunction", FunctionName="f", Qualifier="1")[0] == "ResourceNotFoundException"
    assert error("DeleteFunction", FunctionName="f", Qualifier="$LATEST")[0] == (
        "InvalidParameterValueException"
    )
    assert error("UpdateFunctionConfiguration", FunctionName="f:2", Timeout=1)[0] == (
        "InvalidParameterValueException"
    )
    server.call("lambda", "DeleteFunction", FunctionName="f")
    assert error("GetFunction", FunctionName="f", Qualifier="2")[0] == "ResourceNotFoundException"


def test_functions_are_listed_in_pages_with_their_versions(server: Harness, create: Create) -> None:
    for name in ("b", "a-b", "a"):
        create(name, Publish=True)
    found: list[str] = []
    token: dict[str, str] = {}
    for _ in range(2):
        answer = server.call("lambda", "ListFunctions", FunctionVersion="ALL", MaxItems=4, **token)
        found += [each["FunctionArn"].split("function:")[1] for each in answer["Functions"]]
        token = {"Marker": answer["NextMarker"]} if "NextMarker" in answer else {}
    assert found == ["a:$LATEST", "a:1", "a-b:$LATEST", "a-b:1", "b:$LATEST", "b:1"] and not token
    names = [each["FunctionName"] for each in server.call("lambda", "ListFunctions")["Functions"]]
    assert names == ["a", "a-b", "b"]


def test_a_deleted_function_is_gone_and_its_processes_end(
    server: Harness, create: Create, error: Refused, workers: Any
) -> None:
    create()
    server.call("lambda", "DeleteFunction", FunctionName="f")
    server.settle()
    assert workers.retired == [("f", None)]
    assert error("DeleteFunction", FunctionName="f") == (
        "ResourceNotFoundException",
        f"Function not found: {ARN}",
    )


def test_tags_reserved_concurrency_and_defaults(server: Harness, create: Create, error: Refused) -> None:
    create(Tags={"a": "1"})
    create("g")
    server.call("lambda", "TagResource", Resource=ARN, Tags={"b": "2"})
    server.call("lambda", "UntagResource", Resource=ARN, TagKeys=["a"])
    assert server.call("lambda", "ListTags", Resource=ARN) == {"Tags": {"b": "2"}}
    assert error("ListTags", Resource=f"{ARN}:1")[0] == "InvalidParameterValueException"
    put = {"FunctionName": "f", "ReservedConcurrentExecutions": 600}
    assert server.call("lambda", "PutFunctionConcurrency", **put) == {"ReservedConcurrentExecutions": 600}
    refused = error("PutFunctionConcurrency", FunctionName="g", ReservedConcurrentExecutions=301)
    assert "below its minimum value of [100]" in refused[1]
    assert server.call("lambda", "GetFunction", FunctionName="f")["Concurrency"] == {
        "ReservedConcurrentExecutions": 600
    }
    server.call("lambda", "DeleteFunctionConcurrency", FunctionName="f")
    assert server.call("lambda", "GetFunctionConcurrency", FunctionName="f") == {}
    for operation, answer in {
        "GetFunctionCodeSigningConfig": {"FunctionName": "f"},
        "GetFunctionRecursionConfig": {"RecursiveLoop": "Terminate"},
        "GetRuntimeManagementConfig": {"UpdateRuntimeOn": "Auto", "FunctionArn": ARN},
    }.items():
        assert server.call("lambda", operation, FunctionName="f") == answer
