"""A Pulumi program, read without running it: the resources that it declares and what is known of them.

    program = read(Path("program/"))
    for resource in program.of("aws:iam/role:Role"):
        resource.get("assumeRolePolicy")        a value: see stepwell.check.values

The program's own modules are followed as they are imported, starting with its entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from stepwell.check.calls import call
from stepwell.check.components import Component
from stepwell.check.expressions import evaluate
from stepwell.check.machine import Ended, Exhausted, Incident, Machine, Scope
from stepwell.check.resources import Declared
from stepwell.check.sources import Place, Source, Unreadable, load
from stepwell.check.statements import assign, run
from stepwell.check.values import Literal
from stepwell.errors import UsageError

__all__ = ["Declared", "Program", "Raised", "read"]

_MAIN = re.compile(r"^main:\s*['\"]?([^'\"#\n]+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Raised:
    """Why the program did not run to its end."""

    place: Place
    message: str
    #: what to do about it; empty where nothing is certain
    advice: str


@dataclass(slots=True, kw_only=True)
class Program:
    """What was read."""

    #: the folder that paths in the program start from
    folder: Path
    #: its modules, the entry first, in the order in which they are imported
    sources: list[Source] = field(default_factory=list)
    #: all resources, in the order in which they are declared
    resources: list[Declared] = field(default_factory=list)
    incidents: list[Incident] = field(default_factory=list)
    #: calls of components, whose resources may be declared out of the reader's sight
    components: list[Component] = field(default_factory=list)
    #: files that are no Python
    unreadable: list[Unreadable] = field(default_factory=list)
    #: where the resources stand that only a run of it told of
    recorded: set[Place] = field(default_factory=set)
    #: what a run of it raised, where there was one
    raised: list[Raised] = field(default_factory=list)
    #: the names of the entry and the modules, with what they are at the end
    scopes: dict[str, Scope] = field(default_factory=dict)
    #: whether the program does more than was followed, so that resources may be missing
    cut: bool = False

    def of(self, *types: str) -> Iterator[Declared]:
        """The resources of these types."""
        return (resource for resource in self.resources if resource.type in types)

    def source(self, file: str) -> Source | None:
        """The module in a file."""
        return next((source for source in self.sources if source.file == file), None)


def entry(program: Path) -> tuple[Path, Path]:
    """The folder of a program and the file that runs. Raises UsageError where there is none."""
    if program.is_file():
        return program.parent.resolve(), program.resolve()
    if not program.is_dir():
        raise UsageError(f"{program} is neither a folder nor a file")
    folder = program.resolve()
    main = folder
    for file in ("Pulumi.yaml", "Pulumi.yml"):
        if (folder / file).is_file():
            named = _MAIN.search((folder / file).read_text(encoding="utf-8", errors="replace"))
            main = (folder / named[1].strip()).resolve() if named else folder
            break
    if main.is_dir():
        main = main / "__main__.py"
    if not main.is_file():
        raise UsageError(f"{program} has no {main.name}: name the folder of a Pulumi program in Python")
    return folder, main


def read(program: Path) -> Program:
    """The program in a folder, or in a file, whatever is in it. Raises UsageError where there is none."""
    folder, main = entry(program)
    found = Program(folder=folder)
    reader = _Reader(found, main)
    reader.start()
    return found


class _Reader:
    """Follows the entry, and the modules that it imports."""

    def __init__(self, program: Program, main: Path) -> None:
        self.program = program
        self.main = main
        self.modules: dict[str, Scope | None] = {}
        self.machine = Machine(
            declared=program.resources,
            incidents=program.incidents,
            components=program.components,
            run=run,
            evaluate=evaluate,
            assign=assign,
            call=call,
            load=self.load,
            folder=program.folder,
        )

    def start(self) -> None:
        self._follow("__main__", self.main)

    def load(self, name: str) -> Scope | None:
        """The module of that name; None where the program has none."""
        if name in self.modules:
            return self.modules[name]
        self.modules[name] = None
        stem = self.main.parent.joinpath(*name.split("."))
        if any(part in ("", "..") for part in name.split(".")) or len(name) > 200:
            return None
        for path in (stem.with_name(f"{stem.name}.py"), stem / "__init__.py"):
            if path.is_file() and path != self.main:
                return self._follow(name, path)
        return None

    def _follow(self, name: str, path: Path) -> Scope | None:
        try:
            source = load(path, self.program.folder, name)
        except Unreadable as error:
            self.program.unreadable.append(error)
            return None
        start = Place(file=source.file, line=1, column=1)
        scope = Scope(source=source)
        scope.names["__file__"] = Literal(place=start, value=str(path))
        scope.names["__name__"] = Literal(place=start, value=name)
        self.modules[name] = scope
        self.program.sources.append(source)
        self.program.scopes[name] = scope
        try:
            run(self.machine, source.tree.body, scope)
        except Ended:
            return scope
        except (Exhausted, RecursionError):
            self.program.cut = True
        return scope
