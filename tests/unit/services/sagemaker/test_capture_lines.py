"""Captured invocations have Model Monitor's form, whatever the bodies are."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.errors import AwsError
from stepwell.services.sagemaker.capture_lines import Invocation, encoded, file_uri, line
from stepwell.services.sagemaker.data_capture import DataCapture, check, deployed, summary

#: 2023-11-14T22:13:20.007Z
MOMENT = 1_700_000_000.007
CONFIG = {
    "InitialSamplingPercentage": 50,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {
        "CsvContentTypes": ["text/csv"],
        "JsonContentTypes": ["application/json", "application/jsonlines"],
    },
}


def capture(**changes: Any) -> DataCapture:
    return deployed({**CONFIG, **changes})


def invocation(**changes: Any) -> Invocation:
    facts: dict[str, Any] = {
        "event_id": "8f45e35c-fa44-40d2-8ed3-1bcab3a596f3",
        "moment": MOMENT,
        "sent_as": "text/csv",
        "sent": b"1,2\n",
        "answered_as": "application/json; charset=utf-8",
        "answered": b'{"score": 0.5}',
    }
    return Invocation(**{**facts, **changes})


def test_a_line_has_both_bodies_and_what_is_known_of_the_event() -> None:
    data = line(invocation(inference_id="case-7", attributes="trace=1"), capture())
    assert data.endswith(b"}\n") and data.count(b"\n") == 1
    assert json.loads(data) == {
        "captureData": {
            "endpointInput": {
                "observedContentType": "text/csv",
                "mode": "INPUT",
                "data": "1,2\n",
                "encoding": "CSV",
            },
            "endpointOutput": {
                "observedContentType": "application/json; charset=utf-8",
                "mode": "OUTPUT",
                "data": '{"score": 0.5}',
                "encoding": "JSON",
            },
        },
        "eventMetadata": {
            "eventId": "8f45e35c-fa44-40d2-8ed3-1bcab3a596f3",
            "customAttributes": ["trace=1"],
            "inferenceId": "case-7",
            "inferenceTime": "2023-11-14T22:13:20Z",
        },
        "eventVersion": "0",
    }


def test_what_a_request_did_not_give_is_not_in_its_line() -> None:
    about = json.loads(line(invocation(), capture()))["eventMetadata"]
    assert sorted(about) == ["eventId", "inferenceTime"]


@pytest.mark.parametrize(
    ("modes", "parts"),
    [
        (["Input"], ["endpointInput"]),
        (["Output"], ["endpointOutput"]),
        (["InputAndOutput"], ["endpointInput", "endpointOutput"]),
        (["Output", "Input"], ["endpointInput", "endpointOutput"]),
    ],
)
def test_the_capture_options_say_which_bodies_are_kept(modes: list[str], parts: list[str]) -> None:
    config = capture(CaptureOptions=[{"CaptureMode": mode} for mode in modes])
    assert sorted(json.loads(line(invocation(), config))["captureData"]) == parts


@pytest.mark.parametrize(
    ("body", "content_type", "text", "encoding"),
    [
        (b"1,2", "text/csv", "1,2", "CSV"),
        (b"1,2", "Text/CSV ; header=present", "1,2", "CSV"),
        (b"{}", "application/jsonlines", "{}", "JSON"),
        ("\N{EURO SIGN}".encode(), "text/csv", "\N{EURO SIGN}", "CSV"),
        (b"\xff,1", "text/csv", "/ywx", "BASE64"),
        (b"1,2", "text/plain", "MSwy", "BASE64"),
        (b"", "text/csv", "", "CSV"),
        (b"", "", "", "BASE64"),
    ],
)
def test_bodies_of_the_configured_types_are_text_and_all_others_base64(
    body: bytes, content_type: str, text: str, encoding: str
) -> None:
    assert encoded(body, content_type, capture()) == (text, encoding)


def test_without_content_types_every_body_is_base64() -> None:
    config = capture(CaptureContentTypeHeader={})
    assert encoded(b"1,2", "text/csv", config) == ("MSwy", "BASE64")


def test_a_body_without_a_type_is_called_bytes() -> None:
    data = json.loads(line(invocation(sent_as=None), capture()))["captureData"]["endpointInput"]
    assert (data["observedContentType"], data["encoding"]) == ("application/octet-stream", "BASE64")


@pytest.mark.parametrize("destination", ["s3://bucket/capture", "s3://bucket/capture/"])
def test_a_file_is_named_by_its_endpoint_variant_and_beginning(destination: str) -> None:
    uri = file_uri(destination, "digits", "AllTraffic", MOMENT, "ID")
    assert uri == "s3://bucket/capture/digits/AllTraffic/2023/11/14/22/13-20-007-ID.jsonl"


def test_a_bucket_alone_is_a_destination() -> None:
    assert file_uri("s3://bucket", "e", "v", MOMENT, "ID").startswith("s3://bucket/e/v/2023/")


def test_the_summary_is_describe_endpoints() -> None:
    on, off = capture(KmsKeyId="alias/key"), capture(EnableCapture=False)
    assert summary(on) == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 50,
        "DestinationS3Uri": "s3://bucket/capture",
        "KmsKeyId": "alias/key",
    }
    assert (summary(off)["EnableCapture"], summary(off)["CaptureStatus"]) == (False, "Stopped")
    assert on.active and not off.active and not capture(InitialSamplingPercentage=0).active


def test_a_destination_that_is_not_in_s3_is_refused() -> None:
    with pytest.raises(AwsError, match="Not an S3 URI"):
        check({**CONFIG, "DestinationS3Uri": "https://elsewhere/capture"})
