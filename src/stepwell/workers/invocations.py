"""One invocation of a function: what is asked, what comes back, and the log that AWS would have written."""

from __future__ import annotations

import json
import math
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.clock import iso
from stepwell.workers.function_worker import Gone, OverMemory
from stepwell.workers.worker_environment import Credentials

#: AWS's limit on what a synchronous invocation answers, in bytes
RESPONSE_LIMIT = 6_291_556
#: how much of the log an invocation answers with, in bytes
TAIL = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionSpec:
    """A function as it is to be run."""

    #: the function's name
    name: str
    #: changes with everything below: a warm process is used only for the same (name, revision)
    revision: str
    #: the unpacked code
    code: Path
    #: `module.function`
    handler: str
    #: such as `python3.12`
    runtime: str
    #: seconds
    timeout: float
    #: MiB
    memory: int
    #: gives a session of the function's role; None for a function without one
    credentials: Callable[[], Awaitable[Credentials]] | None = None
    #: the user's environment variables
    variables: Mapping[str, str] = field(default_factory=dict)
    #: all layers, unpacked over each other into one folder
    layer: Path | None = None
    #: `$LATEST` or a number
    version: str = "$LATEST"
    #: size of /tmp in MiB; one file may be so large
    storage: int = 512

    @property
    def log_group(self) -> str:
        return f"/aws/lambda/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """One request to a function."""

    #: the payload, JSON
    payload: bytes
    request_id: str
    #: with the qualifier that the caller used
    function_arn: str
    #: the client context's JSON, decoded
    client_context: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationResult:
    """What became of a request."""

    #: the handler's result, or the error, as JSON
    payload: bytes
    #: `Unhandled` when the payload is an error
    function_error: str | None
    #: the end of the log, 4 KiB at most
    log_tail: bytes
    #: time in seconds since the epoch, and text, of each log event
    events: tuple[tuple[float, str], ...]
    #: the stream that the events belong to
    log_stream: str
    #: milliseconds that the handler ran
    duration: float
    #: the same, rounded up to whole ones
    billed: int
    #: milliseconds that loading the code took; None where the process was warm
    init_duration: float | None
    #: MiB
    max_memory: int


class Account:
    """Collects what happens in one invocation, and becomes its result."""

    def __init__(self, spec: FunctionSpec, invocation: Invocation) -> None:
        self.spec = spec
        self.invocation = invocation
        self.events: list[tuple[float, str]] = []
        self.init: float | None = None
        self._began = time.perf_counter()
        self._started = False

    def add(self, text: str) -> None:
        """One log event of the runtime's own."""
        self.events.append((time.time(), text))

    def start(self) -> None:
        """The handler's time begins."""
        self.add(f"START RequestId: {self.invocation.request_id} Version: {self.spec.version}")
        self._began = time.perf_counter()
        self._started = True

    def request(self) -> dict[str, Any]:
        """What the worker is told beside the payload."""
        return {
            "request_id": self.invocation.request_id,
            "function_arn": self.invocation.function_arn,
            "client_context": self.invocation.client_context,
            "deadline_ms": (time.time() + self.spec.timeout) * 1000,
        }

    def no_answer(self, error: TimeoutError | Gone | OverMemory) -> bytes:
        """Log that the worker was ended or went; the error's payload."""
        request_id = self.invocation.request_id
        if isinstance(error, TimeoutError):
            kind, text = "Sandbox.Timedout", f"Task timed out after {self.spec.timeout:.2f} seconds"
            self.add(f"{iso(time.time())} {request_id} {text}")
        else:
            code = error.code if isinstance(error, Gone) else -signal.SIGKILL
            kind, text = "Runtime.ExitError", exit_text(code)
            self.add(f"RequestId: {request_id} Error: {text}\n{kind}")
        return _error(kind, f"RequestId: {request_id} Error: {text}")

    def result(self, payload: bytes, failed: bool, log_stream: str, peak_memory: int) -> InvocationResult:
        """The end: Lambda's last lines, and everything together. `peak_memory` is in bytes."""
        duration = (time.perf_counter() - self._began) * 1000
        if len(payload) > RESPONSE_LIMIT:
            message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            payload, failed = _error("Function.ResponseSizeTooLarge", message), True
        if not self._started:
            self.start()
        billed = max(1, math.ceil(duration))
        memory = min(self.spec.memory, max(1, math.ceil(peak_memory / (1 << 20))))
        request_id = self.invocation.request_id
        self.add(f"END RequestId: {request_id}")
        self.add(
            f"REPORT RequestId: {request_id}\tDuration: {duration:.2f} ms\tBilled Duration: {billed} ms"
            f"\tMemory Size: {self.spec.memory} MB\tMax Memory Used: {memory} MB"
            + ("" if self.init is None else f"\tInit Duration: {self.init:.2f} ms")
        )
        return InvocationResult(
            payload=payload,
            function_error="Unhandled" if failed else None,
            log_tail=_tail(self.events),
            events=tuple(self.events),
            log_stream=log_stream,
            duration=duration,
            billed=billed,
            init_duration=self.init,
            max_memory=memory,
        )


def _error(kind: str, message: str) -> bytes:
    return json.dumps({"errorType": kind, "errorMessage": message}).encode()


def exit_text(code: int) -> str:
    """How Lambda says that a process ended; `code` as `subprocess` has it."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = (signal.strsignal(-code) or str(-code)).lower()
    return f"Runtime exited with error: signal: {name}"


def _tail(events: list[tuple[float, str]]) -> bytes:
    """The last 4 KiB of the log."""
    pieces: list[bytes] = []
    size = 0
    for _, text in reversed(events):
        pieces.append(text.encode() + b"\n")
        size += len(pieces[-1])
        if size >= TAIL:
            break
    return b"".join(reversed(pieces))[-TAIL:]
