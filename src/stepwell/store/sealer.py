"""Seals secrets that the database keeps: AES-256-GCM under a key in the data folder, for its owner only.

The key lies beside the database, so that a copy of the database alone (a backup of records, a look over a
shoulder) shows no secret; who reads the whole folder reads everything. `docs/security.md` says so.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from stepwell.errors import FolderDamaged

#: the key's file in the data folder
KEY = "secrets.key"
#: bytes of a key, and of a nonce
KEY_SIZE, NONCE_SIZE = 32, 12


class FileSealer:
    """Seals with the folder's key, which is made when the first secret is.

    The cipher is imported at its first use: most servers keep no secret.
    """

    def __init__(self, root: Path) -> None:
        self._path = root / KEY
        self._key: bytes | None = None

    def seal(self, text: str, purpose: str) -> str:
        """The sealed text, in base 64."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        nonce = os.urandom(NONCE_SIZE)
        sealed = AESGCM(self._load(create=True)).encrypt(nonce, text.encode(), purpose.encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, sealed: str, purpose: str) -> str:
        """The text. Raises ValueError when it was changed or sealed under another key or purpose."""
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        try:
            data = base64.b64decode(sealed, validate=True)
            opened = AESGCM(self._load()).decrypt(data[:NONCE_SIZE], data[NONCE_SIZE:], purpose.encode())
        except (InvalidTag, binascii.Error):
            raise ValueError(f"it was not sealed with {self._path}") from None
        return opened.decode()

    def _load(self, *, create: bool = False) -> bytes:
        if self._key is None:
            if create and not self._path.exists():
                self._write(os.urandom(KEY_SIZE))
            try:
                self._key = self._path.read_bytes()
            except FileNotFoundError:
                raise ValueError(f"{self._path} is missing: restore it from a backup") from None
            if len(self._key) != KEY_SIZE:
                raise FolderDamaged(
                    f"{self._path} is not a key of {KEY_SIZE} bytes: restore it from a backup"
                )
        return self._key

    def _write(self, key: bytes) -> None:
        temporary = self._path.with_suffix(".new")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(key)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
