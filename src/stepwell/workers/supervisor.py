"""Runs one user process, outlives the server, and writes down how it ended before it tells anyone.

Started as `python -I -S supervisor.py SPEC`, it leaves the server's session and process tree. The folder of
SPEC is its whole world: `lock` (held while it lives), `status.json` (what is known), `log` (each line with
its time), `stop` (its presence asks to end). It needs the standard library only.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from stepwell.workers import processes
from stepwell.workers.inside import confinement

#: how often limits are looked at, in seconds
POLL = 0.25
#: a disk quota is looked at this many times less often than its folder takes to walk
DISK_SHARE = 20
#: how long a killed process may hang in the kernel before it is left to itself, in seconds
END_LIMIT = 30
#: a line longer than this is cut: CloudWatch's largest event is 1 MiB
LINE_LIMIT = 256 * 1024


class Log:
    """The append-only file of what the process printed: `milliseconds text`, one line each."""

    def __init__(self, path: Path, limit: int) -> None:
        self.file = path.open("ab", buffering=0)
        self.limit = limit
        self.written = path.stat().st_size
        self.partial = b""
        self.full = self.written > limit

    def feed(self, data: bytes) -> None:
        """Take what was printed; whole lines are written at once, in one write."""
        stamp = b"%d " % int(time.time() * 1000)
        *lines, self.partial = (self.partial + data).split(b"\n")
        if len(self.partial) > LINE_LIMIT:
            lines.append(self.partial[:LINE_LIMIT])
            self.partial = self.partial[LINE_LIMIT:]
        if lines:
            self._write(b"".join(stamp + line[:LINE_LIMIT] + b"\n" for line in lines))

    def _write(self, block: bytes) -> None:
        if self.full:
            return
        if self.written + len(block) > self.limit:
            self.full = True
            cut = block[: max(0, self.limit - self.written)].rpartition(b"\n")
            block = cut[0] + cut[1] + b"%d [log cut: more than %d bytes]\n" % (time.time() * 1000, self.limit)
        try:
            self.file.write(block)
        except OSError:
            self.full = True  # a full disk costs log lines, not the job
        self.written += len(block)

    def close(self) -> None:
        if self.partial:
            self.feed(b"\n")
        try:
            os.fsync(self.file.fileno())
        finally:
            self.file.close()


class Supervisor:
    """One process under watch: start it, read it, limit it, end it, record it."""

    def __init__(self, spec: dict[str, Any], folder: Path) -> None:
        self.spec = spec
        self.folder = folder
        self.limits: dict[str, Any] = spec["limits"]
        self.reason = "exit"
        self.detail = ""
        self.began = time.monotonic()
        self.terminated_at: float | None = None
        self.peak = 0
        self.check_due = 0.0
        self.disk_due = 0.0
        self.status: dict[str, Any] = {
            "version": 1,
            "worker_id": spec["worker_id"],
            "phase": "starting",
            "supervisor": self._identity(os.getpid()),
            "child": None,
            "started_at": time.time(),
            "ended_at": None,
            "confinement": None,
            "exit": None,
        }

    @staticmethod
    def _identity(pid: int) -> dict[str, Any] | None:
        identity = processes.identify(pid)
        return None if identity is None else identity.as_json()

    def run(self) -> None:
        """From start to the written end."""
        write_status(self.folder, self.status)
        wake, wake_write = os.pipe()
        for end in (wake, wake_write):
            os.set_blocking(end, False)
        signal.set_wakeup_fd(wake_write)
        for number in (signal.SIGUSR1, signal.SIGCHLD):
            signal.signal(number, lambda *_: None)
        output, child = self._start()
        log = Log(self.folder / "log", int(self.limits["log_bytes"]))
        code = self._watch(child, output, wake, log)
        self._end_all()
        self._drain(output, log)
        log.close()
        write_status(self.folder, {**self.status, "phase": "exited", "ended_at": time.time(), "exit": code})

    def _start(self) -> tuple[int, int]:
        """Fork the child, confine it, and let it become the user's command."""
        read_end, write_end = os.pipe()
        report_read, report_write = os.pipe()
        parent = os.getpid()
        child = os.fork()
        if child == 0:
            self._become(write_end, report_write, parent)
        os.close(write_end)
        os.close(report_write)
        os.set_blocking(read_end, False)
        with os.fdopen(report_read, "rb") as file:
            report = json.loads(file.read() or b'{"error": "the process ended before it was confined"}')
        if "error" in report:
            self.reason, self.detail = "internal", report["error"]
        self.status = {
            **self.status,
            "phase": "running",
            "child": self._identity(child),
            "confinement": report,
        }
        write_status(self.folder, self.status)
        return read_end, child

    def _become(self, output: int, report: int, parent: int) -> None:
        """In the child, never to return."""
        try:
            os.setpgid(0, 0)
            for number in (signal.SIGTERM, signal.SIGUSR1, signal.SIGINT, signal.SIGPIPE, signal.SIGCHLD):
                signal.signal(number, signal.SIG_DFL)
            signal.set_wakeup_fd(-1)
            nothing = os.open(os.devnull, os.O_RDONLY)
            os.dup2(nothing, 0)
            os.dup2(output, 1)
            os.dup2(output, 2)
            done = confinement.confine(self.spec["confinement"])
            confinement.die_with(parent)
            view = self.spec["views"]["mounted" if self.spec["mount_point"] in done["mounted"] else "plain"]
            os.chdir(view["directory"])
            os.write(report, json.dumps(done).encode())
            os.close(report)
            os.execvpe(view["command"][0], view["command"], view["environment"])
        except BaseException as error:
            message = f"{type(error).__name__}: {error}"
            try:
                os.write(report, json.dumps({"error": message}).encode())
            except OSError:
                os.write(2, f"cannot start {self.spec['views']['plain']['command'][0]}: {message}\n".encode())
        finally:
            os._exit(127)

    def _watch(self, child: int, output: int, wake: int, log: Log) -> dict[str, Any]:
        """Read and limit until the child has ended; returns how it ended."""
        inputs = [output, wake]
        self._check(child)
        while True:
            ready = select.select(inputs, [], [], POLL)[0]
            woken = wake in ready and bool(os.read(wake, 4096))
            if output in ready and not self._read(output, log):
                inputs.remove(output)
            state = self._reap(child)
            if state is not None:
                return self._exit(state)
            if woken or time.monotonic() >= self.check_due:
                self.check_due = time.monotonic() + POLL
                self._check(child)

    @staticmethod
    def _read(output: int, log: Log) -> bool:
        """Move what was printed to the log; false at its end."""
        try:
            data = os.read(output, 1 << 16)
        except BlockingIOError:
            return True
        log.feed(data)
        return bool(data)

    def _drain(self, output: int, log: Log) -> None:
        """What was printed last, by whoever: nobody is left to print more."""
        while True:
            try:
                data = os.read(output, 1 << 16)
            except BlockingIOError:
                return
            if not data:
                return
            log.feed(data)

    @staticmethod
    def _reap(child: int) -> int | None:
        """Bury the dead, orphans that fell to us included; the child's state when it is among them."""
        found = None
        while True:
            try:
                pid, state = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return found
            if pid == 0:
                return found
            if pid == child:
                found = state

    def _exit(self, state: int) -> dict[str, Any]:
        if os.WIFSIGNALED(state):
            code, number = None, os.WTERMSIG(state)
        else:
            code, number = os.WEXITSTATUS(state), None
        return {
            "code": code,
            "signal": number,
            "reason": self.reason,
            "detail": self.detail,
            "peak_memory": self.peak,
        }

    def _check(self, child: int) -> None:
        """End the process when it was asked to stop or is over a limit."""
        now = time.monotonic()
        if self.terminated_at is not None:
            if now - self.terminated_at > self.limits["grace"]:
                processes.end(child)
            return
        if not self.folder.exists():
            self._kill(child, "stopped", "its folder was removed")
            return
        if (self.folder / "stop").exists():
            self._terminate(child, "stopped", "")
            return
        runtime = self.limits["runtime"]
        if runtime is not None and now - self.began > runtime:
            self._terminate(child, "max_runtime", f"ran longer than {runtime:g} s")
            return
        family = [child, *processes.descendants(os.getpid())]
        self._check_memory(child, list(dict.fromkeys(family)))
        self._check_disk(child)

    def _check_memory(self, child: int, family: list[int]) -> None:
        limit = self.limits["memory_bytes"]
        held = processes.resident(family, limit)
        self.peak = max(self.peak, held)
        if limit is not None and held > limit:
            self._kill(child, "memory", f"it held {held} bytes of memory, allowed are {limit}")
        elif len(family) > self.limits["processes"]:
            self._kill(child, "processes", f"{len(family)} processes, allowed are {self.limits['processes']}")

    def _check_disk(self, child: int) -> None:
        limit = self.limits["disk_bytes"]
        before = time.monotonic()
        if limit is None or before < self.disk_due:
            return
        held = folder_size(self.spec["quota_folder"])
        after = time.monotonic()
        self.disk_due = after + max(POLL, DISK_SHARE * (after - before))
        if held > limit:
            self._kill(child, "disk", f"its folder holds {held} bytes on disk, allowed are {limit}")

    def _terminate(self, child: int, reason: str, detail: str) -> None:
        """Ask the whole process group to end; `_check` makes it after the grace period."""
        self.reason, self.detail, self.terminated_at = reason, detail, time.monotonic()
        try:
            os.killpg(child, signal.SIGTERM)
        except ProcessLookupError:
            return  # it ended by itself; the next round sees it

    def _kill(self, child: int, reason: str, detail: str) -> None:
        self.reason, self.detail, self.terminated_at = reason, detail, time.monotonic()
        processes.end(child)

    def _end_all(self) -> None:
        """Nothing that came from the child survives it: as a subreaper this process adopts them all."""
        deadline = time.monotonic() + END_LIMIT
        while (family := processes.freeze(os.getpid())) and time.monotonic() < deadline:
            for pid in family:
                processes.send(pid, signal.SIGKILL)
            self._reap(0)
            time.sleep(0.005)


