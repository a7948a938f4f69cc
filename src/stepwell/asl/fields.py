"""Which field may stand where, and what it must hold: the language's grammar as a table.

A kind looks at a value and yields what is wrong with it: where inside the value, and the message.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from stepwell.asl import intrinsics, queries, template
from stepwell.asl.jsonpath import RESERVED, parse, parse_reference
from stepwell.asl.limits import MAX_SECONDS, MAX_VARIABLE_NAME
from stepwell.asl.pathtext import PathError
from stepwell.asl.source import Path
from stepwell.asl.timestamps import nanoseconds

#: where inside the value, what is wrong, and at which character of a text
Fault = tuple[Path, str] | tuple[Path, str, int]
Kind = Callable[[Any], Iterator[Fault]]

JSONPATH = "JSONPath"
JSONATA = "JSONata"
LANGUAGES = (JSONPATH, JSONATA)
TYPES = ("Task", "Pass", "Wait", "Choice", "Succeed", "Fail", "Parallel", "Map")

#: intrinsic functions whose result is text: what Fail's ErrorPath and CausePath may call
TEXT_FUNCTIONS = ("Format", "JsonToString", "ArrayGetItem", "Base64Encode", "Base64Decode", "Hash", "UUID")


def anything(value: Any) -> Iterator[Fault]:
    """No rule at all."""
    return iter(())


def typed(name: str, accepts: Callable[[Any], bool]) -> Kind:
    """Values of one JSON type."""

    def check(value: Any) -> Iterator[Fault]:
        if not accepts(value):
            yield (), f"Expected value of type {name}"

    return check


def is_integer(value: Any) -> TypeGuard[int]:
    """Whether a definition's number counts as whole: 5 and 5.0 do."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (
        isinstance(value, float) and value.is_integer()
    )


string = typed("String", lambda value: isinstance(value, str))
boolean = typed("Boolean", lambda value: isinstance(value, bool))
array = typed("Array", lambda value: isinstance(value, list))
an_object = typed("Object", lambda value: isinstance(value, dict))


def integer(low: int, high: int) -> Kind:
    def check(value: Any) -> Iterator[Fault]:
        if not is_integer(value):
            yield (), "Expected value of type Integer"
        elif not low <= value <= high:
            yield (), f"Value must be between {low} and {high}"

    return check


def number(low: float) -> Kind:
    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, int | float) or isinstance(value, bool):
            yield (), "Expected value of type Number"
        elif value < low:
            yield (), f"Value must be at least {low}"

    return check


def one_of(*values: str) -> Kind:
    def check(value: Any) -> Iterator[Fault]:
        if value not in values:
            yield (), f"Value must be one of [{', '.join(values)}]"

    return check


def path(value: Any) -> Iterator[Fault]:
    """A path, which may start at the context object."""
    yield from _parsed(value, parse, "Value is not a Path: ")


def path_or_null(value: Any) -> Iterator[Fault]:
    if value is not None:
        yield from path(value)


def reference_path(value: Any) -> Iterator[Fault]:
    """A path to a single value, which may start at the context object."""
    yield from _parsed(value, parse_reference, "Value is not a Reference Path: ")


def result_path(value: Any) -> Iterator[Fault]:
    """Null, or a reference path into the state's input."""
    if value is not None:
        faults = list(reference_path(value))
        yield from faults
        if not faults and value.startswith("$$"):
            yield (), "Value is not a Reference Path: the context object cannot be changed"
        elif not faults and parse(value).variable is not None:
            yield (), "Value is not a Reference Path: a variable is set by 'Assign' only"


def text_path(value: Any) -> Iterator[Fault]:
    """A reference path, or an intrinsic function that gives text."""
    if not isinstance(value, str) or value.startswith("$"):
        yield from reference_path(value)
        return
    faults = list(_parsed(value, intrinsics.parse, "Value is not a Reference Path or intrinsic function: "))
    yield from faults
    if not faults and intrinsics.parse(value).name not in TEXT_FUNCTIONS:
        yield (), f"Only these intrinsic functions are allowed here: [{', '.join(TEXT_FUNCTIONS)}]"


def payload(value: Any) -> Iterator[Fault]:
    """A payload template."""
    yield from template.faults(value)


def query(*members: str) -> Kind:
    """JSON with JSONata in it, which may use these members of `$states` beside those that all may."""
    available = queries.ALWAYS | frozenset(members)
    return lambda value: queries.faults(value, available)


def query_or(kind: Kind) -> Kind:
    """One JSONata expression, or what the field holds in JSONPath states."""

    def check(value: Any) -> Iterator[Fault]:
        faults = list(queries.faults(value))
        yield from faults
        if not faults and not queries.is_expression(value):
            yield from kind(value)

    return check


