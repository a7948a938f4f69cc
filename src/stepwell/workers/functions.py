"""Functions: a pool of warm processes for each version of each function's code and settings.

A process answers one invocation at a time; more at once need more processes, up to a limit. They die with
the server, and an invocation that was under way is made again by whoever asked, with the same request id.
"""

from __future__ import annotations

import asyncio
import json
import math
import shutil
import signal
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.clock import iso
from stepwell.workers import containment, function_worker, processes, worker_environment
from stepwell.workers.function_worker import FunctionWorker, Gone, OverMemory
from stepwell.workers.runtimes import Runtime, runtime
from stepwell.workers.worker_environment import Credentials

#: AWS's limit on what a synchronous invocation answers, in bytes
RESPONSE_LIMIT = 6_291_556
#: the time that loading the code may take beyond the function's own timeout, in seconds
INIT_LIMIT = 10.0
#: a process whose credentials expire sooner than this after an invocation's timeout is not used, in seconds
EXPIRY_MARGIN = 60.0
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


class Functions:
    """The warm processes of all functions."""

    def __init__(
        self,
        *,
        root: Path,
        data: Path,
        cache: Path,
        endpoint: str,
        region: str,
        limit: int = 64,
        idle: float = 600.0,
    ) -> None:
        """root: the folder of the processes' folders; data: what they must not see; cache: shared by servers;
        endpoint: this server's URL; limit: processes at once; idle: seconds until an unused one ends."""
        self.root = root.resolve()
        self.data = data.resolve()
        self.cache = cache
        self.endpoint = endpoint
        self.region = region
        self.idle = idle
        self._slots = asyncio.Semaphore(limit)
        self._warm: dict[tuple[str, str], list[FunctionWorker]] = {}
        self._all: set[FunctionWorker] = set()
        self._runtimes: dict[str, Runtime] = {}
        self._streams: dict[FunctionWorker, str] = {}
        self._ending: set[asyncio.Task[None]] = set()
        processes.sweep(self.root, set())
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o700)

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> InvocationResult:
        """Run the handler once. Whatever the user's code does is in the result.

        Raises OSError when no process can be started, and what `spec.credentials` raises.
        """
        async with self._slots:
            worker = self._take(spec)
            if worker is not None:
                return await self._run(spec, worker, invocation, None, [])
            worker, events = await self._start(spec)
            return await self._first_run(spec, worker, invocation, events)

    def _take(self, spec: FunctionSpec) -> FunctionWorker | None:
        """The process that was used last of those that fit."""
        waiting = self._warm.get((spec.name, spec.revision), [])
        needed_until = time.time() + spec.timeout + EXPIRY_MARGIN
        for worker in reversed(waiting):
            if worker.running and (worker.retire_at is None or worker.retire_at > needed_until):
                waiting.remove(worker)
                return worker
        return None

    async def _start(self, spec: FunctionSpec) -> tuple[FunctionWorker, list[tuple[float, str]]]:
        """A new process, and the log events that tell of it."""
        found = self._runtimes.get(spec.runtime)
        if found is None:
            found = await asyncio.to_thread(runtime, spec.runtime, self.cache)
            self._runtimes[spec.runtime] = found
        credentials = None if spec.credentials is None else await spec.credentials()
        worker_id = uuid.uuid4().hex
        folder = self.root / worker_id
        for name in ("tmp", "home"):
            (folder / name).mkdir(parents=True)
        stream = f"{time.strftime('%Y/%m/%d', time.gmtime())}/[{spec.version}]{worker_id}"
        worker = FunctionWorker(worker_id, folder)
        worker.retire_at = None if credentials is None else credentials.expires_at
        environment = worker_environment.build(
            worker_id=worker_id,
            folder=folder,
            endpoint=self.endpoint,
            region=self.region,
            credentials=credentials,
            variables={**spec.variables, **self._contract(spec, stream)},
        )
        worker.start(
            function_worker.command(found.interpreter.path), environment, self._orders(spec, found, folder)
        )
        self._all.add(worker)
        self._streams[worker] = stream
        major, minor, micro = found.interpreter.version
        now = time.time()
        events = [(now, f"INIT_START Runtime Version: python:{major}.{minor}.v{micro}")]
        if found.warning:
            events.append((now, f"[WARN] {found.warning}"))
        return worker, events

    def _contract(self, spec: FunctionSpec, stream: str) -> dict[str, str]:
        """The variables that Lambda sets; most of them cannot be set by the user."""
        return {
            "_HANDLER": spec.handler,
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{spec.runtime}",
            "AWS_LAMBDA_FUNCTION_NAME": spec.name,
            "AWS_LAMBDA_FUNCTION_VERSION": spec.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(spec.memory),
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_LAMBDA_LOG_GROUP_NAME": spec.log_group,
            "AWS_LAMBDA_LOG_STREAM_NAME": stream,
            "LAMBDA_TASK_ROOT": str(spec.code),
            "TZ": ":UTC",
        }

    def _orders(self, spec: FunctionSpec, found: Runtime, folder: Path) -> dict[str, Any]:
        """The first frame: what the process has to load, and how it shuts itself in."""
        mounts = [(folder / "tmp", "/tmp"), (spec.code, "/var/task")]
        read = [*found.read, spec.code]
        if spec.layer is not None:
            mounts.append((spec.layer, "/opt"))
            read.append(spec.layer)
        return {
            "handler": spec.handler,
            "code": str(spec.code),
            "layer": None if spec.layer is None else str(spec.layer),
            "runtime": str(found.packages),
            "confinement": containment.rules(
                data=self.data,
                write=[folder / "tmp", folder / "home"],
                read=read,
                mounts=mounts,
                limits={"fsize": spec.storage << 20, "nofile": 1024},
            ),
        }

    async def _first_run(
        self,
        spec: FunctionSpec,
        worker: FunctionWorker,
        invocation: Invocation,
        events: list[tuple[float, str]],
    ) -> InvocationResult:
        """Wait until a new process has loaded the code, then run the handler."""
        began = time.perf_counter()
        try:
            header, body = await worker.ready(INIT_LIMIT + spec.timeout, spec.memory << 20)
        except (TimeoutError, Gone, OverMemory) as error:
            error_body, line = _sandbox_error(error, spec, invocation.request_id)
            events += [*worker.take_lines(), (time.time(), line)]
            return self._result(spec, worker, error_body, True, invocation, began, None, events)
        events += worker.take_lines()
        if header["type"] == "init_error":
            await self._drop(worker)
            return self._result(spec, worker, body, True, invocation, began, None, events)
        return await self._run(spec, worker, invocation, header["init_ms"], events)

    async def _run(
        self,
        spec: FunctionSpec,
        worker: FunctionWorker,
        invocation: Invocation,
        init: float | None,
        events: list[tuple[float, str]],
    ) -> InvocationResult:
        """Run the handler in a process that is ready."""
        events.append((time.time(), f"START RequestId: {invocation.request_id} Version: {spec.version}"))
        began = time.perf_counter()
        request = {
            "request_id": invocation.request_id,
            "function_arn": invocation.function_arn,
            "client_context": invocation.client_context,
            "deadline_ms": (time.time() + spec.timeout) * 1000,
        }
        try:
            header, body = await worker.exchange(request, invocation.payload, spec.timeout, spec.memory << 20)
        except asyncio.CancelledError:
            await self._drop(worker)
            raise
        except (TimeoutError, Gone, OverMemory) as error:
            body, line = _sandbox_error(error, spec, invocation.request_id)
            events += [*worker.take_lines(), (time.time(), line)]
            return self._result(spec, worker, body, True, invocation, began, init, events)
        worker.peak_memory = max(worker.peak_memory, header["peak_memory"])
        events += worker.take_lines()
        self._put_back(spec, worker)
        failed = header["error"]
        if len(body) > RESPONSE_LIMIT:
            failed, body = True, _too_large()
        return self._result(spec, worker, body, failed, invocation, began, init, events)

    def _result(
        self,
        spec: FunctionSpec,
        worker: FunctionWorker,
        payload: bytes,
        failed: bool,
        invocation: Invocation,
        began: float,
        init: float | None,
        events: list[tuple[float, str]],
    ) -> InvocationResult:
        """Add what Lambda prints at an invocation's end."""
        duration = (time.perf_counter() - began) * 1000
        billed = max(1, math.ceil(duration))
        memory = min(spec.memory, max(1, math.ceil(worker.peak_memory / (1 << 20))))
        now = time.time()
        if not any(text.startswith("START ") for _, text in events):
            events.append((now, f"START RequestId: {invocation.request_id} Version: {spec.version}"))
        events.append((now, f"END RequestId: {invocation.request_id}"))
        report = (
            f"REPORT RequestId: {invocation.request_id}\tDuration: {duration:.2f} ms"
            f"\tBilled Duration: {billed} ms\tMemory Size: {spec.memory} MB\tMax Memory Used: {memory} MB"
        )
        events.append((now, report if init is None else f"{report}\tInit Duration: {init:.2f} ms"))
        stream = self._streams[worker]
        if worker not in self._all or not worker.running:
            self._forget(worker)
        return InvocationResult(
            payload=payload,
            function_error="Unhandled" if failed else None,
            log_tail=_tail(events),
            events=tuple(events),
            log_stream=stream,
            duration=duration,
            billed=billed,
            init_duration=init,
            max_memory=memory,
        )

    def _put_back(self, spec: FunctionSpec, worker: FunctionWorker) -> None:
        """Keep a process warm for `idle` seconds."""
        waiting = self._warm.setdefault((spec.name, spec.revision), [])
        waiting.append(worker)
        if worker.idle_since is None:
            asyncio.get_running_loop().call_later(self.idle, self._end_idle, waiting, worker)
        worker.idle_since = time.monotonic()

    def _end_idle(self, waiting: list[FunctionWorker], worker: FunctionWorker) -> None:
        """End a process that was not used for `idle` seconds; look again later at one that was."""
        if worker not in self._all or worker.idle_since is None:
            return
        loop = asyncio.get_running_loop()
        left = worker.idle_since + self.idle - time.monotonic()
        if worker in waiting and left <= 0:
            waiting.remove(worker)
            self._ending.add(loop.create_task(self._drop(worker)))
        else:
            loop.call_later(max(left, 1.0), self._end_idle, waiting, worker)

    def _forget(self, worker: FunctionWorker) -> None:
        self._all.discard(worker)
        self._streams.pop(worker, None)

    async def _drop(self, worker: FunctionWorker) -> None:
        self._all.discard(worker)
        await worker.kill()
        self._ending = {task for task in self._ending if not task.done()}

    async def retire(self, name: str, keep: str | None = None) -> None:
        """End the idle processes of a function that was changed or deleted, but those of revision `keep`."""
        for key in [key for key in self._warm if key[0] == name and key[1] != keep]:
            for worker in self._warm.pop(key):
                await self._drop(worker)
                self._forget(worker)

    async def close(self) -> None:
        """End all processes; invocations under way fail."""
        self._warm.clear()
        for worker in list(self._all):
            await worker.kill()
            self._forget(worker)


def _sandbox_error(error: Exception, spec: FunctionSpec, request_id: str) -> tuple[bytes, str]:
    """The payload and the log line for a process that gave no answer."""
    if isinstance(error, TimeoutError):
        text = f"Task timed out after {spec.timeout:.2f} seconds"
        kind, line = "Sandbox.Timedout", f"{iso(time.time())} {request_id} {text}"
    else:
        code = -signal.SIGKILL if isinstance(error, OverMemory) else error.code  # type: ignore[attr-defined]
        text, kind = exit_text(code), "Runtime.ExitError"
        line = f"RequestId: {request_id} Error: {text}\nRuntime.ExitError"
    message = f"RequestId: {request_id} Error: {text}"
    return json.dumps({"errorType": kind, "errorMessage": message}).encode(), line


def exit_text(code: int) -> str:
    """How Lambda says that a process ended; `code` as `subprocess` has it."""
    if code == 0:
        return "Runtime exited without providing a reason"
    if code > 0:
        return f"Runtime exited with error: exit status {code}"
    name = (signal.strsignal(-code) or str(-code)).lower()
    return f"Runtime exited with error: signal: {name}"


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()


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
