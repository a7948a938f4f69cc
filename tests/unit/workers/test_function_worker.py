"""What a function's process writes to the server is not trusted: it cannot cost the server its memory."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from stepwell.workers import processes
from stepwell.workers.function_worker import (
    ANSWER_LIMIT,
    LENGTHS,
    LOG_LIMIT,
    Answers,
    Printed,
    encode,
)

RESULT = {"type": "result", "error": False, "peak_memory": 1}


def test_an_answer_may_come_in_any_pieces() -> None:
    answers = Answers()
    for byte in encode(RESULT, b"body"):
        assert answers.take() is None
        answers.feed(bytes([byte]))
    assert answers.take() == (RESULT, b"body")
    assert answers.take() is None


@pytest.mark.parametrize(
    "written",
    [
        b"Traceback (most recent call last)",
        LENGTHS.pack(3, 0) + b"{,}",
        encode({"type": "result"}, b""),
        encode({**RESULT, "peak_memory": "much"}, b""),
        encode({"type": "other"}, b""),
        LENGTHS.pack(2, 0) + b"[]",
        encode(RESULT, b"") * 2,
        LENGTHS.pack(1 << 31, 0),
    ],
)
def test_what_is_no_single_answer_is_refused(written: bytes) -> None:
    with pytest.raises(ValueError):
        Answers().feed(written)


def test_an_answer_nobody_asked_for_is_not_kept_with_another() -> None:
    answers = Answers()
    answers.feed(encode(RESULT, b"1"))
    with pytest.raises(ValueError):
        answers.feed(encode(RESULT, b"2"))


def test_of_a_gigantic_answer_no_more_is_held_than_shows_that_it_is_too_large() -> None:
    answers = Answers()
    header = json.dumps(RESULT).encode()
    size = 64 << 20
    answers.feed(LENGTHS.pack(len(header), size) + header)
    for _ in range(size >> 20):
        assert answers.take() is None
        answers.feed(bytes(1 << 20))
        assert len(answers._buffer) <= ANSWER_LIMIT + (1 << 20)
    taken = answers.take()
    assert taken is not None
    assert len(taken[1]) == ANSWER_LIMIT
    answers.feed(encode(RESULT, b"next"))
    assert answers.take() == (RESULT, b"next")


def test_empty_lines_count_as_output() -> None:
    printed = Printed()
    for _ in range(8):
        printed.feed(b"\n" * 100_000)
    assert len(printed.events) * 64 <= LOG_LIMIT + 64
    assert printed.take()[-1][1].endswith("bytes of output were dropped]")


def test_processes_that_fork_on_and_on_are_all_ended() -> None:
    """Killing those that were seen would leave those that they started meanwhile."""
    program = """
import os, time
for _ in range(2000):
    if os.fork():
        os._exit(0)
    os.setsid()  # out of reach of who kills the group
time.sleep(60)
"""
    mark = f"forking-{os.getpid()}-{time.time_ns()}"
    keeper = (
        "import ctypes, subprocess, sys, time\n"
        "ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)\n"  # orphans come to it
        "subprocess.Popen([sys.executable, *sys.argv[1:]])\n"
        "time.sleep(60)"
    )
    root = subprocess.Popen([sys.executable, "-c", keeper, "-c", program, mark], start_new_session=True)
    while not any(mark in _command(pid) for pid in processes.descendants(root.pid)):
        time.sleep(0.005)
    time.sleep(0.05)
    processes.end(root.pid)
    assert root.wait(10) == -signal.SIGKILL
    time.sleep(0.1)
    left = [int(name) for name in os.listdir("/proc") if name.isdigit() and mark in _command(int(name))]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    assert not left


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""
