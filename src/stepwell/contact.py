"""How to reach the server of a data folder: its lock file, its root key, and where its workers ask.

Here, below everything, because clients (`stepwell env`, `stepwell up`) need it as well as the server.
"""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.errors import FolderDamaged, UsageError

KEY = "credentials.json"
LOCK = "lock"
#: where workers fetch their role's credentials: below the server's URL, followed by the worker's id
CREDENTIALS_PATH = "/_stepwell/credentials/"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """Who owns a data folder, and how its owner signs."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    #: the account and region that the folder's records were written for
    account: str
    region: str


def read_key(root: Path) -> RootKey | None:
    """The folder's key; None for a folder that no server has used. Raises FolderDamaged, UsageError."""
    path = root / KEY
    try:
        text = path.read_text()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise UsageError(
            f"{path} may be read by its owner only: run this as the user who runs the server"
        ) from None
    try:
        return RootKey(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise FolderDamaged(f"{path} is damaged ({error}). Restore it from a backup") from error


def read_lock(root: Path) -> dict[str, Any] | None:
    """What the folder's last holder wrote: `pid` and, once it answered, `url`; None when there is nothing."""
    try:
        text = (root / LOCK).read_text()
        facts = json.loads(text) if text else None
    except (OSError, ValueError):
        return None
    return facts if isinstance(facts, dict) else None


def is_held(root: Path) -> bool:
    """Whether a running server holds the folder."""
    try:
        descriptor = os.open(root / LOCK, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False
