"""One JSONata expression: parsed once, evaluated often, under limits.

The engine underneath is jsonatapy (Rust). What it asks for: its compiled expressions belong to the thread
that made them; it holds the interpreter while it works, so each evaluation has a time limit; it takes
integers of 64 bits and text that UTF-8 can write. An expression that only names a variable and members of it
needs no engine: the value is handed out as it is, integers of any length included.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import jsonatapy

from stepwell.asl import json
from stepwell.asl.jsonata import wording
from stepwell.asl.jsonata.functions import Serving, register
from stepwell.asl.jsonata.scan import (
    LATER_OPERATORS,
    STATES,
    UNDEFINED,
    Growth,
    Reference,
    Token,
    growth,
    only_call,
    plain_path,
    references,
    tokens,
)
from stepwell.asl.program import Environment

#: milliseconds that AWS gives one evaluation: a limit for a process that does nothing else
ALONE = 1000
#: bytes of what an expression sees, up to which those are run here that may make much of it
MAX_GROWING = 8192
#: the code of an evaluation that took too long, and the words for one that may not even begin here
OUT_OF_TIME = "D1012"
TOO_MUCH = "the expression may take too much time or memory in this field"
#: calls inside each other, and items of one sequence
MAX_DEPTH = 200
MAX_SEQUENCE = 1_000_000
#: compiled expressions that one evaluator keeps
KEPT = 4096
#: tokens up to which the place of a syntax error is looked for
_SEARCHED = 500


class QueryFailed(Exception):
    """An evaluation failed; the text is the engine's, with its code in front: `T2001: The left side …`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """An evaluation as a value, for an evaluator elsewhere."""

    text: str
    #: JSON text of the variables that the expression sees, `states` among them
    bindings: str

    @classmethod
    def of(cls, query: Query, bindings: Mapping[str, Any]) -> Question:
        return cls(text=query.text, bindings=json.dumps(bindings))

    @property
    def key(self) -> str:
        """The same for the same question."""
        return hashlib.sha256(f"{self.text}\0{self.bindings}".encode()).hexdigest()


class Unfinished(Exception):
    """An expression takes too long to be evaluated here, or may grow too large: ask for its value."""

    def __init__(self, question: Question) -> None:
        super().__init__(question.text)
        self.question = question


