"""Builds the Python environment that an image stands for: once, by uv, shared by all servers of a user."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import uv

from stepwell.errors import StepwellError
from stepwell.workers import containment, images
from stepwell.workers.images import Image
from stepwell.workers.interpreters import Interpreter, installed

#: the file that says that an environment is whole, and what it is
COMPLETE = "stepwell.json"
#: what of uv's output tells a person what is going on
TELLING = re.compile(r"\s*(Resolved|Downloading|Building|Prepared|Installed|Bytecode|\+ )")
#: what a job's own installation needs: the machine's certificates. Index and proxy settings may hold
#: passwords, so a job gets only those that its own variables name
INSTALLER = {"UV_SYSTEM_CERTS": "1", "UV_NATIVE_TLS": "1", "UV_LINK_MODE": "copy"}
#: variables of the server's shell that would lead uv into another environment
MISLEADING = (
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    "UV_PROJECT_ENVIRONMENT",
    "UV_PYTHON",
    "PYTHONPATH",
    "PYTHONHOME",
)

Progress = Callable[[str], None]


class BuildFailed(StepwellError):
    """An environment could not be built; the message holds what uv said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A Python with the libraries of an image."""

    #: its interpreter
    python: Path
    #: what a job has to be allowed to read
    read: tuple[Path, ...]
    #: where its commands lie
    path: tuple[Path, ...]
    #: what it needs beside the contract's variables
    variables: dict[str, str]
    #: in what it differs from the image; empty when in nothing
    warning: str

    def command(self, program: str, *arguments: str) -> tuple[str, ...]:
        """How one of the programs in `inside/` (`train`, `serve`) is run in it."""
        return (str(self.python), "-s", str(containment.INSIDE / f"{program}.py"), *arguments)


class Environments:
    """All environments of this machine's user."""

    def __init__(self, *, cache: Path, data: Path) -> None:
        """cache: shared by all servers of a user; data: holds `images.toml`."""
        self.root = cache.resolve() / "environments"
        self.data = data

    def known(self) -> list[str]:
        """An image URI for every row of the table and of the server's own file."""
        return images.known(self.data)

    def ready(self, image: str) -> Environment | None:
        """The environment of `image`; None while it is not built. Raises UnknownImage."""
        return self._open(self._folder(images.look_up(image, self.data)))

    def readable(self) -> tuple[Path, ...]:
        """What must be read to run the Python of any environment that is built."""
        built = [path.parent for path in sorted(self.root.glob(f"*/{COMPLETE}"))]
        pythons = [path for folder in built for path in containment.python_paths(folder / "bin" / "python")]
        return tuple(dict.fromkeys((*built, *pythons)))

    async def build(self, image: str, progress: Progress) -> Environment:
        """The environment of `image`, built now when it is not yet.

        progress gets one line of text at a time: what is fetched, with its size, and what was installed.
        Raises UnknownImage and BuildFailed.
        """
        row = images.look_up(image, self.data)
        await asyncio.to_thread(installed)
        folder = self._folder(row)
        found = self._open(folder)
        if found is not None:
            return found
        self.root.mkdir(parents=True, exist_ok=True)
        async with _locked(folder.with_suffix(".lock")):
            found = self._open(folder)
            if found is None:
                await self._build(row, folder, progress)
                found = self._open(folder)
        if found is None:
            raise BuildFailed(f"{folder} vanished while it was built")
        return found

    def _folder(self, row: Image) -> Path:
        """Named by all that decides about its content."""
        parts = [row.python, *row.requirements(), *(item.name for item in installed())]
        return self.root / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:20]

    def _open(self, folder: Path) -> Environment | None:
        try:
            about = json.loads((folder / COMPLETE).read_text())
        except FileNotFoundError:
            return None
        python = folder / "bin" / "python"
        tool = Path(uv.find_uv_bin())
        return Environment(
            python=python,
            read=(folder, tool, *containment.python_paths(python)),
            path=(folder / "bin",),
            variables={"STEPWELL_UV": str(tool), "VIRTUAL_ENV": str(folder), **INSTALLER},
            warning=about["warning"],
        )

    async def _build(self, row: Image, folder: Path, progress: Progress) -> None:
        """Try the Pythons of this machine, the image's own first, each with the exact versions first."""
        failures: list[str] = []
        for loose in (False, True):
            for interpreter in _by_nearness(row):
                temporary = folder.with_name(f"{folder.name}.{os.getpid()}")
                shutil.rmtree(temporary, ignore_errors=True)
                warning = _warning(row, interpreter, loose)
                progress(
                    f"Building {row.framework} for {interpreter.name}" + (f" ({warning})" if warning else "")
                )
                failure = await self._attempt(row, interpreter, loose, temporary, progress)
                if failure is None:
                    (temporary / COMPLETE).write_text(json.dumps({"warning": warning}))
                    temporary.rename(folder)
                    return
                told = f"{interpreter.name}: {failure}"
                if told not in failures:
                    failures.append(told)
                shutil.rmtree(temporary, ignore_errors=True)
        raise BuildFailed(f"cannot build {', '.join(row.requirements())}\n" + "\n".join(failures))

    async def _attempt(
        self, row: Image, interpreter: Interpreter, loose: bool, folder: Path, progress: Progress
    ) -> str | None:
        """Build for one Python; what uv said when it failed."""
        make = ["venv", "--quiet", "--relocatable", "--python", str(interpreter.path), str(folder)]
        install = ["pip", "install", "--only-binary", ":all:", "--compile-bytecode"]
        install += ["--constraints", str(containment.INSIDE / "constraints.txt")]
        install += ["--python", str(folder / "bin" / "python"), *row.requirements(loose=loose)]
        return await run_uv(make, progress) or await run_uv(install, progress)


async def run_uv(arguments: list[str], progress: Progress) -> str | None:
    """Run uv; what it said when it failed."""
    environment = {name: value for name, value in os.environ.items() if name not in MISLEADING}
    process = await asyncio.create_subprocess_exec(
        uv.find_uv_bin(),
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        env={**environment, "NO_COLOR": "1"},
    )
    said: list[str] = []
    if process.stderr is not None:
        async for line in process.stderr:
            text = line.decode(errors="replace").rstrip()
            if not text.startswith("Using Python "):
                said.append(text)
            if TELLING.match(text):
                progress(text)
    return None if await process.wait() == 0 else "\n".join(said)


def _by_nearness(row: Image) -> list[Interpreter]:
    """The image's own Python, then newer ones, then older ones."""
    wanted = int(row.python.split(".")[1])

    def distance(item: Interpreter) -> tuple[bool, int]:
        return item.version[1] < wanted, abs(item.version[1] - wanted)

    return sorted((item for item in installed() if item.version >= (3, 8, 0)), key=distance)


def _warning(row: Image, interpreter: Interpreter, loose: bool) -> str:
    """In what an environment differs from its image."""
    parts = []
    if interpreter.version[1] != int(row.python.split(".")[1]):
        parts.append(f"{interpreter.name} instead of the image's {row.python}")
    if loose:
        parts.append("libraries beside the framework newer than the image's")
    return ", ".join(parts)


@asynccontextmanager
async def _locked(path: Path) -> AsyncIterator[None]:
    """Hold a lock that other servers honour too."""
    with path.open("w") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield
