"""The three classes of a request field: honoured, recorded, or refused by name.

A field that no row classifies is refused: nothing that a caller says is silently ignored.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StructureShape

from stepwell.api.operations import Operation
from stepwell.errors import UnsupportedParameter

Tree = dict[str, "Tree"]


@lru_cache(maxsize=1024)
def tree(paths: tuple[str, ...]) -> Tree:
    """Dotted paths as nested dicts; an empty dict allows all below it."""
    root: Tree = {}
    for path in sorted(paths):
        node = root
        for part in path.split("."):
            node = node.setdefault(part, {})
    return root


def refuse_unknown(operation: Operation, shape: Shape | None, params: Mapping[str, Any]) -> None:
    """Raise UnsupportedParameter for the first field of `params` that the row does not classify."""
    if shape is not None and params:
        _walk(operation.name, shape, params, tree(operation.honoured + operation.recorded), "")


def _walk(operation: str, shape: Shape, value: Any, allowed: Tree, path: str) -> None:
    if value is None:
        return
    if isinstance(shape, StructureShape):
        for name, member in value.items():
            if name not in allowed:
                raise UnsupportedParameter(
                    f"{operation}: the parameter {path}{name} is not supported by Stepwell"
                )
            if allowed[name]:
                _walk(operation, shape.members[name], member, allowed[name], f"{path}{name}.")
    elif isinstance(shape, ListShape):
        for item in value:
            _walk(operation, shape.member, item, allowed, path)
    elif isinstance(shape, MapShape):
        for item in value.values():
            _walk(operation, shape.value, item, allowed, path)
