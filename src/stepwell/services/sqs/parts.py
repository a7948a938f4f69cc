"""What SQS works with beside the store."""

from __future__ import annotations

from dataclasses import dataclass, field

from stepwell.api.bells import Bells
from stepwell.services.sqs.names import Addresses


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service needs."""

    #: writes queues' URLs
    addresses: Addresses
    #: wakes those who wait for messages
    bells: Bells = field(default_factory=Bells)
