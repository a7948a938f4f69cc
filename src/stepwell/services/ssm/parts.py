"""What Systems Manager works with beside the store: the seams at which tests put fakes."""

from __future__ import annotations

from dataclasses import dataclass

from stepwell.api.context import Context, LogSink
from stepwell.services.ssm.parameters import Sealer


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service needs."""

    context: Context
    logs: LogSink
    #: keeps the values of SecureStrings
    sealer: Sealer
