"""A stack's configuration: what `Pulumi.yaml` declares and `Pulumi.<stack>.yaml` sets.

Encrypted values (`secure:`) are decrypted with the stack's passphrase, as `pulumi config set --secret` wrote
them. Those of other secrets providers (a cloud's key service, Pulumi's) can only be read there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.provision import ciphers
from stepwell.provision.ciphers import Cipher
from stepwell.provision.problems import ProjectInvalid
from stepwell.provision.progress import MASK

#: what a declaration of a value consists of; anything else is the value itself
_DECLARATION = frozenset({"type", "default", "value", "description", "secret", "items"})
#: declared type → how JSON's values of it are in Python
_TYPES: Mapping[str, type] = {"string": str, "integer": int, "boolean": bool, "array": list, "object": dict}


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """The values, decrypted."""

    #: `namespace:key` → text; what is no text is JSON
    values: Mapping[str, str] = field(repr=False)
    #: the keys of values that are, or hold, secrets
    secret_keys: frozenset[str] = frozenset()
    #: the stack's `encryptionsalt`; empty where its secrets have no passphrase
    salt: str = ""


def load(path: Path | None) -> dict[str, Any]:
    """A YAML file's mapping; an empty one when there is no file.

    Raises:
        ProjectInvalid: it is no YAML, or no mapping.
    """
    if path is None:
        return {}
    import yaml

    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ProjectInvalid(f"{path} is not YAML: {' '.join(str(error).split())}") from error
    if loaded is None:
        return {}
    if not isinstance(loaded, dict):
        raise ProjectInvalid(f"{path} is not a mapping of names to values")
    return loaded


def read(
    about: Mapping[str, Any],
    project: str,
    path: Path | None,
    *,
    passphrase: str | None,
    decrypt: bool = True,
    given: Mapping[str, Any] | None = None,
) -> Configuration:
    """The configuration of the project that `about` describes, with what the stack's file at `path` sets.

    Values that are `given` go before those of the files. Without `decrypt` encrypted values are covered, and
    no passphrase is needed.

    Raises:
        ProjectInvalid: the file makes no sense, or a value can't be decrypted.
        SecretsLocked: the stack has a passphrase, and `passphrase` is not it.
        UsageError: the stack has a passphrase, and the package `cryptography` is not installed.
    """
    values: dict[str, str] = {}
    secret_keys: set[str] = set()
    for key, value in _declared(about):
        name = full(key, project)
        if isinstance(value, Mapping) and value.keys() & _DECLARATION:
            if value.get("secret") is True:
                secret_keys.add(name)
            value = value.get("value", value.get("default"))
        if value is not None:
            values[name] = _text(value)
    settings = load(path)
    salt = str(settings.get("encryptionsalt") or "")
    cipher = _cipher(path, salt, passphrase) if decrypt else None
    own, own_secrets = _set(path, settings, project, cipher, decrypt)
    asked = {full(key, project): _text(value) for key, value in (given or {}).items()}
    return Configuration(
        values={**values, **own, **asked}, secret_keys=frozenset(secret_keys | own_secrets), salt=salt
    )


def faults(about: Mapping[str, Any], project: str, values: Mapping[str, str]) -> Iterator[str]:
    """What `Pulumi.yaml` asks of the configuration and `values` don't have, one message each."""
    for key, declared in _declared(about):
        if not isinstance(declared, Mapping) or "type" not in declared:
            continue
        name, wanted = full(key, project), str(declared["type"])
        if wanted not in _TYPES:
            yield f"the type of {key} is {wanted}; it can be {', '.join(_TYPES)}"
        elif name not in values:
            yield f"configuration value {name} is missing"
        elif not _is(wanted, values[name]):
            yield f"configuration value {name} is no {wanted}"


def full(key: str, project: str) -> str:
    """The key with its namespace, which is the project's where none is written."""
    return key if ":" in key else f"{project}:{key}"


def _declared(about: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    declared = about.get("config")
    if isinstance(declared, Mapping):
        for key, value in declared.items():
            yield str(key), value


def _is(wanted: str, text: str) -> bool:
    if wanted == "string":
        return True
    try:
        value = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, _TYPES[wanted]) and not (wanted == "integer" and isinstance(value, bool))


def _cipher(path: Path | None, salt: str, passphrase: str | None) -> Cipher | None:
    if not salt:
        return None
    try:
        return ciphers.of_passphrase(passphrase, salt)
    except ValueError as error:
        raise ProjectInvalid(
            f"`encryptionsalt` in {path} is damaged: {error}", advice="Restore what Pulumi wrote there"
        ) from error


def _set(
    path: Path | None, settings: Mapping[str, Any], project: str, cipher: Cipher | None, decrypt: bool
) -> tuple[dict[str, str], frozenset[str]]:
    values: dict[str, str] = {}
    secret_keys: set[str] = set()
    declared = settings.get("config") or {}
    if not isinstance(declared, Mapping):
        raise ProjectInvalid(f"`config` in {path} is not a mapping")
    for key, value in declared.items():
        name = full(str(key), project)
        if _encrypted(value):
            secret_keys.add(name)
            if not decrypt:
                values[name] = MASK
                continue
            if cipher is None:
                raise ProjectInvalid(
                    f"Configuration value {key} in {path} is encrypted by a secrets provider that is not"
                    " supported here: there is no `encryptionsalt`",
                    advice="Use `pulumi stack change-secrets-provider passphrase`",
                )
            try:
                value = _decrypted(value, cipher)
            except ValueError as error:
                raise ProjectInvalid(
                    f"Configuration value {key} in {path} can't be decrypted: {error}",
                    advice=f"Set it again: `stepwell config set --secret {key}`",
                ) from None
        values[name] = _text(value)
    return values, frozenset(secret_keys)


def _secure(value: Any) -> bool:
    return isinstance(value, Mapping) and set(value) == {"secure"} and isinstance(value["secure"], str)


def _encrypted(value: Any) -> bool:
    if isinstance(value, Mapping):
        return _secure(value) or any(map(_encrypted, value.values()))
    return isinstance(value, list) and any(map(_encrypted, value))


def _decrypted(value: Any, cipher: Cipher) -> Any:
    if _secure(value):
        return cipher.decrypt(value["secure"])
    if isinstance(value, Mapping):
        return {key: _decrypted(item, cipher) for key, item in value.items()}
    return [_decrypted(item, cipher) for item in value] if isinstance(value, list) else value


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
