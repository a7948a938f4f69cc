"""The gate's own code, named by a digest: evidence says which code decided."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent


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
