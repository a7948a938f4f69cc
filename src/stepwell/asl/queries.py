"""JSONata in a state's fields: JSON in which text between `{%` and `%}` is an expression.

What holds no expression is a constant, handed out as it is. Every failure names the field's place in the
state, as the history's EvaluationFailed event does: `Output/rows[0]`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from stepwell.asl import json
from stepwell.asl.faults import QUERY_EVALUATION_ERROR, StateError
from stepwell.asl.jsonata import UNDEFINED, Query, QueryFailed, QuerySyntaxError, parse
from stepwell.asl.jsonata.scan import STATES
from stepwell.asl.program import Environment, Placement
from stepwell.asl.source import Path, pointer

OPENING, CLOSING = "{%", "%}"

#: what `$states` holds, environment → value
Evaluation = Callable[[Mapping[str, Any], Environment], Any]

#: members of `$states` that every field may use, and those that some may
ALWAYS = frozenset({"input", "context"})
RESULT = "result"
ERROR_OUTPUT = "errorOutput"


class QueryError(StateError):
    """A field's expression failed, or gave what the field cannot take."""

    def __init__(self, detail: str, location: str, *, evaluating: bool = True) -> None:
        super().__init__(QUERY_EVALUATION_ERROR, detail)
        #: the field, from the state: `Choices[0]/Condition`
        self.location = location
        #: false where the expression gave a value of the right type that then made no sense
        self.evaluating = evaluating


def is_expression(value: Any) -> bool:
    """Whether a value is text between the delimiters."""
    return (
        isinstance(value, str) and value.startswith(OPENING) and value.endswith(CLOSING) and len(value) >= 4
    )


def faults(template: Any, members: frozenset[str] = ALWAYS) -> Iterator[tuple[Path, str, int]]:
    """All that is wrong with a field: where inside it, what, and at which character of that text.

    `members` are those of `$states` that it may use.
    """
    for path, text in _texts(template, ()):
        if not is_expression(text):
            # recorded on AWS: with blanks on both sides it is plain text
            if text.startswith(OPENING) or text.endswith(CLOSING):
                yield path, f"A JSONata expression must begin with '{OPENING}' and end with '{CLOSING}'", 0
            continue
        start = len(OPENING) + _indent(text[len(OPENING) : -len(CLOSING)])
        try:
            query = parse(_inner(text))
        except QuerySyntaxError as error:
            yield path, f"The JSONata expression is not valid: {error}", start + error.at
            continue
        for reference in query.references:
            refused = reference.member in {RESULT, ERROR_OUTPUT} - members
            if reference.name == STATES and refused:
                where = start + reference.start
                yield path, f"'$states.{reference.member}' is not available in this field", where


def compile_query(template: Any, field: str, expected: str | None = None) -> Evaluation:
    """Compile a field without faults. The closure raises QueryError.

    `expected` is the JSON type that an expression for the whole field must give.
    """
    compiled = _compile(template, field, expected)
    if compiled is None:
        return lambda _states, _env: template
    return compiled


def placed(evaluation: Evaluation, member: str | None) -> Placement:
    """An evaluation as a closure on a raw input and a result, which `$states` calls `member`."""

    def evaluate(raw: Any, result: Any, env: Environment) -> Any:
        return evaluation(states_of(raw, env, **({} if member is None else {member: result})), env)

    return evaluate


def states_of(raw: Any, env: Environment, **members: Any) -> dict[str, Any]:
    """What `$states` holds."""
    return {"input": raw, "context": env.context, **members}


def variables_of(template: Any) -> Iterator[str]:
    """The names of the variables that a field's expressions read."""
    for _, text in _texts(template, ()):
        if is_expression(text):
            yield from (reference.name for reference in parse(_inner(text)).references)


def _texts(template: Any, path: Path) -> Iterator[tuple[Path, str]]:
    if isinstance(template, str):
        yield path, template
    elif isinstance(template, dict):
        for key, value in template.items():
            yield from _texts(value, (*path, key))
    elif isinstance(template, list):
        for index, item in enumerate(template):
            yield from _texts(item, (*path, index))


def _inner(text: str) -> str:
    return text[len(OPENING) : -len(CLOSING)].strip()


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _compile(template: Any, location: str, expected: str | None = None) -> Evaluation | None:
    """The closure of a template, or None for a constant."""
    if isinstance(template, str):
        return _expression(parse(_inner(template)), location, expected) if is_expression(template) else None
    if isinstance(template, dict):
        members = [(key, _compile(value, f"{location}/{key}"), value) for key, value in template.items()]
        if all(evaluation is None for _, evaluation, _ in members):
            return None
        return lambda states, env: {
            key: constant if evaluation is None else evaluation(states, env)
            for key, evaluation, constant in members
        }
    if isinstance(template, list):
        items = [(_compile(item, location + pointer((index,))), item) for index, item in enumerate(template)]
        if all(evaluation is None for evaluation, _ in items):
            return None
        return lambda states, env: [
            constant if evaluation is None else evaluation(states, env) for evaluation, constant in items
        ]
    return None


def _expression(query: Query, location: str, expected: str | None) -> Evaluation:
    subject = f"The JSONata expression '{query.text}' specified for the field '{location}'"

    def evaluate(states: Mapping[str, Any], env: Environment) -> Any:
        try:
            value = query.evaluate(states, env)
        except QueryFailed as failure:
            raise QueryError(f"{subject} threw an error during evaluation. {failure}", location) from None
        if value is UNDEFINED:
            raise QueryError(f"{subject} returned nothing (undefined).", location)
        if expected is not None and json.kind(value) != expected:
            raise QueryError(
                f"{subject} returned an unexpected result type. "
                f"Expected '{expected}', but was '{json.kind(value)}' for value: {json.dumps(value)}",
                location,
            )
        return value

    return evaluate
