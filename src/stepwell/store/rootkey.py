"""The server's root key pair: made at the first start, readable by the folder's owner only."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from stepwell.errors import FolderDamaged, UsageError

NAME = "credentials.json"
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True, slots=True, kw_only=True)
class RootKey:
    """Who owns a data folder, and how its owner signs."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    #: the account and region that the folder's records were written for
    account: str
    region: str


def read(root: Path) -> RootKey | None:
    """The folder's key; None for a folder that no server has used. Raises FolderDamaged."""
    try:
        text = (root / NAME).read_text()
    except FileNotFoundError:
        return None
    except PermissionError:
        raise UsageError(
            f"{root / NAME} may be read by its owner only: run this as the user who runs the server"
        ) from None
    try:
        return RootKey(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise FolderDamaged(f"{root / NAME} is damaged ({error}). Restore it from a backup") from error


def read_or_create(root: Path, *, account: str, region: str) -> RootKey:
    """The folder's key, made when there is none.

    Raises UsageError when the folder belongs to another account or region, FolderDamaged when its
    database is there and the key is not.
    """
    key = read(root)
    if key is None:
        if (root / "stepwell.db").exists():
            raise FolderDamaged(f"{root / NAME} is missing. Restore it from a backup")
        key = RootKey(
            access_key_id="AKIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)),
            secret_access_key=secrets.token_urlsafe(30),
            account=account,
            region=region,
        )
        _write(root / NAME, key)
    if (key.account, key.region) != (account, region):
        raise UsageError(
            f"{root} belongs to account {key.account} in {key.region}; "
            f"start the server with --account {key.account} --region {key.region}, or name another folder"
        )
    return key


def _write(path: Path, key: RootKey) -> None:
    facts = {name: getattr(key, name) for name in RootKey.__dataclass_fields__}
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump(facts, file)
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
