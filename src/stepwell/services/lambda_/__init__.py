"""AWS Lambda: functions and their versions, who may invoke them, and their invocations.

User code runs in `workers.functions`; this package remembers what is to run, hands it over, and keeps
asynchronous events until they are done with.
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.durable import EffectKind
from stepwell.services.lambda_ import functions, options, permissions, publishing
from stepwell.services.lambda_.attempts import attempts
from stepwell.services.lambda_.invoking import Invoker
from stepwell.services.lambda_.parts import Parts
from stepwell.services.lambda_.permissions import policy_of
from stepwell.services.lambda_.queue import timers
from stepwell.services.lambda_.records import Function, tags_of

__all__ = ["Function", "Parts", "effects", "policy_of", "service", "tags_of", "timers"]


def service(parts: Parts) -> Service:
    """The service's operations."""
    return Service(
        "lambda",
        (
            *functions.operations(parts),
            *publishing.OPERATIONS,
            *permissions.OPERATIONS,
            *options.OPERATIONS,
            *Invoker(parts).operations(),
        ),
    )


def effects(parts: Parts) -> list[EffectKind]:
    """What follows commits: attempts to run events, and the end of outdated processes."""
    return [attempts(parts, Invoker(parts)), functions.retirement(parts)]
