"""What an endpoint is asked and answers lies in S3 as Model Monitor reads it, also after `kill -9`."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError
from declaring import Program
from functions import messages
from jobs import IMAGE, Work, tarred
from running import Running, allow, logging, role, until

ECHO = """
def model_fn(folder):
    return None
def input_fn(body, content_type):
    return body.decode() if isinstance(body, bytes) else body
def predict_fn(value, model):
    return value[::-1]
def output_fn(prediction, accept):
    return prediction, "text/csv"
"""
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"], "JsonContentTypes": ["application/json"]},
}


@pytest.fixture(scope="module")
def work(server: Running) -> Work:
    return Work(server, "data-capture")


def deploy(work: Work, name: str, service_role: str = "", **capture: Any) -> None:
    """An endpoint that answers backwards, with that configuration."""
    sagemaker, bucket = work.sagemaker, work.bucket
    work.s3.put_object(Bucket=bucket, Key="echo.tar.gz", Body=tarred({"code/inference.py": ECHO}))
    sagemaker.create_model(
        ModelName=name,
        ExecutionRoleArn=service_role or work.role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/echo.tar.gz"},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName=name,
        ProductionVariants=[
            {
                "VariantName": "AllTraffic",
                "ModelName": name,
                "InitialInstanceCount": 1,
                "InstanceType": "ml.m5.large",
            }
        ],
        DataCaptureConfig={**CAPTURE, "DestinationS3Uri": f"s3://{bucket}/capture", **capture},
    )
    sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=name)
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


def ask(work: Work, name: str, body: str, **more: Any) -> str:
    runtime = work.running.client("sagemaker-runtime")
    reply = runtime.invoke_endpoint(EndpointName=name, ContentType="text/csv", Body=body.encode(), **more)
    text: str = reply["Body"].read().decode()
    return text


def captured(work: Work, name: str) -> dict[str, list[dict[str, Any]]]:
    """The capture files of an endpoint, by key."""
    listed = work.s3.list_objects_v2(Bucket=work.bucket, Prefix=f"capture/{name}/").get("Contents", [])
    return {
        item["Key"]: [
            json.loads(line)
            for line in work.s3.get_object(Bucket=work.bucket, Key=item["Key"])["Body"].iter_lines()
        ]
        for item in listed
    }


def asked(work: Work, name: str) -> list[str]:
    """The captured inputs, in their order."""
    return [
        record["captureData"]["endpointInput"]["data"]
        for _, records in sorted(captured(work, name).items())
        for record in records
    ]


def logged(work: Work, name: str) -> list[str]:
    """The endpoint's log; empty before it has a first line."""
    try:
        return messages(work.running, f"/aws/sagemaker/Endpoints/{name}")
    except work.running.client("logs").exceptions.ResourceNotFoundException:
        return []


def test_requests_and_answers_are_found_in_s3_in_model_monitors_form(work: Work) -> None:
    deploy(work, "watched")
    shown = work.sagemaker.describe_endpoint(EndpointName="watched")["DataCaptureConfig"]
    assert shown == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 100,
        "DestinationS3Uri": "s3://data-capture/capture",
        "KmsKeyId": "",
    }
    assert ask(work, "watched", "1,2", InferenceId="case-7", CustomAttributes="site=A") == "2,1"
    files = until(lambda: captured(work, "watched"))
    ((key, (record,)),) = files.items()
    assert re.fullmatch(
        r"capture/watched/AllTraffic/\d{4}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{3}-[0-9a-f-]{36}\.jsonl", key
    )
    sent = {"observedContentType": "text/csv", "mode": "INPUT", "data": "1,2", "encoding": "CSV"}
    assert record["captureData"]["endpointInput"] == sent
    assert record["captureData"]["endpointOutput"]["data"] == "2,1"
    assert record["captureData"]["endpointOutput"]["encoding"] == "CSV"
    assert (record["eventMetadata"]["inferenceId"], record["eventVersion"]) == ("case-7", "0")
    assert record["eventMetadata"]["customAttributes"] == ["site=A"]


