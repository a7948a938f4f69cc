"""Jobs: user processes that outlive the server, each with a folder of its own and a supervisor.

The folder is the record. `ROOT/ID/` holds `spec.json` (what was asked; its creation is the start, so there is
only one), `status.json`, `log` and `lock` (the supervisor's), and what the job sees: `ml` (at /opt/ml), `tmp`
and `home`. A server that comes back reads the folders and goes on where it was.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.errors import StepwellError
from stepwell.workers import containment, processes, supervisor, worker_environment
from stepwell.workers.endings import ended
from stepwell.workers.worker_environment import Credentials, CredentialsUrl

#: between two looks at a job's log, in seconds
FOLLOW = 0.1
#: at most so many bytes of log make one batch
BATCH = 1 << 18
#: what a job sees its folder as
OPT_ML = "/opt/ml"

WORKER_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


class WorkerError(StepwellError):
    """A worker could not be started, or is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What a job may use. None is no limit."""

    #: seconds until it is asked to end
    runtime: float | None = None
    #: seconds between the asking (SIGTERM) and the making (SIGKILL)
    grace: float = 120.0
    #: resident memory of all its processes, in bytes
    memory_bytes: int | None = None
    #: disk that its folder may hold, in bytes
    disk_bytes: int | None = None
    #: processes at once
    processes: int = 2048
    #: the log's size, in bytes; later lines are dropped
    log_bytes: int = 64 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of the machine whom a job becomes; only root can have jobs become others."""

    #: numbers, as the system has them
    uid: int
    gid: int
    groups: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSpec:
    """A process to run."""

    #: names the job for ever: a second start with the same id attaches to the first
    worker_id: str
    #: the program (a path, or a name that is looked up in `path` and the system's), then its arguments
    command: tuple[str, ...]
    #: the user's and the contract's environment variables; `worker_environment.build` adds the rest
    variables: Mapping[str, str] = field(default_factory=dict)
    #: the role's; None for a job without AWS
    credentials: Credentials | CredentialsUrl | None = None
    #: what it may read beside the system's and its own: its Python, its environment
    read: tuple[Path, ...] = ()
    #: folders of the machine that it may change beside its own
    write: tuple[Path, ...] = ()
    #: where it sees its folder, as far as this machine lends mounts
    mount: str = OPT_ML
    #: who it is; None for the server's own user
    user: User | None = None
    #: searched for commands before the system's
    path: tuple[Path, ...] = ()
    #: where it starts, as the job sees it; below `mount` unless it may change other folders
    directory: str = OPT_ML
    #: false takes the network away (EnableNetworkIsolation); refused where that is not to be had
    network: bool = True
    limits: Limits = field(default_factory=Limits)
    #: the port that it listens on, recorded for `Servers`
    port: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A started job."""

    worker_id: str
    #: the server's view of it
    folder: Path
    #: what the job sees at /opt/ml
    opt_ml: Path
    #: the port that it was told to listen on
    port: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How a job ended."""

    worker_id: str
    #: the exit status; None when a signal ended it
    code: int | None
    #: the signal that ended it
    signal: int | None
    #: `exit` (by itself), `max_runtime`, `stopped`, `memory`, `disk`, `processes`, or `internal` (our fault)
    reason: str
    #: what a person should know
    detail: str
    #: seconds since the epoch
    started_at: float
    ended_at: float
    #: bytes
    peak_memory: int
    #: whether it saw its folder at /opt/ml
    mounted: bool

    @property
    def succeeded(self) -> bool:
        return self.reason == "exit" and self.code == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class LogBatch:
    """Lines of a log, and where to go on."""

    #: seconds since the epoch, and the line
    lines: tuple[tuple[float, str], ...]
    #: the offset to give to `Jobs.lines` for what follows
    offset: int


