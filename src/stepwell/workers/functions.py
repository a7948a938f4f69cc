"""Functions: a pool of warm processes for each version of each function's code and settings.

A process answers one invocation at a time; more at once need more processes, up to a limit. They die with
the server, and an invocation that was under way is made again by whoever asked, with the same request id.
"""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from pathlib import Path
from typing import Any

from stepwell.workers import containment, function_worker, processes, worker_environment
from stepwell.workers.function_worker import FunctionWorker, Gone, OverMemory
from stepwell.workers.invocations import Account, FunctionSpec, Invocation, InvocationResult
from stepwell.workers.runtimes import Runtime, runtime

__all__ = ["FunctionSpec", "Functions", "Invocation", "InvocationResult"]

#: the time that loading the code may take beyond the function's own timeout, in seconds
INIT_LIMIT = 10.0
#: a process whose credentials expire sooner than this after an invocation's timeout is not used, in seconds
EXPIRY_MARGIN = 60.0


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
        self.limit = limit
        self._slots = asyncio.Semaphore(limit)
        self._warm: dict[tuple[str, str], list[FunctionWorker]] = {}
        self._all: set[FunctionWorker] = set()
        self._runtimes: dict[str, Runtime] = {}
        self._ending: set[asyncio.Task[None]] = set()
        processes.sweep(self.root, lambda folder: True)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True, mode=0o700)

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> InvocationResult:
        """Run the handler once. Whatever the user's code does is in the result.

        Raises OSError when no process can be started, and what `spec.credentials` raises.
        """
        async with self._slots:
            account = Account(spec, invocation)
            worker = self._take(spec)
            if worker is None:
                await self._make_room()
                worker = await self._start(spec, account)
            try:
                result, usable = await self._run(spec, worker, account)
            except BaseException:
                await self._drop(worker)
                raise
            if usable:
                self._put_back(spec, worker)
            else:
                await self._drop(worker)
            return result

    def _take(self, spec: FunctionSpec) -> FunctionWorker | None:
        """The process that was used last of those that fit."""
        waiting = self._warm.get((spec.name, spec.revision), [])
        needed_until = time.time() + spec.timeout + EXPIRY_MARGIN
        for worker in reversed(waiting):
            if worker.running and (worker.retire_at is None or worker.retire_at > needed_until):
                waiting.remove(worker)
                return worker
        return None

    async def _make_room(self) -> None:
        """End the processes that waited longest, so that a new one stays within the limit."""
        while len(self._all) >= self.limit:
            waiting = min(
                (pool for pool in self._warm.values() if pool),
                key=lambda pool: pool[0].idle_since or 0,
                default=None,
            )
            if waiting is None:
                return
            await self._drop(waiting.pop(0))

    async def _start(self, spec: FunctionSpec, account: Account) -> FunctionWorker:
        """A new process."""
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
        worker = FunctionWorker(folder, stream, None if credentials is None else credentials.expires_at)
        environment = worker_environment.build(
            worker_id=worker_id,
            folder=folder,
            endpoint=self.endpoint,
            region=self.region,
            credentials=credentials,
            variables={**spec.variables, **self._contract(spec, stream)},
        )
        command = function_worker.command(found.interpreter.path)
        worker.start(command, environment, self._orders(spec, found, folder))
        self._all.add(worker)
        major, minor, micro = found.interpreter.version
        account.add(f"INIT_START Runtime Version: python:{major}.{minor}.v{micro}")
        if found.warning:
            account.add(f"[WARN] {found.warning}")
        return worker

    async def _run(
        self, spec: FunctionSpec, worker: FunctionWorker, account: Account
    ) -> tuple[InvocationResult, bool]:
        """Load the code where the process is new, and run the handler. Says whether it can be used again."""
        memory = spec.memory << 20
        try:
            if not worker.loaded:
                header, body = await worker.load(INIT_LIMIT + spec.timeout, memory)
                account.events += worker.take_lines()
                if header["type"] == "init_error":
                    return account.result(body, True, worker.log_stream, worker.peak_memory), False
                account.init = header["init_ms"]
            account.start()
            payload = account.invocation.payload
            header, body = await worker.exchange(account.request(), payload, spec.timeout, memory)
        except (TimeoutError, Gone, OverMemory) as error:
            account.events += worker.take_lines()
            body = account.no_answer(error)
            return account.result(body, True, worker.log_stream, worker.peak_memory), False
        worker.peak_memory = max(worker.peak_memory, header["peak_memory"])
        account.events += worker.take_lines()
        return account.result(body, header["error"], worker.log_stream, worker.peak_memory), True

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

    async def _drop(self, worker: FunctionWorker) -> None:
        self._all.discard(worker)
        await worker.kill()
        self._ending = {task for task in self._ending if not task.done()}

    async def retire(self, name: str, keep: str | None = None) -> None:
        """End the idle processes of a function that was changed or deleted, but those of revision `keep`."""
        for key in [key for key in self._warm if key[0] == name and key[1] != keep]:
            for worker in self._warm.pop(key):
                await self._drop(worker)

    async def close(self) -> None:
        """End all processes; invocations under way fail."""
        self._warm.clear()
        for worker in list(self._all):
            await self._drop(worker)
