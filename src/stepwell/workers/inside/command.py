"""Runs a command's scripts one after the other, inside what confines them: `python -I -S command.py FOLDER`.

FOLDER holds `plan.json` (what to run). For step N it gets `output/N.stdout` and `output/N.stderr`, cut at a
limit, and `result.json` says how far the command is. It needs the standard library only. A script could do
to this process what it likes: it would spoil its own result, no more.
"""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

#: bytes that are kept of one stream of a step
LIMIT = 16 << 20
#: seconds between two looks at the time
POLL = 0.05
#: what a process that was killed for its time or by a cancel is told to have returned
KILLED = 137
#: by which a script asks the agent to restart the machine and to run it again
REBOOT = 194
#: bytes that are still taken of a script's output when the script has ended
LAST = 1 << 20


class Stream:
    """One stream of a step: a pipe, and the file that keeps its beginning."""

    def __init__(self, pipe: Any, path: Path) -> None:
        self.pipe = pipe.fileno()
        self.file = path.open("wb", buffering=0)
        self.left = LIMIT
        os.set_blocking(self.pipe, False)

    def take(self) -> int | None:
        """Keep what there is: the number of bytes, 0 at the end, None when there is nothing now."""
        try:
            data = os.read(self.pipe, 1 << 16)
        except BlockingIOError:
            return None
        self.say(data)
        return len(data)

    def say(self, data: bytes) -> None:
        """Keep bytes, as far as the limit allows; a full disk costs output, not the command."""
        try:
            self.file.write(data[: self.left])
        except OSError:
            self.left = 0
        self.left = max(0, self.left - len(data))


class Runner:
    """A whole command."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.plan = json.loads((folder / "plan.json").read_text())
        self.results: list[dict[str, Any]] = []
        self.cancelled = False

    def run(self) -> None:
        """Run what is to be run, in order."""
        signal.signal(signal.SIGTERM, self._cancel)
        over = False
        for number, step in enumerate(self.plan["steps"]):
            if self.cancelled:
                return
            if not step["runs"]:
                self._skip(number, step, "its precondition does not hold")
            elif over and not step["final"]:
                self._skip(number, step, "an earlier step ended the document")
            else:
                over = self._step(number, step) or over

    def _cancel(self, *_: Any) -> None:
        self.cancelled = True

    def _path(self, number: int, name: str) -> Path:
        return self.folder / "output" / f"{number}.{name}"

    def _skip(self, number: int, step: dict[str, Any], reason: str) -> None:
        text = f"Step execution skipped: {reason}. Step name: {step['name']}"
        self._path(number, "stdout").write_text(text)
        now = time.time()
        self._record({"name": step["name"], "status": "Success", "code": 0, "started": now, "ended": now})

    def _record(self, result: dict[str, Any]) -> None:
        """Write down a step's beginning, or its end in the place of its beginning."""
        if self.results and self.results[-1]["ended"] is None:
            self.results.pop()
        self.results.append(result)
        fresh = self.folder / "result.new"
        fresh.write_text(json.dumps(self.results))
        fresh.replace(self.folder / "result.json")

    def _step(self, number: int, step: dict[str, Any]) -> bool:
        """Run one step; whether the document ends with it."""
        started = time.time()
        result = {"name": step["name"], "status": "InProgress", "code": -1, "started": started, "ended": None}
        self._record(result)
        status, code = self._script(number, step)
        ends = False
        if status == "Success":
            ends = bool(step["exit_on_success"])
        elif status == "Failed" and step["on_failure"]:
            ends = True
            status = "Success" if step["on_failure"] == "successAndExit" else status
        self._record({**result, "status": status, "code": code, "ended": time.time()})
        return ends

    def _script(self, number: int, step: dict[str, Any]) -> tuple[str, int]:
        """Run a script: its status and code."""
        own = self.folder / "steps" / str(number)
        own.mkdir(parents=True, exist_ok=True)
        script = own / "_script.sh"
        script.write_text(step["text"])
        script.chmod(0o700)
        try:
            # A session of its own: a time-out or a cancel ends all that the script has started.
            child = subprocess.Popen(
                ["sh", "-c", str(script)],
                cwd=step["directory"] or own,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
            )
        except OSError as error:
            self._path(number, "stderr").write_text(f"cannot start in {step['directory'] or own}: {error}\n")
            return "Failed", 1
        streams = [
            Stream(child.stdout, self._path(number, "stdout")),
            Stream(child.stderr, self._path(number, "stderr")),
        ]
        timed_out = not self._watch(child, streams, time.monotonic() + step["timeout"])
        code = child.wait()
        if self.cancelled:
            return "Cancelled", KILLED
        if timed_out:
            return "TimedOut", KILLED
        if code == REBOOT:
            streams[1].say(b"\nExit status 194 asks to restart the machine, which is not done here.\n")
        return ("Success" if code == 0 else "Failed"), code if code >= 0 else 128 - code

    def _watch(self, child: subprocess.Popen[bytes], streams: list[Stream], deadline: float) -> bool:
        """Keep what is printed until the script has ended, or is ended; false when its time was over."""
        in_time, open_streams = True, list(streams)
        while child.poll() is None:
            if in_time and time.monotonic() > deadline:
                in_time = False
            if self.cancelled or not in_time:
                os.killpg(child.pid, signal.SIGKILL)
            ready = select.select([stream.pipe for stream in open_streams], [], [], POLL)[0]
            for stream in [each for each in open_streams if each.pipe in ready]:
                if stream.take() == 0:
                    open_streams.remove(stream)
        for stream in streams:
            taken = 0
            while taken < LAST and (count := stream.take()):
                taken += count
        return in_time


if __name__ == "__main__":
    Runner(Path(sys.argv[1])).run()
