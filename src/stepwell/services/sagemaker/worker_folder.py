"""What user code left in its folder, read without following it anywhere.

The folder is the user's: any name in it may be a link to what only the server may read.
"""

from __future__ import annotations

import os
from pathlib import Path

from stepwell.services.sagemaker.errors import RunFailed


def own(folder: Path, *parts: str) -> Path:
    """The path below `folder`. Raises RunFailed when any part of it is a link."""
    path = folder
    for part in parts:
        path = path / part
        if path.is_symlink():
            raise RunFailed(
                f"{path.relative_to(folder)} is a link; it must be a file or a folder of the job's own"
            )
    return path


def read_bytes(folder: Path, *parts: str, limit: int) -> bytes:
    """The first `limit` bytes of a file the job may have written; empty when it has not."""
    try:
        handle = os.open(own(folder, *parts), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except (OSError, RunFailed):
        return b""
    with os.fdopen(handle, "rb") as file:
        try:
            return file.read(limit) or b""
        except OSError:
            return b""


def read_text(folder: Path, *parts: str, limit: int) -> str:
    """The first `limit` characters of such a file, whatever its bytes are."""
    data = read_bytes(folder, *parts, limit=4 * limit)
    return data.decode(errors="replace").strip()[:limit]