def folder_size(path: str) -> int:
    """How many bytes of disk a folder holds; what vanishes meanwhile holds none."""
    total = 0
    todo = [path]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_blocks * 512
        except OSError:
            continue
    return total


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Replace `status.json`; on disk when this returns. Raises OSError."""
    temporary = folder / "status.json.new"
    with temporary.open("w") as file:
        json.dump(status, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(folder / "status.json")
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def failed(status: dict[str, Any], detail: str) -> dict[str, Any]:
    """`status` as the end of a worker that failed for no fault of the user's code."""
    exit_ = {"code": None, "signal": None, "reason": "internal", "detail": detail, "peak_memory": 0}
    return {**status, "phase": "exited", "ended_at": time.time(), "exit": exit_}


def take_lock(folder: Path) -> int | None:
    """The worker's lock, held until the descriptor is closed; None when another holds it."""
    handle = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return None
    return handle


def launch(interpreter: str, folder: Path) -> None:
    """Start a supervisor for the spec in `folder`; it is on its own when this returns.

    Raises RuntimeError with what it printed when it could not begin.
    """
    done = subprocess.run(
        [interpreter, "-I", "-S", __file__, str(folder / "spec.json")],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={"PATH": os.defpath},
        cwd="/",
        check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"the supervisor did not start: {done.stderr.decode(errors='replace').strip()}")


def main(path: Path) -> int:
    """Detach, then supervise. The first process ends as soon as the second is on its own."""
    folder = path.resolve().parent
    spec = json.loads(path.read_text())
    os.setsid()
    if os.fork():
        return 0
    lock = take_lock(folder)
    if lock is None or (folder / "status.json").exists():
        return 0  # another supervisor has it, or has had it
    nothing = os.open(os.devnull, os.O_RDWR)
    for standard in (0, 1, 2):
        os.dup2(nothing, standard)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    confinement.prctl(confinement.PR_SET_CHILD_SUBREAPER, 1)
    supervisor = Supervisor(spec, folder)
    try:
        supervisor.run()
    except BaseException:
        supervisor._end_all()
        if folder.exists():
            write_status(folder, failed(supervisor.status, traceback.format_exc()))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
