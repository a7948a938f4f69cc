"""The two ways into the language: `compile` a definition, or `validate` it."""

from __future__ import annotations

from stepwell.asl import references
from stepwell.asl.build import build
from stepwell.asl.checks import check_machine
from stepwell.asl.diagnostics import (
    ERROR,
    INVALID_JSON,
    SCHEMA,
    TOO_DEEPLY_NESTED,
    DefinitionInvalid,
    Diagnostic,
    Report,
)
from stepwell.asl.json import depth
from stepwell.asl.limits import MAX_DEFINITION_BYTES
from stepwell.asl.model import MachineModel
from stepwell.asl.parse import parse_machine
from stepwell.asl.program import Program
from stepwell.asl.source import Source, SourceError


def compile(text: str) -> Program:
    """Compile a definition. Raises DefinitionInvalid with all diagnostics when it has errors."""
    model, diagnostics = _read(text)
    if model is None:
        raise DefinitionInvalid(diagnostics)
    return build(model)


def validate(text: str) -> tuple[Diagnostic, ...]:
    """All that is wrong or suspicious in a definition, whatever the text. Raises nothing."""
    return _read(text)[1]


def variable_references(text: str) -> dict[str, list[str]]:
    """State name → the variables that it reads, of a definition without errors."""
    model, diagnostics = _read(text)
    if model is None:
        raise DefinitionInvalid(diagnostics)
    return references.variable_references(model)


def _read(text: str) -> tuple[MachineModel | None, tuple[Diagnostic, ...]]:
    """The model, unless there are errors, and all diagnostics."""
    if len(text) > MAX_DEFINITION_BYTES or len(text.encode("utf-8", "surrogatepass")) > MAX_DEFINITION_BYTES:
        return None, (_fault(SCHEMA, f"The definition must not exceed {MAX_DEFINITION_BYTES} bytes"),)
    try:
        source = Source(text)
    except SourceError as error:
        why = f"Definition must be a valid JSON object: {error.message}"
        return None, (
            _fault(INVALID_JSON, why if text.strip() else _NOT_AN_OBJECT, error.line, error.column),
        )
    if not isinstance(source.value, dict):
        return None, (_fault(INVALID_JSON, _NOT_AN_OBJECT),)
    if depth(source.value) > MAX_DEPTH:
        why = f"The definition has more than {MAX_DEPTH} arrays and objects inside each other"
        return None, (_fault(TOO_DEEPLY_NESTED, why),)
    report = Report(source)
    model = parse_machine(source.value, report)
    check_machine(model, report)
    return None if report.failed else model, report.diagnostics


#: checks and compiled closures use recursion
MAX_DEPTH = 100
_NOT_AN_OBJECT = "Definition must be a valid JSON object"


def _fault(code: str, message: str, line: int = 1, column: int = 1) -> Diagnostic:
    return Diagnostic(code=code, severity=ERROR, message=message, pointer=None, line=line, column=column)
