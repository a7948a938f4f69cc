"""The effect behind an event: one attempt to run its function."""

from __future__ import annotations

from stepwell.durable import Draft, Effect, EffectKind, Outcome, View
from stepwell.services.lambda_ import queue
from stepwell.services.lambda_.invoking import Invoker, client_context
from stepwell.services.lambda_.parts import Parts
from stepwell.services.lambda_.queue import Event
from stepwell.services.lambda_.records import Configuration, Function, configuration, find


def attempts(parts: Parts, invoker: Invoker) -> EffectKind:
    """Attempts; repeated after a crash with the same request id."""
    context = parts.context

    async def perform(effect: Effect) -> bool:
        """Whether the function failed."""
        event = await context.read(lambda view: view.get(Event, effect.body["event"]))
        if event is None:
            return False
        function, settings = await context.read(lambda view: _found(view, event))
        payload = await context.blobs.read(event.payload)
        client = client_context(event.client_context)
        result = await invoker.run(event.named, function, settings, payload, event.request_id, client)
        return result.function_error is not None

    return EffectKind(name=queue.ATTEMPT, perform=perform, complete=_complete)


def _found(view: View, event: Event) -> tuple[Function, Configuration]:
    function = find(view, event.named)
    return function, configuration(view, function, event.named)


def _complete(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    queue.settle(effect.body["event"], outcome, draft)
