"""The data folder: who holds it, which version wrote it, what lies where.

lock            held while a server runs; its content names the server
stepwell.db     records, journals, effects, timers, small blobs
blobs/          large blobs, by digest
workers/        one folder for every supervised process
logs/           log segments
tmp/            uploads under way; emptied at every start
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from stepwell.errors import FolderDamaged, FolderInUse


class Folder:
    """An opened and locked data folder. Raises FolderInUse or FolderDamaged."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if self.root.exists() and not self.root.is_dir():
            raise FolderDamaged(f"{self.root} is not a folder; name another with --data")
        self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = read_lock(self.root)
            os.close(self._lock)
            who = f"process {holder['pid']} at {holder.get('url', 'an unknown address')}" if holder else "it"
            raise FolderInUse(
                f"another Stepwell server holds {self.root}: {who}. "
                f"Stop it with `stepwell stop --data {root}` or name another folder with --data"
            ) from None
        others = {name for name in ("blobs", "workers", "logs") if any((self.root / name).glob("*"))}
        if others and not self.database.exists():
            raise FolderDamaged(
                f"{self.root} holds {', '.join(sorted(others))} but no stepwell.db: "
                "its database is missing. Restore it from a backup, or name an empty folder with --data"
            )
        self.announce({})
        shutil.rmtree(self.root / "tmp", ignore_errors=True)
        for name in ("tmp", "blobs", "workers", "logs"):
            (self.root / name).mkdir(exist_ok=True, mode=0o700)

    @property
    def database(self) -> Path:
        return self.root / "stepwell.db"

    @property
    def tmp(self) -> Path:
        return self.root / "tmp"

    def announce(self, facts: dict[str, Any]) -> None:
        """Write into the lock file who holds it (`pid`, and `url` once known)."""
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.ftruncate(self._lock, 0)
        os.pwrite(self._lock, text, 0)

    def close(self) -> None:
        """Let the folder go."""
        os.ftruncate(self._lock, 0)
        os.close(self._lock)


def read_lock(root: Path) -> dict[str, Any] | None:
    """What the holder of the folder wrote into its lock file: `pid`, `url`; None when there is nothing."""
    try:
        text = (root / "lock").read_text()
        facts = json.loads(text) if text else None
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def is_held(root: Path) -> bool:
    """Whether a running server holds the folder."""
    try:
        descriptor = os.open(root / "lock", os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