class QuerySyntaxError(ValueError):
    """The text is no JSONata of AWS's version; `at` is the offset of what is wrong with it."""

    def __init__(self, message: str, at: int) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A parsed expression."""

    #: as written between `{%` and `%}`, without the blanks around it
    text: str
    #: the variables that it names
    references: tuple[Reference, ...]
    #: the steps of an expression that only names a variable and members of it
    path: tuple[str, ...] | None
    #: how much it may make out of how little
    growth: Growth
    #: the function that it calls, where it calls one only
    function: str | None

    def evaluate(self, states: Mapping[str, Any], env: Environment) -> Any:
        """The value, or UNDEFINED. `states` is what `$states` holds.

        Raises QueryFailed; and Unfinished where it is for an evaluator elsewhere to find the value.
        """
        if self.path is not None:
            found = _follow(self.path, states, env)
            if found is not UNDEFINED:
                return found
        bindings = dict(self._bindings(states, env))
        text = self._run_here(bindings, env) if env.answers is None else self._run_or_ask(bindings, env)
        if text is None:
            return UNDEFINED
        try:
            return json.loads(text)
        except ValueError as error:
            raise QueryFailed(f"D3001: {error}") from None

    def _run_or_ask(self, bindings: dict[str, Any], env: Environment) -> str | None:
        """The value found elsewhere, or here if that is quick."""
        if env.answers or self.growth is not Growth.NONE:
            question = Question.of(self, bindings)
            if question.key in (env.answers or {}):
                return _answered((env.answers or {})[question.key])
            if self.growth is Growth.FREE or (
                self.growth is Growth.WITH_INPUT and len(question.bindings) > MAX_GROWING
            ):
                raise Unfinished(question)
        try:
            return self._run_here(bindings, env)
        except QueryFailed as failure:
            if str(failure).startswith(OUT_OF_TIME):
                raise Unfinished(Question.of(self, bindings)) from None
            raise

    def _run_here(self, bindings: dict[str, Any], env: Environment) -> str | None:
        if self.growth is Growth.FREE and env.time_limit < ALONE:
            raise QueryFailed(f"{OUT_OF_TIME}: {TOO_MUCH}")
        try:
            return self._run(bindings, env)
        except (OverflowError, UnicodeEncodeError):
            return self._run(_within_reach(bindings), env)

    def _bindings(self, states: Mapping[str, Any], env: Environment) -> Iterator[tuple[str, Any]]:
        """What the expression can see, as far as it names it."""
        members = {reference.member for reference in self.references if reference.name == STATES}
        if members:
            whole = None in members
            yield STATES, {name: value for name, value in states.items() if whole or name in members}
        for name in {reference.name for reference in self.references}:
            if name != STATES and name in env.variables:
                yield name, env.variables[name]

    def _run(self, bindings: dict[str, Any], env: Environment) -> str | None:
        """The value as JSON text; None for undefined."""
        compiled = _compiled(self, env)
        expression = compiled.expression
        limits: dict[str, Any] = {
            "timeout": env.time_limit,
            "max_stack_depth": MAX_DEPTH,
            "max_sequence_length": MAX_SEQUENCE,
        }
        with compiled.serving.with_(env):
            try:
                # a panic of the engine's Rust comes as no Exception; it must not end whoever evaluates
                text: str | None = expression.evaluate_json_or_none(None, bindings, **limits)
                if text is None or not ("null" in text or text == '""'):
                    return text
                # what JSON has no text for: infinity becomes null, and a function an empty text
                value = expression.evaluate(None, bindings, **limits)
            except UnicodeEncodeError:
                raise
            except ValueError as error:
                raise QueryFailed(wording.failure(str(error), self.function)) from None
            except BaseException as error:
                if not _panicked(error):
                    raise
                del env.compiled[self.text]
                raise QueryFailed("D1011: The expression cannot be evaluated") from None
        if not _finite(value):
            raise QueryFailed("D1001: Number out of range: Infinity")
        return None if value is None and text == '""' else text


@lru_cache(maxsize=4096)
def parse(text: str) -> Query:
    """Parse an expression. Raises QuerySyntaxError. Definitions repeat theirs; a parsed one is a value."""
    found = tuple(tokens(text))
    for token in found:
        if token.kind == "symbol" and token.text in LATER_OPERATORS:
            name = LATER_OPERATORS[token.text]
            raise QuerySyntaxError(
                f"S0204: Unknown operator: '{token.text}' (the {name} is not in JSONata 2.0.6)", token.start
            )
    if problem := _problem(text):
        raise QuerySyntaxError(wording.syntax(problem), _place(text, found))
    return Query(
        text=text,
        references=references(found),
        path=plain_path(found),
        growth=growth(found),
        function=only_call(found),
    )


def answer(question: Question, env: Environment) -> dict[str, Any]:
    """What `Environment.answers` holds for a question: `{"value": text or None}`, or `{"failed": why}`.

    To be called where nothing else has to go on.
    """
    query = parse(question.text)
    bindings = json.loads(question.bindings)
    try:
        return {"value": query._run_here(bindings, env)}
    except QueryFailed as failure:
        return {"failed": str(failure)}


def _answered(found: Mapping[str, Any]) -> str | None:
    if "failed" in found:
        raise QueryFailed(found["failed"])
    text: str | None = found["value"]
    return text


def _problem(text: str) -> str | None:
    """What the engine says against a text."""
    try:
        jsonatapy.compile(text)
    except ValueError as error:
        return str(error)
    except BaseException as error:
        if not _panicked(error):
            raise
        return "S0201: Syntax error"
    return None


def _panicked(error: BaseException) -> bool:
    return type(error).__name__ == "PanicException"


def _place(text: str, found: tuple[Token, ...]) -> int:
    """Where a faulty text goes wrong: at the token behind which no rest could mend it.

    The engine tells no place, but of a text that only lacks its end it says so.
    """
    for token in found[:_SEARCHED]:
        problem = _problem(text[: token.end])
        if problem is not None and not wording.unfinished(problem):
            return token.start
    return len(text)


# --- the engine's needs ---------------------------------------------------------------------------------


@dataclass(slots=True)
class _Compiled:
    """An expression of the engine, and where its functions find their environment."""

    expression: jsonatapy.JsonataExpression
    serving: Serving


def _compiled(query: Query, env: Environment) -> _Compiled:
    """The evaluator's own compiled expression."""
    found: _Compiled | None = env.compiled.get(query.text)
    if found is None:
        if len(env.compiled) >= KEPT:
            env.compiled.clear()
        found = _Compiled(jsonatapy.compile(query.text), Serving())
        register(found.expression, {reference.name for reference in query.references}, found.serving)
        env.compiled[query.text] = found
    return found


def _follow(path: tuple[str, ...], states: Mapping[str, Any], env: Environment) -> Any:
    """What a plain path leads to through objects; UNDEFINED where the engine has to look closer."""
    name = path[0]
    value = states if name == STATES else env.variables.get(name, UNDEFINED)
    for step in path[1:]:
        if not isinstance(value, Mapping) or step not in value:
            return UNDEFINED
        value = value[step]
    return value


def _within_reach(value: Any) -> Any:
    """A value in which long integers are doubles, as JSONata has them, and text can be written."""
    if isinstance(value, dict):
        return {_within_reach(key): _within_reach(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_within_reach(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, int) and not isinstance(value, bool) and not -(2**63) <= value < 2**63:
        try:
            return float(value)
        except OverflowError:
            raise QueryFailed(f"D1001: Number out of range: {value}") from None
    return value


def _finite(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, list):
        return all(map(_finite, value))
    return not isinstance(value, dict) or all(map(_finite, value.values()))
