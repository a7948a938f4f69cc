"""State machines: how fast they run and start, seen by a client over signed HTTP."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from typing import Any
from uuid import uuid4

from figures import clock, middle, right
from lean import Lean
from servers import Server

#: rounds of the Choice loop; and the states it enters: one before, two a round, the last Choice, the end
ROUNDS = 200
TRANSITIONS = 1 + 2 * ROUNDS + 2
CLIENTS = 16
#: executions that each client starts in one run
STARTED = 16


def chain(count: int, **state: Any) -> dict[str, Any]:
    """A machine of `count` equal states in a row."""
    states = {f"S{number}": {**state, "Next": f"S{number + 1}"} for number in range(1, count + 1)}
    del states[f"S{count}"]["Next"]
    states[f"S{count}"]["End"] = True
    return {"StartAt": "S1", "States": states}


LOOP = {
    "StartAt": "Begin",
    "States": {
        "Begin": {"Type": "Pass", "Result": {"n": 0}, "Next": "More"},
        "More": {
            "Type": "Choice",
            "Choices": [{"Variable": "$.n", "NumericLessThan": ROUNDS, "Next": "Add"}],
            "Default": "Done",
        },
        "Add": {"Type": "Pass", "Parameters": {"n.$": "States.MathAdd($.n, 1)"}, "Next": "More"},
        "Done": {"Type": "Succeed"},
    },
}
MAP = {
    "StartAt": "Each",
    "States": {
        "Each": {
            "Type": "Map",
            "ItemsPath": "$.items",
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "INLINE"},
                "StartAt": "Item",
                "States": {"Item": {"Type": "Pass", "End": True}},
            },
            "End": True,
        }
    },
}


class Machines:
    """Makes machines on one server and runs them."""

    def __init__(self, server: Server) -> None:
        self.server, self.lean = server, server.lean()

    @cached_property
    def role(self) -> str:
        return self.server.role(f"bench-{type(self).__name__}", "states.amazonaws.com")

    def machine(self, name: str, definition: dict[str, Any]) -> str:
        """A state machine; gives its ARN."""
        text = json.dumps(definition)
        made = self.lean.states("CreateStateMachine", name=name, definition=text, roleArn=self.role)
        arn: str = made["stateMachineArn"]
        return arn

    def start(self, lean: Lean, machine: str, value: Any) -> str:
        """Start an execution; gives its ARN."""
        # moto makes up no names: all its nameless executions are called `None`
        request = {"stateMachineArn": machine, "name": uuid4().hex, "input": json.dumps(value)}
        arn: str = lean.states("StartExecution", **request)["executionArn"]
        return arn

    def execute(self, machine: str, value: Any, expected: Any, lean: Lean | None = None) -> float:
        """Start, ask until it is over, check the output; gives the seconds that it took."""
        lean = lean or self.lean
        with clock() as took:
            arn = self.start(lean, machine, value)
            while (found := lean.states("DescribeExecution", executionArn=arn))["status"] == "RUNNING":
                pass
        right(found["status"] == "SUCCEEDED", f"{arn} ended {found['status']}: {found.get('cause')}")
        right(json.loads(found["output"]) == expected, f"{arn} gave {found['output'][:200]}")
        return took.seconds


class Workflows(Machines):
    """The machines that are measured, made on one server."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        self.passes, self.one = (
            self.machine("passes", chain(10, Type="Pass")),
            self.machine("one", chain(1, Type="Pass")),
        )
        self.loop, self.map = self.machine("loop", LOOP), self.machine("map", MAP)

    def ten_passes(self) -> float:
        """ms from start to end of ten Pass states, the median of 20."""
        return 1e3 * middle(lambda: self.execute(self.passes, {"a": 1}, {"a": 1}), 20)

    def choice_loop(self) -> float:
        """Transitions a second."""
        return TRANSITIONS / self.execute(self.loop, {}, {"n": ROUNDS})

    def fifty_at_once(self) -> float:
        """ms until the last of 50 executions of ten Pass states, started together by 16 clients, is over."""
        with ThreadPoolExecutor(CLIENTS) as pool, clock() as took:
            leans = [self.server.lean() for _ in range(50)]
            list(pool.map(lambda lean: self.execute(self.passes, {"b": 2}, {"b": 2}, lean), leans))
        for lean in leans:
            lean.close()
        return took.seconds * 1e3

    def map_of_hundred(self) -> float:
        """ms from start to end."""
        items = [{"number": number} for number in range(100)]
        return 1e3 * self.execute(self.map, {"items": items}, items)

    def starts(self) -> float:
        """StartExecution a second, by 16 clients; every execution is checked to succeed."""
        before = self._succeeded()
        leans = [self.server.lean() for _ in range(CLIENTS)]

        def client(lean: Lean) -> None:
            for _ in range(STARTED):
                self.start(lean, self.one, {})

        with ThreadPoolExecutor(CLIENTS) as pool, clock() as took:
            list(pool.map(client, leans))
        for lean in leans:
            lean.close()
        for _ in range(1000):
            if (found := self._succeeded() - before) == CLIENTS * STARTED:
                break
        right(found == CLIENTS * STARTED, f"{found} of {CLIENTS * STARTED} executions succeeded")
        return CLIENTS * STARTED / took.seconds

    def _succeeded(self) -> int:
        pages = self.server.client("stepfunctions").get_paginator("list_executions")
        found = pages.paginate(stateMachineArn=self.one, statusFilter="SUCCEEDED")
        return sum(len(page["executions"]) for page in found)


#: what is measured, its unit and the method that does it
MEASURED = (
    ("10 Pass states, from StartExecution to the end", "ms", Workflows.ten_passes),
    (f"Choice loop of {ROUNDS} rounds", "transitions/s", Workflows.choice_loop),
    ("50 executions of 10 Pass states at once", "ms", Workflows.fifty_at_once),
    ("inline Map of 100 Pass items", "ms", Workflows.map_of_hundred),
    (f"StartExecution, {CLIENTS} clients", "requests/s", Workflows.starts),
)