def test_a_deleted_endpoint_leaves_all_that_it_answered(work: Work) -> None:
    deploy(work, "brief")
    for number in range(5):
        ask(work, "brief", str(number))
    work.sagemaker.delete_endpoint(EndpointName="brief")

    def gone() -> bool:
        try:
            work.sagemaker.describe_endpoint(EndpointName="brief")
        except ClientError as error:
            return "Could not find" in str(error)
        return False

    until(gone)
    assert asked(work, "brief") == [str(number) for number in range(5)]


def test_a_role_that_may_not_put_objects_is_told_in_the_endpoints_log(work: Work) -> None:
    reader = role(
        work.running,
        "data-capture-reader",
        "sagemaker.amazonaws.com",
        logging("/aws/sagemaker/*"),
        allow("s3:GetObject", f"arn:aws:s3:::{work.bucket}/*"),
    )
    deploy(work, "unable", reader)
    assert ask(work, "unable", "1") == "1"
    until(lambda: any("AccessDenied" in line and "s3:PutObject" in line for line in logged(work, "unable")))
    assert asked(work, "unable") == []


PROGRAM = """
model = aws.sagemaker.Model(
    "model",
    execution_role_arn=ROLE,
    primary_container={"image": IMAGE, "model_data_url": f"s3://{BUCKET}/echo.tar.gz"},
)
config = aws.sagemaker.EndpointConfiguration(
    "config",
    production_variants=[
        {
            "variant_name": "AllTraffic",
            "model_name": model.name,
            "initial_instance_count": 1,
            "instance_type": "ml.m5.large",
        }
    ],
    data_capture_config={
        "initial_sampling_percentage": PERCENTAGE,
        "destination_s3_uri": f"s3://{BUCKET}/capture",
        "capture_options": [{"capture_mode": "Input"}, {"capture_mode": "Output"}],
        "capture_content_type_header": {"csv_content_types": ["text/csv"]},
    },
)
endpoint = aws.sagemaker.Endpoint("endpoint", name="declared", endpoint_config_name=config.name)
"""


def test_a_pulumi_program_declares_what_is_captured_and_changes_it(work: Work, program: Program) -> None:
    """A second run changes nothing; another percentage is another configuration, which the endpoint takes."""
    work.s3.put_object(Bucket=work.bucket, Key="echo.tar.gz", Body=tarred({"code/inference.py": ECHO}))
    given = f"ROLE, IMAGE, BUCKET = {work.role!r}, {IMAGE!r}, {work.bucket!r}\n"
    program.settled(f"{given}PERCENTAGE = 100\n{PROGRAM}")
    assert ask(work, "declared", "1,2") == "2,1"
    until(lambda: asked(work, "declared") == ["1,2"])
    program.up(f"{given}PERCENTAGE = 25\n{PROGRAM}")
    shown = work.sagemaker.describe_endpoint(EndpointName="declared")["DataCaptureConfig"]
    assert (shown["CaptureStatus"], shown["CurrentSamplingPercentage"]) == ("Started", 25)
    program.destroy()


def test_a_server_that_is_stopped_has_stored_what_it_captured(own_server: Running) -> None:
    work = Work(own_server, "capture-stop")
    deploy(work, "stopped")
    ask(work, "stopped", "1,2")
    own_server.stop()
    assert list((own_server.data / "captures").iterdir()) == []
    own_server.start()
    work.s3 = own_server.client("s3")
    assert asked(work, "stopped") == ["1,2"]


@pytest.mark.faults
@pytest.mark.timeout(180)
def test_what_was_answered_a_moment_before_a_kill_is_stored_by_the_next_server(own_server: Running) -> None:
    """Lines are on disk within a tenth of a second, and each is stored: at least once, with one id."""
    work = Work(own_server, "capture-kill")
    deploy(work, "killed")
    for number in range(20):
        ask(work, "killed", f"{number:02}")
    time.sleep(0.5)
    own_server.kill()
    own_server.start()
    work.s3 = own_server.client("s3")
    until(lambda: len(asked(work, "killed")) >= 20)
    assert asked(work, "killed") == [f"{number:02}" for number in range(20)]
    records = [record for records in captured(work, "killed").values() for record in records]
    assert len({record["eventMetadata"]["eventId"] for record in records}) == 20
