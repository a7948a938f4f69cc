"""Commands: scripts that Systems Manager runs on this machine, as jobs with limits of their own.

A command is one supervised job: `inside/command.py` runs its scripts one after the other. So it outlives the
server, is found again when the server comes back, and ends whole: what its scripts started ends with it.
"""

from __future__ import annotations

import asyncio
import json
import os
import pwd
import shutil
import stat
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec

from stepwell.errors import UsageError
from stepwell.workers.containment import INSIDE, python_paths
from stepwell.workers.inside.confinement import open_to_all
from stepwell.workers.jobs import Exit, Jobs, JobSpec, Limits, User
from stepwell.workers.worker_environment import Credentials, CredentialsUrl

#: what a command sees its folder as
MOUNT = "/opt/command"
#: what runs a command's scripts, in `inside` and then in each command's folder
PROGRAM = "command.py"
#: where a user other than the server's finds a Python when the server's own is out of reach
SYSTEM_PYTHON = Path("/usr/bin/python3")
#: processes that a command may have at once
PROCESSES = 512
#: disk that a command's own folder may hold, in bytes
DISK = 16 << 30
#: the share of the machine's memory that a command may hold
MEMORY_SHARE = 0.75
#: seconds beyond its scripts' own limits after which a command is ended from outside
SLACK = 60
#: seconds that a command has to end its scripts when it is cancelled
GRACE = 5.0
#: bytes of a result that are read
RESULT_LIMIT = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """One step of a command, ready to run."""

    #: the step's
    name: str
    text: str
    #: where it starts; empty for a folder of its own
    directory: str = ""
    #: seconds
    timeout: int = 3600
    #: whether its precondition lets it run
    runs: bool = True
    #: what follows its failure: ``, `exit`, `successAndExit`
    on_failure: str = ""
    #: whether its success ends the command
    exit_on_success: bool = False
    #: whether it runs even when an earlier step ended the command
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandSpec:
    """A command to run."""

    #: names it for ever
    worker_id: str
    scripts: tuple[Script, ...]
    variables: Mapping[str, str] = field(default_factory=dict)
    #: the machine's role's; None for a machine without one
    credentials: Credentials | CredentialsUrl | None = None


class StepResult(msgspec.Struct, frozen=True, kw_only=True):
    """How far a step is."""

    name: str
    #: `InProgress`, `Success`, `Failed`, `TimedOut`, `Cancelled`
    status: str
    #: what it returned; -1 while it runs, 137 when it was killed
    code: int
    #: seconds since the epoch
    started: float
    ended: float | None


def user_of(name: str) -> User:
    """The machine's user of that name. Raises UsageError: unknown, or not to be had."""
    try:
        entry = pwd.getpwnam(name)
    except KeyError as error:
        raise UsageError(f"--command-user: this machine has no user {name!r}") from error
    if os.geteuid() != 0 and os.geteuid() != entry.pw_uid:
        raise UsageError("--command-user: only a server that runs as root can run commands as others")
    return User(uid=entry.pw_uid, gid=entry.pw_gid, groups=tuple(os.getgrouplist(name, entry.pw_gid)))


def shared_folders(paths: tuple[Path, ...], data: Path) -> tuple[Path, ...]:
    """The folders that commands may change. Raises UsageError for what would open the data folder."""
    found = tuple(path.resolve() for path in paths)
    hidden = data.resolve()
    for path in found:
        if not path.is_dir():
            raise UsageError(f"--command-path: {path} is no folder")
        if hidden.is_relative_to(path) or path.is_relative_to(hidden):
            raise UsageError(f"--command-path: {path} would open the data folder {hidden} to commands")
    return found


def _open_python() -> Path:
    """A Python that any user of the machine may run. Raises UsageError."""
    for path in (Path(sys.executable), SYSTEM_PYTHON):
        if path.exists() and open_to_all(os.path.realpath(path)):
            return path
    raise UsageError(f"--command-user: neither {sys.executable} nor {SYSTEM_PYTHON} may be run by others")


