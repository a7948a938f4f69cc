"""Shipped packages as one file each, the same bytes every time: what a program uploads for its jobs.

A processing job has an archive on PYTHONPATH and runs `python3 -m gate`, for one: Python imports from zip
files itself. Equal code makes an equal archive, so that nothing is uploaded or replaced that hasn't changed.
"""

from __future__ import annotations

import zipfile
from pathlib import Path

#: where the shipped packages lie
HERE = Path(__file__).resolve().parent
#: every entry's time, so that the same code is the same archive
WHEN = (1980, 1, 1, 0, 0, 0)


def write(package: str, target: Path) -> Path:
    """Write the archive of a package by its name (`gate`, `prepare`), with its folder; gives the path.

    Raises FileNotFoundError where there is no such package.
    """
    sources = sorted((HERE / package).rglob("*.py"))
    if not sources:
        raise FileNotFoundError(f"{HERE / package} has no Python files")
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as packed:
        for path in sources:
            entry = zipfile.ZipInfo(path.relative_to(HERE).as_posix(), WHEN)
            packed.writestr(entry, path.read_bytes(), zipfile.ZIP_DEFLATED)
    return target
