"""The clients, and the shape of what goes wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from stepwell.provision import cloud
from stepwell.provision.problems import ResourceFailed


@pytest.fixture
def surroundings(tmp_path: Path, monkeypatch: Any) -> None:
    """A shell and a home that are set up for a real account."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text(
        "[default]\nregion = eu-west-1\nendpoint_url = https://elsewhere\n"
        "s3 =\n  addressing_style = virtual\n  use_accelerate_endpoint = true\n"
        "[profile production]\nregion = eu-west-1\nrole_arn = arn:aws:iam::1:role/x\n"
    )
    (tmp_path / ".aws" / "credentials").write_text(
        "[default]\naws_access_key_id = AKIAREAL\naws_secret_access_key = real\naws_session_token = real\n"
    )
    for name, value in {
        "HOME": str(tmp_path),
        "AWS_PROFILE": "production",
        "AWS_CONFIG_FILE": str(tmp_path / ".aws" / "config"),
        "AWS_ACCESS_KEY_ID": "AKIAREAL",
        "AWS_SECRET_ACCESS_KEY": "real",
        "AWS_SESSION_TOKEN": "real",
        "AWS_REGION": "eu-west-1",
        "AWS_ENDPOINT_URL": "https://elsewhere",
        "AWS_ENDPOINT_URL_S3": "https://elsewhere",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "AWS_USE_DUALSTACK_ENDPOINT": "true",
        "HTTP_PROXY": "http://proxy:3128",
        "http_proxy": "http://proxy:3128",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("surroundings")
@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("s3", "put_object", {"Bucket": "b", "Key": "k", "Body": b"x"}),
        ("sts", "get_caller_identity", {}),
        (
            "stepfunctions",
            "start_sync_execution",
            {"stateMachineArn": "arn:aws:states:us-east-1:0:stateMachine:m"},
        ),
        ("lambda", "get_function", {"FunctionName": "f"}),
        ("iam", "get_role", {"RoleName": "r"}),
    ],
)
def test_requests_go_to_the_endpoint_with_the_given_keys(
    service: str, operation: str, parameters: dict[str, Any]
) -> None:
    """Whatever the environment and the home folder say."""
    make = cloud.boto3_clients(
        endpoint="http://127.0.0.1:9", access_key="AKIDLOCAL", secret_key="local", region="us-east-1"
    )
    client = make(service)
    sent: list[Any] = []

    class Stop(Exception):
        pass

    def stop(request: Any, **_: Any) -> None:
        sent.append(request)
        raise Stop

    client.meta.events.register("before-send", stop)
    with pytest.raises(Stop):
        getattr(client, operation)(**parameters)
    (request,) = sent
    authorization = request.headers["Authorization"].decode()
    assert request.url.startswith("http://127.0.0.1:9/")
    assert "Credential=AKIDLOCAL/" in authorization
    assert "/us-east-1/" in authorization
    assert "X-Amz-Security-Token" not in request.headers
    assert client._endpoint.http_session._proxy_config._proxies == {}


def _cloud(aws: Any) -> cloud.Cloud:
    return cloud.Cloud(
        endpoint="http://127.0.0.1:9", account="0" * 12, region="us-east-1", clients=aws.client
    )


def test_an_answer_becomes_an_error_with_advice(aws: Any) -> None:
    """The operation, the code, the message, and what to do."""
    with pytest.raises(ResourceFailed) as raised, cloud.calling(_cloud(aws)):
        aws.client("s3").delete_bucket(Bucket="absent")
    assert raised.value.message == "DeleteBucket answered NoSuchBucket: no bucket absent"
    assert raised.value.reached
    assert cloud.gone(raised.value)


def test_a_parameter_that_the_api_does_not_know_is_told(aws: Any) -> None:
    """botocore's own check, in one line."""
    with pytest.raises(ResourceFailed, match="Unknown parameter in input"), cloud.calling(_cloud(aws)):
        aws.client("s3").head_bucket(Bucket="b", Colour="red")


def test_a_server_fault_leaves_open_whether_the_call_took_effect(aws: Any, refusal: Any) -> None:
    """A 5xx is no refusal: what was being made has to be looked for."""
    aws.failures["HeadBucket"] = refusal("HeadBucket", "InternalFailure", "oops", 500)
    with pytest.raises(ResourceFailed) as raised, cloud.calling(_cloud(aws)):
        aws.client("s3").head_bucket(Bucket="b")
    assert not raised.value.reached


def test_waiting_ends(aws: Any) -> None:
    """With what took too long."""
    with pytest.raises(ResourceFailed, match="endpoint e took longer than 0 s"):
        _cloud(aws).until(lambda: False, what="endpoint e", seconds=0)


def test_a_missing_thing_is_none_and_not_an_error(aws: Any, refusal: Any) -> None:
    """Only answers that say so; all others are raised."""
    here = _cloud(aws)
    assert cloud.attempt(here, aws.client("s3").head_bucket, Bucket="b") is None
    describe = aws.client("sagemaker").describe_model
    assert cloud.attempt(here, describe, ModelName="absent") is None
    aws.failures["DescribeModel"] = refusal("DescribeModel", "ValidationException", "name too long")
    with pytest.raises(ResourceFailed, match="name too long"):
        cloud.attempt(here, describe, ModelName="absent")
