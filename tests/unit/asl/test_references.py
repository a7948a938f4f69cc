"""What a state reads, in either language, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell import asl
from stepwell.asl.definition import variable_references


def references(*states: dict[str, Any]) -> dict[str, list[str]]:
    """Of states in a row, behind one that sets `x` and `y`."""
    first = {"Type": "Pass", "Assign": {"x": 1, "y.$": "$.z"}}
    rows = [first, *states]
    linked = {
        f"S{index}": {**row, **({"Next": f"S{index + 1}"} if index + 1 < len(rows) else {"End": True})}
        for index, row in enumerate(rows)
    }
    return variable_references(json.dumps({"StartAt": "S0", "States": linked}))


@pytest.mark.parametrize(
    ("state", "names"),
    [
        ({"InputPath": "$x.a"}, ["x"]),
        ({"Parameters": {"a": [{"b.$": "States.Array($y, States.Format('{}', $x), $.q)"}]}}, ["y", "x"]),
        ({"Parameters": {"a": "$x"}}, None),
        ({"QueryLanguage": "JSONata", "Output": ["{% $x + $sum([$y, $y, $z]) %}", "$y"]}, ["x", "y"]),
        ({"QueryLanguage": "JSONata", "Output": "{% $states.input.x %}"}, None),
    ],
)
def test_a_state_is_told_with_the_variables_that_it_reads(
    state: dict[str, Any], names: list[str] | None
) -> None:
    assert references({"Type": "Pass", **state}) == ({} if names is None else {"S1": names})


def test_states_in_blocks_speak_for_themselves() -> None:
    """A Map is not told with what its processor's states read."""
    inner = {"Type": "Pass", "OutputPath": "$x", "End": True}
    mapped = {
        "Type": "Map",
        "ItemsPath": "$y",
        "ItemProcessor": {"StartAt": "Inner", "States": {"Inner": inner}},
    }
    assert references(mapped) == {"S1": ["y"], "Inner": ["x"]}


def test_a_faulty_definition_reads_nothing() -> None:
    with pytest.raises(asl.DefinitionInvalid):
        variable_references("{}")
