"""Lanes: deliveries that must arrive in order, one at a time.

A lane is busy from a delivery's beginning until it arrived or was given up; what comes meanwhile waits,
durably, in its order.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from msgspec.structs import replace

from stepwell.durable import Draft, Record


class Lane(Record, frozen=True, kw_only=True):
    """A lane with a delivery under way."""

    SERVICE: ClassVar[str] = "triggers"
    KIND: ClassVar[str] = "lane"

    name: str
    #: how many have waited in it since it became busy
    waited: int = 0

    @property
    def key(self) -> str:
        return self.name


class Waiting(Record, frozen=True, kw_only=True):
    """A delivery whose turn has not come."""

    SERVICE: ClassVar[str] = "triggers"
    KIND: ClassVar[str] = "waiting-delivery"

    lane: str
    place: int
    body: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.lane}/{self.place:012d}"


def enter(draft: Draft, name: str, body: Mapping[str, Any]) -> bool:
    """Whether the delivery may begin; if not, it waits."""
    lane = draft.get(Lane, name)
    if lane is None:
        draft.put(Lane(name=name))
        return True
    draft.put(replace(lane, waited=lane.waited + 1))
    draft.put(Waiting(lane=name, place=lane.waited, body=dict(body)))
    return False


def leave(draft: Draft, name: str) -> dict[str, Any] | None:
    """End the delivery under way; gives the next one, which now is."""
    following = next(draft.scan(Waiting, prefix=f"{name}/", limit=1), None)
    if following is None:
        draft.delete(Lane, name)
        return None
    draft.delete(Waiting, following.key)
    return following.body
