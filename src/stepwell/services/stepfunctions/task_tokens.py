"""Task tokens: what comes back from whoever got one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Answer, Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft
from stepwell.engine import Engine, Execution, tokens
from stepwell.services.stepfunctions import names, payloads
from stepwell.services.stepfunctions.errors import (
    InvalidOutput,
    InvalidToken,
    TaskDoesNotExist,
    TaskTimedOut,
)


def operations(engine: Engine) -> tuple[Operation, ...]:
    """The operations of this noun."""

    async def prepare_success(call: Call, context: Context) -> Any:
        return payloads.parse(call.params["output"], InvalidOutput, "output")

    def success(call: Call, draft: Draft, output: Any) -> Answer:
        token = _known(draft, call)
        return _answer(engine.task_succeeded(draft, token, output))

    def failure(call: Call, draft: Draft) -> Answer:
        token = _known(draft, call)
        params = call.params
        return _answer(engine.task_failed(draft, token, params.get("error"), params.get("cause")))

    def heartbeat(call: Call, draft: Draft) -> Answer:
        return _answer(engine.task_alive(draft, _known(draft, call)))

    return (
        Operation(
            name="SendTaskSuccess",
            rights=(Right(action="states:SendTaskSuccess", resource=_machine),),
            honoured=words("taskToken output"),
            prepare=prepare_success,
            decide=success,
        ),
        Operation(
            name="SendTaskFailure",
            rights=(Right(action="states:SendTaskFailure", resource=_machine),),
            honoured=words("taskToken error cause"),
            decide=failure,
        ),
        Operation(
            name="SendTaskHeartbeat",
            rights=(Right(action="states:SendTaskHeartbeat", resource=_machine),),
            honoured=words("taskToken"),
            decide=heartbeat,
        ),
    )


def _known(draft: Draft, call: Call) -> str:
    """The token, which belongs to an execution. Raises InvalidToken, TaskDoesNotExist."""
    text: str = call.params["taskToken"]
    token = tokens.parse(text)
    if token is None:
        raise InvalidToken
    if draft.get(Execution, token.execution) is None:
        raise TaskDoesNotExist
    return text


def _answer(waiting: bool) -> Answer:
    if not waiting:
        raise TaskTimedOut
    return {}


def _machine(params: Mapping[str, Any], site: Site) -> str:
    """The state machine that the token belongs to."""
    token = tokens.parse(params["taskToken"])
    if token is None:
        return "*"
    return names.machine_arn(site.region, site.account, token.execution.partition(":")[0])
