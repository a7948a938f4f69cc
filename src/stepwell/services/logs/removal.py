"""Deleting groups and streams: first the records, in one commit; then the files, surely.

The commit leaves a `Removal` behind until the files are gone, so that a crash in between is made up for at
the next start, and a new group of the same name cannot lose its lines to the old one's removal.
"""

from __future__ import annotations

import asyncio
from typing import ClassVar

from stepwell.api.context import Context
from stepwell.calls import Call
from stepwell.durable import Draft, Effect, EffectKind, Outcome, Record
from stepwell.services.logs.errors import OperationAbortedException
from stepwell.services.logs.records import LogGroup, LogStream, find_group, find_stream, stream_key
from stepwell.services.logs.segments import Segments

REMOVE = "logs/remove"


class Removal(Record, frozen=True, kw_only=True):
    """Files that are to be removed."""

    SERVICE: ClassVar[str] = "logs"
    KIND: ClassVar[str] = "removal"

    group: str
    #: None for all of the group's
    stream: str | None

    @property
    def key(self) -> str:
        return stream_key(self.group, self.stream or "")


def refuse_during(draft: Draft, group: str, stream: str | None = None) -> None:
    """Raise OperationAbortedException while the files of a deleted namesake are being removed."""
    whole = draft.get(Removal, stream_key(group))
    if whole is not None or (
        stream is not None and draft.get(Removal, stream_key(group, stream)) is not None
    ):
        raise OperationAbortedException(
            "Multiple concurrent requests to update the same resource were in conflict."
        )


class Remover:
    """Removes the files behind `Removal` records, one caller at a time for each group."""

    def __init__(self, segments: Segments) -> None:
        self._segments = segments

    async def delete_group(self, call: Call, context: Context) -> None:
        name = call.params["logGroupName"]
        await context.decide(lambda draft: forget_group(draft, name))
        await self.finish(context, name, None)

    async def delete_stream(self, call: Call, context: Context) -> None:
        group, name = call.params["logGroupName"], call.params["logStreamName"]
        await context.decide(lambda draft: _forget_stream(draft, group, name))
        await self.finish(context, group, name)

    async def finish(self, context: Context, group: str, stream: str | None) -> None:
        """Remove the files, if that is still to be done."""
        key = stream_key(group, stream or "")
        async with self._segments.removals[group]:
            if await context.read(lambda view: view.get(Removal, key)) is None:
                return
            await asyncio.to_thread(self._segments.remove, group, stream)
            await context.decide(lambda draft: draft.delete(Removal, key))

    def effects(self, context: Context) -> list[EffectKind]:
        """The removal once more, for a server that ended before it was done."""

        async def perform(effect: Effect) -> None:
            await self.finish(context, effect.body["group"], effect.body["stream"])

        return [EffectKind(name=REMOVE, perform=perform, complete=_done)]


def _done(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """A removal that failed is reported: the files stay, and the name stays taken."""
    if outcome.error is not None:
        raise outcome.error


def forget_group(draft: Draft, name: str) -> None:
    group = find_group(draft, name)
    if group.protected:
        raise OperationAbortedException(
            f"The log group {name} has deletion protection enabled and cannot be deleted."
        )
    draft.delete(LogGroup, name)
    for stream in draft.scan(LogStream, prefix=stream_key(name)):
        draft.delete(LogStream, stream.key)
    _remove(draft, name, None)


def _forget_stream(draft: Draft, group: str, name: str) -> None:
    draft.delete(LogStream, find_stream(draft, group, name).key)
    _remove(draft, group, name)


def _remove(draft: Draft, group: str, stream: str | None) -> None:
    draft.put(Removal(group=group, stream=stream))
    draft.effect(REMOVE, {"group": group, "stream": stream})
