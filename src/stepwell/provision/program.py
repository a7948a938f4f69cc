"""Runs the program as a process of its own.

The process gets an environment built from nothing: a program that calls AWS by itself reaches the server,
with the server's keys, and never an account that the user's shell or `~/.aws` happens to name.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

from stepwell.provision.problems import Problem, ProjectInvalid
from stepwell.provision.project import Project
from stepwell.provision.request import Request

_LAUNCHER = Path(__file__).with_name("launcher.py")
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_GRACE = 5.0


#: (the engine's address, whether it is a plan, what is called with each printed line and whether it is an
#: error's) → why the program did not come to its end
Run = Callable[[str, bool, Callable[[str, bool], None]], Problem | None]


@contextmanager
def started(request: Request, project: Project) -> Iterator[Run]:
    """Starts the program's process, which imports the SDK while the caller gets ready; gives what runs it.

    Raises:
        ProjectInvalid: its Python can't be started.
    """
    with tempfile.TemporaryDirectory(prefix="stepwell-program-") as home:
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                [str(project.python), "-u", str(_LAUNCHER)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=environment(request, home),
                cwd=project.folder,
                pass_fds=(writing,),
                start_new_session=True,
            )
        except OSError as error:
            os.close(reading)
            raise ProjectInvalid(f"{project.python} can't be started: {error}") from error
        finally:
            os.close(writing)
        with os.fdopen(reading, encoding="utf-8") as answer:

            def run(address: str, dry_run: bool, line: Callable[[str, bool], None]) -> Problem | None:
                told = _told(request, project, address=address, dry_run=dry_run, answer=writing)
                try:
                    return _follow(process, told, answer, line)
                finally:
                    _end(process)

            try:
                yield run
            finally:
                _end(process)


def environment(request: Request, home: str) -> dict[str, str]:
    """All that the program's process sees of its surroundings."""
    return {
        "PATH": os.environ.get("PATH", _PATH),
        "HOME": home,
        "TMPDIR": home,
        "LANG": "C.UTF-8",
        "PYTHONDONTWRITEBYTECODE": "1",
        "GRPC_VERBOSITY": "ERROR",
        "AWS_ENDPOINT_URL": request.endpoint,
        "AWS_ACCESS_KEY_ID": request.access_key,
        "AWS_SECRET_ACCESS_KEY": request.secret_key,
        "AWS_REGION": request.region,
        "AWS_DEFAULT_REGION": request.region,
        "AWS_CONFIG_FILE": "/dev/null",
        "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
    }


def _told(request: Request, project: Project, *, address: str, dry_run: bool, answer: int) -> dict[str, Any]:
    return {
        "folder": str(project.folder),
        "path": str(project.main if project.main.is_dir() else project.main.parent),
        "main": str(project.main / "__main__.py" if project.main.is_dir() else project.main),
        "project": project.name,
        "stack": request.stack,
        "address": address,
        "parallel": request.parallel,
        "dry_run": dry_run,
        "config": dict(project.config),
        "secret_keys": sorted(project.secret_keys),
        "answer": answer,
    }


def _follow(
    process: subprocess.Popen[bytes], told: dict[str, Any], answer: IO[str], line: Callable[[str, bool], None]
) -> Problem | None:
    assert process.stdin is not None
    assert process.stdout is not None
    assert process.stderr is not None
    readers = [
        threading.Thread(target=_lines, args=(stream, line, is_error), daemon=True)
        for stream, is_error in ((process.stdout, False), (process.stderr, True))
    ]
    for reader in readers:
        reader.start()
    try:
        # It stays open: its end tells the process that there is nobody any more to work for.
        process.stdin.write(json.dumps(told).encode() + b"\n")
        process.stdin.flush()
    except BrokenPipeError:
        line("the program's Python ended before it was told what to run", True)
    text = answer.read()
    code = process.wait()
    for reader in readers:
        reader.join(_GRACE)
    if not text:
        how = f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        return Problem(message=f"The program's process ended with {how}, without a word")
    ended = json.loads(text)
    return None if ended["ok"] else _problem(ended)


def _lines(stream: IO[bytes], line: Callable[[str, bool], None], is_error: bool) -> None:
    with stream:
        for raw in stream:
            line(raw.decode("utf-8", "replace").rstrip("\n"), is_error)


#: what the SDK says that means something else here → what it means, what to do
_MEANINGS = (
    (
        re.compile(r"The Pulumi CLI does not support (?P<what>.*?)\. Please update the Pulumi CLI", re.S),
        "{what}: not supported here",
        "Leave it out, or use the Pulumi CLI",
    ),
    (
        re.compile(r"Missing required configuration variable '(?P<what>[^']*)'"),
        "Configuration value {what} is missing",
        "Write it under `config:` in the stack's Pulumi.<stack>.yaml",
    ),
    (
        re.compile(r"(?P<what>No module named 'pulumi[^']*')"),
        "{what}",
        "Install pulumi and pulumi-aws for the Python that runs the program",
    ),
    (
        re.compile(r"detected a circular dependency involving a resource of type (?P<what>\S+ named \S+)\."),
        "A resource depends on itself, through others: {what}",
        "Look at `depends_on`, `parent` and the inputs of the resources that it needs",
    ),
    (
        re.compile(r"(?P<what>Object of type Output is not JSON serializable)"),
        "{what}",
        "Use pulumi.Output.json_dumps, which waits for the values",
    ),
)


def _problem(ended: dict[str, Any]) -> Problem:
    message, advice = ended["error"], ""
    for pattern, meaning, what_to_do in _MEANINGS:
        found = pattern.search(message)
        if found is not None:
            message, advice = meaning.format(what=found["what"]), what_to_do
            break
    return Problem(
        message=message,
        advice=advice,
        file=ended["file"] or "",
        line=ended["line"] or 0,
        traceback=ended["traceback"],
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    """Leaves no process behind, whatever the caller was interrupted by."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()
