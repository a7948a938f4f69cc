"""A model answers in a process of its own, with rows and without their labels.

What was trained is a program, and may be anyone's. In the gate's process it could decide for the gate: write
the evidence, look labels up, end the job as if all were well. So it is asked in another one, which has no
credentials; what it started ends with it; and the gate lets nobody look into its own memory.
"""

from __future__ import annotations

import ctypes
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Mapping

#: bytes that are taken of a model's answers
MOST = 1 << 28
#: variables that a model may have of AWS's: where it is, and nothing to sign requests by
KNOWN = ("AWS_REGION", "AWS_DEFAULT_REGION")
#: Linux's prctl: whether others may look into the process; whether orphans below it become its children
PR_SET_DUMPABLE, PR_SET_CHILD_SUBREAPER = 4, 36
PACKAGE = __name__.rpartition(".")[0]


def alone() -> None:
    """Make this process one that other programs of its user can't look into, and the parent of orphans."""
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        libc.prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)
        libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def ask(question: Mapping[str, Any]) -> list[Any]:
    """What `loading.main` answers in a process of its own: values of JSON, none where it died before one.

    Raises ValueError for answers that are no JSON or too long; the message goes on after "the answers".
    """
    reading, writing = os.pipe()
    code = f"import sys; sys.path[:] = {sys.path!r}\nfrom {PACKAGE}.loading import main\nmain({writing})"
    environment = {
        name: value for name, value in os.environ.items() if name in KNOWN or not name.startswith("AWS_")
    }
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    process = subprocess.Popen(
        [sys.executable, *(["-S"] if sys.flags.no_site else []), "-c", code],
        stdin=subprocess.PIPE,
        pass_fds=(writing,),
        env=environment,
        start_new_session=True,
    )
    os.close(writing)
    try:
        assert process.stdin is not None
        try:
            with process.stdin as asked:
                asked.write(json.dumps(question).encode("utf-8"))
        except BrokenPipeError:
            # it died before it had read the question; its answers, none, tell
            return []
        text = _read(reading, process)
    finally:
        os.close(reading)
        _end(process)
    try:
        return [json.loads(line) for line in text.splitlines()]
    except (ValueError, RecursionError):
        raise ValueError("are none that can be read") from None


def _read(reading: int, process: subprocess.Popen[bytes]) -> bytes:
    """All that is answered until the process closes its end, or is over with nothing left to read."""
    found = bytearray()
    with selectors.DefaultSelector() as ready:
        ready.register(reading, selectors.EVENT_READ)
        while True:
            over = process.poll() is not None
            if not ready.select(0 if over else 0.5):
                if over:
                    # what it left running holds the pipe open
                    return bytes(found)
                continue
            piece = os.read(reading, 1 << 20)
            if not piece:
                return bytes(found)
            found += piece
            if len(found) > MOST:
                raise ValueError(f"are more than {MOST:,} bytes")


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the process and all that it started, also what has left its group."""
    for kill, whom in ((os.killpg, process.pid), (os.kill, process.pid)):
        try:
            kill(whom, signal.SIGKILL)
        except ProcessLookupError:
            continue
        except PermissionError:
            # the group has a program in it that became another user's; ours ends by the second
            continue
    process.wait()
    for _ in range(1000):
        left = _children()
        if not left:
            return
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            except (ProcessLookupError, ChildProcessError):
                continue
        time.sleep(0.001)


def _children() -> list[int]:
    """Processes whose parent this is, where the machine tells; orphans come here one generation a time."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat") if sys.platform == "linux" else ():
        try:
            # "pid (any name) state parent ..."
            fields = path.read_text("utf-8", "replace").rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == os.getpid():
            found.append(int(path.parent.name))
    return found