class Jobs:
    """All jobs below one folder."""

    def __init__(self, *, root: Path, data: Path, endpoint: str, region: str) -> None:
        """root: the jobs' folder, usually in `data`; data: what workers must not see; endpoint: this server's
        URL, for the jobs' SDKs."""
        self.root = root.resolve()
        self.data = data.resolve()
        self.endpoint = endpoint
        self.region = region
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def folder(self, worker_id: str) -> Path:
        """Raises WorkerError for an id that is no file name."""
        if not WORKER_ID.fullmatch(worker_id):
            raise WorkerError(f"not a worker id: {worker_id!r}")
        return self.root / worker_id

    def known(self, worker_id: str) -> bool:
        """Whether the job was started once, running or ended."""
        return (self.folder(worker_id) / "spec.json").exists()

    def staging(self, worker_id: str) -> Path | None:
        """The folder that the job will see at /opt/ml, empty, to be filled before `start`.

        None when the job was started already: nothing is to be prepared then.
        """
        if self.known(worker_id):
            return None
        folder = self.folder(worker_id)
        shutil.rmtree(folder, ignore_errors=True)
        for name in ("ml", "tmp", "home"):
            (folder / name).mkdir(parents=True)
        return folder / "ml"

    async def start(self, spec: JobSpec) -> Handle:
        """Start the job, or attach to it when its id was started before.

        Raises WorkerError when no supervisor could be started.
        """
        folder = self.folder(spec.worker_id)
        if not self.known(spec.worker_id):
            if not (folder / "ml").exists():
                self.staging(spec.worker_id)
            _claim(folder, self._document(spec, folder))
        await self._launch(folder)
        port = json.loads((folder / "spec.json").read_text())["port"]
        return Handle(worker_id=spec.worker_id, folder=folder, opt_ml=folder / "ml", port=port)

    async def _launch(self, folder: Path) -> None:
        """Have a supervisor for what has none and has not ended; one that has is left alone."""
        if (folder / "status.json").exists():
            return
        try:
            await asyncio.to_thread(supervisor.launch, sys.executable, folder)
        except (RuntimeError, OSError) as error:
            raise WorkerError(str(error)) from error

    def _document(self, spec: JobSpec, folder: Path) -> dict[str, Any]:
        """The spec as the supervisor reads it."""
        own = [folder / name for name in ("ml", "tmp", "home")]
        limits = {"fsize": spec.limits.disk_bytes} if spec.limits.disk_bytes is not None else {}
        search = os.pathsep.join([*(str(path) for path in spec.path), worker_environment.PATH])
        mount = spec.mount
        if spec.directory != mount and not spec.directory.startswith(f"{mount}/"):
            raise WorkerError(f"a job starts below {mount}, not in {spec.directory}")
        environment = worker_environment.build(
            worker_id=spec.worker_id,
            folder=folder,
            endpoint=self.endpoint,
            region=self.region,
            credentials=spec.credentials,
            variables=spec.variables,
            path=search,
        )
        mounted = {"command": list(spec.command), "environment": environment, "directory": spec.directory}
        plain = {
            "command": [_plain(word, mount, folder) for word in spec.command],
            "environment": {
                **{name: _plain(value, mount, folder) for name, value in environment.items()},
                **({"SAGEMAKER_BASE_DIR": str(folder / "ml")} if mount == OPT_ML else {}),
            },
            "directory": _plain(spec.directory, mount, folder),
        }
        return {
            "worker_id": spec.worker_id,
            "views": {"mounted": mounted, "plain": plain},
            "mount_point": mount,
            "quota_folder": str(folder),
            "port": spec.port,
            "limits": {
                "runtime": spec.limits.runtime,
                "grace": spec.limits.grace,
                "memory_bytes": spec.limits.memory_bytes,
                "disk_bytes": spec.limits.disk_bytes,
                "processes": spec.limits.processes,
                "log_bytes": spec.limits.log_bytes,
            },
            "confinement": containment.rules(
                data=self.data,
                write=own,
                read=spec.read,
                share=spec.write,
                mounts=[(folder / "ml", mount), *_private_tmp(folder, spec.write)],
                network=spec.network,
                limits=limits,
                user=None if spec.user is None else (spec.user.uid, spec.user.gid, spec.user.groups),
            ),
        }

    def status(self, worker_id: str) -> dict[str, Any] | None:
        """What the supervisor wrote last; None before it began.

        Raises WorkerError when the job is not known.
        """
        folder = self.folder(worker_id)
        if not self.known(worker_id):
            raise WorkerError(f"no job {worker_id}")
        try:
            found: dict[str, Any] = json.loads((folder / "status.json").read_text())
        except FileNotFoundError:
            return None
        return found

    def ended(self, worker_id: str) -> Exit | None:
        """How the job ended; None while it runs. Raises WorkerError when it is not known."""
        status = self.status(worker_id)
        if status is None or status["phase"] != "exited":
            return None
        return Exit(
            worker_id=worker_id,
            started_at=status["started_at"],
            ended_at=status["ended_at"],
            mounted=self._mounted(worker_id, status),
            **status["exit"],
        )

    def _mounted(self, worker_id: str, status: dict[str, Any]) -> bool:
        spec = json.loads((self.folder(worker_id) / "spec.json").read_text())
        return spec["mount_point"] in (status["confinement"] or {}).get("mounted", ())

    async def wait(self, worker_id: str) -> Exit:
        """Return when the job has ended, at once when it has already. Raises WorkerError."""
        while (exit_ := self.ended(worker_id)) is None:
            status = self.status(worker_id)
            if status is None:
                await self._launch(self.folder(worker_id))
                if self.status(worker_id) is None:
                    await asyncio.sleep(FOLLOW)  # its supervisor is about to write
                continue
            keeper = processes.from_json(status["supervisor"])
            if keeper is not None:
                await ended(keeper)
            if self.ended(worker_id) is None:
                await asyncio.to_thread(self._bury, worker_id)
        return exit_

    def _bury(self, worker_id: str) -> None:
        """Write the end of a job whose supervisor died, after ending what it left behind."""
        folder = self.folder(worker_id)
        lock = supervisor.take_lock(folder)
        if lock is None:
            return
        try:
            status = self.status(worker_id)
            if status is None or status["phase"] == "exited":
                return
            for pid, owner in processes.of_folder(self.root).items():
                if owner == str(folder):
                    processes.end(pid)
            supervisor.write_status(folder, supervisor.failed(status, "the job's supervisor was killed"))
        finally:
            os.close(lock)

    def stop(self, worker_id: str) -> None:
        """Ask the job to end: SIGTERM, and SIGKILL after its grace period. `wait` says when it has.

        Holds across restarts of the server. Raises WorkerError when the job is not known.
        """
        status = self.status(worker_id)
        (self.folder(worker_id) / "stop").touch()
        keeper = processes.from_json((status or {}).get("supervisor"))
        if keeper is not None and keeper.alive():
            processes.send(keeper.pid, signal.SIGUSR1)

    async def attach_all(self) -> list[str]:
        """After the server's start: end escapees of jobs that are over, and say which jobs run.

        A job whose supervisor died while the server was away is over too: `wait` tells how.
        """
        running = [path.parent.name for path in sorted(self.root.glob("*/spec.json"))]
        for worker_id in running:
            status = self.status(worker_id)
            keeper = processes.from_json(status["supervisor"]) if status is not None else None
            if status is not None and status["phase"] != "exited" and not (keeper and keeper.alive()):
                await asyncio.to_thread(self._bury, worker_id)
        running = [worker_id for worker_id in running if self.ended(worker_id) is None]
        spared = {str(self.folder(item)) for item in running}
        await asyncio.to_thread(processes.sweep, self.root, lambda folder: folder not in spared)
        return running

    async def lines(self, worker_id: str, offset: int = 0) -> AsyncIterator[LogBatch]:
        """Follow the job's log from `offset` to its end, in batches.

        Raises WorkerError when the job is not known.
        """
        path = self.folder(worker_id) / "log"
        while True:
            over = self.ended(worker_id) is not None
            batch = await asyncio.to_thread(read_log, path, offset)
            if batch.lines:
                offset = batch.offset
                yield batch
            elif over:
                return
            else:
                await asyncio.sleep(FOLLOW)

    def forget(self, worker_id: str) -> None:
        """Remove an ended job with its folder. Raises WorkerError while it runs."""
        if self.known(worker_id) and self.ended(worker_id) is None:
            raise WorkerError(f"{worker_id} still runs")
        shutil.rmtree(self.folder(worker_id), ignore_errors=True)


