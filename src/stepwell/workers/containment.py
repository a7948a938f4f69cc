"""What a worker may touch, and what this machine offers to enforce it.

The rules are data, one dict a worker, which `inside/confinement.py` applies in the worker's own process.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stepwell.workers.inside import confinement
from stepwell.workers.interpreters import installed

#: where the programs lie that run inside a worker
INSIDE = Path(__file__).parent / "inside"
#: what any program on the machine reads; whether its user may is another matter
SYSTEM_READ = (
    "/bin", "/etc", "/lib", "/lib32", "/lib64", "/opt", "/proc", "/run/systemd/resolve", "/sbin", "/sys",
    "/usr",
)  # fmt: skip
#: devices that are no danger
DEVICES = (
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts",
    "/dev/shm",
)  # fmt: skip
#: the user that a worker becomes when the server is root and the kernel has no landlock
NOBODY = 65534


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One thing that a machine has or lacks."""

    #: what it is called
    name: str
    #: whether it can be used here
    available: bool
    #: what it means for the user
    detail: str


def rules(
    *,
    data: Path,
    write: Iterable[Path],
    read: Iterable[Path] = (),
    mounts: Iterable[tuple[Path, str]] = (),
    network: bool = True,
    limits: Mapping[str, int] | None = None,
    share: Iterable[Path] = (),
    user: tuple[int, int, tuple[int, ...]] | None = None,
) -> dict[str, Any]:
    """The confinement of one worker, as `inside/confinement.py` takes it.

    data: the server's data folder, of which the worker sees nothing but `write` and `read`; write: its own
    folders, the only ones that it may change; read: its code and its Python; mounts: folders and where the
    worker sees them; limits: by the name of the resource, in the system's units; share: folders that it may
    change too, and that stay whose they are; user: the user that it must become, its group and further ones.
    """
    own = [str(path) for path in write]
    return {
        "mounts": [[str(source), target] for source, target in mounts],
        "read": [*SYSTEM_READ, str(INSIDE), *(str(path) for path in read)],
        "write": [*DEVICES, *_gpus(), *own, *(str(path) for path in share)],
        "own": own,
        "share": [str(path) for path in share],
        "become": None if user is None else [user[0], user[1], list(user[2])],
        "hide": [str(data)],
        "network": network,
        "limits": {"core": 0, "nofile": 65536, **(limits or {})},
        "user": NOBODY,
    }


def _gpus() -> list[str]:
    return [str(path) for path in Path("/dev").glob("nvidia*")]


def python_paths(interpreter: Path) -> tuple[Path, ...]:
    """What a Python needs to be read: its executable's folder, its prefix, and those that links lead to."""
    found: list[Path] = []
    link = interpreter
    for _ in range(16):
        found.append(link.parent.parent)
        if not link.is_symlink():
            break
        link = link.parent / os.readlink(link)
    found.append(interpreter.resolve().parent.parent)
    return tuple(
        path for path in dict.fromkeys(Path(os.path.normpath(item)) for item in found) if path != Path("/")
    )


def offers() -> list[Offer]:
    """What this machine has to contain workers with, for `stepwell doctor`."""
    return [_landlock(), _namespace(), _network(), _own_user(), _pidfd(), _pythons(), *_commands()]


def is_boundary() -> bool:
    """Whether workers are kept out of the data folder here; where not, roles are no boundary."""
    if confinement.landlock_version() > 0:
        return True
    return os.geteuid() == 0 and confinement.open_to_all(os.path.realpath(sys.base_prefix))


def _landlock() -> Offer:
    version = confinement.landlock_version()
    detail = (
        f"version {version}: workers are kept out of the data folder"
        + (", and from signalling other processes" if version >= 6 else "")
        if version
        else "this kernel has none (Linux 5.13 or newer with landlock enabled has)"
    )
    return Offer(name="landlock", available=version > 0, detail=detail)


def _probe(flags: int) -> bool:
    """Whether a child process may take these namespaces, with or without a user namespace."""
    child = os.fork()
    if child == 0:
        library = confinement.libc
        given = library.unshare(flags) == 0 or library.unshare(flags | confinement.CLONE_NEWUSER) == 0
        os._exit(0 if given else 1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _namespace() -> Offer:
    given = sys.platform == "linux" and _probe(confinement.CLONE_NEWNS)
    detail = (
        "jobs see their folder at /opt/ml" if given else "jobs are told their folder by SAGEMAKER_BASE_DIR"
    )
    return Offer(name="mount namespace", available=given, detail=detail)


def _network() -> Offer:
    given = sys.platform == "linux" and _probe(confinement.CLONE_NEWNET)
    detail = "EnableNetworkIsolation is enforced" if given else "jobs with EnableNetworkIsolation are refused"
    return Offer(name="network namespace", available=given, detail=detail)


def _own_user() -> Offer:
    root = os.geteuid() == 0
    detail = (
        f"without landlock, workers become user {NOBODY}"
        if root
        else "the server is not root: it cannot change users"
    )
    return Offer(name="user of its own", available=root, detail=detail)


def _pidfd() -> Offer:
    given = hasattr(os, "pidfd_open") and hasattr(ctypes.CDLL(None), "prctl")
    detail = "the end of a worker is seen at once" if given else "the end of a worker is seen by polling"
    return Offer(name="pidfd", available=given, detail=detail)


def _pythons() -> Offer:
    names = ", ".join(item.name for item in installed())
    return Offer(name="Pythons", available=True, detail=f"functions and jobs run on {names}")


def _commands() -> list[Offer]:
    needed = {"git": "requirements may name repositories", "cc": "packages without a wheel can be built"}
    return [
        Offer(name=name, available=shutil.which(name) is not None, detail=detail)
        for name, detail in needed.items()
    ]
