"""Patterns: which events fit, which patterns are refused with which reason, and that the index loses none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stepwell.triggers.patterns import InvalidPattern, Pattern, RuleSet, compile_pattern
from stepwell.triggers.patterns.compile import Branch

CASES = json.loads(Path(__file__).with_name("cases.json").read_text())


@pytest.mark.parametrize("case", CASES, ids=[case["claim"] for case in CASES])
def test_which_events_fit(case: dict[str, Any]):
    pattern = compile_pattern(json.dumps(case["pattern"]))
    assert [event for event in case["yes"] if not pattern.matches(event)] == []
    assert [event for event in case["no"] if pattern.matches(event)] == []


def test_an_index_over_all_patterns_finds_what_each_finds_alone():
    patterns = [(number, compile_pattern(case["pattern"])) for number, case in enumerate(CASES)]
    rules = RuleSet(patterns)
    for case in CASES:
        for event in [*case["yes"], *case["no"]]:
            assert rules.matching(event) == [n for n, pattern in patterns if pattern.matches(event)]


scalars = st.sampled_from(["x", "xy", "", 1, 2.5, True, None])
conditions = st.one_of(
    scalars,
    st.sampled_from([{"prefix": "x"}, {"anything-but": "x"}, {"exists": False}, {"exists": True}]),
)
names = st.sampled_from(["a", "b", "c"])
leaves = st.lists(conditions, min_size=1, max_size=3)
patterns = st.recursive(
    st.dictionaries(names, leaves, min_size=1),
    lambda inner: st.dictionaries(names, st.one_of(leaves, inner), min_size=1),
    max_leaves=4,
)
values = st.recursive(
    scalars, lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(names, inner)), max_leaves=8
)


@settings(deadline=None)
@given(st.lists(patterns, max_size=8), st.dictionaries(names, values))
def test_the_index_loses_and_invents_nothing(several: list[dict[str, Any]], event: dict[str, Any]):
    compiled = [(number, compile_pattern(pattern)) for number, pattern in enumerate(several)]
    assert RuleSet(compiled).matching(event) == [n for n, pattern in compiled if pattern.matches(event)]


@settings(deadline=None)
@given(patterns, st.dictionaries(names, values))
def test_without_arrays_a_pattern_is_what_its_fields_say(pattern: dict[str, Any], event: dict[str, Any]):
    event = without_arrays(event)
    assert compile_pattern(pattern).matches(event) == plainly(pattern, event)


def without_arrays(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: without_arrays(each) for name, each in value.items() if not isinstance(each, list)}
    return value


def plainly(pattern: dict[str, Any], event: Any) -> bool:
    """The language without arrays and `$or`, read aloud."""
    for name, wanted in pattern.items():
        there = isinstance(event, dict) and name in event
        value = event[name] if there else None
        if isinstance(wanted, dict):
            if not plainly(wanted, value):
                return False
        elif not any(fits(each, there and not isinstance(value, dict), value) for each in wanted):
            return False
    return True


def fits(condition: Any, there: bool, value: Any) -> bool:
    if condition == {"exists": False} or condition == {"exists": True}:
        return there == condition["exists"]
    if condition == {"prefix": "x"}:
        return there and isinstance(value, str) and value.startswith("x")
    if condition == {"anything-but": "x"}:
        return there and value != "x"
    return there and json.dumps(value) == json.dumps(condition)


REFUSED = [
    ("", "The pattern is not JSON"),
    ("{", "The pattern is not JSON"),
    ('{"a": [NaN]}', "The pattern is not JSON"),
    ('{"a":' * 400 + "[1]" + "}" * 400, "The pattern is not JSON"),
    ("[]", "Filter is not an object"),
    ("{}", "Empty objects are not allowed"),
    ('{"a": {}}', "Empty objects are not allowed"),
    ('{"a": []}', "Empty arrays are not allowed"),
    ('{"a": "x"}', '"a" must be an object or an array'),
    ('{"a": 1}', '"a" must be an object or an array'),
    ('{"a": [["x"]]}', "Match value must be String, number, true, false, or null"),
    ('{"a": [{}]}', "Match expression name not found"),
    ('{"a": [{"EXISTS": true}]}', "Unrecognized match type EXISTS"),
    ('{"a": [{"exists": "true"}]}', "exists match pattern must be either true or false."),
    ('{"a": [{"exists": true, "prefix": "x"}]}', "Only one key allowed in match expression"),
    ('{"a": [{"prefix": 1}]}', "prefix match pattern must be a string"),
    ('{"a": [{"prefix": "a", "suffix": "b"}]}', "Only one key allowed in match expression"),
    ('{"a": [{"prefix": {"suffix": "a"}}]}', "Unsupported prefix pattern: suffix"),
    ('{"a": [{"suffix": null}]}', "suffix match pattern must be a string"),
    ('{"a": [{"equals-ignore-case": ["a"]}]}', "equals-ignore-case match pattern must be a string"),
    ('{"a": [{"wildcard": 1}]}', "wildcard match pattern must be a string"),
    ('{"a": [{"wildcard": "abc**d"}]}', "Consecutive wildcard characters at pos 4"),
    ('{"a": [{"wildcard": "a\\\\bc"}]}', "Invalid escape character at pos 2"),
    ('{"a": [{"cidr": "10.0.0.0"}]}', "Malformed CIDR, one '/' required"),
    ('{"a": [{"cidr": "10.0.0.0/x"}]}', "Malformed CIDR, mask bits must be an integer"),
    ('{"a": [{"cidr": "10.0.0.0/-1"}]}', "Malformed CIDR, mask bits must not be negative"),
    ('{"a": [{"cidr": "10.0.0.0/32"}]}', "IPv4 mask bits must be < 32"),
    ('{"a": [{"cidr": "::/128"}]}', "IPv6 mask bits must be < 128"),
    ('{"a": [{"cidr": "host/8"}]}', "Nonstandard IP address: host"),
    ('{"a": [{"cidr": 8}]}', "prefix match pattern must be a string"),
    ('{"a": [{"numeric": 1}]}', "Value of numeric must be an array."),
    ('{"a": [{"numeric": [1]}]}', "Invalid member in numeric match: 1"),
    ('{"a": [{"numeric": ["!", 1]}]}', "Unrecognized numeric range operator: !"),
    ('{"a": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric"),
    ('{"a": [{"numeric": [">"]}]}', "Value of > must be numeric"),
    ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression"),
    ('{"a": [{"numeric": [">", 0, ">", 1]}]}', "Bad numeric range operator: >"),
    ('{"a": [{"numeric": [">", 0, 1]}]}', "Bad value in numeric range: 1"),
    ('{"a": [{"numeric": [">", 0, "<", 1, "<"]}]}', "Too many terms in numeric range expression"),
    ('{"a": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less than top"),
    ('{"a": [{"numeric": ["<", 5000000001]}]}', "Value must be between -5.0E9 and 5.0E9, inclusive"),
    (
        '{"a": [{"anything-but": null}]}',
        "Value of anything-but must be an array or single string/number value.",
    ),
    ('{"a": [{"anything-but": [true]}]}', "Inside anything but list, start|null|boolean is not supported."),
    (
        '{"a": [{"anything-but": ["a", 1]}]}',
        "Inside anything but list, either all values are number or string",
    ),
    ('{"a": [{"anything-but": []}]}', "Inside anything but list, either all values are number or string"),
    ('{"a": [{"anything-but": {"numeric": [">", 1]}}]}', "Unsupported anything-but pattern: numeric"),
    ('{"a": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed"),
    ('{"a": [{"anything-but": {"prefix": [1]}}]}', "prefix/suffix match pattern must be a string"),
    ('{"$or": {"a": [1]}}', "It must be an Array followed with $or."),
    ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship."),
    ('{"$or": [1, 2]}', "Only JSON object is allowed in array of $or relationship."),
    ('{"$or": [{"prefix": ["a"]}, {"b": [1]}]}', "prefix is Ruler reserved fieldName which cannot be used"),
]


@pytest.mark.parametrize(("text", "reason"), REFUSED, ids=[text[:60] for text, _ in REFUSED])
def test_what_is_refused_and_why(text: str, reason: str):
    with pytest.raises(InvalidPattern) as raised:
        compile_pattern(text)
    assert raised.value.reason.startswith(reason)
    assert str(raised.value).startswith("Event pattern is not valid. Reason: ")


def test_too_many_combinations_of_or_are_refused():
    several = {f"f{n}": {"$or": [{"a": [1]}, {"b": [1]}]} for n in range(11)}
    with pytest.raises(InvalidPattern, match="too complex"):
        compile_pattern(several)


def test_a_wildcard_takes_no_longer_for_a_text_made_to_delay_it():
    pattern = compile_pattern({"a": [{"wildcard": "*a" * 40 + "b"}]})
    assert not pattern.matches({"a": "a" * 200_000})


def test_of_a_thousand_rules_only_those_that_a_value_points_at_are_looked_at(monkeypatch):
    looked: list[Branch] = []
    matches = Branch.matches

    def counting(branch: Branch, event: dict[str, Any]) -> bool:
        looked.append(branch)
        return matches(branch, event)

    def pattern(number: int) -> Pattern:
        detail = {"customer": [f"c-{number}"], "amount": [{"numeric": [">", 5]}]}
        return compile_pattern({"source": ["shop"], "detail-type": ["Order"], "detail": detail})

    rules = RuleSet((number, pattern(number)) for number in range(1000))
    monkeypatch.setattr(Branch, "matches", counting)
    event = {"source": "shop", "detail-type": "Order", "detail": {"customer": "c-700", "amount": 6}}
    assert rules.matching(event) == [700]
    assert len(looked) == 1
