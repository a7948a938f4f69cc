"""Functions for tests: made from source text, by boto3."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

from running import Running, allow, arn, logging, role


def packed(source: str, *others: tuple[str, bytes]) -> bytes:
    """A deployment package of one module, `main`, and of other entries under the names given."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("main.py", source)
        for name, data in others:
            archive.writestr(zipfile.ZipInfo(name), data)
    return content.getvalue()


def function(running: Running, name: str, source: str, **settings: Any) -> str:
    """A function whose handler is `main.handler` and that may do nothing but log; gives its ARN."""
    client = running.client("lambda")
    rights = logging(f"/aws/lambda/{name}")
    made: str = client.create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="main.handler",
        Role=role(running, f"{name}-function", "lambda.amazonaws.com", rights),
        Code={"ZipFile": packed(source)},
        **settings,
    )["FunctionArn"]
    client.get_waiter("function_active_v2").wait(FunctionName=name)
    return made


def machine(running: Running, name: str, definition: dict[str, Any], *rights: dict[str, Any]) -> str:
    """A state machine that may invoke functions, and what `rights` say; gives its ARN."""
    invoking = allow("lambda:InvokeFunction", arn("lambda", "function:*"))
    made: str = running.client("stepfunctions").create_state_machine(
        name=name,
        roleArn=role(running, f"{name}-machine", "states.amazonaws.com", invoking, *rights),
        definition=json.dumps(definition),
    )["stateMachineArn"]
    return made


def start(running: Running, arn: str, value: Any, name: str | None = None) -> str:
    """Start an execution; gives its ARN."""
    named = {"name": name} if name else {}
    begun: str = running.client("stepfunctions").start_execution(
        stateMachineArn=arn, input=json.dumps(value), **named
    )["executionArn"]
    return begun


def history(running: Running, execution: str) -> list[dict[str, Any]]:
    """All events of an execution."""
    pages = running.client("stepfunctions").get_paginator("get_execution_history")
    found = pages.paginate(executionArn=execution, includeExecutionData=True)
    return [event for page in found for event in page["events"]]


def messages(running: Running, group: str, **selection: Any) -> list[str]:
    """The lines of a log group."""
    found = running.client("logs").get_paginator("filter_log_events")
    return [
        event["message"]
        for page in found.paginate(logGroupName=group, **selection)
        for event in page["events"]
    ]
