"""Systems Manager: the managed instance, documents, commands, parameters, windows, associations.

    service(parts)       the operations
    effects(parts)       what is done after a commit
    timers(parts)        what due times decide
    subscribers(parts)   what events of services decide
    put_alias(draft, id), delete_alias(draft, id)
                         the machine has that id too, or no longer
    tags_of(view, arn)   the tags of what an ARN names
    register(draft, m)   knows this machine; at every start

Each noun is a package that lists its rows; here they are put together.
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.durable import Draft, EffectKind
from stepwell.durable.loop import TimerHandler
from stepwell.services.ssm import associations, commands, documents, instances, parameters, tags, windows
from stepwell.services.ssm.commands import Command, stop_all
from stepwell.services.ssm.instances import aliases, register, this_machine
from stepwell.services.ssm.parts import Parts
from stepwell.services.ssm.tags import tags_of
from stepwell.triggers.events import Subscriber

__all__ = [
    "Command",
    "Parts",
    "aliases",
    "delete_alias",
    "effects",
    "put_alias",
    "register",
    "service",
    "stop_all",
    "subscribers",
    "tags_of",
    "this_machine",
    "timers",
]

#: what can have tags, and whether one of that id exists
TAGGED: dict[str, tags.Exists] = {
    "Association": associations.exists,
    "Document": documents.exists,
    "MaintenanceWindow": windows.exists,
    "ManagedInstance": instances.exists,
    "Parameter": parameters.exists,
}


def service(parts: Parts) -> Service:
    """The operations."""
    return Service(
        "ssm",
        [
            *associations.OPERATIONS,
            *commands.OPERATIONS,
            *associations.followed(documents.OPERATIONS),
            *instances.operations(parts, associations.associated),
            *parameters.operations(parts.sealer),
            *associations.followed(tags.operations(TAGGED)),
            *windows.OPERATIONS,
        ],
    )


def effects(parts: Parts) -> list[EffectKind]:
    """Effect kinds."""
    return [*associations.effects(parts.context), *commands.effects(parts), *windows.effects(parts.context)]


def timers(parts: Parts) -> dict[str, TimerHandler]:
    """Handlers of due timers and messages, by their kind."""
    return {**associations.timers(), **commands.timers(), **windows.timers()}


def subscribers(parts: Parts) -> list[Subscriber]:
    """What wants to know of services' events."""
    return [associations.on_event, windows.on_event]


def put_alias(draft: Draft, id: str) -> None:
    """Let the machine have that id too, and be what associations want of it. Raises ValidationException."""
    aliases.put(draft, id)
    associations.targets_changed(draft)


def delete_alias(draft: Draft, id: str) -> None:
    """Take an id away, and associations' hold of it. Raises InvalidInstanceId."""
    aliases.delete(draft, id)
    associations.targets_changed(draft)
