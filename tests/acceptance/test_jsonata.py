"""JSONata and variables on a real server, through boto3; what is slow or hostile holds nobody up."""

from __future__ import annotations

import json
import time
from typing import Any

from running import Running, ended, role

ENDLESS = "{% ($f := function($n) { $f($n + 1) }; $f(0)) %}"
HUGE = "{% $length($pad('x', $power(10, 12))) %}"


def create(states: Any, machine_role: str, name: str, definition: dict[str, Any]) -> str:
    made = states.create_state_machine(name=name, definition=json.dumps(definition), roleArn=machine_role)
    return str(made["stateMachineArn"])


def test_a_pipeline_of_expressions_and_hostile_ones_beside_it(own_server: Running) -> None:
    """Variables cross a kill -9; endless and huge expressions fail alone while others go on."""
    running = own_server
    states, machine_role = running.client("stepfunctions"), role(running, "Machine", "states.amazonaws.com")
    definition = {
        "QueryLanguage": "JSONata",
        "StartAt": "Set",
        "States": {
            "Set": {"Type": "Pass", "Assign": {"rows": "{% $states.input.rows %}"}, "Next": "Wait"},
            "Wait": {"Type": "Wait", "Seconds": "{% $count($rows) %}", "Next": "Each"},
            "Each": {
                "Type": "Map",
                "Items": "{% $rows[price > 1] %}",
                "ItemSelector": {"n": "{% $states.context.Map.Item.Value.price * 2 %}"},
                "ItemProcessor": {
                    "StartAt": "One",
                    "States": {"One": {"Type": "Pass", "Output": "{% $states.input.n %}", "End": True}},
                },
                "Output": {"total": "{% $sum($states.result) %}", "rows": "{% $count($rows) %}"},
                "End": True,
            },
        },
    }
    good = create(states, machine_role, "good", definition)
    described = states.describe_state_machine(stateMachineArn=good)
    assert described["variableReferences"] == {"Wait": ["rows"], "Each": ["rows"]}
    rows = {"rows": [{"price": 1}, {"price": 2}, {"price": 3}]}
    execution = states.start_execution(stateMachineArn=good, input=json.dumps(rows))["executionArn"]
    running.kill()
    running.start()
    states = running.client("stepfunctions")
    hostile = {}
    for name, expression in (("endless", ENDLESS), ("huge", HUGE)):
        state = {"Type": "Succeed", "Output": expression}
        machine = {"QueryLanguage": "JSONata", "StartAt": "S", "States": {"S": state}}
        arn = create(states, machine_role, name, machine)
        for number in range(2):
            began = time.monotonic()
            started = states.start_execution(stateMachineArn=arn)["executionArn"]
            assert time.monotonic() - began < 5
            hostile[f"{name}-{number}"] = started
    found = ended(running, execution)
    assert json.loads(found["output"]) == {"total": 10, "rows": 3}
    for started in hostile.values():
        failed = ended(running, started)
        assert failed["error"] == "States.QueryEvaluationError", failed
        assert "D1012" in failed["cause"]
