"""InvokeEndpoint passes requests and answers through, and puts what goes wrong in AWS's terms."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import Harness

from stepwell.errors import AwsError
from stepwell.services import sagemaker_runtime
from stepwell.services.sagemaker_runtime import invoke
from stepwell.workers.connections import Broken, Response
from stepwell.workers.routing import Route, Router, Variant
from stepwell.workers.servers import ModelUnavailable

ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"


class Servers:
    """Model servers that do what `answer` says."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.answer: Callable[[str], Response] = lambda name: ok(name.encode())
        self.gate: asyncio.Event | None = None

    async def invoke(
        self, worker_id: str, headers: Mapping[str, str], body: bytes, *, timeout: float
    ) -> Response:
        self.asked.append((worker_id, dict(headers), body))
        if self.gate is not None:
            await self.gate.wait()
        return self.answer(worker_id)


class Captures:
    """Has every request that was answered: endpoint, variant, parameters, request, answer, its type."""

    def __init__(self) -> None:
        self.taken: list[tuple[Any, ...]] = []

    def take(self, endpoint: str, variant: str, request: Mapping[str, Any], **bodies: Any) -> None:
        self.taken.append((endpoint, variant, request.get("InferenceId"), bodies))


def ok(body: bytes, **headers: str) -> Response:
    return Response(status=200, headers={"content-type": "text/csv", **headers}, body=body)


class Place:
    """One endpoint `e` with the servers `a` and `b`."""

    def __init__(self, server: Harness) -> None:
        self.servers = Servers()
        self.router = Router()
        self.router.route(Route(endpoint="e", variants=(Variant(name="v", weight=1.0, servers=("a", "b")),)))
        for name in ("a", "b"):
            self.router.up(name)
        self.captures = Captures()
        self.server = server.serve([sagemaker_runtime.service(self.router, self.servers, self.captures)])

    def __call__(self, endpoint: str = "e", **params: Any) -> dict[str, Any]:
        return self.server.call("sagemaker-runtime", "InvokeEndpoint", EndpointName=endpoint, **params)


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with Harness(tmp_path) as server:
        yield Place(server)


def refusal(place: Place, *, status: int, code: str, **params: Any) -> AwsError:
    with pytest.raises(AwsError) as refused:
        place(**params)
    assert (refused.value.error_code, refused.value.http_status) == (code, status)
    return refused.value


def test_headers_go_in_and_come_back(place: Place) -> None:
    place.servers.answer = lambda name: ok(b"7", **{ATTRIBUTES: "back"})
    answer = place(Body=b"1,2", ContentType="text/csv", Accept="text/csv", CustomAttributes="c=1")
    ((_, headers, body),) = place.servers.asked
    assert body == b"1,2"
    assert headers == {"content-type": "text/csv", "accept": "text/csv", ATTRIBUTES: "c=1"}
    assert answer == {
        "Body": b"7",
        "ContentType": "text/csv",
        "InvokedProductionVariant": "v",
        "CustomAttributes": "back",
    }


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "\0", "é"])
def test_a_header_cannot_bring_others(place: Place, value: str) -> None:
    """Step Functions' calls come without HTTP, where any text may stand."""
    refusal(place, status=400, code="ValidationError", Body=b"x", CustomAttributes=value)
    assert not place.servers.asked


@pytest.mark.parametrize(("status", "side"), [(500, "server"), (415, "client")])
def test_a_models_error_carries_its_status_message_and_log(place: Place, status: int, side: str) -> None:
    place.servers.answer = lambda name: Response(status=status, headers={}, body=b"no good")
    error = refusal(place, status=424, code="ModelError", Body=b"x")
    assert error.message.startswith(f'Received {side} error ({status}) from primary with message "no good"')
    assert error.fields == {
        "OriginalStatusCode": status,
        "OriginalMessage": "no good",
        "LogStreamArn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/sagemaker/Endpoints/e",
    }


def test_unknown_endpoints_and_variants_are_validation_errors(place: Place) -> None:
    error = refusal(place, status=400, code="ValidationError", endpoint="none", Body=b"x")
    assert error.message == "Endpoint none of account 000000000000 not found."
    error = refusal(place, status=400, code="ValidationError", Body=b"x", TargetVariant="w")
    assert "Variant w of endpoint e not found" in error.message


def test_a_body_over_six_megabytes_is_refused(place: Place) -> None:
    assert place(Body=b"x" * 6_291_456)["InvokedProductionVariant"] == "v"
    with pytest.raises(AwsError):
        place(Body=b"x" * 6_291_457)
    assert len(place.servers.asked) == 1


def test_a_server_that_broke_off_is_replaced_by_another_once(place: Place) -> None:
    def answer(name: str) -> Response:
        if name == first:
            raise ModelUnavailable(name) from Broken(begun=False)
        return ok(b"second")

    first = place.router.choose("e").server
    place.servers.answer = answer
    bodies = [place(Body=b"x")["Body"] for _ in range(3)]
    assert bodies == [b"second"] * 3
    assert [name for name, _, _ in place.servers.asked].count(first) <= 1


def test_a_request_that_reached_no_server_goes_on_until_one_is_well(place: Place) -> None:
    refused = 0

    def answer(name: str) -> Response:
        nonlocal refused
        if refused < 5:
            refused += 1
            place.server.events.call_soon(place.router.up, name)
            raise ModelUnavailable(name) from ConnectionRefusedError()
        return ok(b"at last")

    place.servers.answer = answer
    assert place(Body=b"x")["Body"] == b"at last"


def test_two_servers_that_break_off_make_the_service_unavailable(place: Place) -> None:
    def answer(name: str) -> Response:
        raise ModelUnavailable(name) from Broken(begun=True)

    place.servers.answer = answer
    refusal(place, status=503, code="ServiceUnavailable", Body=b"x")
    assert sorted(name for name, _, _ in place.servers.asked) == ["a", "b"]


def test_a_model_that_does_not_answer_in_time_is_a_model_error(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invoke, "LIMIT", 0.01)
    place.servers.gate = asyncio.Event()
    error = refusal(place, status=424, code="ModelError", Body=b"x")
    assert error.message.startswith("Received server error (0) from primary")
    assert place.router.in_flight("a") == place.router.in_flight("b") == 0


@pytest.mark.parametrize("field", ["TargetModel", "SessionId", "InferenceComponentName"])
def test_what_is_not_supported_is_refused_by_name(place: Place, field: str) -> None:
    with pytest.raises(AwsError, match=f"the parameter {field} is not supported"):
        place(Body=b"x", **{field: "x"})


def test_what_was_answered_is_handed_over_to_be_captured_and_what_failed_is_not(place: Place) -> None:
    served = place(Body=b"1,2", ContentType="text/csv", InferenceId="case-1")["Body"]
    ((endpoint, variant, inference_id, bodies),) = place.captures.taken
    assert (endpoint, variant, inference_id) == ("e", "v", "case-1")
    assert bodies == {"sent": b"1,2", "answered": served, "answered_as": "text/csv"}
    place.servers.answer = lambda name: Response(status=500, headers={}, body=b"no")
    refusal(place, status=424, code="ModelError", Body=b"3")
    assert len(place.captures.taken) == 1
