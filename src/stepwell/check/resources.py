"""Resources as a program declares them."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from stepwell.check.sources import Place, Source
from stepwell.check.values import Literal, Made, Reference, Value, get, known, text, walk


@dataclass(slots=True, kw_only=True, eq=False)
class Declared:
    """One resource of a program."""

    #: `aws:iam/role:Role`
    type: str
    #: the variable that it was first given to; empty where there is none
    variable: str = ""
    #: its name in the program; None where that isn't known
    name: str | None
    #: its properties by their names in camelCase; what is in them is spelled as the program spells it
    properties: Mapping[str, Value]
    #: `opts=pulumi.ResourceOptions(...)`
    options: Value | None
    place: Place
    node: ast.Call
    source: Source
    #: whether a condition that isn't known decides if it is there
    conditional: bool = False
    #: whether properties may be given that the reader didn't see (`**more`)
    open: bool = False
    #: where each property was written
    keys: Mapping[str, Place] = field(default_factory=dict)

    def get(self, *path: str) -> Value | None:
        """A property, or a field of a block within it; outputs are looked into."""
        value = known(self.properties.get(path[0]))
        for name in path[1:]:
            value = get(value, name)
        return value

    def text(self, *path: str) -> str | None:
        """A property that is a known string."""
        return text(self.get(*path))

    def at(self, name: str) -> Place:
        """Where a property is written, or the resource where it isn't."""
        return self.keys.get(name, self.place)

    @property
    def label(self) -> str:
        """How people know it."""
        return self.name or self.variable or self.type

    def given(self, name: str) -> bool:
        """Whether a property has a value, known or not."""
        value = self.get(name)
        return value is not None and not (isinstance(value, Literal) and value.value is None)

    def depends_on(self) -> Iterator[Declared]:
        """The resources that its options name as those to be made before it."""
        if isinstance(self.options, Made):
            for _, part in walk(self.options.named.get("depends_on")):
                if isinstance(part, Reference) and isinstance(part.of, Declared):
                    yield part.of

    def refers_to(self) -> Iterator[Declared]:
        """The resources that its properties name."""
        for value in self.properties.values():
            for _, part in walk(value):
                if isinstance(part, Reference) and isinstance(part.of, Declared):
                    yield part.of


def referred(value: Value | None) -> Declared | None:
    """The resource that a value is a property of, or None."""
    value = known(value)
    return value.of if isinstance(value, Reference) and isinstance(value.of, Declared) else None
