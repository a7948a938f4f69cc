"""The server's root key pair: made at the first start, readable by the folder's owner only."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import asdict
from pathlib import Path

from stepwell.contact import KEY, RootKey, read_key
from stepwell.errors import FolderDamaged, UsageError

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def read_or_create(root: Path, *, account: str, region: str) -> RootKey:
    """The folder's key, made when there is none.

    Raises UsageError when the folder belongs to another account or region, FolderDamaged when its
    database is there and the key is not.
    """
    key = read_key(root)
    if key is None:
        if (root / "stepwell.db").exists():
            raise FolderDamaged(f"{root / KEY} is missing. Restore it from a backup")
        key = RootKey(
            access_key_id="AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)),
            secret_access_key=secrets.token_urlsafe(30),
            account=account,
            region=region,
        )
        _write(root / KEY, key)
    if (key.account, key.region) != (account, region):
        raise UsageError(
            f"{root} belongs to account {key.account} in {key.region}; "
            f"start the server with --account {key.account} --region {key.region}, or name another folder"
        )
    return key


def _write(path: Path, key: RootKey) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(asdict(key), file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
