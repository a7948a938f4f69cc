"""The program's own files: `Pulumi.yaml`, `Pulumi.<stack>.yaml`, and the Python that it asks for.

Encrypted values (`secure:`) are decrypted with the stack's passphrase, as `pulumi config set --secret` wrote
them. Those of other secrets providers (a cloud's key service, Pulumi's) can only be read there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.provision import ciphers
from stepwell.provision.ciphers import Cipher
from stepwell.provision.problems import ProjectInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Project:
    """A program's folder and what its files say."""

    #: the folder
    folder: Path
    #: the project's name; the folder's name where there is no `Pulumi.yaml`
    name: str
    #: the folder or file to run
    main: Path
    #: the interpreter to run it with
    python: Path
    #: the configuration, `namespace:key` to text, decrypted
    config: Mapping[str, str] = field(repr=False)
    #: the keys of values that are, or hold, secrets
    secret_keys: frozenset[str] = frozenset()
    #: the stack's `encryptionsalt`; empty where its secrets have no passphrase
    salt: str = ""


def read(folder: Path, stack: str, *, passphrase: str | None = None) -> Project:
    """The project in `folder` as the stack sees it.

    Raises:
        ProjectInvalid: a file is absent, malformed, or asks for what is not supported.
        SecretsLocked: the stack has a passphrase, and `passphrase` is not it.
        UsageError: the stack has a passphrase, and the package `cryptography` is not installed.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ProjectInvalid(f"{folder} is not a folder", advice="Name the folder that has Pulumi.yaml in it")
    if not stack or "/" in stack or stack.startswith("."):
        raise ProjectInvalid(
            f"{stack!r} is no stack name", advice="Use letters, digits, hyphens and underscores"
        )
    about = _yaml(_first(folder, "Pulumi"))
    name = str(about.get("name") or folder.name)
    if "/" in name or name.startswith("."):
        raise ProjectInvalid(
            f"{name!r} is no project name", advice="Use letters, digits, hyphens and underscores"
        )
    runtime, options = _runtime(about)
    if runtime != "python":
        raise ProjectInvalid(
            f"The program's runtime is {runtime}",
            advice="Stepwell runs programs in Python; use `pulumi up` for others",
        )
    main = (folder / str(about.get("main") or ".")).resolve()
    if main.is_dir() and not (main / "__main__.py").is_file():
        raise ProjectInvalid(
            f"{main} has no __main__.py",
            advice="Name the folder of a Pulumi program in Python, or set `main:` in its Pulumi.yaml",
        )
    if not main.exists():
        raise ProjectInvalid(f"{main} does not exist", advice="Correct `main:` in Pulumi.yaml")
    config = _defaults(about, name)
    path = _first(folder, f"Pulumi.{stack}")
    settings = _yaml(path)
    salt = settings.get("encryptionsalt") or ""
    own, secret_keys = _stack_config(path, settings, name, _cipher(path, salt, passphrase))
    return Project(
        folder=folder,
        name=name,
        main=main,
        python=_python(folder, options),
        config={**config, **own},
        secret_keys=secret_keys,
        salt=salt,
    )


def _first(folder: Path, stem: str) -> Path | None:
    return next((file for end in (".yaml", ".yml") if (file := folder / f"{stem}{end}").is_file()), None)


def _yaml(path: Path | None) -> dict[str, Any]:
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


def _runtime(about: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    runtime = about.get("runtime", "python")
    if isinstance(runtime, Mapping):
        options = runtime.get("options")
        return str(runtime.get("name")), options if isinstance(options, Mapping) else {}
    return str(runtime), {}


def _python(folder: Path, options: Mapping[str, Any]) -> Path:
    named = options.get("virtualenv")
    if not named:
        return Path(sys.executable)
    python = folder / str(named) / "bin" / "python"
    if not python.exists():
        raise ProjectInvalid(
            f"The program's virtual environment {folder / str(named)} is absent",
            advice="Make it and install the program's requirements, or drop `virtualenv` from Pulumi.yaml",
        )
    return python


def _defaults(about: Mapping[str, Any], project: str) -> dict[str, str]:
    config: dict[str, str] = {}
    declared = about.get("config")
    if not isinstance(declared, Mapping):
        return config
    for key, value in declared.items():
        if isinstance(value, Mapping) and ("default" in value or "value" in value or "type" in value):
            value = value.get("value", value.get("default"))
        if value is not None:
            config[_key(str(key), project)] = _text(value)
    return config


def _cipher(path: Path | None, salt: Any, passphrase: str | None) -> Cipher | None:
    if not salt:
        return None
    try:
        return ciphers.of_passphrase(passphrase, str(salt))
    except ValueError as error:
        raise ProjectInvalid(
            f"`encryptionsalt` in {path} is damaged: {error}", advice="Restore what Pulumi wrote there"
        ) from error


def _stack_config(
    path: Path | None, settings: Mapping[str, Any], project: str, cipher: Cipher | None
) -> tuple[dict[str, str], frozenset[str]]:
    config: dict[str, str] = {}
    secret_keys: set[str] = set()
    declared = settings.get("config") or {}
    if not isinstance(declared, Mapping):
        raise ProjectInvalid(f"`config` in {path} is not a mapping")
    for key, value in declared.items():
        name = _key(str(key), project)
        if _encrypted(value):
            secret_keys.add(name)
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
                    advice=f"Set it again: `pulumi config set --secret {key}`",
                ) from None
        config[name] = _text(value)
    return config, frozenset(secret_keys)


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


def _key(key: str, project: str) -> str:
    return key if ":" in key else f"{project}:{key}"


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value)
