"""Each condition operator says of a request what AWS's does."""

import pytest

from stepwell.identity import conditions

CONTEXT = {
    "k": ("Value",),
    "n": ("10",),
    "d": ("2026-03-01T12:00:00Z",),
    "b": ("true",),
    "ip": ("10.1.2.3",),
    "ip6": ("2001:db8::1",),
    "arn": ("arn:aws:states:us-east-1:111122223333:stateMachine:train",),
    "many": ("a", "b"),
    "empty": (),
    "junk": ("junk",),
}


@pytest.mark.parametrize(
    ("operator", "key", "values", "holds"),
    [
        ("StringEquals", "k", ["Value"], True),
        ("StringEquals", "K", ["Value"], True),
        ("StringEquals", "k", ["value"], False),
        ("StringEquals", "k", ["other", "Value"], True),
        ("StringEquals", "k", ["Val*"], False),
        ("StringNotEquals", "k", ["Value"], False),
        ("StringNotEquals", "k", ["a", "b"], True),
        ("StringNotEquals", "k", ["a", "Value"], False),
        ("StringEqualsIgnoreCase", "k", ["vALUE"], True),
        ("StringNotEqualsIgnoreCase", "k", ["vALUE"], False),
        ("StringLike", "k", ["V?l*"], True),
        ("StringLike", "k", ["v*"], False),
        ("StringNotLike", "k", ["V*"], False),
        ("StringNotLike", "k", ["x*"], True),
        ("NumericEquals", "n", ["10.0"], True),
        ("NumericNotEquals", "n", ["10"], False),
        ("NumericLessThan", "n", ["10"], False),
        ("NumericLessThanEquals", "n", ["10"], True),
        ("NumericGreaterThan", "n", ["9"], True),
        ("NumericGreaterThanEquals", "n", ["11"], False),
        ("NumericEquals", "junk", ["10"], False),
        ("DateEquals", "d", ["2026-03-01T12:00:00+00:00"], True),
        ("DateNotEquals", "d", ["2026-03-01"], True),
        ("DateLessThan", "d", ["2026-04"], True),
        ("DateLessThanEquals", "d", ["2026"], False),
        ("DateGreaterThan", "d", ["2026-03-01"], True),
        ("DateGreaterThanEquals", "d", ["1772366400"], True),
        ("DateGreaterThan", "d", ["1772366400"], False),
        ("Bool", "b", ["true"], True),
        ("Bool", "b", ["TRUE"], True),
        ("Bool", "b", ["false"], False),
        ("BinaryEquals", "k", ["Value"], True),
        ("IpAddress", "ip", ["10.0.0.0/8"], True),
        ("IpAddress", "ip", ["10.1.2.3"], True),
        ("IpAddress", "ip", ["192.168.0.0/16", "10.1.0.0/16"], True),
        ("NotIpAddress", "ip", ["10.0.0.0/8"], False),
        ("IpAddress", "ip6", ["2001:db8::/32"], True),
        ("IpAddress", "ip6", ["10.0.0.0/8"], False),
        ("IpAddress", "junk", ["0.0.0.0/0"], False),
        ("ArnEquals", "arn", ["arn:aws:states:*:*:stateMachine:t*"], True),
        ("ArnLike", "arn", ["arn:aws:states:us-east-1:111122223333:stateMachine:train"], True),
        ("ArnLike", "arn", ["arn:aws:states:*:stateMachine:train"], False),
        ("ArnNotEquals", "arn", ["arn:aws:states:*:*:*"], False),
        ("ArnNotLike", "arn", ["arn:aws:lambda:*:*:*"], True),
        ("ArnLike", "junk", ["*"], False),
        ("Null", "k", ["true"], False),
        ("Null", "k", ["false"], True),
        ("Null", "absent", ["true"], True),
        ("Null", "empty", ["true"], True),
        ("Null", "absent", ["false"], False),
        # absent keys
        ("StringEquals", "absent", ["x"], False),
        ("StringNotEquals", "absent", ["x"], True),
        ("StringEqualsIfExists", "absent", ["x"], True),
        ("StringEqualsIfExists", "k", ["x"], False),
        ("BoolIfExists", "absent", ["true"], True),
        ("ForAllValues:StringEquals", "absent", ["x"], True),
        ("ForAnyValue:StringEquals", "absent", ["x"], False),
        ("ForAnyValue:StringNotEquals", "absent", ["x"], False),
        ("ForAnyValue:StringEqualsIfExists", "absent", ["x"], True),
        # several values in the request
        ("ForAllValues:StringEquals", "many", ["a", "b", "c"], True),
        ("ForAllValues:StringEquals", "many", ["a"], False),
        ("ForAnyValue:StringEquals", "many", ["b", "z"], True),
        ("ForAnyValue:StringEquals", "many", ["z"], False),
        ("ForAllValues:StringNotEquals", "many", ["z"], True),
        ("ForAllValues:StringNotEquals", "many", ["a"], False),
        ("ForAnyValue:StringNotEquals", "many", ["a"], True),
        ("ForAnyValue:StringLike", "many", ["?"], True),
        # variables
        ("StringEquals", "k", ["${k}"], True),
        ("StringEquals", "k", ["${n}"], False),
        ("StringLike", "k", ["${absent, 'V'}*"], True),
        ("StringEquals", "k", ["${absent}", "Value"], True),
        ("StringNotEquals", "k", ["${absent}"], False),
        ("ArnLike", "arn", ["arn:aws:states:*:*:stateMachine:${absent, 'train'}"], True),
    ],
)
def test_operators(operator: str, key: str, values: list[str], holds: bool) -> None:
    condition = conditions.parse(operator, key, values, variables=True)
    assert condition is not None
    assert condition.holds(CONTEXT) is holds


@pytest.mark.parametrize("operator", [name for name in conditions.OPERATORS if name != "Null"])
def test_every_operator_but_null_takes_if_exists_and_set_modes(operator: str) -> None:
    value = {"Ip": "10.0.0.1", "No": "10.0.0.1", "Da": "2026", "Bo": "true", "Nu": "1"}.get(operator[:2], "x")
    for name in (operator + "IfExists", "ForAllValues:" + operator, "ForAnyValue:" + operator + "IfExists"):
        assert conditions.parse(name, "k", [value], variables=True) is not None


@pytest.mark.parametrize(
    "operator", ["StringIs", "NullIfExists", "ForAllValues:Null", "ForSome:StringEquals", "", "stringequals"]
)
def test_unknown_operators_are_none(operator: str) -> None:
    assert conditions.parse(operator, "k", ["true"], variables=True) is None


@pytest.mark.parametrize(
    ("operator", "value"),
    [
        ("NumericEquals", "ten"),
        ("DateLessThan", "tomorrow"),
        ("Bool", "maybe"),
        ("Null", "perhaps"),
        ("IpAddress", "10.0.0.0/99"),
    ],
)
def test_values_of_the_wrong_type_are_refused_when_read(operator: str, value: str) -> None:
    with pytest.raises(ValueError):
        conditions.parse(operator, "k", [value], variables=True)
