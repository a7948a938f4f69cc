"""EventBridge's pattern language, pure: which events a rule, or which of a thousand rules, wants.

Source: the EventBridge user guide, "Event patterns", and the README of event-ruler, the engine that AWS
published. Where they differ (numbers: the guide compares their text) the engine is followed. Fields of one
array's elements must fit in the same element; `exists` looks at leaves only; an absent field fits nothing
but `exists: false`, an explicit null fits `anything-but`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from stepwell.triggers.patterns.compile import Branch, Path, branches_of, values_at
from stepwell.triggers.patterns.errors import InvalidPattern
from stepwell.triggers.patterns.operators import Key

__all__ = ["InvalidPattern", "Pattern", "RuleSet", "compile_pattern"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """A compiled event pattern."""

    #: one per way through its `$or`s; an event that fits any of them fits
    branches: tuple[Branch, ...]

    def matches(self, event: Mapping[str, Any]) -> bool:
        """Whether the event (its whole envelope, as JSON values) fits."""
        return any(branch.matches(event) for branch in self.branches)


def compile_pattern(pattern: str | Mapping[str, Any]) -> Pattern:
    """The pattern of that JSON text, or of its values. Raises InvalidPattern."""
    return Pattern(branches=branches_of(pattern))


class RuleSet(Generic[T]):
    """Many patterns, indexed: an event is held only against those that one of its values points at.

    Each branch is filed under the field that tells it best from the others: of those for which it lists
    plain values, the one whose values the fewest branches share.
    """

    def __init__(self, patterns: Iterable[tuple[T, Pattern]]) -> None:
        filed = [(name, branch) for name, pattern in patterns for branch in pattern.branches]
        self._order = {name: place for place, (name, _) in enumerate(filed)}
        shared = Counter(
            (path, key)
            for _, branch in filed
            for path, leaf in branch.fields.items()
            if leaf.listed
            for key in leaf.exact
        )
        self._unfiled: list[tuple[T, Branch]] = []
        self._index: dict[Path, dict[Key, list[tuple[T, Branch]]]] = {}
        for name, branch in filed:
            listed = {path: leaf.exact for path, leaf in branch.fields.items() if leaf.listed}
            if not listed:
                self._unfiled.append((name, branch))
                continue
            best = min(listed, key=lambda path: (max(shared[path, key] for key in listed[path]), path))
            for key in listed[best]:
                self._index.setdefault(best, {}).setdefault(key, []).append((name, branch))

    def matching(self, event: Mapping[str, Any]) -> list[T]:
        """The names of the patterns that the event fits, in the order in which they were given."""
        found: set[T] = set()
        for path, by_key in self._index.items():
            for key in set(values_at(event, path)):
                found.update(name for name, branch in by_key.get(key, ()) if branch.matches(event))
        found.update(name for name, branch in self._unfiled if branch.matches(event))
        return sorted(found, key=self._order.__getitem__)
