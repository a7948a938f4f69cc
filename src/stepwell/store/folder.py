"""The data folder: who holds it, which version wrote it, what lies where.

lock            held while a server runs; its content names the server
stepwell.db     records, journals, effects, timers, small blobs
blobs/          large blobs, by digest
workers/        one folder for every supervised process
logs/           log segments
captures/       captured data of endpoints on its way to S3
tmp/            uploads under way; emptied at every start
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from pathlib import Path
from typing import Any

from stepwell.contact import LOCK, read_lock
from stepwell.errors import FolderDamaged, FolderInUse, StoreError


class Folder:
    """An opened and locked data folder. Raises FolderInUse, FolderDamaged, or StoreError."""

    def __init__(self, root: Path) -> None:
        self.root = root.resolve()
        if self.root.exists() and not self.root.is_dir():
            raise FolderDamaged(f"{self.root} is not a folder; name another with --data")
        try:
            self.root.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._lock = os.open(self.root / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise StoreError(f"cannot use the data folder {self.root}: {error.strerror}") from error
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
        #: the URL of the last server on this folder, which jobs that outlived it still know
        self.last_url: str | None = (read_lock(self.root) or {}).get("url")
        others = [name for name in ("blobs", "logs", "workers") if any((self.root / name).glob("*"))]
        if (others or self.last_url) and not _holds_anything(self.database):
            os.close(self._lock)
            found = f"holds {', '.join(others)}" if others else f"was served at {self.last_url}"
            raise FolderDamaged(
                f"{self.root} {found}, but stepwell.db is missing or empty. Nothing was changed. "
                "Restore it from a backup, or name an empty folder with --data"
            )
        self.announce({"url": self.last_url} if self.last_url else {})
        shutil.rmtree(self.root / "tmp", ignore_errors=True)
        for name in ("tmp", "blobs", "workers", "logs", "captures"):
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
        """Let the folder go. The lock file keeps the address: the next server takes the same port."""
        os.close(self._lock)


def _holds_anything(file: Path) -> bool:
    return file.exists() and file.stat().st_size > 0
