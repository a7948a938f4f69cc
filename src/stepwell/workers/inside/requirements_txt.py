"""Installs what a user's code folder asks for in its `requirements.txt`, for this job alone."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys


class InstallRequirementsError(Exception):
    """The installer did not succeed; the message is SageMaker's."""


def install(code: str, base: str) -> str | None:
    """The folder with the installed packages, to be put on the path; None when nothing was asked for.

    Raises InstallRequirementsError.
    """
    wanted = os.path.join(code, "requirements.txt")
    if not os.path.isfile(wanted):
        return None
    target = os.path.join(base, "packages")
    uv = os.environ.get("STEPWELL_UV") or shutil.which("uv")
    if uv is not None:
        command = [uv, "pip", "install", "--python", sys.executable]
    else:
        command = [sys.executable, "-m", "pip", "install"]
    constraints = os.path.join(os.path.dirname(os.path.abspath(__file__)), "constraints.txt")
    command += ["--target", target, "-c", constraints, "-r", wanted]
    print("Installing dependencies from requirements.txt", flush=True)
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    sys.stdout.write(done.stderr)
    sys.stdout.flush()
    if done.returncode != 0:
        raise InstallRequirementsError(
            f"InstallRequirementsError:\nExitCode {done.returncode}\n"
            f'ErrorMessage "{done.stderr.strip()}"\nCommand "{" ".join(command)}"'
        )
    return target
