"""Invocations at once answer what the function does; events are kept until they are done with."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from harness import Harness

from stepwell.calls import Call
from stepwell.errors import AwsError
from stepwell.services.lambda_.queue import Event
from stepwell.workers.functions import Invocation

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
Create = Callable[..., dict[str, Any]]
Refused = Callable[..., tuple[str, str]]


def invoke(server: Harness, payload: Any = None, **params: Any) -> dict[str, Any]:
    return server.call("lambda", "Invoke", FunctionName="f", Payload=json.dumps(payload).encode(), **params)


def events(server: Harness) -> list[Event]:
    return server.read(lambda view: list(view.scan(Event)))


def test_an_invocation_answers_with_the_functions_result(
    server: Harness, create: Create, workers: Any, lines: Any
) -> None:
    shown = create(Timeout=7, MemorySize=256, Environment={"Variables": {"AA": "b"}})
    context = {"custom": {"a": 1}}
    reply = server.reply(
        "lambda",
        "Invoke",
        FunctionName="f:$LATEST",
        Payload=b'{"x": 1}',
        LogType="Tail",
        ClientContext=base64.b64encode(json.dumps(context).encode()).decode(),
    )
    assert reply.status == 200
    assert reply.output == {
        "StatusCode": 200,
        "Payload": b'{"x": 1}',
        "ExecutedVersion": "$LATEST",
        "LogResult": base64.b64encode(b"END\n").decode(),
    }
    spec, invocation = workers.asked[0]
    assert (spec.name, spec.revision, spec.timeout, spec.memory, spec.handler, spec.runtime) == (
        "f",
        shown["RevisionId"],
        7,
        256,
        "app.handler",
        "python3.12",
    )
    assert spec.variables == {"AA": "b"}
    assert (spec.code / "app.py").is_file()
    assert invocation.function_arn == f"{ARN}:$LATEST"
    assert invocation.client_context == context
    group, stream, written = lines.written[0]
    assert (group, stream) == ("/aws/lambda/f", "2023/11/14/[$LATEST]0")
    assert written == [(1_700_000_000.0, f"START RequestId: {invocation.request_id}")]


def test_a_published_version_runs_its_own_code_and_settings(
    server: Harness, create: Create, workers: Any, zipped: Any
) -> None:
    create(Publish=True)
    server.call("lambda", "UpdateFunctionCode", FunctionName="f", ZipFile=zipped({"new.py": ""}))
    assert invoke(server, Qualifier="1")["ExecutedVersion"] == "1"
    invoke(server)
    (old, first), (new, second) = workers.asked
    assert [path.name for path in old.code.iterdir()] == ["app.py"]
    assert [path.name for path in new.code.iterdir()] == ["new.py"]
    assert old.version == "1" and old.revision != new.revision
    assert (first.function_arn, second.function_arn) == (f"{ARN}:1", ARN)


def test_an_error_of_the_function_is_told_with_status_200(
    server: Harness, create: Create, workers: Any
) -> None:
    create()
    workers.answer = lambda invocation: (b'{"errorType": "ValueError"}', True)
    reply = server.reply("lambda", "Invoke", FunctionName="f")
    assert (reply.status, reply.output["FunctionError"]) == (200, "Unhandled")
    assert workers.asked[0][1].payload == b"{}"


@pytest.mark.parametrize(
    ("params", "code", "text"),
    [
        ({"FunctionName": "g"}, "ResourceNotFoundException", f"Function not found: {ARN[:-1]}g:$LATEST"),
        ({"Qualifier": "9"}, "ResourceNotFoundException", f"Function not found: {ARN}:9"),
        ({"Payload": b"{"}, "InvalidRequestContentException", "Could not parse request body into json"),
        (
            {"Payload": b'"' + b"x" * 6_291_556 + b'"'},
            "RequestTooLargeException",
            "Request must be smaller than 6291556 bytes for the InvokeFunction operation",
        ),
        (
            {"Payload": b'"' + b"x" * 1_048_576 + b'"', "InvocationType": "Event"},
            "RequestTooLargeException",
            "Request must be smaller than 1048576 bytes for the InvokeFunction operation",
        ),
        ({"ClientContext": "x"}, "InvalidRequestContentException", "Client context must be"),
        ({"ClientContext": "MQ=="}, "InvalidRequestContentException", "Client context must be"),
    ],
)
def test_what_cannot_be_invoked_is_refused(
    create: Create, error: Refused, workers: Any, params: dict[str, Any], code: str, text: str
) -> None:
    create()
    found, message = error("Invoke", **{"FunctionName": "f", **params})
    assert found == code and text in message
    assert workers.asked == []


def test_a_dry_run_runs_nothing(server: Harness, create: Create, workers: Any) -> None:
    create()
    reply = server.reply("lambda", "Invoke", FunctionName="f", InvocationType="DryRun")
    assert reply.status == 204 and workers.asked == []


def test_sessions_of_the_role_are_used_until_they_expire_soon(
    server: Harness, create: Create, workers: Any
) -> None:
    create(Timeout=60)
    for seconds in (0, 3600 - 60 - 300 - 1, 2):
        server.clock.advance(seconds)
        invoke(server)
    first, second, third = workers.credentials
    assert first == second != third
    assert first.expires_at == 1_700_000_000 + 3600
    assert first.access_key_id.startswith("ASIA")


def test_a_role_that_is_gone_is_told(server: Harness, create: Create, error: Refused) -> None:
    create()
    server.call("iam", "DeleteRole", RoleName="run")
    assert error("Invoke", FunctionName="f") == (
        "AccessDeniedException",
        "The role defined for the function cannot be assumed by Lambda.",
    )


def test_reserved_concurrency_throttles_and_is_given_back(
    server: Harness, create: Create, error: Refused, workers: Any
) -> None:
    create()
    server.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)

    async def two() -> AwsError:
        workers.gate = asyncio.Event()
        first = asyncio.ensure_future(server.dispatch("lambda", "Invoke", FunctionName="f"))
        while not workers.asked:
            await asyncio.sleep(0)
        with pytest.raises(AwsError) as caught:
            await server.dispatch("lambda", "Invoke", FunctionName="f")
        workers.gate.set()
        await first
        return caught.value

    problem = server.run(two())
    assert (problem.error_code, problem.http_status, problem.message) == (
        "TooManyRequestsException",
        429,
        "Rate Exceeded.",
    )
    assert problem.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    workers.answer = lambda invocation: 1 / 0  # type: ignore[assignment, return-value]
    with pytest.raises(ZeroDivisionError):
        invoke(server)
    workers.answer = lambda invocation: (b"1", False)
    assert invoke(server)["Payload"] == b"1"


def test_an_event_is_accepted_first_and_run_then(server: Harness, create: Create, workers: Any) -> None:
    create()
    reply = server.reply("lambda", "Invoke", FunctionName="f", InvocationType="Event", Payload=b'{"a": 1}')
    assert (reply.status, reply.output) == (202, {"StatusCode": 202})
    server.settle()
    assert [invocation.payload for _, invocation in workers.asked] == [b'{"a": 1}']
    assert events(server) == []


def test_a_failing_event_is_tried_again_after_one_and_two_minutes_with_its_request_id(
    server: Harness, create: Create, workers: Any
) -> None:
    create()
    times: list[float] = []

    def fail(invocation: Invocation) -> tuple[bytes, bool]:
        times.append(server.clock.now() - 1_700_000_000)
        return b"{}", True

    workers.answer = fail
    invoke(server, 1, InvocationType="Event")
    server.settle()
    for _ in range(40):
        server.advance(10)
    assert times == [0, 60, 180]
    assert len({invocation.request_id for _, invocation in workers.asked}) == 1
    assert events(server) == []


def occupy(server: Harness, workers: Any) -> asyncio.Task[Any]:
    """Use up the function's only concurrent execution until the workers' gate opens."""
    server.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=1)
    workers.gate = asyncio.Event()
    task = server.events.create_task(server.dispatch("lambda", "Invoke", FunctionName="f"))

    async def asked() -> None:
        while not workers.asked:
            await asyncio.sleep(0)

    server.run(asked())
    return task


def test_a_throttled_event_waits_and_does_not_count_as_failed(
    server: Harness, create: Create, workers: Any
) -> None:
    create()
    task = occupy(server, workers)
    invoke(server, 1, InvocationType="Event")
    server.settle()
    for _ in range(3):
        server.advance(5)
    assert len(workers.asked) == 1
    assert (events(server)[0].failures, events(server)[0].throttled > 1) == (0, True)
    workers.gate.set()
    server.run(task)
    server.advance(300)
    assert len(workers.asked) == 2 and events(server) == []


def test_an_event_throttled_for_six_hours_is_dropped(server: Harness, create: Create, workers: Any) -> None:
    create()
    task = occupy(server, workers)
    invoke(server, 1, InvocationType="Event")
    server.settle()
    for _ in range(60):
        server.advance(301)
    assert len(events(server)) == 1
    for _ in range(20):
        server.advance(301)
    assert events(server) == [] and len(workers.asked) == 1
    workers.gate.set()
    server.run(task)


def test_a_reserved_concurrency_of_zero_drops_events_at_once(
    server: Harness, create: Create, workers: Any
) -> None:
    create()
    server.call("lambda", "PutFunctionConcurrency", FunctionName="f", ReservedConcurrentExecutions=0)
    invoke(server, 1, InvocationType="Event")
    server.settle()
    assert events(server) == [] and workers.asked == []


def test_an_event_of_a_deleted_function_is_dropped(server: Harness, create: Create, workers: Any) -> None:
    create()
    workers.answer = lambda invocation: (b"{}", True)
    invoke(server, 1, InvocationType="Event")
    server.settle()
    server.call("lambda", "DeleteFunction", FunctionName="f")
    server.advance(60)
    assert len(workers.asked) == 1 and events(server) == []


def test_an_event_outlives_the_server_and_its_code_is_unpacked_again(
    server: Harness, start: Callable[[], Harness], create: Create, workers: Any
) -> None:
    create()
    workers.gate = asyncio.Event()
    invoke(server, {"a": 1}, InvocationType="Event")
    workers.gate = None
    before = [invocation.request_id for _, invocation in workers.asked]
    later = start()
    later.settle()
    spec, invocation = workers.asked[-1]
    assert invocation.payload == b'{"a": 1}'
    assert set(before) <= {invocation.request_id}
    assert (spec.code / "app.py").is_file()
    assert events(later) == []


def test_an_event_sent_twice_under_one_token_is_taken_once(
    server: Harness, create: Create, workers: Any
) -> None:
    create()
    call = Call(
        service="lambda",
        operation="Invoke",
        params={"FunctionName": "f", "InvocationType": "Event", "Payload": b"1"},
        caller=server.caller,
        request_id="11111111-1111-4111-8111-111111111111",
        token="delivery/1",
    )
    for _ in range(2):
        assert server.run(server.dispatcher.dispatch(call)).status == 202
        server.settle()
    assert [invocation.request_id for _, invocation in workers.asked] == [call.request_id]


def test_a_machine_that_starts_no_process_is_an_error_of_the_service(
    server: Harness, create: Create, error: Refused, workers: Any
) -> None:
    create()

    def fail(invocation: Invocation) -> tuple[bytes, bool]:
        raise OSError("no memory")

    workers.answer = fail
    assert error("Invoke", FunctionName="f")[0] == "ServiceException"
