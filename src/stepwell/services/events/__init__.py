"""Amazon EventBridge: buses, rules by pattern and by schedule, their targets, and events of users' own.

    EventBridge(parts)
        .service()        the operations
        .timers()         what due schedules decide
        .on_event         what events of this server's services decide

Deliveries themselves are `triggers.deliveries`.
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.durable import Draft
from stepwell.durable.loop import TimerHandler
from stepwell.services.events import buses, clockwork, permissions, publishing, rules, tagging, targets
from stepwell.services.events.parts import Parts
from stepwell.services.events.permissions import policy_of
from stepwell.services.events.routing import Router
from stepwell.services.events.tagging import tags_of

__all__ = ["EventBridge", "Parts", "policy_of", "tags_of"]


class EventBridge:
    """The service, with the rules that it keeps compiled."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._router = Router(parts)

    def service(self) -> Service:
        """The operations."""
        return Service(
            "events",
            [
                *buses.OPERATIONS,
                *permissions.OPERATIONS,
                *publishing.operations(self._router),
                *rules.OPERATIONS,
                *tagging.OPERATIONS,
                *targets.operations(self._parts),
            ],
        )

    def timers(self) -> dict[str, TimerHandler]:
        """Handlers of due timers, by their kind."""
        return clockwork.timers(self._router.fire)

    def on_event(self, event: dict[str, object], draft: Draft) -> None:
        """A subscriber to the events of this server's services."""
        self._router.on_event(event, draft)
