"""Functions: what a warm one costs through the API, and as a step of a workflow."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator

from figures import Figure, clock, middle, right, runs
from servers import Stepwell
from workflows import Machines, chain

CODE = "def handler(event, context):\n    return {'n': event['n'] + 1}\n"
STEPS = 100


def figures(server: Stepwell) -> Iterator[Figure]:
    """Both figures; the function is made and warmed before."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("add.py", CODE)
    client, lean, machines = server.client("lambda"), server.lean(), Machines(server)
    arn = client.create_function(
        FunctionName="add",
        Runtime="python3.12",
        Handler="add.handler",
        Role=server.role("bench-function", "lambda.amazonaws.com"),
        Code={"ZipFile": packed.getvalue()},
    )["FunctionArn"]
    client.get_waiter("function_active_v2").wait(FunctionName=arn)

    def invoke() -> float:
        path, headers = "/2015-03-31/functions/add/invocations", {"Content-Type": "application/json"}
        with clock() as took:
            answer = lean.post(path, b'{"n": 1}', service="lambda", headers=headers)
        right(json.loads(answer) == {"n": 2}, f"the function gave {answer[:200]!r}")
        return took.seconds * 1e3

    invoke()
    yield Figure(what="function, warm, Invoke", unit="ms", runs=runs(lambda: middle(invoke, 50)))
    machine = machines.machine("tasks", chain(STEPS, Type="Task", Resource=arn))
    yield Figure(
        what=f"workflow of {STEPS} function tasks, each step",
        unit="ms",
        runs=runs(lambda: machines.execute(machine, {"n": 0}, {"n": STEPS}) * 1e3 / STEPS),
    )