def _plain(text: str, mount: str, folder: Path) -> str:
    """A path below the mount as it is where that cannot be had; other text as it is."""
    if text != mount and not text.startswith(f"{mount}/"):
        return text
    return str(folder / "ml") + text[len(mount) :]


def _private_tmp(folder: Path, shared: tuple[Path, ...]) -> list[tuple[Path, str]]:
    """The mount by which /tmp is the job's own; none where it was given the machine's."""
    tmp = Path("/tmp")
    if any(tmp == path or tmp.is_relative_to(path) for path in shared):
        return []
    return [(folder / "tmp", "/tmp")]


def read_log(path: Path, offset: int) -> LogBatch:
    """The whole lines of a log from `offset` on, some hundred KB at most."""
    try:
        with path.open("rb") as file:
            file.seek(offset)
            block = file.read(BATCH)
            if len(block) == BATCH:
                block += file.readline()
    except FileNotFoundError:
        block = b""
    block = block[: block.rfind(b"\n") + 1]
    lines = []
    for line in block.split(b"\n")[:-1]:
        stamp, _, text = line.partition(b" ")
        lines.append((int(stamp) / 1000, text.decode(errors="replace")))
    return LogBatch(lines=tuple(lines), offset=offset + len(block))


def _claim(folder: Path, document: dict[str, Any]) -> None:
    """Create `spec.json`, whole and on disk, unless another start was first."""
    temporary = folder / f"spec.{os.getpid()}.new"
    with temporary.open("w") as file:
        json.dump(document, file)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(temporary, folder / "spec.json")
    except FileExistsError:
        pass  # the first start's spec holds
    finally:
        temporary.unlink()
