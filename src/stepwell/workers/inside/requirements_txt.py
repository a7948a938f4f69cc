"""Installs what a user's code folder asks for in its `requirements.txt`, for this job alone."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys

#: a line of uv's plan
PLANNED = re.compile(r" \+ (.+)")


class InstallRequirementsError(Exception):
    """The installer did not succeed; the message is SageMaker's."""


def install(code: str, base: str) -> str | None:
    """The folder with the installed packages, to be put on the path; None when nothing had to be installed.

    What the environment has already and `requirements.txt` agrees with stays, as in the image. Raises
    InstallRequirementsError.
    """
    if not os.path.isfile(os.path.join(code, "requirements.txt")):
        return None
    print("Installing dependencies from requirements.txt", flush=True)
    target = os.path.join(base, "packages")
    constraints = os.path.join(os.path.dirname(os.path.abspath(__file__)), "constraints.txt")
    asked = ["-c", constraints, "-r", "requirements.txt"]
    uv = os.environ.get("STEPWELL_UV") or shutil.which("uv")
    if uv is None:
        run([sys.executable, "-m", "pip", "install", "--target", target, *asked], code)
        return target
    install_ = [uv, "pip", "install", "--python", sys.executable]
    missing = [
        found.group(1) for found in map(PLANNED.match, run([*install_, "--dry-run", *asked], code)) if found
    ]
    if not missing:
        return None
    run([*install_, "--target", target, "--no-deps", *map(requirement, missing)], code)
    return target


def requirement(planned: str) -> str:
    """`name==1.0`, or `name @ URL` for what uv plans to install from a place of its own."""
    package, _, place = planned.partition(" (from ")
    return f"{package.partition('==')[0]} @ {place.rstrip(')')}" if place else package


def run(command: list[str], folder: str) -> list[str]:
    """Run an installer, showing what it says, and return that. Raises InstallRequirementsError."""
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    sys.stdout.write(done.stderr)
    sys.stdout.flush()
    if done.returncode != 0:
        raise InstallRequirementsError(
            f"InstallRequirementsError:\nExitCode {done.returncode}\n"
            f'ErrorMessage "{done.stderr.strip()}"\nCommand "{" ".join(command)}"'
        )
    return done.stderr.splitlines()
