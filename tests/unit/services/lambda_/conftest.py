"""Lambda in a server without edges, with workers that answer what a test tells them to."""

from __future__ import annotations

import asyncio
import io
import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from harness import Harness

from stepwell.calls import Caller
from stepwell.durable import View
from stepwell.errors import AwsError
from stepwell.services import iam, lambda_, s3, sts
from stepwell.workers.functions import FunctionSpec, Invocation, InvocationResult

TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "lambda.amazonaws.com"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
)


class FakeWorkers:
    """Keeps what it is asked for. `answer` gives a payload, or raises; `gate` holds invocations back."""

    def __init__(self) -> None:
        self.asked: list[tuple[FunctionSpec, Invocation]] = []
        self.credentials: list[Any] = []
        self.retired: list[tuple[str, str | None]] = []
        self.answer: Callable[[Invocation], tuple[bytes, bool]] = lambda invocation: (
            invocation.payload,
            False,
        )
        self.gate: asyncio.Event | None = None

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> InvocationResult:
        self.asked.append((spec, invocation))
        if spec.credentials is not None:
            self.credentials.append(await spec.credentials())
        if self.gate is not None:
            await self.gate.wait()
        payload, failed = self.answer(invocation)
        return InvocationResult(
            payload=payload,
            function_error="Unhandled" if failed else None,
            log_tail=b"END\n",
            events=((1_700_000_000.0, f"START RequestId: {invocation.request_id}"),),
            log_stream=f"2023/11/14/[{spec.version}]0",
            duration=1.0,
            billed=1,
            init_duration=None,
            max_memory=1,
        )

    async def retire(self, name: str, keep: str | None = None) -> None:
        self.retired.append((name, keep))


class Lines:
    """A sink that keeps lines."""

    def __init__(self) -> None:
        self.written: list[tuple[str, str, list[tuple[float, str]]]] = []

    def writable(self, view: View, caller: Caller, group: str, stream: str) -> bool:
        return True

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        self.written.append((group, stream, lines))


def package(files: Mapping[str, str] | None = None) -> bytes:
    """A zip file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for name, text in (files or {"app.py": "def handler(event, context): return event"}).items():
            archive.writestr(zipfile.ZipInfo(name), text)
    return target.getvalue()


@pytest.fixture
def workers() -> FakeWorkers:
    return FakeWorkers()


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def start(tmp_path: Path, workers: FakeWorkers, lines: Lines) -> Iterator[Callable[[], Harness]]:
    """Starts a server on the test's folder; a second one after the first has ended."""
    running: list[Harness] = []

    def started() -> Harness:
        for earlier in running:
            earlier.__exit__(None, None, None)
        running.clear()
        harness = Harness(tmp_path)
        running.append(harness)
        parts = lambda_.Parts(
            context=harness.context, workers=workers, logs=lines, code=tmp_path / "workers" / "code"
        )
        return harness.serve(
            [iam.service(), sts.service(), s3.service(), lambda_.service(parts)],
            effects=lambda_.effects(parts),
            timers={**sts.timers(), **lambda_.timers()},
        )

    yield started
    for harness in running:
        harness.__exit__(None, None, None)


@pytest.fixture
def server(start: Callable[[], Harness]) -> Harness:
    """With a role that Lambda may assume."""
    harness = start()
    harness.call("iam", "CreateRole", RoleName="run", AssumeRolePolicyDocument=TRUST)
    return harness


@pytest.fixture
def create(server: Harness) -> Callable[..., dict[str, Any]]:
    """Creates a function; parameters that a test gives win, None leaves one out."""

    def created(name: str = "f", **params: Any) -> dict[str, Any]:
        wanted: dict[str, Any] = {
            "FunctionName": name,
            "Runtime": "python3.12",
            "Handler": "app.handler",
            "Role": "arn:aws:iam::000000000000:role/run",
            "Code": {"ZipFile": package()},
            **params,
        }
        given = {key: value for key, value in wanted.items() if value is not None}
        return server.call("lambda", "CreateFunction", **given)

    return created


@pytest.fixture
def error(server: Harness) -> Callable[..., tuple[str, str]]:
    """The code and message of a call that is refused."""

    def refused(operation: str, **params: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as caught:
            server.call("lambda", operation, **params)
        return caught.value.error_code, caught.value.message

    return refused


@pytest.fixture
def zipped() -> Callable[..., bytes]:
    return package
