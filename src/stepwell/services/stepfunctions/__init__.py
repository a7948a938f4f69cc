"""Step Functions: state machines, executions, activities and task tokens as an API over the engine."""

from __future__ import annotations

from collections.abc import Callable

from stepwell.api.bells import Bells
from stepwell.api.operations import Service
from stepwell.engine import Engine
from stepwell.services.stepfunctions import (
    activities,
    aliases,
    definitions,
    executions,
    machines,
    redrives,
    tags,
    task_tokens,
    versions,
)
from stepwell.services.stepfunctions.records import StateMachine
from stepwell.services.stepfunctions.tags import tags_of

__all__ = ["StateMachine", "service", "tags_of"]


def service(engine: Engine, now: Callable[[], float], bells: Bells) -> Service:
    """The service's operations; the engine's effects and timers are its own (`Engine.effects`).

    `now` is the server's clock: what can be redriven is a matter of time. `bells` ring where the engine
    says so: workers wait at activities.
    """
    return Service(
        "stepfunctions",
        (
            *machines.operations(engine),
            *definitions.operations(engine),
            *executions.operations(engine, now),
            *task_tokens.operations(engine),
            *tags.OPERATIONS,
            *redrives.operations(engine),
            *activities.operations(engine, bells),
            *versions.OPERATIONS,
            *aliases.OPERATIONS,
        ),
    )
