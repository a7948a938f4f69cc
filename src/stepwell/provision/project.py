"""The program's own files: `Pulumi.yaml`, what it runs, and the Python that it asks for."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stepwell.provision import configuration
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


def read(
    folder: Path,
    stack: str,
    *,
    passphrase: str | None = None,
    config: Mapping[str, Any] | None = None,
    decrypt: bool = True,
) -> Project:
    """The project in `folder` as the stack sees it; values of `config` go before those of its files.

    Without `decrypt` encrypted values are covered, and no passphrase is needed.

    Raises:
        ProjectInvalid: a file is absent, malformed, or asks for what is not supported.
        SecretsLocked: the stack has a passphrase, and `passphrase` is not it.
        UsageError: the stack has a passphrase, and the package `cryptography` is not installed.
    """
    name, about = identify(folder, stack)
    folder = folder.resolve()
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
    path = settings_file(folder, stack)
    configured = configuration.read(about, name, path, passphrase=passphrase, decrypt=decrypt, given=config)
    faults = list(configuration.faults(about, name, configured.values))
    if faults:
        raise ProjectInvalid(
            f"Pulumi.yaml asks for other configuration: {'; '.join(faults)}",
            advice=f"Set it: `stepwell config set KEY VALUE --stack {stack}`",
        )
    return Project(
        folder=folder,
        name=name,
        main=main,
        python=_python(folder, options),
        config=configured.values,
        secret_keys=configured.secret_keys,
        salt=configured.salt,
    )


def identify(folder: Path, stack: str) -> tuple[str, dict[str, Any]]:
    """The project's name, which is the folder's where no file gives one, and all that `Pulumi.yaml` says.

    Raises:
        ProjectInvalid: there is no such folder, or a name is none.
    """
    folder = folder.resolve()
    if not folder.is_dir():
        raise ProjectInvalid(f"{folder} is not a folder", advice="Name the folder that has Pulumi.yaml in it")
    about = configuration.load(_first(folder, "Pulumi"))
    name = str(about.get("name") or folder.name)
    for what, said in (("stack", stack), ("project", name)):
        if not said or "/" in said or said.startswith("."):
            raise ProjectInvalid(
                f"{said!r} is no {what} name", advice="Use letters, digits, hyphens and underscores"
            )
    return name, about


def settings_file(folder: Path, stack: str) -> Path | None:
    """The stack's `Pulumi.<stack>.yaml`, where there is one."""
    return _first(folder.resolve(), f"Pulumi.{stack}")


def _first(folder: Path, stem: str) -> Path | None:
    return next((file for end in (".yaml", ".yml") if (file := folder / f"{stem}{end}").is_file()), None)


def _runtime(about: Mapping[str, Any]) -> tuple[str, Mapping[str, Any]]:
    runtime = about.get("runtime", "python")
    if isinstance(runtime, Mapping):
        options = runtime.get("options")
        return str(runtime.get("name")), options if isinstance(options, Mapping) else {}
    return str(runtime), {}


def _python(folder: Path, options: Mapping[str, Any]) -> Path:
    # uv keeps a project's environment in .venv; the other toolchains have no place of their own
    named = options.get("virtualenv") or (".venv" if options.get("toolchain") == "uv" else None)
    if not named:
        return Path(sys.executable)
    python = folder / str(named) / "bin" / "python"
    if not python.exists():
        raise ProjectInvalid(
            f"The program's virtual environment {folder / str(named)} is absent",
            advice="Make it and install the program's requirements, or drop `virtualenv` from Pulumi.yaml",
        )
    return python
