"""Targets: which instances a caller means by ids and tags."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from stepwell.durable import View
from stepwell.errors import UnsupportedParameter, ValidationException
from stepwell.services.ssm import tags
from stepwell.services.ssm.errors import InvalidInstanceId
from stepwell.services.ssm.instances import aliases, machine


@dataclass(frozen=True, slots=True)
class Target:
    """An instance to act on."""

    #: the id as the caller named it: an alias, or the machine's own where it was found by a tag
    instance_id: str


def resolve(
    view: View, targets: Sequence[Mapping[str, Any]], instance_ids: Sequence[str] = ()
) -> list[Target]:
    """The instances that `instance_ids`, or all of `targets` (`{"Key", "Values"}`) together, name.

    Keys: `InstanceIds` (`*` is every instance), `tag:KEY`, `tag-key`. Empty where no tag fits. Raises
    InvalidInstanceId for ids that this machine does not have, UnsupportedParameter for resource groups,
    ValidationException for other keys.
    """
    here = machine.find(view)
    if here is None:
        raise InvalidInstanceId.of(instance_ids, view.account)
    if instance_ids:
        return _known(view, here.id, instance_ids)
    if not targets:
        return []
    own = tags.of(view, "ManagedInstance", here.id)
    named: list[Target] | None = None
    for target in targets:
        key, values = target["Key"], target.get("Values") or []
        if key.lower() == "instanceids":
            found = _known(view, here.id, values)
            named = found if named is None else [each for each in named if each in found]
        elif not _fits(key, values, own):
            return []
    return [Target(here.id)] if named is None else named


def _known(view: View, own: str, ids: Sequence[str]) -> list[Target]:
    wanted = list(dict.fromkeys(own if id == "*" else id for id in ids))
    unknown = [id for id in wanted if id != own and view.get(aliases.Alias, id) is None]
    if unknown:
        raise InvalidInstanceId.of(unknown, view.account)
    return [Target(id) for id in wanted]


def _fits(key: str, values: Sequence[str], own: Mapping[str, str]) -> bool:
    if key.startswith("tag:"):
        name = key.removeprefix("tag:")
        return name in own and (not values or own[name] in values)
    if key == "tag-key":
        return any(value in own for value in values)
    if key.startswith("resource-groups:"):
        raise UnsupportedParameter(f"Stepwell does not support targets by {key}: name ids or tags")
    raise ValidationException(f"Targets cannot be named by {key}: use InstanceIds, tag:KEY or tag-key")
