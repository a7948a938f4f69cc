"""One warm process of a function, seen from the server: frames to it, frames and printed lines from it."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import struct
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from stepwell.workers import containment, processes
from stepwell.workers.endings import ended

LENGTHS = struct.Struct(">II")
#: between two looks at the memory of a process that is at work, in seconds
MEMORY_INTERVAL = 0.05
#: Lambda's limit on a function's processes
PROCESSES = 1024
#: reads of 64 KiB that empty a pipe which nobody fills
PIPE_ROUNDS = 17
#: the same mark as in `inside/function.py`
INNER_LINE_END = "\x1e"
#: printed bytes of one invocation that are kept; what comes after is counted and dropped
LOG_LIMIT = 16 << 20
#: bytes that a line takes in memory beside its text: empty lines count too
LINE_COST = 64
#: the largest answer is 6 MiB (Lambda quotas): of a longer one this much is kept, so that it shows
ANSWER_LIMIT = (6 << 20) + 4096
#: the largest header of an answer
HEADER_LIMIT = 4096
#: what an answer's header holds, by its type
ANSWERS: dict[str, dict[str, tuple[type, ...]]] = {
    "ready": {"init_ms": (int, float)},
    "init_error": {},
    "result": {"error": (bool,), "peak_memory": (int,)},
}


class Gone(Exception):
    """The process ended instead of answering."""

    def __init__(self, code: int) -> None:
        """code: as `subprocess` has it, a signal's number negated."""
        super().__init__(code)
        self.code = code


class OverMemory(Exception):
    """The process held more memory, or more processes, than it may, and was killed."""


class Printed:
    """The lines that a process printed since they were last taken."""

    def __init__(self) -> None:
        self.events: list[tuple[float, str]] = []
        self.held = 0
        self.dropped = 0
        self.partial = b""

    def feed(self, data: bytes) -> None:
        *lines, self.partial = (self.partial + data).split(b"\n")
        if len(self.partial) > 1 << 18:
            lines.append(self.partial)
            self.partial = b""
        now = time.time()
        for line in lines:
            if self.held > LOG_LIMIT:
                self.dropped += len(line) + 1
                continue
            self.held += len(line) + LINE_COST
            self.events.append((now, line.decode(errors="replace").replace(INNER_LINE_END, "\n")))

    def take(self) -> list[tuple[float, str]]:
        """All lines since the last call, an unfinished one included."""
        if self.partial:
            self.feed(b"\n")
        if self.dropped:
            self.events.append((time.time(), f"[{self.dropped} bytes of output were dropped]"))
        taken = self.events
        self.events, self.held, self.dropped = [], 0, 0
        return taken


