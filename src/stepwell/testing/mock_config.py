"""Reads the mock configuration files of Step Functions Local: a team's test cases go on being useful.

Source of the format: AWS's Step Functions developer guide, "Configuration file for mocked service
integrations".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from stepwell.testing.answers import Answer, Answers, by_attempt, raises, returns
from stepwell.testing.errors import TestingError


class MockConfigInvalid(TestingError):
    """The file is no mock configuration, or has not what was asked for."""


def read(path: Path, machine: str, case: str) -> dict[str, Answers]:
    """The answers of a test case by state. Raises MockConfigInvalid."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MockConfigInvalid(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise MockConfigInvalid(f"{path} is not JSON: {error}") from error
    machines = _member(path, content, "StateMachines", "the file")
    cases = _member(path, _pick(path, machines, machine, "state machine"), "TestCases", machine)
    states = _pick(path, cases, case, "test case")
    responses = _member(path, content, "MockedResponses", "the file")
    return {
        state: _answers(path, name, _pick(path, responses, name, "mocked response"))
        for state, name in states.items()
    }


def _answers(path: Path, name: str, attempts: Mapping[str, Any]) -> Answers:
    try:
        return by_attempt({number: _answer(given) for number, given in attempts.items()})
    except TestingError as error:
        raise MockConfigInvalid(f"{path}, the mocked response {name}: {error}") from error


def _answer(given: Any) -> Answer:
    match given:
        case {"Return": result, **rest} if not rest:
            return returns(result)
        case {"Throw": {"Error": str(error), "Cause": str(cause), **more}, **rest} if not (more or rest):
            return raises(error, cause)
        case {"Throw": {"Error": str(error), **more}, **rest} if not (more or rest):
            return raises(error)
    raise TestingError(f'an attempt has "Return", or "Throw" with "Error" and "Cause"; here is {given!r}')


def _member(path: Path, value: Any, name: str, where: str) -> Mapping[str, Any]:
    found = value.get(name) if isinstance(value, Mapping) else None
    if not isinstance(found, Mapping):
        raise MockConfigInvalid(f"{path}: {where} has no object {name}")
    return found


def _pick(path: Path, among: Mapping[str, Any], name: Any, what: str) -> Mapping[str, Any]:
    found = among.get(name) if isinstance(name, str) else None
    if not isinstance(found, Mapping):
        raise MockConfigInvalid(f"{path} has no {what} {name!r}. It has: {', '.join(sorted(among))}")
    return found
