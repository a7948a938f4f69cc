"""The language by examples: cases are data, in `cases/`, so that adding one needs no code."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwell import asl
from stepwell.asl import choice, intrinsics, jsonata, jsonpath
from stepwell.asl.pathtext import PathError

CASES = Path(__file__).parent / "cases"
CONTEXT = {"Execution": {"Name": "run-1"}}
#: what the expressions of `jsonata.json` see
STATES = {
    "context": CONTEXT,
    "input": {
        "a": 1,
        "s": "Hello World",
        "n": None,
        "t": True,
        "list": [1, 2, 3],
        "one": [{"x": 1}],
        "empty": [],
        "obj": {"k": "v", "m": {"z": [1, [2]]}},
        "rows": [
            {"id": 1, "kind": "a", "price": 10.5, "tags": ["x", "y"]},
            {"id": 2, "kind": "b", "price": 3, "tags": []},
            {"id": 3, "kind": "a", "price": 7},
        ],
    },
}


def cases(name: str, label: str) -> list[Any]:
    rows = json.loads((CASES / f"{name}.json").read_text())
    return [pytest.param(row, id=f"{index}-{str(row[label])[:60]}") for index, row in enumerate(rows)]


def environment(variables: Mapping[str, Any] | None = None) -> asl.Environment:
    return asl.Environment(context=CONTEXT, variables=variables or {})


@pytest.mark.parametrize("case", cases("paths", "path"))
def test_path(case: dict[str, Any]) -> None:
    """A path selects, misses, or is none, each with the reason told."""
    if "invalid" in case:
        with pytest.raises(PathError) as refused:
            jsonpath.parse(case["path"])
        assert case["invalid"] in str(refused.value)
        return
    path, env = jsonpath.parse(case["path"]), environment(case.get("variables"))
    if "missing" in case:
        with pytest.raises(jsonpath.PathMissing) as missed:
            path(case.get("in"), env)
        assert str(missed.value) == case["missing"]
    else:
        assert path(case.get("in"), env) == case["gives"]


@pytest.mark.parametrize("case", cases("intrinsics", "call"))
def test_intrinsic(case: dict[str, Any]) -> None:
    """An intrinsic function computes, fails, or is refused when it is parsed."""
    if "invalid" in case:
        with pytest.raises(PathError) as refused:
            intrinsics.parse(case["call"])
        assert case["invalid"] in str(refused.value)
        return
    call = intrinsics.parse(case["call"])
    if "fails" in case:
        with pytest.raises(asl.StateError) as failed:
            call(case["in"], environment())
        assert failed.value.error == "States.IntrinsicFailure"
        assert case["fails"] in failed.value.detail
    else:
        assert json.dumps(call(case["in"], environment())) == json.dumps(case["gives"])


@pytest.mark.parametrize("case", cases("jsonata", "expression"))
def test_jsonata(case: dict[str, Any]) -> None:
    """An expression gives what the reference implementation 2.0.6 gave for it, its failure's text included.

    Where AWS has functions of its own, or refuses one, the case says what AWS's guide does.
    """
    env = replace(environment(), now=1_700_000_000.5, time_limit=jsonata.ALONE)
    query = jsonata.parse(case["expression"])
    if "fails" in case:
        with pytest.raises(jsonata.QueryFailed) as failed:
            query.evaluate(STATES, env)
        assert case["fails"] in str(failed.value)
        return
    value = query.evaluate(STATES, env)
    if "undefined" in case:
        assert value is jsonata.UNDEFINED
    else:
        assert value == case["gives"]


@pytest.mark.parametrize("case", cases("choices", "rule"))
def test_choice_rule(case: dict[str, Any]) -> None:
    """A rule holds for exactly the values that it should hold for."""
    rule = choice.compile_rule(case["rule"])
    for wanted, values in ((True, case["holds"]), (False, case["fails"])):
        for value in values:
            assert rule({"x": value, "limit": 10}, environment()) is wanted, value


@pytest.mark.parametrize("case", cases("definitions", "claim"))
def test_definition(case: dict[str, Any]) -> None:
    """A definition gets exactly these diagnostics, in this order; it compiles unless one is an error."""
    text = json.dumps(case["definition"], indent=2)
    found = asl.validate(text)
    assert [[d.code, d.pointer, d.message] for d in found] == case["found"]
    if any(diagnostic.severity == "ERROR" for diagnostic in found):
        with pytest.raises(asl.DefinitionInvalid) as refused:
            asl.compile(text)
        assert refused.value.diagnostics == found
    else:
        assert asl.compile(text).start_at == case["definition"]["StartAt"]


@pytest.mark.parametrize("case", cases("states", "claim"))
def test_state(case: dict[str, Any]) -> None:
    """A state's data takes the way that the language says, and what came in is never changed."""
    written = dict(case["state"])
    if written["Type"] in ("Pass", "Task"):
        written["End"] = True
    definition = {"StartAt": "S", "States": {"S": written}}
    if written["Type"] == "Choice":
        definition["States"]["Z"] = {"Type": "Succeed"}
    state = asl.compile(json.dumps(definition)).states["S"]
    raw = copy.deepcopy(case["in"])
    env = environment()

    def run() -> Any:
        effective = state.effective_input(raw, env)
        assert effective == case.get("effective", effective)
        result = case["result"] if "result" in case else state.result(effective)
        return state.output(raw, result, env)

    if "error" in case:
        with pytest.raises(asl.StateError) as failed:
            run()
        assert failed.value.error == case["error"]
        assert failed.value.cause("S", 2) == case["cause"]
    else:
        assert run() == case["out"]
    assert raw == case["in"]
