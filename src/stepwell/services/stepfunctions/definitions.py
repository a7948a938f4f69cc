"""Definitions: checked by the language, and by what this server's integrations can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, words
from stepwell.asl.definition import validate
from stepwell.asl.diagnostics import (
    ERROR,
    INVALID_STATE_NAME,
    SCHEMA,
    UNSUPPORTED,
    Diagnostic,
    Report,
    create_message,
)
from stepwell.asl.source import Path, Source
from stepwell.calls import Call
from stepwell.durable import View
from stepwell.engine import Engine
from stepwell.engine.integrations import SYNC, SYNC_2, TOKEN, problem
from stepwell.services.stepfunctions.errors import InvalidDefinition

EXPRESS = "EXPRESS"


def diagnostics(engine: Engine, text: str, machine_type: str) -> list[Diagnostic]:
    """All that is wrong or suspicious in a definition."""
    found = list(validate(text))
    if any(each.severity == ERROR for each in found):
        return found
    source = Source(text)
    report = Report(source)
    if any(not _writable(name) for name in _names(source.value)):
        report.error((), "The names of states must be text that UTF-8 can write", INVALID_STATE_NAME)
    for path, resource in resources(source.value):
        if machine_type == EXPRESS and _check_express(path, resource, report):
            continue
        wrong = problem(resource, engine.serves)
        if wrong is not None:
            report.error(path, wrong.message, UNSUPPORTED if wrong.unsupported else SCHEMA)
    return [*found, *report.diagnostics]


def require_valid(engine: Engine, text: str, machine_type: str) -> None:
    """Raise InvalidDefinition with all faults; compile the definition for its executions."""
    found = diagnostics(engine, text, machine_type)
    if any(each.severity == ERROR for each in found):
        raise InvalidDefinition(create_message(found))
    engine.programs.machine(text)


def _check_express(path: Path, resource: str, report: Report) -> bool:
    pattern = resource.rpartition(".")[2]
    if pattern not in (SYNC, SYNC_2, TOKEN):
        return False
    # the blank before "at" is AWS's
    blank = " " if pattern == TOKEN else ""
    what = f"Express state machine does not support '.{pattern}' service integration{blank}"
    report.error(path, what)
    return True


def _blocks(block: Mapping[str, Any], path: Path) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """A block and all inside it, with their places; the definition is known to be well formed."""
    yield path, block
    for name, state in block["States"].items():
        here = (*path, "States", name)
        for index, branch in enumerate(state.get("Branches", ())):
            yield from _blocks(branch, (*here, "Branches", index))
        for member in ("ItemProcessor", "Iterator"):
            if member in state:
                yield from _blocks(state[member], (*here, member))


def _names(machine: Mapping[str, Any]) -> Iterator[str]:
    for _, block in _blocks(machine, ()):
        yield from block["States"]


def _writable(text: str) -> bool:
    return text.encode("utf-8", "replace").decode() == text


def resources(machine: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    """Every Task's resource with its place."""
    for path, block in _blocks(machine, ()):
        for name, state in block["States"].items():
            if state["Type"] == "Task":
                yield (*path, "States", name, "Resource"), state["Resource"]


def operations(engine: Engine) -> tuple[Operation, ...]:
    """The operations of this noun."""

    def validate_definition(call: Call, view: View) -> Answer:
        params = call.params
        found = diagnostics(engine, params["definition"], params.get("type", "STANDARD"))
        if params.get("severity", ERROR) == ERROR:
            found = [each for each in found if each.severity == ERROR]
        limit = params.get("maxResults") or 100
        return {
            "result": "FAIL" if any(each.severity == ERROR for each in found) else "OK",
            "diagnostics": [_shown(each) for each in found[:limit]],
            "truncated": len(found) > limit,
        }

    return (
        Operation(
            name="ValidateStateMachineDefinition",
            rights=(Right(action="states:ValidateStateMachineDefinition"),),
            honoured=words("definition type severity maxResults"),
            read=validate_definition,
        ),
    )


def _shown(found: Diagnostic) -> dict[str, str]:
    shown = {"severity": found.severity, "code": found.code, "message": found.message}
    if found.pointer is not None:
        shown["location"] = found.pointer
    return shown


async def prepare_definition(engine: Engine, call: Call, context: Context) -> None:
    """Check and compile, off the loop; nothing where the call has no definition."""
    text = call.params.get("definition")
    if text is not None:
        await context.read(lambda view: require_valid(engine, text, call.params.get("type", "STANDARD")))
