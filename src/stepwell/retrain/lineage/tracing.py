"""A lineage's graph: from a root to all that it came from, or that came of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.retrain.lineage.graph import Edge, Graph, Node, Reference
from stepwell.retrain.lineage.origins import Told, told
from stepwell.retrain.lineage.results import results
from stepwell.retrain.lineage.source import Source, Unreadable

#: objects of one batch that are looked for in the bucket; of more it is not asked whether they are there
MOST_OBJECTS = 50
GONE = "it is not there (any more)"


def trace(root: Reference, source: Source, *, back: bool = True, forward: bool = True) -> Graph:
    """The lineage of a thing. What is gone, or may not be read, is a node that says so."""
    tracing = _Tracing(source)
    tracing.look(root)
    if back:
        tracing.follow_back(root)
    if forward:
        tracing.follow_forward(root)
    return Graph(root=root, nodes=tracing.nodes, edges=tuple(tracing.edges))


class _Tracing:
    """One walk; everything is looked at once."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._documents: dict[Reference, Mapping[str, Any]] = {}
        self._told: dict[Reference, Told] = {}
        self.nodes: dict[Reference, Node] = {}
        #: in the order in which they were found, each once
        self.edges: dict[Edge, None] = {}

    def look(self, reference: Reference) -> None:
        """Make the node of a reference."""
        if reference in self.nodes:
            return
        try:
            document = self._source.read(reference)
        except Unreadable as error:
            self.nodes[reference] = Node(reference=reference, missing=f"it can't be read: {error}")
            return
        if document is None:
            self.nodes[reference] = Node(reference=reference, missing=GONE)
            return
        found = told(reference, document, self._source)
        self._documents[reference], self._told[reference] = document, found
        self.nodes[reference] = Node(reference=reference, facts=found.facts, unknown=tuple(found.unknown))

    def follow_back(self, root: Reference) -> None:
        """Everything that a thing came from."""
        waiting, seen = [root], {root}
        while waiting:
            reference = waiting.pop(0)
            found = self._told.get(reference)
            for origin, relation in found.origins if found is not None else ():
                self.edges[Edge(origin=origin, result=reference, relation=relation)] = None
                if found is not None and origin in found.known:
                    self._hold(origin, found.known)
                else:
                    self.look(origin)
                if origin not in seen:
                    seen.add(origin)
                    waiting.append(origin)

    def follow_forward(self, root: Reference) -> None:
        """Everything that came of a thing."""
        waiting, seen = [root], {root}
        while waiting:
            reference = waiting.pop(0)
            if reference not in self._documents:
                continue
            try:
                for edge in results(reference, self._documents[reference], self._source):
                    self.edges[edge] = None
                    self.look(edge.result)
                    if edge.result not in seen:
                        seen.add(edge.result)
                        waiting.append(edge.result)
            except Unreadable as error:
                self._doubt(reference, f"All that came of it: {error}")

    def _hold(self, reference: Reference, known: Mapping[Reference, Mapping[str, Any]]) -> None:
        """The node of a batch's object: its facts are the batch's, whether it is still there the bucket's."""
        missing = ""
        if len(known) <= MOST_OBJECTS:
            try:
                missing = "" if self._source.read(reference) is not None else GONE
            except Unreadable as error:
                missing = f"it can't be read: {error}"
        self.nodes[reference] = Node(reference=reference, facts=known[reference], missing=missing)

    def _doubt(self, reference: Reference, sentence: str) -> None:
        node = self.nodes[reference]
        self.nodes[reference] = Node(
            reference=reference, facts=node.facts, missing=node.missing, unknown=(*node.unknown, sentence)
        )
