"""What the reading of a program needs to remember while it follows the program's statements.

The program is followed as Python would run it, as far as its values are known: functions of its own are
entered, loops over known lists are unrolled, both branches of an unknown `if` are taken. Everything has a
bound, so that no program can hold the reader.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from stepwell.check.components import Component
from stepwell.check.sources import Place, Source
from stepwell.check.values import Unknown, Value

if TYPE_CHECKING:
    from stepwell.check.resources import Declared

#: expressions and statements that are followed in one program
FUEL = 60_000
#: calls within calls
DEPTH = 25


class Exhausted(Exception):
    """The program does more than the reader follows."""


class Ended(Exception):
    """A statement that ends its block: return, break, continue, raise."""

    def __init__(self, how: str, value: Value | None = None) -> None:
        super().__init__(how)
        self.how = how
        self.value = value


@dataclass(slots=True, kw_only=True, eq=False)
class Scope:
    """Names and what they stand for, in a module, a function or a class."""

    source: Source
    names: dict[str, Value] = field(default_factory=dict)
    #: the scope around a function's; None for a module's
    outer: Scope | None = None
    #: names that a function declared to be another scope's
    elsewhere: set[str] = field(default_factory=set)
    #: what a function may have returned before its end
    returned: list[Value] = field(default_factory=list)

    def find(self, name: str) -> Value | None:
        scope: Scope | None = self
        while scope is not None:
            if name in scope.names:
                return scope.names[name]
            scope = scope.outer
        return None

    def bind(self, name: str, value: Value) -> None:
        scope = self
        if name in self.elsewhere:
            while scope.outer is not None and (scope is self or name not in scope.names):
                scope = scope.outer
        scope.names[name] = value

    def chain(self) -> Iterator[Scope]:
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.outer


@dataclass(slots=True, kw_only=True, eq=False)
class Function(Value):
    """A function of the program."""

    name: str
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scope: Scope
    defaults: Mapping[str, Value]
    #: what it was taken from, as its first argument
    bound: Value | None = None


@dataclass(slots=True, kw_only=True, eq=False)
class Class(Value):
    """A class of the program."""

    name: str
    names: dict[str, Value]
    bases: list[Value]


@dataclass(slots=True, kw_only=True, eq=False)
class Instance(Value):
    """An object of a class of the program."""

    of: Class
    attributes: dict[str, Value] = field(default_factory=dict)


@dataclass(slots=True, kw_only=True, eq=False)
class Module(Value):
    """A module of the program."""

    name: str
    scope: Scope


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """A call with its arguments worked out."""

    machine: Machine
    positional: list[Value]
    named: dict[str, Value]
    #: where each named argument was written
    keys: dict[str, Place]
    #: whether there may be more arguments (`*more`, `**more`)
    open: bool
    node: ast.Call
    scope: Scope

    @property
    def place(self) -> Place:
        return self.scope.source.place(self.node)

    def argument(self, index: int, name: str = "") -> Value | None:
        """An argument by its position or its name."""
        if name in self.named:
            return self.named[name]
        return self.positional[index] if index < len(self.positional) else None

    def node_of(self, index: int) -> ast.expr:
        """The expression of a positional argument; the call itself where there is none."""
        return self.node.args[index] if index < len(self.node.args) else self.node

    def unknown(self, why: str = "") -> Unknown:
        """Whatever the call gives."""
        return Unknown(place=self.place, why=why)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Incident:
    """Something that the program does with an output, or with a text, that can't be meant."""

    #: a row of `stepwell.check.outputs`
    kind: str
    node: ast.expr
    source: Source
    #: the value that it is about, as the program spells it
    about: str = ""
    #: the `apply` in whose function it happens
    apply: ast.Call | None = None

    @property
    def place(self) -> Place:
        return self.source.place(self.node)


@dataclass(slots=True, kw_only=True, eq=False)
class Machine:
    """The state of one reading, and the parts that do it."""

    declared: list[Declared] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    #: the components that are made
    components: list[Component] = field(default_factory=list)
    #: follow statements, work out an expression, bind a target, call a function
    run: Callable[[Machine, Sequence[ast.stmt], Scope], None]
    evaluate: Callable[[Machine, ast.expr, Scope], Value]
    assign: Callable[[Machine, ast.expr, Value, Scope], None]
    call: Callable[[Value, Call], Value]
    #: the scope of a module of the program, or None where it has none of that name
    load: Callable[[str], Scope | None]
    #: the folder that relative paths start from
    folder: Path
    #: the calls of `apply` that are being followed, the innermost last
    applying: list[ast.Call] = field(default_factory=list)
    fuel: int = FUEL
    depth: int = 0
    #: how many unknown conditions surround the statement
    conditions: int = 0

    def spend(self) -> None:
        """Raises Exhausted when enough was followed."""
        self.fuel -= 1
        if self.fuel < 0:
            raise Exhausted

    @contextmanager
    def deeper(self) -> Iterator[bool]:
        """Around a call; False when it is too deep to be followed."""
        self.depth += 1
        try:
            yield self.depth <= DEPTH
        finally:
            self.depth -= 1

    def note(self, kind: str, node: ast.expr, source: Source, *, about: str = "") -> None:
        """Remember an incident, once for each place."""
        if not any(each.kind == kind and each.node is node for each in self.incidents):
            apply = self.applying[-1] if self.applying else None
            self.incidents.append(Incident(kind=kind, node=node, source=source, about=about, apply=apply))
