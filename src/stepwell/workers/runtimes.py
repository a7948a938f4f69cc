"""What a function's runtime offers beside its Python: the SDK, and nothing else of the server's environment."""

from __future__ import annotations

import hashlib
import importlib.metadata
import os
from dataclasses import dataclass
from pathlib import Path

from stepwell.workers import containment
from stepwell.workers.interpreters import Interpreter, find

#: the distributions that AWS's runtime holds for Python functions, and what they need
DISTRIBUTIONS = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
#: the oldest Python that these distributions still run on
OLDEST = "3.10"


@dataclass(frozen=True, slots=True, kw_only=True)
class Runtime:
    """A Python with the SDK beside it."""

    interpreter: Interpreter
    #: the folder of links to the SDK's packages
    packages: Path
    #: what a worker has to be allowed to read
    read: tuple[Path, ...]
    #: what a person should know about this Python; empty when it is the one asked for
    warning: str


def runtime(name: str, cache: Path) -> Runtime:
    """The runtime called `name` (`python3.12`) on this machine. Looks at the disk: not for the loop."""
    version = name.removeprefix("python")
    interpreter, exact = find(version, oldest=OLDEST)
    packages, targets = sdk(cache)
    warning = "" if exact else f"{name} is not on this machine: this function runs on {interpreter.name}"
    return Runtime(
        interpreter=interpreter,
        packages=packages,
        read=(*containment.python_paths(interpreter.path), packages, *targets),
        warning=warning,
    )


def sdk(cache: Path) -> tuple[Path, list[Path]]:
    """A folder of links to the server's own copies of the SDK, and where the links lead."""
    links: dict[str, Path] = {}
    for distribution in DISTRIBUTIONS:
        for file in importlib.metadata.files(distribution) or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__"):
                links.setdefault(top, Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    digest = hashlib.sha256("\n".join(f"{name} {target}" for name, target in sorted(links.items())).encode())
    folder = cache / "runtime" / digest.hexdigest()[:16]
    if not folder.exists():
        temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
        temporary.mkdir(parents=True, exist_ok=True)
        for name, target in links.items():
            (temporary / name).symlink_to(target)
        try:
            temporary.rename(folder)
        except OSError:  # another server was first
            for name in links:
                (temporary / name).unlink()
            temporary.rmdir()
    return folder, list(links.values())
