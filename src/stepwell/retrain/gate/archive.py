"""The gate's own code as one file, the same bytes every time: what a program uploads for its jobs.

A processing job has it on PYTHONPATH and runs `python3 -m gate`; Python imports from zip files itself.
"""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
#: every entry's time, so that the same code is the same archive
WHEN = (1980, 1, 1, 0, 0, 0)


def sources() -> dict[str, bytes]:
    """The gate's files by their names; also from within an archive."""
    if HERE.is_dir():
        return {path.name: path.read_bytes() for path in sorted(HERE.glob("*.py"))}
    with zipfile.ZipFile(str(HERE.parent)) as packed:
        return {name.rpartition("/")[2]: packed.read(name) for name in sorted(packed.namelist())}


def digest() -> str:
    """SHA-256 over the gate's files, as it is written into evidence."""
    whole = hashlib.sha256()
    for name, content in sources().items():
        whole.update(name.encode() + b"\0" + hashlib.sha256(content).digest())
    return whole.hexdigest()


def write(target: Path) -> Path:
    """Write the archive, with its folder; gives the path."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(str(target), "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sources().items():
            packed.writestr(zipfile.ZipInfo(f"gate/{name}", WHEN), content, zipfile.ZIP_DEFLATED)
    return target
