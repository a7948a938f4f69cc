"""What runs in a worker: the image's own program, or the entry point that the request names instead."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping, Sequence
from typing import Any

from stepwell.services.sagemaker.errors import RunFailed
from stepwell.workers.environments import Environment
from stepwell.workers.jobs import Exit
from stepwell.workers.worker_environment import PATH

#: names that mean the environment's Python
PYTHONS = ("python", "python3")


def training(
    environment: Environment, entrypoint: Sequence[str] | None, arguments: Sequence[str] | None
) -> tuple[str, ...]:
    """The image's `train`, or the entry point. Raises RunFailed when there is no such program."""
    if entrypoint:
        return (*_absolute(environment, entrypoint), *(arguments or ()))
    return environment.command("train", *(arguments or ()))


def processing(
    environment: Environment, entrypoint: Sequence[str] | None, arguments: Sequence[str] | None
) -> tuple[str, ...]:
    """The entry point, or, as in AWS's scikit-learn image, Python with the arguments. Raises RunFailed."""
    return (*_absolute(environment, entrypoint or PYTHONS[-1:]), *(arguments or ()))


def serving(environment: Environment) -> tuple[str, ...]:
    """The image's `serve`."""
    return environment.command("serve")


def _absolute(environment: Environment, entrypoint: Sequence[str]) -> tuple[str, ...]:
    program, *rest = entrypoint
    if program in PYTHONS:
        return (str(environment.python), *rest)
    if program.startswith("/"):
        return (program, *rest)
    found = shutil.which(program, path=os.pathsep.join([*map(str, environment.path), PATH]))
    if found is None:
        raise RunFailed(f"The entry point {program} is not a program of the image's environment")
    return (found, *rest)


def volume(resources: Mapping[str, Any]) -> int | None:
    """The bytes that a job's folder may hold: what its volume would; None where the request names no size."""
    size = resources.get("VolumeSizeInGB")
    return None if size is None else int(size) << 30


def detail(exit_: Exit) -> str:
    """Why the supervisor ended a job, and what to do where the request sets the limit; empty for none."""
    return f"{exit_.detail}. Ask for a larger VolumeSizeInGB" if exit_.reason == "disk" else exit_.detail


def exit_code(exit_: Exit) -> int:
    """The status as a container reports it: 128 and the signal where one ended the process."""
    return exit_.code if exit_.code is not None else 128 + (exit_.signal or 9)
