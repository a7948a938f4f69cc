"""What SNS works with beside the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service needs."""

    #: the server's own address: links in messages begin with it
    endpoint: str