class Answers:
    """What a process writes on its side of the pipe. The user's code may write there too."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._surplus = 0
        self._answer: tuple[dict[str, Any], bytes] | None = None

    def feed(self, data: bytes) -> None:
        """Take bytes. Raises ValueError for what is no answer, or one more than was asked for."""
        dropped = min(self._surplus, len(data))
        self._surplus -= dropped
        self._buffer += memoryview(data)[dropped:]
        if self._surplus or len(self._buffer) < LENGTHS.size:
            return
        header, body = LENGTHS.unpack_from(self._buffer)
        if header > HEADER_LIMIT or self._answer is not None:
            raise ValueError("not an answer")
        begin = LENGTHS.size + header
        if len(self._buffer) < begin + min(body, ANSWER_LIMIT):
            return
        self._answer = (
            _header(bytes(self._buffer[LENGTHS.size : begin])),
            bytes(self._buffer[begin : begin + min(body, ANSWER_LIMIT)]),
        )
        self._surplus = max(0, begin + body - len(self._buffer))
        del self._buffer[: begin + body]
        if self._buffer:
            raise ValueError("more than one answer")

    def take(self) -> tuple[dict[str, Any], bytes] | None:
        """The answer once all of it has come."""
        if self._surplus:
            return None
        taken, self._answer = self._answer, None
        return taken


def _header(text: bytes) -> dict[str, Any]:
    """Raises ValueError."""
    found = json.loads(text)
    if not isinstance(found, dict) or found.get("type") not in ANSWERS:
        raise ValueError("not an answer's header")
    for name, kinds in ANSWERS[found["type"]].items():
        if not isinstance(found.get(name), kinds):
            raise ValueError(f"{name} is not what it must be")
    return found


class FunctionWorker:
    """A process that was started for a function and answers one request at a time."""

    def __init__(self, folder: Path, log_stream: str, retire_at: float | None) -> None:
        """folder: its own; log_stream: where its lines belong; retire_at: when its credentials expire."""
        self.folder = folder
        self.log_stream = log_stream
        self.retire_at = retire_at
        self.printed = Printed()
        #: whether it has the user's code
        self.loaded = False
        #: when it was last put back, on the monotonic clock; None before its first invocation
        self.idle_since: float | None = None
        #: bytes
        self.peak_memory = 0
        self._answers = Answers()
        self._news = asyncio.Event()

    def start(self, command: Sequence[str], environment: Mapping[str, str], wish: dict[str, Any]) -> None:
        """Start the process and hand it its orders. Raises OSError.

        Called on the loop's own thread: the kernel ends the process with the thread that started it.
        """
        requests_read, self._requests = os.pipe()
        self._results, results_write = os.pipe()
        self._output, output_write = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, str(requests_read), str(results_write)],
                stdin=subprocess.DEVNULL,
                stdout=output_write,
                stderr=output_write,
                env=dict(environment),
                cwd=self.folder,
                pass_fds=(requests_read, results_write),
                start_new_session=True,
            )
        finally:
            for descriptor in (requests_read, results_write, output_write):
                os.close(descriptor)
        self.pid = self._process.pid
        for descriptor in (self._requests, self._results, self._output):
            os.set_blocking(descriptor, False)
        loop = asyncio.get_running_loop()
        loop.add_reader(self._output, self._read_output)
        loop.add_reader(self._results, self._read_results)
        self._end = loop.create_task(self._wait())
        self._first = encode({**wish, "server": os.getpid()}, b"")

    async def _wait(self) -> None:
        """Reap the process when it ends, whoever ended it."""
        identity = processes.identify(self.pid)
        if identity is not None:
            await ended(identity)
        self._process.wait()
        self._news.set()

    def _read_output(self, rounds: int = 1) -> None:
        for _ in range(rounds if self._output >= 0 else 0):
            try:
                data = os.read(self._output, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                asyncio.get_running_loop().remove_reader(self._output)
                return
            self.printed.feed(data)

    def _read_results(self) -> None:
        try:
            data = os.read(self._results, 1 << 20)
        except BlockingIOError:
            return
        if not data:
            asyncio.get_running_loop().remove_reader(self._results)
            return
        try:
            self._answers.feed(data)
        except ValueError:
            processes.end(self.pid)
        self._news.set()

    async def load(self, timeout: float, memory: int) -> tuple[dict[str, Any], bytes]:
        """Have it load the user's code; answers `ready` or `init_error`. Raises as `exchange` does."""
        answer = await self._exchange(self._first, timeout, memory)
        self.loaded = True
        return answer

    async def exchange(
        self, header: dict[str, Any], body: bytes, timeout: float, memory: int
    ) -> tuple[dict[str, Any], bytes]:
        """Send a request and wait for its answer.

        timeout: seconds; memory: bytes. Raises TimeoutError, `Gone` or `OverMemory`, and the process is over.
        """
        return await self._exchange(encode(header, body), timeout, memory)

    async def _exchange(self, frame: bytes, timeout: float, memory: int) -> tuple[dict[str, Any], bytes]:
        watch = asyncio.get_running_loop().create_task(self._watch_memory(memory))
        try:
            async with asyncio.timeout(timeout):
                await self._send(frame)
                while (answer := self._answers.take()) is None:
                    if watch.done():
                        raise OverMemory
                    if self._end.done():
                        raise Gone(self._process.returncode)
                    self._news.clear()
                    await self._news.wait()
            return answer
        except (TimeoutError, OverMemory, Gone):
            await self.kill()
            raise
        finally:
            watch.cancel()

    async def _send(self, frame: bytes) -> None:
        """Write a frame as the process takes it. One that is gone takes nothing: the caller finds out."""
        loop = asyncio.get_running_loop()
        view = memoryview(frame)
        while view:
            try:
                view = view[os.write(self._requests, view) :]
            except BrokenPipeError:
                return
            except BlockingIOError:
                writable = asyncio.Event()
                loop.add_writer(self._requests, writable.set)
                try:
                    await writable.wait()
                finally:
                    loop.remove_writer(self._requests)

    async def _watch_memory(self, limit: int) -> None:
        """Return, after killing it, when the process and what it started are more than they may be."""
        while True:
            await asyncio.sleep(MEMORY_INTERVAL)
            family = [self.pid, *processes.descendants(self.pid)]
            held = processes.resident(family, limit)
            self.peak_memory = max(self.peak_memory, held)
            if held > limit or len(family) > PROCESSES:
                processes.end(self.pid)
                self._news.set()
                return

    def take_lines(self) -> list[tuple[float, str]]:
        """What was printed up to now: all that the process wrote before its last answer is in the pipe."""
        self._read_output(PIPE_ROUNDS)
        return self.printed.take()

    @property
    def running(self) -> bool:
        return not self._end.done() and self._process.poll() is None

    async def kill(self) -> None:
        """End it and everything that it started; its folder goes too."""
        loop = asyncio.get_running_loop()
        processes.end(self.pid)
        await asyncio.shield(self._end)
        # If it ended by itself, what it had started is nobody's child now.
        await asyncio.to_thread(processes.sweep, self.folder.parent, str(self.folder).__eq__)
        self._read_output(PIPE_ROUNDS)
        if self._output < 0:
            return
        for descriptor in (self._output, self._results):
            loop.remove_reader(descriptor)
        for descriptor in (self._requests, self._results, self._output):
            os.close(descriptor)
        self._output = -1
        shutil.rmtree(self.folder, ignore_errors=True)


def encode(header: dict[str, Any], body: bytes) -> bytes:
    """A frame: two lengths, a JSON header, a body."""
    text = json.dumps(header).encode()
    return LENGTHS.pack(len(text), len(body)) + text + body


def command(interpreter: Path) -> list[str]:
    """How `inside/function.py` is started: no site folder, no user settings, no bytecode written."""
    return [str(interpreter), "-S", "-s", "-E", "-B", str(containment.INSIDE / "function.py")]
