"""One run at a time on a stack.

The lock is the kernel's on an open file: it goes with its process, so that a dead one's never has to be
found out and broken. What the file says is for people: whose run it is, and since when.
"""

from __future__ import annotations

import fcntl
import getpass
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from stepwell.provision.problems import StackInUse


@contextmanager
def held(path: Path, *, shared: bool) -> Iterator[None]:
    """The lock at `path`, until the end; several may have it when all of them only read.

    Raises:
        StackInUse: another process has it.
    """
    with open(path, "a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            holder = file.read().strip() or "which has not said yet whose it is"
            raise StackInUse(
                f"Another run holds this stack ({path}): {holder}", advice="Wait for its end, or end it"
            ) from error
        if not shared:
            file.truncate(0)
            file.write(f"process {os.getpid()} of {_user()}, since {time.strftime('%Y-%m-%d %H:%M:%S %z')}\n")
            file.flush()
        yield


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"user {os.getuid()}"
