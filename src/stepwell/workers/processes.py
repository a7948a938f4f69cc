"""What the kernel knows about a process: who it is, what it holds, which processes came from it.

A pid alone names nothing, it is used again after a while; a pid with its start time and the machine's
boot id does. Used by the server and by the supervisor, so it needs the standard library only.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: in the environment of every worker and, unless scrubbed, of all that descends from it: its folder
FOLDER_VARIABLE = "STEPWELL_WORKER_FOLDER"
#: the same for its id
ID_VARIABLE = "STEPWELL_WORKER_ID"

PAGE = os.sysconf("SC_PAGE_SIZE")
#: how often new descendants are looked for before those that were found are killed
ROUNDS = 100


@dataclass(frozen=True)
class Identity:
    """A process that cannot be confused with a later one of the same pid."""

    #: the process id
    pid: int
    #: clock ticks after the boot: field 22 of /proc/PID/stat
    start_time: int
    #: which boot of the machine
    boot_id: str

    def alive(self) -> bool:
        """Whether this very process still runs (a zombie does not)."""
        return self.boot_id == boot_id() and start_time(self.pid) == self.start_time

    def as_json(self) -> dict[str, Any]:
        return {"pid": self.pid, "start_time": self.start_time, "boot_id": self.boot_id}


def identify(pid: int) -> Identity | None:
    """The process that has `pid` now; None when there is none."""
    ticks = start_time(pid)
    return None if ticks is None else Identity(pid, ticks, boot_id())


def from_json(value: Any) -> Identity | None:
    """The identity that `as_json` made; None for None."""
    return None if value is None else Identity(value["pid"], value["start_time"], value["boot_id"])


def boot_id() -> str:
    """The id that the kernel drew when it booted."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def start_time(pid: int) -> int | None:
    """When `pid` started, in clock ticks after the boot; None when it does not run."""
    fields = _stat(pid)
    return None if fields is None or fields[0] in "ZX" else int(fields[19])


def _stat(pid: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the third (the state) on: the name before may hold anything."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    return text.rpartition(")")[2].split()


def children(pid: int) -> list[int]:
    """The direct children of `pid`, those of all its threads."""
    found: list[int] = []
    try:
        threads = os.listdir(f"/proc/{pid}/task")
    except OSError:
        return found
    for thread in threads:
        try:
            found += [int(word) for word in Path(f"/proc/{pid}/task/{thread}/children").read_text().split()]
        except OSError:
            continue
    return found


def descendants(pid: int) -> list[int]:
    """All that came from `pid` and has not been adopted by another, without `pid` itself."""
    found: list[int] = []
    todo = [pid]
    while todo:
        for child in children(todo.pop()):
            found.append(child)
            todo.append(child)
    return found


def resident(pids: list[int], limit: int | None = None) -> int:
    """How many bytes of memory the processes hold together.

    The quick sum counts a page once per process that shares it. Where that exceeds `limit`, shared
    pages are divided among their holders, so that a forking program is not killed for what it does not hold.
    """
    total = sum(_statm(pid) for pid in pids)
    if limit is not None and total > limit:
        return sum(_proportional(pid) for pid in pids)
    return total


def _statm(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0


def _proportional(pid: int) -> int:
    try:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    except OSError:
        return _statm(pid)
    return 0


def send(pid: int, number: int) -> None:
    """Signal a process; one that has gone already is no error."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def freeze(pid: int) -> list[int]:
    """Stop everything that came from `pid`, and say what that is: what is stopped cannot fork faster than
    it is looked for."""
    found: dict[int, None] = {}
    for _ in range(ROUNDS):
        fresh = [process for process in descendants(pid) if process not in found]
        if not fresh:
            break
        for process in fresh:
            send(process, signal.SIGSTOP)
        found |= dict.fromkeys(fresh)
    return list(found)


def end(pid: int) -> None:
    """Kill `pid`, its process group (when it leads one) and everything that came from it."""
    send(pid, signal.SIGSTOP)
    doomed = freeze(pid)
    try:
        if os.getpgid(pid) == pid:
            os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # it went first; its descendants are killed one by one
    for process in [pid, *doomed]:
        send(process, signal.SIGKILL)


def of_folder(root: Path) -> dict[int, str]:
    """The processes whose environment says that they work for a worker in `root`: pid to worker folder.

    Raises nothing for processes of other users or such that end meanwhile: they are left out.
    """
    prefix = f"{FOLDER_VARIABLE}={root}{os.sep}".encode()
    found: dict[int, str] = {}
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        try:
            with open(f"/proc/{name}/environ", "rb") as file:
                entries = file.read().split(b"\0")
        except OSError:
            continue
        for entry in entries:
            if entry.startswith(prefix):
                found[int(name)] = os.fsdecode(entry.partition(b"=")[2])
    return found


def sweep(root: Path, doomed: Callable[[str], bool]) -> list[int]:
    """End the escapees of the workers in `root`: processes of whose worker's folder `doomed` is true.

    Repeats until none is left, because a process may fork while it is looked for. Returns the killed pids.
    """
    killed: list[int] = []
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        left = [pid for pid, folder in of_folder(root).items() if doomed(folder) and start_time(pid)]
        if not left:
            break
        for pid in left:
            send(pid, signal.SIGKILL)
        killed += left
        time.sleep(0.01)
    return killed
