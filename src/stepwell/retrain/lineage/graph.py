"""The values of a lineage: things, and what came of what. All plain data; nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

#: the kinds of things, as AWS's ARNs name them where they have one, in the order in which a name is tried
KINDS = {
    "endpoint": "what answers requests",
    "endpoint-config": "which models an endpoint serves",
    "model": "an artefact and the image that serves it",
    "model-package": "a version in a model package group",
    "training-job": "what made an artefact",
    "processing-job": "what prepared rows, or judged a model",
    "batch": "objects that arrived together",
    "execution": "a run of a state machine",
    "evidence": "what a gate decided, from what",
    "object": "one object of a batch",
    "data": "a place in S3 that a job reads",
}


@dataclass(frozen=True, slots=True)
class Reference:
    """What names a thing: its kind, and what is unique within it."""

    #: one of KINDS, or `plan`: what a run trains on and judges by, which is told with its job
    kind: str
    #: a package's or execution's ARN; an s3:// URI of what lies in a bucket; else the name
    name: str

    @property
    def id(self) -> str:
        """The reference as one text."""
        return f"{self.kind}:{self.name}"

    @property
    def called(self) -> str:
        """The name that people use: of a package GROUP/VERSION, of a batch the last part."""
        if self.kind == "model-package":
            return self.name.partition(":model-package/")[2] or self.name
        if self.kind == "batch":
            return self.name.rpartition("/")[2]
        if self.kind == "execution":
            return self.name.rpartition(":")[2]
        return self.name


@dataclass(frozen=True, kw_only=True)
class Node:
    """A thing, with what is known of it."""

    #: what names it
    reference: Reference
    #: JSON values by name, in the order in which people want them
    facts: Mapping[str, Any] = field(default_factory=dict)
    #: why nothing is known: it is gone, or may not be read; empty where something is
    missing: str = ""
    #: what can't be known of it, a sentence each
    unknown: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        """The node as a JSON object; what is empty is left out."""
        made: dict[str, Any] = {
            "id": self.reference.id,
            "kind": self.reference.kind,
            "name": self.reference.called,
            "facts": dict(self.facts),
        }
        if self.missing:
            made["missing"] = self.missing
        if self.unknown:
            made["unknown"] = list(self.unknown)
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """One thing came of another: `result` is `relation` `origin`, as a model is *made from* a package."""

    #: what was there first
    origin: Reference
    #: what came of it
    result: Reference
    #: what the result is to the origin, in words
    relation: str

    def to_json(self) -> dict[str, str]:
        """The edge as a JSON object, in the direction of time."""
        return {"from": self.origin.id, "to": self.result.id, "relation": self.relation}


@dataclass(frozen=True, kw_only=True)
class Graph:
    """A lineage: everything that was reached from its root."""

    #: what was asked for
    root: Reference
    #: by reference, in the order in which they were reached
    nodes: Mapping[Reference, Node]
    #: each once
    edges: tuple[Edge, ...]

    def origins(self, reference: Reference) -> Iterator[Edge]:
        """The edges to what a thing came from."""
        return (edge for edge in self.edges if edge.result == reference)

    def results(self, reference: Reference) -> Iterator[Edge]:
        """The edges to what came of a thing."""
        return (edge for edge in self.edges if edge.origin == reference)

    def to_json(self) -> dict[str, Any]:
        """{"root", "nodes", "edges"}; an edge leads from the earlier to the later."""
        return {
            "root": self.root.id,
            "nodes": [node.to_json() for node in self.nodes.values()],
            "edges": [edge.to_json() for edge in self.edges],
        }
