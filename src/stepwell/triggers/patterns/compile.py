"""An event pattern's text becomes branches: one per way through its `$or`s, each a tree of fields."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.asl import json
from stepwell.triggers.patterns.errors import InvalidPattern
from stepwell.triggers.patterns.operators import Key, Test, key_of, test_of

#: ways through `$or`s that one pattern may have
BRANCHES = 1000
#: names of operators, which no field inside an `$or` may have
_RESERVED = frozenset(
    {
        "exactly",
        "prefix",
        "suffix",
        "anything-but",
        "numeric",
        "exists",
        "cidr",
        "equals-ignore-case",
        "wildcard",
    }
)

Path = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """What one field must be: any of these."""

    #: values that fit as they are
    exact: frozenset[Key]
    #: tests of values
    tests: tuple[Test, ...]
    #: whether any value fits (`exists`: true)
    present: bool
    #: whether a field that is not there fits (`exists`: false)
    absent: bool

    @property
    def listed(self) -> bool:
        """Whether only listed values fit, so that an index can find them."""
        return not self.tests and not self.present and not self.absent

    def fits(self, value: Any) -> bool:
        """Whether a value, or any element of an array, fits. Objects never do: only leaves are looked at."""
        if isinstance(value, list):
            return any(self.fits(each) for each in value)
        if isinstance(value, dict):
            return False
        return self.present or key_of(value) in self.exact or any(test(value) for test in self.tests)


@dataclass(slots=True, kw_only=True)
class Node:
    """What one place of an event must hold."""

    leaf: Leaf | None = None
    children: dict[str, Node] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """One way through a pattern's `$or`s."""

    fields: Mapping[Path, Leaf]
    root: Node

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event fits. A field that may lack, and lacks everywhere, asks nothing more."""
        lacking = {path for path, leaf in self.fields.items() if leaf.absent and not values_at(event, path)}
        if not lacking:
            return _holds(self.root, event)
        return _holds(_tree({path: leaf for path, leaf in self.fields.items() if path not in lacking}), event)


def _holds(node: Node, value: Any) -> bool:
    if node.leaf is not None and not node.leaf.fits(value):
        return False
    return not node.children or _children_hold(node.children, value)


def _children_hold(children: Mapping[str, Node], value: Any) -> bool:
    """Whether a value has all of these fields. All of one array's must fit in the same element of it."""
    if isinstance(value, list):
        return any(_children_hold(children, each) for each in value)
    if not isinstance(value, dict):
        return False
    return all(name in value and _holds(child, value[name]) for name, child in children.items())


def values_at(value: Any, path: Path) -> list[Key]:
    """The values at a path, arrays looked through, each with its type."""
    if isinstance(value, list):
        return [found for each in value for found in values_at(each, path)]
    if not path:
        return [] if isinstance(value, dict) else [key_of(value)]
    if isinstance(value, dict) and path[0] in value:
        return values_at(value[path[0]], path[1:])
    return []


def branches_of(pattern: str | Mapping[str, Any]) -> tuple[Branch, ...]:
    """The branches of a pattern. Raises InvalidPattern."""
    document = _parsed(pattern) if isinstance(pattern, str) else pattern
    if not isinstance(document, dict):
        raise InvalidPattern("Filter is not an object")
    found = _object(document, [{}], (), within_or=False)
    return tuple(Branch(fields=fields, root=_tree(fields)) for fields in found)


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise InvalidPattern(f"The pattern is not JSON: {error}") from None


def _object(
    document: Mapping[str, Any], branches: list[dict[Path, Leaf]], path: Path, *, within_or: bool
) -> list[dict[Path, Leaf]]:
    """`branches`, each with the fields of `document` added; a field that was there is replaced."""
    if not document:
        raise InvalidPattern("Empty objects are not allowed")
    for name, value in document.items():
        if name == "$or":
            branches = _or(value, branches, path)
        elif within_or and name in _RESERVED:
            raise InvalidPattern(f"{name} is Ruler reserved fieldName which cannot be used inside $or.")
        elif isinstance(value, dict):
            branches = _object(value, branches, (*path, name), within_or=within_or)
        elif isinstance(value, list):
            leaf = _leaf(value)
            branches = [{**fields, (*path, name): leaf} for fields in branches]
        else:
            raise InvalidPattern(f'"{name}" must be an object or an array')
    return branches


def _or(value: Any, branches: list[dict[Path, Leaf]], path: Path) -> list[dict[Path, Leaf]]:
    if not isinstance(value, list):
        raise InvalidPattern("It must be an Array followed with $or.")
    found: list[dict[Path, Leaf]] = []
    for alternative in value:
        if not isinstance(alternative, dict):
            raise InvalidPattern("Only JSON object is allowed in array of $or relationship.")
        found += _object(alternative, branches, path, within_or=True)
        if len(found) > BRANCHES:
            raise InvalidPattern(f"Rule is too complex - $or makes more than {BRANCHES} combinations")
    if len(value) < 2:
        raise InvalidPattern("There must have at least 2 Objects in $or relationship.")
    return found


def _leaf(alternatives: list[Any]) -> Leaf:
    if not alternatives:
        raise InvalidPattern("Empty arrays are not allowed")
    exact: set[Key] = set()
    tests: list[Test] = []
    exists: set[bool] = set()
    for each in alternatives:
        if isinstance(each, list):
            raise InvalidPattern("Match value must be String, number, true, false, or null")
        if not isinstance(each, dict):
            exact.add(key_of(each))
        elif next(iter(each), None) == "exists":
            exists.add(_exists(each))
        else:
            tests.append(test_of(each))
    return Leaf(exact=frozenset(exact), tests=tuple(tests), present=True in exists, absent=False in exists)


def _exists(expression: Mapping[str, Any]) -> bool:
    wanted = expression["exists"]
    if not isinstance(wanted, bool):
        raise InvalidPattern("exists match pattern must be either true or false.")
    if len(expression) > 1:
        raise InvalidPattern("Only one key allowed in match expression")
    return wanted


def _tree(fields: Mapping[Path, Leaf]) -> Node:
    root = Node()
    for path, leaf in fields.items():
        node = root
        for name in path:
            node = node.children.setdefault(name, Node())
        node.leaf = leaf
    return root