def credentials(value: Any) -> Iterator[Fault]:
    """An object that names a role."""
    if not isinstance(value, dict):
        yield (), "Expected value of type Object"
    elif "RoleArn" not in value:
        yield (), "These fields are required: [RoleArn]"


def items(value: Any) -> Iterator[Fault]:
    """A JSONata expression, or an array that may hold some."""
    yield from query()(value) if isinstance(value, list) else query_or(array)(value)


def assignment(values: Kind) -> Kind:
    """An object whose keys are names of variables; `values` looks at the whole of it."""

    def check(value: Any) -> Iterator[Fault]:
        if not isinstance(value, dict):
            yield (), "Expected value of type Object"
            return
        for key in value:
            yield from _variable_name(key.removesuffix(template.SUFFIX) if values is payload else key)
        yield from values(value)

    return check


def _variable_name(name: str) -> Iterator[Fault]:
    if name == RESERVED:
        yield (), f"The variable name '{name}' is reserved"
    elif not name.isidentifier():
        yield (), f"The variable name '{name}' is not valid"
    elif len(name) > MAX_VARIABLE_NAME:
        yield (), f"The variable name '{name}' exceeds {MAX_VARIABLE_NAME} characters"


def error_names(value: Any) -> Iterator[Fault]:
    """A non-empty array of strings."""
    if not isinstance(value, list):
        yield (), "Expected value of type Array"
    elif not value:
        yield (), "Value cannot be empty"
    else:
        for index, name in enumerate(value):
            if not isinstance(name, str):
                yield (index,), "Expected value of type String"


def resource(value: Any) -> Iterator[Fault]:
    """An ARN; whether this server knows the integration is not the language's business."""
    if not isinstance(value, str):
        yield (), "Expected value of type String"
    elif not value.startswith("arn:") or value.count(":") < 5:
        yield (
            (),
            f"The resource provided {value} is not recognized. The value is not a valid resource ARN, "
            "or the resource is not available in this region.",
        )


def timestamp(value: Any) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield (), "Expected value of type String"
    elif nanoseconds(value) is None:
        yield (), "String does not match RFC3339 timestamp"


def _parsed(value: Any, parser: Callable[[str], Any], prefix: str) -> Iterator[Fault]:
    if not isinstance(value, str):
        yield (), "Expected value of type String"
        return
    try:
        parser(value)
    except PathError as error:
        yield (), f"{prefix}{error}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a state, a retrier, a catcher."""

    name: str
    kind: Kind
    #: the one query language that knows it; None for both
    language: str | None = None
    #: what it holds in JSONata, where that differs
    query: Kind | None = None
    #: why this server refuses it; None where it is supported
    refused: str | None = None


_EACH = frozenset(TYPES)
_WORK = frozenset({"Task", "Parallel", "Map"})
_MOVES = _WORK | {"Pass", "Wait"}
_TASK = frozenset({"Task"})
_MAP = frozenset({"Map"})
_FAIL = frozenset({"Fail"})
_WAIT = frozenset({"Wait"})

_SECONDS = integer(1, MAX_SECONDS)
_COUNT = integer(0, MAX_SECONDS)
_NO_DISTRIBUTED = "distributed Map is not supported"


def _on(
    types: frozenset[str],
    name: str,
    kind: Kind,
    language: str | None = None,
    refused: str | None = None,
    query: Kind | None = None,
) -> tuple[frozenset[str], Field]:
    return types, Field(name=name, kind=kind, language=language, refused=refused, query=query)


