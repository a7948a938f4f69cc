"""The adapter around the JSONata engine: what it adds, what it refuses, where it finds a text wrong."""

from __future__ import annotations

import contextlib
import random
import threading
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell import asl
from stepwell.asl.jsonata import UNDEFINED, QueryFailed, QuerySyntaxError, Question, Unfinished, answer, parse
from stepwell.asl.jsonata.scan import Growth

HUGE = 12345678901234567890123


def environment(**fields: Any) -> asl.Environment:
    return asl.Environment(context={}, **fields)


def evaluate(text: str, value: Any = None, **fields: Any) -> Any:
    return parse(text).evaluate({"input": value}, environment(**fields))


@pytest.mark.parametrize(
    ("text", "code", "at"),
    [
        ("", "S0207", 0),
        ("1 +", "S0207", 3),
        ("( 'a'", "S0203", 5),
        ("'abc", "S0101", 4),
        ("a b", "S0201", 2),
        ("1 ++ 2", "S0211", 3),
        ("{'a': }", "S0211", 6),
        ("$f(1", "S0203", 4),
        ("function(x){ 1 }", "S0208", 8),
        ("$a ?? 1", "S0204", 3),
        ("$a ?: 1", "S0204", 3),
        ("'?? ?:' & $a ?: 1", "S0204", 13),
    ],
)
def test_a_faulty_text_is_told_with_its_place(text: str, code: str, at: int) -> None:
    with pytest.raises(QuerySyntaxError) as refused:
        parse(text)
    assert (str(refused.value)[:5], refused.value.at) == (code, at)


def test_a_diagnostic_points_into_the_text() -> None:
    """Line and column are the faulty character's, whatever is escaped in front of it."""
    text = '{"StartAt": "S", "QueryLanguage": "JSONata", "States": {"S": {"Type": "Succeed",\n "Output": "{% \\"\\u00e9\\" ++ 1 %}"}}}'  # noqa: E501
    (found,) = asl.validate(text)
    assert (found.line, found.column) == (2, text.split("\n")[1].index("++") + 2)
    assert found.caret(text).split("\n")[1].rstrip().endswith("^")


def test_undefined_is_not_null() -> None:
    assert evaluate("$states.input.a", {}) is UNDEFINED
    assert evaluate("$states.input.a", {"a": None}) is None


def test_a_value_that_is_only_named_is_handed_out_as_it_is() -> None:
    value = {"deep": [HUGE, "\ud800", 1.0]}
    assert evaluate("$states.input.a.b", {"a": {"b": value}}) is value


def test_what_the_engine_cannot_take_is_brought_within_its_reach() -> None:
    """Long integers are doubles in JSONata; half a surrogate pair is no text."""
    assert evaluate("$states.input + 0", HUGE) == float(HUGE)
    assert evaluate("$states.input & ''", "a\ud800") == "a?"
    with pytest.raises(QueryFailed, match="D1001"):
        evaluate("$states.input + 0", 10**400)


def test_variables_are_seen_by_their_names() -> None:
    seen = {"x": 2, "größe": 3, "unused": object()}
    assert evaluate("$x * $größe", variables=seen) == 6
    assert evaluate("$y", variables=seen) is UNDEFINED


def test_chance_and_time_come_in() -> None:
    """Two evaluations with the same environment give the same; a function reads no clock of its own."""
    text = "[$random(), $uuid(), $shuffle([1..20]), $now(), $millis()]"
    first, second = (evaluate(text, random=random.Random(7), now=5.25) for _ in range(2))
    assert first == second
    assert first[-2:] == ["1970-01-01T00:00:05.250Z", 5250]
    assert evaluate(text, random=random.Random(8), now=5.25)[0] != first[0]


def test_an_environment_serves_its_own_thread_only_in_its_own_expressions() -> None:
    """Compiled expressions belong to a thread: another with its own store is served all the same."""
    compiled: dict[str, Any] = {}
    assert evaluate("$states.input + 1", 1, compiled=compiled) == 2
    assert list(compiled) == ["$states.input + 1"]
    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(evaluate("$states.input + 1", 1)))
    thread.start()
    thread.join()
    assert found == [2]


@pytest.mark.parametrize(
    "text",
    [
        "($f := function($n){ $f($n + 1) }; $f(0))",
        "($f := function($n){ $f($n + 1) + 1 }; $f(0))",
        "[1..10000000]",
        "($f := function($s){ $f($s & $s) }; $f('aaaa'))",
        "$pad('a', $power(10, 12))",
        "$match('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', /(a+)+$/) ~> $error",
    ],
)
def test_a_hostile_expression_fails(text: str) -> None:
    with pytest.raises(QueryFailed):
        evaluate(text)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("(", ")"),
        ("[", "]"),
        ('{"a":', "}"),
        ("-", ""),
        ("$string(", ")"),
        ("true?", ":1"),
        ("$x[", "]"),
        ("function($x){", "}"),
        ("$a:=", ""),
    ],
)
def test_deep_nesting_is_refused(opening: str, closing: str) -> None:
    """By the parser, before it takes the stack down."""
    with pytest.raises(QuerySyntaxError, match="U1002"):
        parse(opening * 3000 + "1" + closing * 3000)


@pytest.mark.parametrize(
    ("text", "growth"),
    [
        ("$pad($states.input.a, 5)", Growth.WITH_INPUT),
        ("$pad($states.input.a, -5, '#')", Growth.WITH_INPUT),
        ("$pad($f(1, 2), 99999)", Growth.FREE),
        ("$pad('a', $states.input.n)", Growth.FREE),
        ("$states.input ~> $pad(5)", Growth.FREE),
        ("$join($states.input, ',')", Growth.WITH_INPUT),
        ("$join([1..9].$string(), ',')", Growth.FREE),
        ("$sum($states.input)", Growth.NONE),
        ("'$join(' & $states.input", Growth.NONE),
    ],
)
def test_what_may_grow_is_known_before(text: str, growth: Growth) -> None:
    assert parse(text).growth is growth


def test_an_evaluator_elsewhere_is_asked_once() -> None:
    """What takes too long, or may grow beyond its input, is asked for; the answer is then taken."""
    query = parse("$join($states.input, ',')")
    env = environment(answers={})
    assert query.evaluate({"input": ["a", "b"]}, env) == "a,b"
    long = {"input": ["x" * 5000, "y" * 5000]}
    with pytest.raises(Unfinished) as asked:
        query.evaluate(long, env)
    question = asked.value.question
    found = answer(question, environment(time_limit=1000))
    assert query.evaluate(long, environment(answers={question.key: found})) == ",".join(long["input"])


def test_an_answer_may_be_a_failure_or_nothing() -> None:
    env = environment(time_limit=1000)
    failed = answer(Question(text="1 + 'a'", bindings="{}"), env)
    assert failed == {"failed": 'T2002: The right side of the "+" operator must evaluate to a number'}
    assert answer(Question(text="$x", bindings="{}"), env) == {"value": None}


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="$abst.(){}[]'\"`/*?:=+-<>!~>^%@#|&,; 019\\é\n", max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    """Whatever is written, it is an expression or it is told where it is none; and it ends."""
    try:
        query = parse(text)
    except QuerySyntaxError as error:
        place = error.at
    else:
        place = 0
        with contextlib.suppress(QueryFailed):
            query.evaluate({"input": {"a": [1]}}, environment())
    assert 0 <= place <= len(text)