class Commands:
    """All commands of one machine."""

    def __init__(
        self,
        jobs: Jobs,
        *,
        user: User | None = None,
        share: tuple[Path, ...] = (),
        environments: Callable[[], tuple[Path, ...]] = tuple,
    ) -> None:
        """user: whom commands become, the server's own user by default; share: folders of the machine that
        they may change; environments: what they read beside what any program reads, so that a script can
        name the Python of an image."""
        self._jobs = jobs
        self._environments = environments
        self._user = user if user is not None and user.uid != os.geteuid() else None
        self._share = share
        self._python = Path(sys.executable) if self._user is None else _open_python()
        self._memory = int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * MEMORY_SHARE)

    def known(self, worker_id: str) -> bool:
        """Whether the command was started once, running or ended."""
        return self._jobs.known(worker_id)

    async def start(self, spec: CommandSpec) -> None:
        """Start the command; nothing happens when it was started before. Raises WorkerError."""
        folder = await asyncio.to_thread(self._jobs.staging, spec.worker_id)
        if folder is not None:
            for name in ("output", "steps", "home", "tmp"):
                (folder / name).mkdir()
            shutil.copyfile(INSIDE / PROGRAM, folder / PROGRAM)
            plan = {"steps": [asdict(script) for script in spec.scripts]}
            (folder / "plan.json").write_text(json.dumps(plan))
        await self._jobs.start(self._job(spec))

    def _job(self, spec: CommandSpec) -> JobSpec:
        return JobSpec(
            worker_id=spec.worker_id,
            command=(str(self._python), "-I", "-S", f"{MOUNT}/{PROGRAM}", MOUNT),
            variables={**spec.variables, "HOME": f"{MOUNT}/home", "TMPDIR": f"{MOUNT}/tmp"},
            credentials=spec.credentials,
            read=(*python_paths(self._python), *self._environments()),
            write=self._share,
            mount=MOUNT,
            user=self._user,
            directory=MOUNT,
            limits=Limits(
                runtime=sum(script.timeout for script in spec.scripts) + SLACK,
                grace=GRACE,
                memory_bytes=self._memory,
                disk_bytes=DISK,
                processes=PROCESSES,
                log_bytes=1 << 20,
            ),
        )

    async def wait(self, worker_id: str) -> Exit:
        """Return when the command has ended. Raises WorkerError when it is not known."""
        return await self._jobs.wait(worker_id)

    def stop(self, worker_id: str) -> None:
        """Ask the command to end; `wait` says when it has. Raises WorkerError when it is not known."""
        self._jobs.stop(worker_id)

    def results(self, worker_id: str) -> tuple[StepResult, ...]:
        """How far its steps are; those that did not begin are left out.

        The command could write there what it likes: what makes no sense counts as nothing.
        """
        path = self._own(worker_id, "result.json")
        if path is None:
            return ()
        with path.open("rb") as file:
            data = file.read(RESULT_LIMIT)
        try:
            return tuple(msgspec.json.decode(data, type=list[StepResult]))
        except (msgspec.DecodeError, UnicodeDecodeError):
            return ()

    def output(self, worker_id: str, step: int, stream: str) -> Path | None:
        """What a step printed, as a file; None for nothing. stream: `stdout` or `stderr`.

        To be read when the command has ended: no link leads out of its folder then.
        """
        path = self._own(worker_id, "output", f"{step}.{stream}")
        return path if path is not None and path.stat().st_size else None

    def printed(self, worker_id: str) -> str:
        """What was printed by the command but by none of its scripts: why it could not begin."""
        path = self._jobs.folder(worker_id) / "log"
        if not path.exists():
            return ""
        lines = path.read_text(errors="replace").splitlines()
        return "\n".join(line.partition(" ")[2] for line in lines)

    def forget(self, worker_id: str) -> None:
        """Remove an ended command's folder. Raises WorkerError while it runs."""
        self._jobs.forget(worker_id)

    def _own(self, worker_id: str, *names: str) -> Path | None:
        """A plain file in the command's folder, reached through no link; None when there is none."""
        path = self._jobs.folder(worker_id) / "ml"
        for name in names:
            path = path / name
            try:
                mode = path.lstat().st_mode
            except (FileNotFoundError, NotADirectoryError):
                return None
            if name == names[-1]:
                return path if stat.S_ISREG(mode) else None
            if not stat.S_ISDIR(mode):
                return None
        return None
