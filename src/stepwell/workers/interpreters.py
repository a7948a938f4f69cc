"""Finds the Pythons of this machine: a runtime or an image names a version, the machine has what it has."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

#: where Pythons lie that are not on the PATH
PLACES = (
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/cpython-*/bin",
    "/opt/python/*/bin",
    "/usr/local/bin",
    "/usr/bin",
)
NAME = re.compile(r"python3\.(\d+)")
QUESTION = "import sys; print(*sys.version_info[:3])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """A Python that was started once to be sure."""

    #: the executable
    path: Path
    #: major, minor, micro
    version: tuple[int, int, int]

    @property
    def name(self) -> str:
        """Such as `Python 3.11.7`."""
        return "Python " + ".".join(str(part) for part in self.version)


@functools.cache
def installed() -> tuple[Interpreter, ...]:
    """All that were found, newest first, one for each minor version."""
    found: dict[int, Interpreter] = {}
    for path in _candidates():
        name = NAME.fullmatch(path.name)
        if name is not None and int(name.group(1)) in found:
            continue
        interpreter = _ask(path)
        if interpreter is not None:
            found.setdefault(interpreter.version[1], interpreter)
    return tuple(sorted(found.values(), key=lambda item: item.version, reverse=True))


def _candidates() -> list[Path]:
    """The server's own base interpreter first, then what the PATH and the usual places hold."""
    base = Path(getattr(sys, "_base_executable", sys.executable))
    folders = [
        Path(item) for item in os.environ.get("PATH", "").split(os.pathsep) if item and "shims" not in item
    ]
    for place in PLACES:
        pattern = os.path.expanduser(place)
        folders += sorted(Path("/").glob(pattern.lstrip("/")), reverse=True)
    prefix = Path(sys.prefix)
    found = [base]
    for folder in dict.fromkeys(folders):
        readable = os.path.isdir(folder) and os.access(folder, os.R_OK | os.X_OK)
        if readable and not folder.is_relative_to(prefix):
            found += sorted(path for path in folder.iterdir() if NAME.fullmatch(path.name))
    return found


def _ask(path: Path) -> Interpreter | None:
    """What an executable says that it is; None when it does not answer."""
    try:
        answer = subprocess.run(
            [path, "-I", "-S", "-c", QUESTION], capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    if answer.returncode != 0:
        return None
    major, minor, micro = (int(part) for part in answer.stdout.split())
    return Interpreter(path=path, version=(major, minor, micro))


def find(wanted: str, *, oldest: str = "3.8") -> tuple[Interpreter, bool]:
    """The Python of version `wanted` (`3.12`) and true; where it is absent, the nearest and false.

    Nearest is the next newer one: what runs on a version mostly runs on the next. None older than `oldest`.
    """
    minor = int(wanted.split(".")[1])
    least = int(oldest.split(".")[1])
    choices = [item for item in installed() if item.version[0] == 3 and item.version[1] >= least]
    best = min(choices, key=lambda item: (item.version[1] < minor, abs(item.version[1] - minor)))
    return best, best.version[1] == minor
