"""Filter patterns match what AWS's user guide says."""

from __future__ import annotations

import json

import pytest

from stepwell.services.logs.errors import InvalidParameterException
from stepwell.services.logs.patterns import compiled

EVENT = json.dumps(
    {
        "level": "ERROR",
        "count": 3,
        "ok": False,
        "none": None,
        "user": {"name": "ann smith"},
        "hosts": ["a", "b"],
        "path": "/data/x[1].csv",
    }
)


@pytest.mark.parametrize(
    ("pattern", "message", "matches"),
    [
        ("", "anything", True),
        ("  ", "anything", True),
        ("ERROR", "an ERROR here", True),
        ("ERROR", "an error here", False),
        ("ERROR disk", "disk: ERROR", True),
        ("ERROR disk", "ERROR", False),
        ('"disk full"', "the disk full of it", True),
        ('"disk full"', "full disk", False),
        ('"say \\"hi\\""', 'say "hi"', True),
        ("?ERROR ?WARN", "WARN", True),
        ("?ERROR ?WARN", "INFO", False),
        ('?"a b" ?c', "a b", True),
        ("ERROR -retry", "ERROR", True),
        ("ERROR -retry", "ERROR retry", False),
        ('-"will retry"', "will retry", False),
        ("ERROR ?WARN", "ERROR", True),
        ('{ $.level = "ERROR" }', EVENT, True),
        ('{ $.level = "INFO" }', EVENT, False),
        ("{ $.level = ERR* }", EVENT, True),
        ('{ $.level != "ERROR" }', EVENT, False),
        ('{ $.missing != "x" }', EVENT, False),
        ("{ $.count > 2 }", EVENT, True),
        ("{ $.count >= 4 }", EVENT, False),
        ("{ $.count = 3 }", EVENT, True),
        ("{ $.ok = 0 }", EVENT, False),
        ("{ $.ok IS FALSE }", EVENT, True),
        ("{ $.none IS NULL }", EVENT, True),
        ("{ $.missing NOT EXISTS }", EVENT, True),
        ("{ $.none NOT EXISTS }", EVENT, False),
        ('{ $.user.name = "ann*" }', EVENT, True),
        ('{ $.hosts[1] = "b" }', EVENT, True),
        ('{ $.hosts[*] = "a" }', EVENT, True),
        ('{ $.hosts[7] = "a" }', EVENT, False),
        ('{ $.path = "*x[1]*" }', EVENT, True),
        ('{ ($.level = "INFO") || ($.count = 3 && $.ok IS FALSE) }', EVENT, True),
        ('{ ($.level = "INFO" || $.count = 3) && $.ok IS TRUE }', EVENT, False),
        ('{ $.level = "ERROR" }', "not JSON", False),
    ],
)
def test_a_pattern_matches_as_on_aws(pattern: str, message: str, matches: bool) -> None:
    assert compiled(pattern)(message) is matches


@pytest.mark.parametrize(
    "pattern",
    [
        "user-name",
        '"open',
        "[ip, user]",
        "%regex%",
        "{ $.a = }",
        "{ $.a }",
        "{ $.a = 1",
        "{ = 1 }",
        "{ $.a < x }",
        "{ ($.a = 1 }",
        "{ $.a IS NOT }",
        "{ " + "(" * 500 + "$.a = 1" + ")" * 500 + " }",
    ],
)
def test_what_is_no_pattern_is_refused(pattern: str) -> None:
    with pytest.raises(InvalidParameterException):
        compiled(pattern)
