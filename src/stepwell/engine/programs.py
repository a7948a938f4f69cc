"""Compiled definitions, kept by their digest: a definition is compiled once, not once an execution."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass

from stepwell.asl.definition import compile as compile_definition
from stepwell.asl.program import Program, State
from stepwell.durable import Blob

#: how many compiled definitions are kept
KEPT = 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A program, and its states by name (names are unique in the whole machine)."""

    program: Program
    states: Mapping[str, State]


class Programs:
    """Safe to use from any thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._machines: OrderedDict[str, Machine] = OrderedDict()

    def machine(self, definition: str, digest: str | None = None) -> Machine:
        """The compiled definition. Raises DefinitionInvalid."""
        digest = digest or blob(definition).digest
        found = self.known(digest)
        if found is None:
            program = compile_definition(definition)
            found = Machine(program=program, states={state.name: state for state in program.walk()})
            with self._lock:
                self._machines[digest] = found
                while len(self._machines) > KEPT:
                    self._machines.popitem(last=False)
        return found

    def known(self, digest: str) -> Machine | None:
        """A machine that is in memory."""
        with self._lock:
            found = self._machines.get(digest)
            if found is not None:
                self._machines.move_to_end(digest)
            return found


def blob(definition: str) -> Blob:
    """A definition as the blob that keeps it."""
    data = definition.encode()
    return Blob(digest=hashlib.sha256(data).hexdigest(), size=len(data), inline=data)
