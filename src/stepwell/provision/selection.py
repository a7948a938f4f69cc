"""Which of a stack's resources a run is confined to: `--target`, `--target-dependents`, `--exclude`."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stepwell.provision import graph, urns
from stepwell.provision.state import Resource


@dataclass(frozen=True, kw_only=True)
class Selection:
    """All resources, or those that are named, or all but those that are named.

    A name is a URN or a logical name.
    """

    #: the names to confine the run to; empty: all
    targets: frozenset[str] = frozenset()
    #: whether what depends on a target is one, too
    dependents: bool = False
    #: the names to leave alone
    excludes: frozenset[str] = frozenset()

    @property
    def names(self) -> frozenset[str]:
        """All that it names."""
        return self.targets | self.excludes

    def takes(self, urn: str, *, hanging: bool = False) -> bool:
        """Whether the run is for the resource, which hangs on one that it is for, or doesn't."""
        if named(urn, self.excludes):
            return False
        return not self.targets or named(urn, self.targets) or (self.dependents and hanging)

    def among(self, resources: Iterable[Resource]) -> list[Resource]:
        """The resources to delete: none that an excluded one needs, and with `dependents` all on theirs."""
        everything = list(resources)
        kept = {urn for r in everything if named(r.urn, self.excludes) for urn in graph.needed(r, everything)}
        roots = {r.urn for r in everything if not self.targets or named(r.urn, self.targets)}
        if self.dependents:
            roots |= {r.urn for root in set(roots) for r in graph.dependents(root, everything)}
        return [r for r in everything if r.urn in roots and r.urn not in kept]


def named(urn: str, names: frozenset[str]) -> bool:
    """Whether the resource's URN or logical name is among `names`."""
    return urn in names or urns.name_of(urn) in names
