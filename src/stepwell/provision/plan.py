"""Which operation brings a resource from what is recorded to what is declared. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stepwell.provision import diff
from stepwell.provision.progress import Operation, PropertyChange
from stepwell.provision.schema import Inputs, ResourceType
from stepwell.provision.state import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One operation."""

    #: what to do
    operation: Operation
    #: what differs
    changes: tuple[PropertyChange, ...] = ()
    #: for a replacement: whether the old resource has to go before the new one comes
    delete_first: bool = False


def decide(
    kind: ResourceType,
    old: Resource | None,
    inputs: Inputs,
    *,
    replacing: Iterable[str] = (),
    delete_first: bool | None = None,
    forced: bool = False,
    doomed: bool = False,
) -> Step:
    """The step for a resource.

    Args:
        kind: its type.
        old: what is recorded, None when nothing is.
        inputs: what is declared, checked and with defaults.
        replacing: properties whose change replaces, beyond the table's.
        delete_first: the program's `delete_before_replace`, None where it says nothing.
        forced: a new one is asked for, whatever differs.
        doomed: it was deleted, or will be, because what it depends on is replaced.
    """
    if old is None or old.status == "creating":
        return Step(operation="create")
    changes = _without_echo(diff.compare(kind.properties, old.inputs, inputs, replacing=replacing))
    if doomed:
        return Step(operation="replace", changes=changes, delete_first=True)
    if not changes and not forced:
        return Step(operation="update" if old.status == "unsettled" else "same")
    if forced or kind.update is None or any(change.replaces for change in changes):
        first = not _renamed(kind, old, inputs) if delete_first is None else delete_first
        return Step(operation="replace", changes=changes, delete_first=first)
    return Step(operation="update", changes=changes)


def _without_echo(changes: list[PropertyChange]) -> tuple[PropertyChange, ...]:
    """`tagsAll` follows `tags`: shown only where it alone differs."""
    if not any(diff.property_of(change.path) == "tags" for change in changes):
        return tuple(changes)
    return tuple(change for change in changes if diff.property_of(change.path) != "tagsAll")


def _renamed(kind: ResourceType, old: Resource, inputs: Inputs) -> bool:
    if kind.naming is None:
        return False
    name = kind.naming.property
    return old.autonamed or inputs.get(name) != old.inputs.get(name)
