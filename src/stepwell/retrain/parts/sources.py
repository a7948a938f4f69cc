"""The user's files that a workflow ships: there, and Python, when the workflow is declared."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from stepwell.retrain.parts.declaration import DeclarationError

_NAMED = re.compile(r"([A-Za-z_]\w*):([A-Za-z_]\w*)")


def folder(what: str, path: str) -> Path:
    """The folder of that path, relative to the program's. Raises DeclarationError."""
    if not isinstance(path, str) or not Path(path).is_dir():
        raise DeclarationError(f"{what}: there is no folder {path!r} in {Path.cwd()}")
    return Path(path)


def script(what: str, within: Path, name: str) -> ast.Module:
    """The parsed script of that name directly in a folder. Raises DeclarationError."""
    path = within / name if isinstance(name, str) else within
    if path.suffix != ".py" or path.parent != within or not path.is_file():
        there = ", ".join(sorted(each.name for each in within.glob("*.py"))) or "none"
        raise DeclarationError(f"{what} is a script in {within}, which has {there}; not {name!r}")
    try:
        return ast.parse(path.read_bytes(), str(path))
    except (SyntaxError, ValueError) as error:
        line = f", line {error.lineno}" if isinstance(error, SyntaxError) else ""
        raise DeclarationError(f"{what}: {path}{line} is no Python: {error.args[0]}") from None


def function(what: str, within: Path, named: str) -> Path:
    """The file that holds the function `module:name`. Raises DeclarationError."""
    match = _NAMED.fullmatch(named) if isinstance(named, str) else None
    if match is None:
        raise DeclarationError(f"{what} is written 'module:function', not {named!r}")
    path = within / f"{match[1]}.py"
    tree = script(what, within, path.name)
    found = [each.name for each in tree.body if isinstance(each, ast.FunctionDef)]
    if match[2] not in found:
        raise DeclarationError(
            f"{what}: {path} has no function {match[2]!r}; it has {', '.join(found) or 'none'}"
        )
    return path
