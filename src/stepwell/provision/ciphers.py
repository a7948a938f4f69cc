"""Encryption of secrets as Pulumi's passphrase provider does it, so that its files are read as they are.

AES-256-GCM; a text is written `v1:<nonce>:<ciphertext and tag>`, both in base64. A passphrase becomes a key
by PBKDF2 over a salt; the salt is kept beside a known word encrypted with the key, which tells a wrong
passphrase from damage.
"""

from __future__ import annotations

import base64
import hashlib
import os
from functools import lru_cache

from stepwell.errors import UsageError
from stepwell.provision.problems import SecretsLocked

#: the length of keys
KEY_BYTES = 32
_NONCE_BYTES = 12
_SALT_BYTES = 8
_ITERATIONS = 1_000_000
_KNOWN = "pulumi"


class Cipher:
    """Encrypts and decrypts texts with one key."""

    def __init__(self, key: bytes) -> None:
        """Takes a key of 32 bytes.

        Raises:
            UsageError: the package `cryptography` is not installed.
        """
        try:
            from cryptography.exceptions import InvalidTag
            from cryptography.hazmat.primitives.ciphers.aead import AESGCM
        except ModuleNotFoundError as error:
            if (error.name or "").split(".")[0] != "cryptography":
                raise
            raise UsageError(
                "Secrets need the package cryptography, which is absent: pip install 'stepwell[pulumi]'"
            ) from error
        self._aes = AESGCM(key)
        self._misfit = InvalidTag

    def encrypt(self, text: str) -> str:
        """The text as `v1:<nonce>:<ciphertext>`, another one each time."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._aes.encrypt(nonce, text.encode(), None)
        return f"v1:{base64.b64encode(nonce).decode()}:{base64.b64encode(sealed).decode()}"

    def decrypt(self, text: str) -> str:
        """The text that was encrypted.

        Raises:
            ValueError: with the reason, which never quotes the text.
        """
        version, _, rest = text.partition(":")
        nonce, colon, sealed = rest.partition(":")
        if version != "v1" or not colon:
            raise ValueError("it is not of the form v1:<nonce>:<ciphertext>")
        try:
            plain = self._aes.decrypt(_bytes(nonce), _bytes(sealed), None)
        except self._misfit:
            raise ValueError("it was encrypted with another key, or was changed") from None
        return plain.decode()


def of_passphrase(passphrase: str | None, salt: str) -> Cipher:
    """The cipher of a stack with that `encryptionsalt`: `v1:<salt>:v1:<nonce>:<ciphertext of a known word>`.

    Raises:
        SecretsLocked: the passphrase is absent or wrong.
        ValueError: `salt` is not of that form.
        UsageError: the package `cryptography` is not installed.
    """
    version, _, rest = salt.partition(":")
    start, colon, known = rest.partition(":")
    if version != "v1" or not colon or not known.startswith("v1:"):
        raise ValueError("it is not of the form v1:<salt>:v1:<nonce>:<ciphertext>")
    start_bytes = _bytes(start)
    if passphrase is None:
        raise SecretsLocked(
            "The stack's secrets are encrypted with a passphrase, and none was given",
            advice="Set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to a file that holds it",
        )
    cipher = Cipher(_derived(passphrase, start_bytes))
    try:
        fits = cipher.decrypt(known) == _KNOWN
    except ValueError:
        fits = False
    if not fits:
        raise SecretsLocked(
            "The passphrase does not fit the stack's secrets",
            advice="Give the one that they were encrypted with in PULUMI_CONFIG_PASSPHRASE"
            " or PULUMI_CONFIG_PASSPHRASE_FILE, and leave `encryptionsalt` as Pulumi wrote it",
        )
    return cipher


def salted(passphrase: str) -> str:
    """A new `encryptionsalt` for a stack whose secrets are to go by that passphrase.

    Raises:
        UsageError: the package `cryptography` is not installed.
    """
    start = os.urandom(_SALT_BYTES)
    known = Cipher(_derived(passphrase, start)).encrypt(_KNOWN)
    return f"v1:{base64.b64encode(start).decode()}:{known}"


@lru_cache(maxsize=16)
def _derived(passphrase: str, salt: bytes) -> bytes:
    """The key; remembered, as deriving one is slow on purpose."""
    return hashlib.pbkdf2_hmac("sha256", passphrase.encode(), salt, _ITERATIONS, KEY_BYTES)


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
