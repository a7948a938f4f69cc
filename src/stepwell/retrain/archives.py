"""Shipped packages as one file each, the same bytes every time: what a program uploads for its jobs.

A processing job has an archive on PYTHONPATH and runs `python3 -m gate`, for one: Python imports from zip
files itself. Equal code makes an equal archive, so that nothing is uploaded or replaced that hasn't changed.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from io import BytesIO
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
    return _write(packed(sources(package)), target)


def sources(package: str) -> dict[str, bytes]:
    """A package's files by their paths below `HERE`. Raises FileNotFoundError as `write` does."""
    paths = sorted((HERE / package).rglob("*.py"))
    if not paths:
        raise FileNotFoundError(f"{HERE / package} has no Python files")
    return {path.relative_to(HERE).as_posix(): path.read_bytes() for path in paths}


def together(*packages: str) -> dict[str, bytes]:
    """The files of packages that share code, below `retrain`: `python3 -m retrain.monitor`.

    Raises FileNotFoundError as `write` does.
    """
    entries = {f"{PARENT}/__init__.py": b'"""What imports one another."""\n'}
    for package in packages:
        entries.update((f"{PARENT}/{name}", content) for name, content in sources(package).items())
    return entries


def packed(entries: Mapping[str, bytes]) -> bytes:
    """Files by their paths as an archive."""
    whole = BytesIO()
    with zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in entries.items():
            archive.writestr(zipfile.ZipInfo(name, WHEN), content, zipfile.ZIP_DEFLATED)
    return whole.getvalue()


def _write(content: bytes, target: Path) -> Path:
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    return target
