"""Shipped packages as one file each, the same bytes every time: what a program uploads for its jobs.

A processing job has an archive on PYTHONPATH and runs `python3 -m gate`, for one: Python imports from zip
files itself. Equal code makes an equal archive, so that nothing is uploaded or replaced that hasn't changed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path

#: where the shipped packages lie
HERE = Path(__file__).resolve().parent
#: every entry's time, so that the same code is the same archive
WHEN = (1980, 1, 1, 0, 0, 0)
#: the folder of packages that import one another
PARENT = "retrain"


def write(package: str, target: Path) -> Path:
    """Write the archive of a package by its name (`gate`, `prepare`), with its folder; gives the path.

    Raises FileNotFoundError where there is no such package.
    """
    return _pack(_sources(package), target)


def together(packages: Iterable[str], target: Path) -> Path:
    """Write packages that share code as one archive, below `retrain`: `python3 -m retrain.monitor`.

    Raises FileNotFoundError as `write` does.
    """
    entries = {f"{PARENT}/__init__.py": b""}
    for package in packages:
        entries.update((f"{PARENT}/{name}", content) for name, content in _sources(package).items())
    return _pack(entries, target)


def _sources(package: str) -> dict[str, bytes]:
    """A package's files by their paths."""
    paths = sorted((HERE / package).rglob("*.py"))
    if not paths:
        raise FileNotFoundError(f"{HERE / package} has no Python files")
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}


def _pack(entries: Mapping[str, bytes], target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in entries.items():
            packed.writestr(zipfile.ZipInfo(name, WHEN), content, zipfile.ZIP_DEFLATED)
    return target
