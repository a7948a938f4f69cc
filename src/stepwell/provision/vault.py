"""The secret values of one stack's state file, encrypted.

With the stack's passphrase where the stack has one. Without, with a random key in a file beside the state,
which protects copies of the state file (a backup, an attachment to a report), and not the folder: whoever
reads the folder has both.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from stepwell.provision import ciphers
from stepwell.provision.ciphers import Cipher
from stepwell.provision.problems import SecretsLocked, StateDamaged
from stepwell.provision.values import SECRET, SIGNATURE

#: says in a state file that the key is in the file beside it
KEY_FILE: Final = "key file"


class Vault:
    """Encrypts and decrypts a stack's secret values; makes the key file when it is first needed."""

    def __init__(self, state: Path, *, passphrase: str | None = None, salt: str = "") -> None:
        """Keeps the secrets of the state file at `state`.

        Args:
            passphrase: the stack's, as far as the caller has it.
            salt: the stack's `encryptionsalt`; empty: its secrets go by a key file.
        """
        self._file = state.with_suffix(".key")
        self._state = state
        self._passphrase = passphrase
        self._cipher: Cipher | None = None
        #: what secrets are encrypted with from now on: `KEY_FILE`, or the salt of a passphrase
        self.lock: Final = salt or KEY_FILE

    def prepare(self) -> None:
        """Finds the key, or makes it; after this no `sealed` fails.

        Raises:
            SecretsLocked, UsageError
        """
        if self._cipher is None:
            if self.lock == KEY_FILE and not self._file.exists():
                written(self._file, base64.b64encode(os.urandom(ciphers.KEY_BYTES)) + b"\n")
            self._cipher = self._by(self.lock)

    def sealed(self, values: Mapping[str, Any], names: Iterable[str]) -> dict[str, Any]:
        """`values` with those of the given names encrypted, in the form of Pulumi's own state files."""
        hidden = frozenset(names) & values.keys()
        if not hidden:
            return dict(values)
        self.prepare()
        assert self._cipher is not None
        encrypt = self._cipher.encrypt
        return {
            name: {SIGNATURE: SECRET, "ciphertext": encrypt(json.dumps(value))} if name in hidden else value
            for name, value in values.items()
        }

    def opener(self, lock: str) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
        """A function that decrypts what `sealed` encrypted with `lock`, the key of an earlier run.

        Raises:
            SecretsLocked: that key is not here.
            StateDamaged: `lock` or, from the function, a value is not what a run wrote.
            UsageError: the package `cryptography` is not installed.
        """
        if not lock:
            return dict
        cipher = self._by(lock)

        def opened(values: Mapping[str, Any]) -> dict[str, Any]:
            return {name: self._opened(cipher, name, value) for name, value in values.items()}

        return opened

    def _opened(self, cipher: Cipher, name: str, value: Any) -> Any:
        if not (isinstance(value, Mapping) and value.get(SIGNATURE) == SECRET and "ciphertext" in value):
            return value
        try:
            return json.loads(cipher.decrypt(str(value["ciphertext"])))
        except ValueError as error:
            why = "it does not hold JSON" if isinstance(error, json.JSONDecodeError) else str(error)
            raise StateDamaged(
                f"The secret {name} in {self._state} can't be decrypted: {why}",
                advice="Restore the state file, and the key file beside it, from one backup",
            ) from None

    def _by(self, lock: str) -> Cipher:
        if lock == KEY_FILE:
            return self._from_file()
        try:
            return ciphers.of_passphrase(self._passphrase, lock)
        except ValueError as error:
            raise StateDamaged(
                f"What {self._state} says of its encryption is damaged: {error}",
                advice="Restore the state file from a backup",
            ) from error

    def _from_file(self) -> Cipher:
        advice = "Restore it from a backup; without it the secrets in the state file can't be read"
        try:
            key = base64.b64decode(self._file.read_bytes())
        except FileNotFoundError as error:
            raise SecretsLocked(f"The key file {self._file} is absent", advice=advice) from error
        except ValueError:
            key = b""
        if len(key) != ciphers.KEY_BYTES:
            raise SecretsLocked(f"The key file {self._file} is damaged", advice=advice)
        return Cipher(key)


def written(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Puts `data` at `path`, by default for its owner only: whole or not at all, and on disk on return."""
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.replace(temporary, path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
