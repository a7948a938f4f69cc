"""Security Token Service: who one is, and sessions of roles."""

from __future__ import annotations

from collections.abc import Mapping

from stepwell.api.operations import Service
from stepwell.durable import View
from stepwell.durable.loop import TimerHandler
from stepwell.services.sts.sessions import (
    EXPIRE,
    OPERATIONS,
    Session,
    expire,
    key_id,
    secret,
    session_of,
)

__all__ = [
    "Session",
    "find_session",
    "key_id",
    "secret",
    "service",
    "session_of",
    "timers",
]


def service() -> Service:
    """The service's operations."""
    return Service("sts", OPERATIONS)


def timers() -> Mapping[str, TimerHandler]:
    """What is due by itself."""
    return {EXPIRE: expire}


def find_session(view: View, access_key_id: str) -> Session | None:
    """The session that the key belongs to."""
    return view.get(Session, access_key_id)
