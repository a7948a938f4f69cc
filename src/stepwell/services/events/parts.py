"""What EventBridge works with beside the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from stepwell.api.context import Permits


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service needs."""

    #: whether a role that a target names may put events on another bus
    permits: Permits
    #: whether this server has an operation (botocore's names)
    serves: Callable[[str, str], bool]
