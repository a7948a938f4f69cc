"""A definition as its author wrote it, checked field by field: what `parse` makes and `checks` reads.

It keeps AWS's field names and the place of every part, so that a later check can say where the fault
is. Meaning (paths, templates, rules) comes with `program`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.asl.source import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class StateModel:
    """One entry of a `States` object."""

    name: str
    #: `Task`, `Pass`, `Wait`, `Choice`, `Succeed`, `Fail`, `Parallel` or `Map`
    type: str
    #: the way to it from the whole definition
    path: Path
    #: `JSONPath` or `JSONata`: the state's own, else the machine's
    query_language: str
    #: the state's object as written, `Type` included
    fields: Mapping[str, Any]
    #: a Parallel's branches in order, or a Map's one processor
    blocks: tuple[BlockModel, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockModel:
    """A `StartAt` with its `States`: a machine, a branch of a Parallel, or a Map's processor."""

    #: the way to the object that holds `StartAt`; empty for the machine itself
    path: Path
    #: None where the definition names none
    start_at: str | None
    states: Mapping[str, StateModel]

    def walk(self) -> Iterator[StateModel]:
        """Every state of this block and of the blocks inside it, in the order of the text."""
        for state in self.states.values():
            yield state
            for block in state.blocks:
                yield from block.walk()


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineModel:
    """A whole definition."""

    block: BlockModel
    #: `JSONPath` unless the machine says `JSONata`
    query_language: str
    comment: str | None = None
    version: str | None = None
    timeout_seconds: int | None = None