_ROWS = (
    _on(_EACH, "Type", anything),
    _on(_EACH, "Comment", string),
    _on(_EACH, "QueryLanguage", one_of(*LANGUAGES)),
    _on(_MOVES, "Next", string),
    _on(_MOVES, "End", boolean),
    _on(_EACH - _FAIL, "InputPath", path_or_null, JSONPATH),
    _on(_EACH - _FAIL, "OutputPath", path_or_null, JSONPATH),
    _on(_WORK | {"Pass"}, "Parameters", payload, JSONPATH),
    _on(_WORK, "ResultSelector", payload, JSONPATH),
    _on(_WORK | {"Pass"}, "ResultPath", result_path, JSONPATH),
    _on(_TASK | {"Parallel"}, "Arguments", query(), JSONATA),
    _on(_WORK, "Output", query(queries.RESULT), JSONATA),
    _on(_EACH - _WORK - _FAIL, "Output", query(), JSONATA),
    _on(_WORK, "Assign", assignment(payload), query=assignment(query(queries.RESULT))),
    _on(_EACH - _WORK - _FAIL - {"Succeed"}, "Assign", assignment(payload), query=assignment(query())),
    _on(_WORK, "Retry", array),
    _on(_WORK, "Catch", array),
    _on(_TASK, "Resource", resource),
    _on(_TASK, "TimeoutSeconds", _SECONDS, query=query_or(_SECONDS)),
    _on(_TASK, "TimeoutSecondsPath", reference_path, JSONPATH),
    _on(_TASK, "HeartbeatSeconds", _SECONDS, query=query_or(_SECONDS)),
    _on(_TASK, "HeartbeatSecondsPath", reference_path, JSONPATH),
    _on(_TASK, "Credentials", payload, query=query_or(credentials)),
    _on(frozenset({"Pass"}), "Result", anything, JSONPATH),
    _on(_WAIT, "Seconds", integer(0, MAX_SECONDS), query=query_or(integer(0, MAX_SECONDS))),
    _on(_WAIT, "SecondsPath", reference_path, JSONPATH),
    _on(_WAIT, "Timestamp", timestamp, query=query_or(timestamp)),
    _on(_WAIT, "TimestampPath", reference_path, JSONPATH),
    _on(_FAIL, "Error", string, query=query_or(string)),
    _on(_FAIL, "ErrorPath", text_path, JSONPATH),
    _on(_FAIL, "Cause", string, query=query_or(string)),
    _on(_FAIL, "CausePath", text_path, JSONPATH),
    _on(frozenset({"Choice"}), "Choices", array),
    _on(frozenset({"Choice"}), "Default", string),
    _on(frozenset({"Parallel"}), "Branches", array),
    _on(_MAP, "ItemProcessor", an_object),
    _on(_MAP, "Iterator", an_object),
    _on(_MAP, "Items", items, JSONATA),
    _on(_MAP, "ItemsPath", reference_path, JSONPATH),
    _on(_MAP, "ItemSelector", payload, query=query()),
    _on(_MAP, "MaxConcurrency", _COUNT, query=query_or(_COUNT)),
    _on(_MAP, "MaxConcurrencyPath", reference_path, JSONPATH),
    *(
        _on(_MAP, name, anything, None, _NO_DISTRIBUTED)
        for name in (
            "ItemReader",
            "ItemBatcher",
            "ResultWriter",
            "Label",
            "ToleratedFailureCount",
            "ToleratedFailureCountPath",
            "ToleratedFailurePercentage",
            "ToleratedFailurePercentagePath",
        )
    ),
)

#: state type → its fields by name
STATE: dict[str, dict[str, Field]] = {
    type_: {field.name: field for types, field in _ROWS if type_ in types} for type_ in TYPES
}


def _table(**kinds: Kind) -> dict[str, Field]:
    return {name: Field(name=name, kind=kind) for name, kind in kinds.items()}


MACHINE = _table(
    Comment=string,
    QueryLanguage=one_of(*LANGUAGES),
    StartAt=string,
    States=an_object,
    TimeoutSeconds=_SECONDS,
    Version=one_of("1.0"),
)
BRANCH = _table(Comment=string, StartAt=string, States=an_object)
PROCESSOR = {**BRANCH, **_table(ProcessorConfig=an_object)}
RETRIER = _table(
    Comment=string,
    ErrorEquals=error_names,
    IntervalSeconds=_SECONDS,
    MaxAttempts=integer(0, MAX_SECONDS),
    BackoffRate=number(1.0),
    MaxDelaySeconds=integer(1, 31_622_400),
    JitterStrategy=one_of("FULL", "NONE"),
)
CATCHER = {
    **_table(Comment=string, ErrorEquals=error_names, Next=string),
    "ResultPath": Field(name="ResultPath", kind=result_path, language=JSONPATH),
    "Output": Field(name="Output", kind=query(queries.ERROR_OUTPUT), language=JSONATA),
    "Assign": Field(name="Assign", kind=assignment(payload), query=assignment(query(queries.ERROR_OUTPUT))),
}
#: a rule of a JSONata Choice
CONDITION = {
    **_table(Comment=string, Next=string, Condition=query_or(boolean), Output=query()),
    "Assign": Field(name="Assign", kind=assignment(query())),
}

#: state type → fields that must be there
REQUIRED: dict[str, tuple[str, ...]] = {
    "Task": ("Resource",),
    "Choice": ("Choices",),
    "Parallel": ("Branches",),
}

#: state type → groups of fields of which one at most may be there, and whether one must
EXCLUSIVE: dict[str, tuple[tuple[tuple[str, ...], bool], ...]] = {
    "Task": (
        (("TimeoutSeconds", "TimeoutSecondsPath"), False),
        (("HeartbeatSeconds", "HeartbeatSecondsPath"), False),
    ),
    "Wait": ((("Seconds", "SecondsPath", "Timestamp", "TimestampPath"), True),),
    "Fail": ((("Error", "ErrorPath"), False), (("Cause", "CausePath"), False)),
    "Map": (
        (("ItemProcessor", "Iterator"), True),
        (("ItemSelector", "Parameters"), False),
        (("MaxConcurrency", "MaxConcurrencyPath"), False),
    ),
}
