"""What a function finds beside its own code: a Python, the SDK, and nothing else of the server's."""

from __future__ import annotations

import hashlib
import importlib.metadata
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwell.workers import containment
from stepwell.workers.interpreters import Interpreter, find

#: the distributions that AWS's runtime holds for Python functions, and what they need
DISTRIBUTIONS = ("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "urllib3", "six")
#: botocore's models of AWS's services
MODELS = "botocore/data"
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
    """The runtime called `name` (`python3.12`) on this machine.

    The first use of a Python copies and compiles the SDK for it, which takes a second: not for the loop.
    """
    version = name.removeprefix("python")
    interpreter, exact = find(version, oldest=OLDEST)
    packages, data = sdk(interpreter, cache)
    warning = "" if exact else f"{name} is not on this machine: this function runs on {interpreter.name}"
    return Runtime(
        interpreter=interpreter,
        packages=packages,
        read=(*containment.python_paths(interpreter.path), packages, data),
        warning=warning,
    )


def sdk(interpreter: Interpreter, cache: Path) -> tuple[Path, Path]:
    """The SDK as the server has it, compiled for another Python, and the folder of its service models.

    A worker may not write where it reads, so what is not compiled beforehand is compiled at every cold start.
    The models, nine tenths of the bytes, are linked.
    """
    source = Path(str(importlib.metadata.distribution("botocore").locate_file("")))
    versions = [f"{name} {importlib.metadata.version(name)}" for name in DISTRIBUTIONS]
    digest = hashlib.sha256("\n".join([*versions, str(source), interpreter.name]).encode()).hexdigest()
    folder = cache / "runtime" / digest[:16]
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=folder.name, dir=folder.parent))
        for name, path in _files():
            (temporary / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, temporary / name)
        (temporary / MODELS).symlink_to(source / MODELS)
        compiler = [str(interpreter.path), "-I", "-S", "-m", "compileall", "-q", str(temporary)]
        subprocess.run(compiler, stdout=subprocess.DEVNULL, check=False)
        temporary.chmod(0o755)
        try:
            temporary.rename(folder)
        except OSError:  # another server was first
            shutil.rmtree(temporary)
    return folder, source / MODELS


def _files() -> Iterator[tuple[str, Path]]:
    """The SDK's files: where they go, and where they are. The models are left out."""
    for distribution in DISTRIBUTIONS:
        for file in importlib.metadata.files(distribution) or ():
            name = file.as_posix()
            if (
                file.parts[0] != ".."
                and "__pycache__" not in file.parts
                and not name.startswith(f"{MODELS}/")
            ):
                yield name, Path(str(file.locate()))
