"""Which instances an association is for: an id that is not there yet is waited for, not refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepwell.durable import View
from stepwell.errors import UnsupportedParameter
from stepwell.services.ssm import instances
from stepwell.services.ssm.errors import InvalidTarget
from stepwell.services.ssm.instances import aliases

IDS = "InstanceIds"


def check(targets: Sequence[Mapping[str, Any]]) -> None:
    """Raise InvalidTarget, or UnsupportedParameter for resource groups."""
    if not targets:
        raise InvalidTarget("Targets are needed: InstanceIds, tag:KEY or tag-key.")
    for target in targets:
        key = target.get("Key", "")
        if key.startswith("resource-groups:"):
            raise UnsupportedParameter(f"Stepwell does not support targets by {key}: name ids or tags")
        if not (key.lower() == IDS.lower() or key.startswith("tag:") or key == "tag-key"):
            raise InvalidTarget(
                f"Targets cannot be named by {key or 'nothing'}: use InstanceIds, tag:KEY or tag-key."
            )
        if not target.get("Values") and not key.startswith("tag:"):
            raise InvalidTarget(f"The target {key} has no values.")


def present(view: View, targets: Sequence[Mapping[str, Any]]) -> list[str]:
    """The ids of the instances that all of `targets` together name and that there are."""
    here = instances.find(view)
    if here is None:
        return []
    known = {here.id, "*", *aliases.every(view)}
    asked = []
    for target in targets:
        values = target.get("Values") or []
        if target["Key"].lower() == IDS.lower():
            values = [id for id in values if id in known]
            if not values:
                return []
        asked.append({"Key": target["Key"], "Values": values})
    return [each.instance_id for each in instances.resolve(view, asked)]
