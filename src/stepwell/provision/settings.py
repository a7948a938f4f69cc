"""Writes `Pulumi.<stack>.yaml`: one value is set or taken out, and all else stays as its author wrote it.

The file belongs to people and to version control, so that it is edited line by line at the places that the
YAML parser gives, and not read and written anew, which would lose comments and order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stepwell.provision import ciphers, configuration, vault
from stepwell.provision.problems import ProjectInvalid, SecretsLocked

_WIDTH = 1 << 20


def put(path: Path, key: str, value: str, *, project: str, secret: bool, passphrase: str | None) -> None:
    """Sets the value in the file at `path`, which is made when it is absent.

    Args:
        key: as Pulumi's own command takes it: `key`, or `namespace:key`.
        secret: whether it is encrypted with the stack's passphrase, which the first secret establishes.

    Raises:
        SecretsLocked: it is secret, and the passphrase is absent or wrong.
        ProjectInvalid: the file can't be edited.
        UsageError: it is secret, and the package `cryptography` is not installed.
    """
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    entry: Any = value
    if secret:
        salt = str(configuration.load(path if path.exists() else None).get("encryptionsalt") or "")
        if not salt:
            if passphrase is None:
                raise SecretsLocked(
                    "There is no passphrase to encrypt the stack's secrets with",
                    advice="Choose one and set PULUMI_CONFIG_PASSPHRASE, or PULUMI_CONFIG_PASSPHRASE_FILE to"
                    " a file that holds it",
                )
            salt = ciphers.salted(passphrase)
            text = _with_entry(text, ["encryptionsalt"], salt)
        entry = {"secure": ciphers.of_passphrase(passphrase, salt).encrypt(value)}
    _write(path, _with_entry(text, ["config", _written_key(text, key, project)], entry))


def remove(path: Path, key: str, *, project: str) -> bool:
    """Takes the value out; False when it was not set.

    Raises:
        ProjectInvalid: the file can't be edited.
    """
    if not path.exists():
        return False
    text = path.read_text(encoding="utf-8")
    place = _find(text, ["config", _written_key(text, key, project)])
    if place is None:
        return False
    lines = text.splitlines(keepends=True)
    del lines[place[0].start_mark.line : _last_line(place[1]) + 1]
    _write(path, "".join(lines))
    return True


def _written_key(text: str, key: str, project: str) -> str:
    """The key as the file spells it: with its namespace, or without where it has that already."""
    name = configuration.full(key, project)
    bare = name.removeprefix(f"{project}:")
    return bare if _find(text, ["config", bare]) is not None else name


def _write(path: Path, text: str) -> None:
    import yaml

    try:
        yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise ProjectInvalid(
            f"{path} is written in a way that can't be edited", advice="Edit it by hand"
        ) from error
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    vault.written(path, text.encode(), mode=mode)


def _with_entry(text: str, keys: list[str], value: Any) -> str:
    """`text` with the entry under `keys` set, an entry of a mapping that has one line per entry at least."""
    lines = text.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    found = _find(text, keys)
    if found is not None:
        key, old = found
        lines[key.start_mark.line : _last_line(old) + 1] = _lines(keys[-1], value, key.start_mark.column)
        return "".join(lines)
    above = _find(text, keys[:-1]) if keys[:-1] else None
    if above is not None and getattr(above[1], "value", None) and not isinstance(above[1].value, str):
        last_key, last = above[1].value[-1]
        place, indent = _last_line(last) + 1, last_key.start_mark.column
        lines[place:place] = _lines(keys[-1], value, indent)
        return "".join(lines)
    if above is not None:
        key, old = above
        lines[key.start_mark.line : _last_line(old) + 1] = _lines(keys[0], {keys[-1]: value}, 0)
        return "".join(lines)
    return "".join(lines + _lines(keys[0], value if len(keys) == 1 else {keys[1]: value}, 0))


def _lines(key: str, value: Any, indent: int) -> list[str]:
    import yaml

    drawn = yaml.safe_dump({key: value}, default_flow_style=False, allow_unicode=True, width=_WIDTH)
    return [" " * indent + line for line in drawn.splitlines(keepends=True)]


def _find(text: str, keys: list[str]) -> tuple[Any, Any] | None:
    """The nodes of the key and of the value under `keys`."""
    import yaml

    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise ProjectInvalid(f"The stack's file is not YAML: {' '.join(str(error).split())}") from error
    found = None
    for name in keys:
        entries = node.value if isinstance(node, yaml.MappingNode) else []
        found = next((pair for pair in entries if pair[0].value == name), None)
        if found is None:
            return None
        node = found[1]
    return found


def _last_line(node: Any) -> int:
    """The last line of a value. A block's end, as the parser gives it, lies behind the comments after it."""
    import yaml

    if isinstance(node, yaml.ScalarNode):
        return int(node.end_mark.line) - (1 if node.style in ("|", ">") else 0)
    if node.flow_style or not node.value:
        return int(node.end_mark.line)
    last = node.value[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)
