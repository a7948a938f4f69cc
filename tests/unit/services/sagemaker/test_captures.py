"""Data capture from CreateEndpointConfig to S3: chosen, kept on disk, stored, and never in the way."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.errors import AwsError
from stepwell.services.sagemaker import captures
from stepwell.workers.connections import Response

CONFIG = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": "s3://bucket/capture",
    "CaptureOptions": [{"CaptureMode": "InputAndOutput"}],
    "CaptureContentTypeHeader": {"CsvContentTypes": ["text/csv"]},
}
#: 2023-11-14T22:13:20Z, when tests begin
HOUR = "bucket/capture/e/variant-m/2023/11/14/22/"


def serve(world: Any, **changes: Any) -> dict[str, Any]:
    """An endpoint `e` that answers with what it is sent."""
    world.servers.answer = lambda worker, headers, body: Response(
        status=200, headers={"content-type": headers.get("content-type", "")}, body=body
    )
    return dict(world.endpoint("e", "m", DataCaptureConfig={**CONFIG, **changes}))


def ask(world: Any, *bodies: str, **more: Any) -> None:
    for body in bodies:
        world.invoke("e", Body=body.encode(), ContentType="text/csv", **more)


def stored(world: Any) -> dict[str, list[dict[str, Any]]]:
    """What was captured, by object."""
    return {
        place: [json.loads(line) for line in data.decode().splitlines()]
        for place, data in world.s3.objects.items()
        if place.startswith("bucket/capture/")
    }


def inputs(world: Any) -> list[str]:
    return [
        record["captureData"]["endpointInput"]["data"]
        for _, records in sorted(stored(world).items())
        for record in records
    ]


def test_answered_requests_are_stored_as_the_models_role_after_a_few_seconds(world: Any) -> None:
    serve(world)
    ask(world, "1,2", InferenceId="case-1", CustomAttributes="trace=9")
    world.later(captures.AGE - 1)
    assert stored(world) == {}
    ask(world, "3,4")
    world.later(1)
    ((place, records),) = stored(world).items()
    assert place.startswith(f"{HOUR}13-20-000-") and place.endswith(".jsonl")
    body = {"observedContentType": "text/csv", "data": "1,2", "encoding": "CSV"}
    assert records[0]["captureData"] == {
        "endpointInput": {**body, "mode": "INPUT"},
        "endpointOutput": {**body, "mode": "OUTPUT"},
    }
    about = records[0]["eventMetadata"]
    assert (about["inferenceId"], about["customAttributes"]) == ("case-1", ["trace=9"])
    assert about["inferenceTime"] == "2023-11-14T22:13:20Z"
    assert records[1]["eventMetadata"]["inferenceTime"] == "2023-11-14T22:13:24Z"
    assert len({record["eventMetadata"]["eventId"] for record in records}) == 2
    assert world.s3.callers[-1] == "arn:aws:sts::000000000000:assumed-role/train/SageMaker"
    ask(world, "5,6")
    world.later(captures.AGE)
    assert inputs(world) == ["1,2", "3,4", "5,6"] and len(stored(world)) == 2


def test_the_configuration_is_described_and_the_endpoint_says_what_it_does(world: Any) -> None:
    shown = serve(world, InitialSamplingPercentage=20, KmsKeyId="alias/key")
    assert shown["DataCaptureConfig"] == {
        "EnableCapture": True,
        "CaptureStatus": "Started",
        "CurrentSamplingPercentage": 20,
        "DestinationS3Uri": "s3://bucket/capture",
        "KmsKeyId": "alias/key",
    }
    config = world("DescribeEndpointConfig", EndpointConfigName="e-config")["DataCaptureConfig"]
    assert config == {**CONFIG, "InitialSamplingPercentage": 20, "KmsKeyId": "alias/key"}
    assert "DataCaptureConfig" not in world.endpoint("plain", "n")


def test_a_configuration_that_stores_elsewhere_than_in_s3_is_refused(world: Any) -> None:
    with pytest.raises(AwsError, match="Not an S3 URI"):
        serve(world, DestinationS3Uri="https://bucket/capture")


@pytest.mark.parametrize(
    ("changes", "least", "most"),
    [
        ({}, 200, 200),
        ({"InitialSamplingPercentage": 30}, 40, 80),
        ({"InitialSamplingPercentage": 0}, 0, 0),
        ({"EnableCapture": False}, 0, 0),
    ],
)
def test_the_percentage_of_the_requests_is_kept(
    world: Any, changes: dict[str, Any], least: int, most: int
) -> None:
    """The choices come from a seed here: they are the same each time."""
    serve(world, **changes)
    ask(world, *(str(number) for number in range(200)))
    world.later(captures.AGE)
    kept = inputs(world)
    assert least <= len(kept) <= most
    assert kept == sorted(kept, key=int)


def test_the_same_seed_makes_the_same_choices_and_ids(world: Any) -> None:
    serve(world, InitialSamplingPercentage=50)
    seen = []
    for _ in range(2):
        ask(world, *(str(number) for number in range(20)))
        world.later(captures.AGE)
        ids = [record["eventMetadata"]["eventId"] for records in stored(world).values() for record in records]
        seen.append((inputs(world), ids))
        world.s3.objects = {
            place: data for place, data in world.s3.objects.items() if "/capture/" not in place
        }
        world.kill()
        world.start()
    assert seen[0] == seen[1]
    assert 0 < len(seen[0][0]) < 20


def test_a_large_file_is_stored_at_once(world: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captures, "SIZE", 1000)
    serve(world)
    ask(world, "x" * 1000)
    world.until(lambda: stored(world))
    assert inputs(world) == ["x" * 1000]


def test_what_is_on_disk_when_the_server_dies_is_stored_by_the_next_once(world: Any) -> None:
    serve(world)
    ask(world, "1", "2")
    world.server.run(world.captures.close())
    ids = [
        json.loads(line)["eventMetadata"]["eventId"]
        for path in (world.folder / "captures").iterdir()
        for line in path.read_bytes().splitlines()[1:]
    ]
    world.kill()
    assert stored(world) == {}
    world.start()
    world.later(0)
    ((_, records),) = stored(world).items()
    assert [record["eventMetadata"]["eventId"] for record in records] == ids
    assert list((world.folder / "captures").iterdir()) == []


def test_an_object_whose_answer_was_lost_is_written_again_and_is_the_same(world: Any) -> None:
    serve(world)
    ask(world, "1")

    def lose(place: str) -> None:
        world.s3.objects[place] = b"of the first attempt"
        raise AwsError("gone", code="InternalError", status=500)

    world.s3.putting = lose
    world.later(captures.AGE)
    (place,) = [place for place in world.s3.objects if place.startswith("bucket/capture/")]
    world.s3.putting = lambda place: None
    world.later(captures.RETRY)
    assert list(stored(world)) == [place] and inputs(world) == ["1"]


def refuse(place: str) -> None:
    raise AwsError("no identity-based policy allows it", code="AccessDenied", status=403)


def test_a_refusal_is_in_the_endpoints_log_and_the_lines_are_tried_again(world: Any) -> None:
    serve(world)
    world.s3.putting = refuse
    ask(world, "1")
    world.later(captures.AGE)
    said = [
        line for line in world.lines if line[:2] == ("/aws/sagemaker/Endpoints/e", "variant-m/data-capture")
    ]
    assert len(said) == 1 and "AccessDenied: no identity-based policy allows it" in said[0][2]
    ask(world, "2")
    world.later(captures.AGE)
    assert len(world.s3.callers) == 1, "it waits before it tries again"
    world.s3.putting = lambda place: None
    world.later(captures.RETRY)
    assert inputs(world) == ["1", "2"]


@pytest.mark.parametrize(
    ("limit", "value", "left"), [("KEPT_BYTES", 500, ["2"]), ("KEPT_SECONDS", 90.0, ["2"])]
)
def test_refused_lines_are_kept_within_bounds_and_the_oldest_go_first(
    world: Any, monkeypatch: pytest.MonkeyPatch, limit: str, value: float, left: list[str]
) -> None:
    monkeypatch.setattr(captures, limit, value)
    serve(world)
    world.s3.putting = refuse
    for body in ("1", "2"):
        ask(world, body)
        world.later(captures.RETRY)
    world.s3.putting = lambda place: None
    world.later(captures.RETRY)
    assert inputs(world) == left


def test_when_refused_lines_are_given_up_nothing_is_tried_any_more(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(captures, "KEPT_SECONDS", 30.0)
    serve(world)
    world.s3.putting = refuse
    ask(world, "1")
    world.later(captures.RETRY)
    assert list((world.folder / "captures").iterdir()) == []
    looks: list[Any] = []
    monkeypatch.setattr(world.captures._files, "end", lambda waits: looks.append(waits) or [])
    world.server.clock.advance(captures.RETRY)
    for _ in range(300):
        world.server.decide(lambda draft: None)
    assert len(looks) <= 1


def test_requests_that_cannot_be_written_in_time_are_dropped_not_held(
    world: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(captures, "WAITING_BYTES", 10)
    monkeypatch.setattr(captures, "GATHER", 3600.0)
    serve(world)
    ask(world, "12345", "x", "y")
    world.later(captures.AGE)
    assert inputs(world) == ["12345"]
    assert "2 requests were not captured" in caplog.text


def test_a_deleted_endpoints_lines_are_stored_before_it_is_gone(world: Any) -> None:
    serve(world)
    ask(world, "1")
    world("DeleteEndpoint", EndpointName="e")
    world.wait_for_no_endpoint()
    assert inputs(world) == ["1"]


def test_a_server_that_stops_stores_what_it_has(world: Any) -> None:
    serve(world)
    ask(world, "1")
    world.server.run(world.captures.store_last())
    assert inputs(world) == ["1"]


@pytest.mark.parametrize(
    ("options", "destination"),
    [
        ({}, "s3://bucket/other"),
        ({"RetainAllVariantProperties": True}, "s3://bucket/capture"),
        (
            {
                "RetainAllVariantProperties": True,
                "ExcludeRetainedVariantProperties": [{"VariantPropertyType": "DataCaptureConfig"}],
            },
            "s3://bucket/other",
        ),
    ],
)
def test_an_update_takes_the_new_configurations_capture_unless_the_old_is_retained(
    world: Any, options: dict[str, Any], destination: str
) -> None:
    serve(world)
    ask(world, "1")
    world.config("next", "m", DataCaptureConfig={**CONFIG, "DestinationS3Uri": "s3://bucket/other"})
    world("UpdateEndpoint", EndpointName="e", EndpointConfigName="next", **options)
    shown = world.settle("Endpoint", "e", "InService")
    assert shown["DataCaptureConfig"]["DestinationS3Uri"] == destination
    ask(world, "2")
    world.later(captures.AGE)
    places = {place.split("/e/")[0] for place in world.s3.objects if "/e/variant-m/" in place}
    assert places == {"bucket/capture", destination.removeprefix("s3://")}


def test_an_update_to_a_configuration_without_capture_ends_it(world: Any) -> None:
    serve(world)
    world.config("plain", "m")
    world("UpdateEndpoint", EndpointName="e", EndpointConfigName="plain")
    assert "DataCaptureConfig" not in world.settle("Endpoint", "e", "InService")
    ask(world, "1")
    world.later(captures.AGE)
    assert stored(world) == {}
