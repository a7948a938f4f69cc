"""Amazon CloudWatch Logs: groups and streams are records, their lines are append-only files."""

from __future__ import annotations

from stepwell.api.context import Context
from stepwell.api.operations import Service
from stepwell.durable import EffectKind
from stepwell.services.logs import policies
from stepwell.services.logs.groups import Groups
from stepwell.services.logs.policies import policy_of
from stepwell.services.logs.reading import Reader
from stepwell.services.logs.records import tags_of
from stepwell.services.logs.removal import Remover
from stepwell.services.logs.segments import Segments
from stepwell.services.logs.streams import Streams
from stepwell.services.logs.writing import Writer

__all__ = ["Segments", "effects", "policy_of", "service", "tags_of"]


def service(segments: Segments) -> Service:
    """The service's operations."""
    remover = Remover(segments)
    return Service(
        "logs",
        (
            *Groups(segments, remover).operations(),
            *policies.OPERATIONS,
            *Streams(segments, remover).operations(),
            *Writer(segments).operations(),
            *Reader(segments).operations(),
        ),
        invalid="InvalidParameterException",
    )


def effects(segments: Segments, context: Context) -> list[EffectKind]:
    """What follows the commit of a deletion: its files are removed."""
    return Remover(segments).effects(context)
