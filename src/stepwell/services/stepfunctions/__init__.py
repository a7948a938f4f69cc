"""Step Functions: state machines, executions and task tokens as an API over the engine."""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.engine import Engine
from stepwell.services.stepfunctions import definitions, executions, machines, tags, task_tokens
from stepwell.services.stepfunctions.machines import StateMachine
from stepwell.services.stepfunctions.tags import tags_of

__all__ = ["StateMachine", "service", "tags_of"]


def service(engine: Engine) -> Service:
    """The service's operations; the engine's effects and timers are its own (`Engine.effects`)."""
    return Service(
        "stepfunctions",
        (
            *machines.operations(engine),
            *definitions.operations(engine),
            *executions.operations(engine),
            *task_tokens.operations(engine),
            *tags.OPERATIONS,
        ),
    )
