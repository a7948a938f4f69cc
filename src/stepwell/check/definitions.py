"""State machines' definitions, as far as the program tells them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from stepwell import asl
from stepwell.asl.source import Source, SourceError, pointer
from stepwell.check.json_values import Plain, document, name, plain, within
from stepwell.check.program import Program
from stepwell.check.resources import Declared
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Place
from stepwell.check.values import Array, Literal, Object, Path, Value, known, walk

MACHINE = "aws:sfn/stateMachine:StateMachine"
_FUNCTION_ARN = re.compile(r"arn:aws[\w-]*:lambda:[^:]*:[^:]*:function:([^:]+)(:.+)?")


def definitions(program: Program) -> Iterator[tuple[Declared, Value, Plain]]:
    """The machines whose definition is told: with its values, and as plain JSON."""
    for machine in program.of(MACHINE):
        value = document(machine.get("definition"))
        if isinstance(value, Object):
            yield machine, value, plain(value)


def _at(value: Value, path: Path) -> Place:
    """Where a part of a document is written: its key, or the nearest part around it."""
    place = value.place
    current: Value | None = value
    for step in path:
        current = known(current)
        if isinstance(current, Object) and str(step) in current.entries:
            place = current.keys.get(str(step), place)
            current = current.entries[str(step)]
        elif isinstance(current, Array) and isinstance(step, int) and step < len(current.items):
            current = current.items[step]
            place = current.place if current.place.line else place
        else:
            break
    return place


def _diagnosed(program: Program, severity: str) -> Iterator[Fault]:
    for machine in program.of(MACHINE):
        given = machine.get("definition")
        if isinstance(given, Literal) and isinstance(given.value, str) and document(given) is None:
            for each in asl.validate(given.value):
                if each.severity == severity:
                    place = within(given, each.line, each.column)
                    yield Fault(place=place, message=f"{each.message} [{each.code}]")
    for machine, value, rendered in definitions(program):
        printed = json.dumps(rendered.value, indent=1)
        paths = _paths(printed)
        for each in asl.validate(printed):
            path = paths.get(each.pointer or "", ())
            # what isn't known, and what holds it, can't be judged
            if each.severity != severity or any(_one_in_other(path, told) for told in rendered.untold):
                continue
            where = f" at {each.pointer}" if each.pointer and each.pointer != "/" else ""
            yield Fault(
                place=_at(value, path), message=f"{machine.label}: {each.message}{where} [{each.code}]"
            )


def _one_in_other(one: Path, other: Path) -> bool:
    shorter = min(len(one), len(other))
    return one[:shorter] == other[:shorter] and (len(one) >= len(other) or bool(one))


def _paths(text: str) -> dict[str, Path]:
    """The parts of a definition by the pointers of diagnostics."""
    try:
        value = Source(text).value
    except SourceError:
        return {}
    found: dict[str, Path] = {}
    waiting: list[tuple[Path, object]] = [((), value)]
    while waiting:
        path, part = waiting.pop()
        found[pointer(path)] = path
        if isinstance(part, dict):
            waiting += [((*path, key), item) for key, item in part.items()]
        elif isinstance(part, list):
            waiting += [((*path, index), item) for index, item in enumerate(part)]
    return found


def _errors(program: Program) -> Iterator[Fault]:
    yield from _diagnosed(program, "ERROR")


def _warnings(program: Program) -> Iterator[Fault]:
    yield from _diagnosed(program, "WARNING")


def _functions(program: Program) -> Iterator[Fault]:
    declared = {name(each) for each in program.of("aws:lambda/function:Function")}
    if program.cut:
        return
    for _, value, _ in definitions(program):
        for path, part in walk(value):
            if path[-1:] not in (("Resource",), ("FunctionName",)) or not isinstance(part, Literal):
                continue
            match = _FUNCTION_ARN.fullmatch(str(part.value))
            if match is not None and match[1] not in declared:
                yield Fault(
                    place=part.place,
                    message=f"the program declares no function {match[1]}, which a state invokes",
                )


RULES = (
    Rule(
        code="SW801",
        title="invalid definition",
        severity="error",
        why="Step Functions answers InvalidDefinition.",
        mend="Correct the state.",
        find=_errors,
    ),
    Rule(
        code="SW802",
        title="suspicious definition",
        severity="warning",
        why="The definition is valid, and hardly means what it says.",
        mend="Look at the field.",
        find=_warnings,
    ),
    Rule(
        code="SW803",
        title="function that isn't declared",
        severity="warning",
        why="The state fails with Lambda.ResourceNotFoundException where no such function is there already.",
        mend="Declare the function, and name it by `function.arn`.",
        find=_functions,
    ),
)
