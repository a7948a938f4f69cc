"""Components: classes whose objects declare resources of their own, in code that the reader doesn't follow.

The class of a package is looked up in the package's files, from import to import. Nothing is imported.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.machinery import PathFinder
from pathlib import Path

from stepwell.check.sources import Place

#: what components derive from
BASE = "ComponentResource"
#: packages that have none, or whose resources the reader sees
_OTHERS = frozenset(("pulumi_aws", "builtins", "boto3", "botocore"))
#: imports that are followed for one class
_DEPTH = 12

#: folders that have packages in them
Folders = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A call of a component's class."""

    #: the class's full name
    name: str
    place: Place


def is_component(name: str, folder: Path) -> bool:
    """Whether the class `name` is Pulumi's of components, or one of a package that derives from it.

    `folder` is the program's, which may have a virtual environment.
    """
    module, _, last = name.rpartition(".")
    package = name.partition(".")[0]
    if package in _OTHERS or package in sys.stdlib_module_names or not last[:1].isupper() or not module:
        return False
    if package == "pulumi":
        return last == BASE
    if package == "stepwell":
        # its names come from `__getattr__`
        return last == "RetrainingWorkflow"
    return _derives(module, last, _folders(folder), 0)


def _folders(program: Path) -> Folders:
    """Where packages lie: in the program's virtual environment, and in this one."""
    own = [
        str(found)
        for environment in (".venv", "venv")
        for found in sorted(program.glob(f"{environment}/lib/python3*/site-packages"))
    ]
    return (*own, *(each for each in sys.path if each))


@cache
def _derives(module: str, name: str, folders: Folders, depth: int) -> bool:
    """Whether what a module calls `name` is a class that derives from Pulumi's of components."""
    text = _text(module, folders)
    mentioned = name.encode() in text or b"import *" in text
    tree = _tree(module, folders) if mentioned and depth < _DEPTH else None
    if tree is None:
        return False
    stars: list[str] = []
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef) and node.name == name:
            return any(_is_base(base, module, folders, depth) for base in node.bases)
        if isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module, folders)
            for alias in node.names:
                if (alias.asname or alias.name) == name:
                    return alias.name == BASE or _derives(origin, alias.name, folders, depth + 1)
                if alias.name == "*":
                    stars.append(origin)
    return any(_derives(origin, name, folders, depth + 1) for origin in stars)


def _is_base(base: ast.expr, module: str, folders: Folders, depth: int) -> bool:
    if isinstance(base, ast.Subscript):
        base = base.value
    if isinstance(base, ast.Name):
        return base.id == BASE or _derives(module, base.id, folders, depth + 1)
    if isinstance(base, ast.Attribute):
        origins = _modules(ast.unparse(base.value), module, folders)
        return base.attr == BASE or any(_derives(each, base.attr, folders, depth + 1) for each in origins)
    return False


def _modules(spelled: str, module: str, folders: Folders) -> Iterator[str]:
    """The modules that a module may mean by a dotted name."""
    tree = _tree(module, folders)
    for node in ast.walk(tree) if tree is not None else ():
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if (alias.asname or alias.name) == spelled)
        elif isinstance(node, ast.ImportFrom):
            origin = _absolute(node, module, folders)
            yield from (
                f"{origin}.{alias.name}" for alias in node.names if (alias.asname or alias.name) == spelled
            )


def _absolute(node: ast.ImportFrom, module: str, folders: Folders) -> str:
    """The module that is imported from, by its full name."""
    if not node.level:
        return node.module or ""
    file = _file(module, folders)
    above = node.level - (file is not None and file.name == "__init__.py")
    parts = module.split(".")
    return ".".join([*parts[: max(0, len(parts) - above)], *([node.module] if node.module else [])])


@cache
def _tree(module: str, folders: Folders) -> ast.Module | None:
    try:
        return ast.parse(_text(module, folders))
    except (SyntaxError, ValueError, RecursionError):
        return None


@cache
def _text(module: str, folders: Folders) -> bytes:
    """A module's text; none where there is no file of it."""
    file = _file(module, folders)
    try:
        return file.read_bytes() if file is not None else b""
    except OSError:
        return b""


@cache
def _file(module: str, folders: Folders) -> Path | None:
    """The file of a module; None where there is none in Python."""
    package, *rest = module.split(".")
    found = PathFinder.find_spec(package, list(folders))
    if found is None:
        return None
    if not rest:
        return Path(found.origin) if found.origin and found.origin.endswith(".py") else None
    for folder in found.submodule_search_locations or ():
        stem = Path(folder, *rest)
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file():
                return path
    return None
