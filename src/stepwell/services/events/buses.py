"""Event buses: the default one is always there; others are created, changed and deleted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.errors import ValidationException
from stepwell.services.events import names, paging
from stepwell.services.events.errors import ResourceAlreadyExistsException
from stepwell.services.events.permissions import document
from stepwell.services.events.records import Bus, Rule, find_bus

#: what is kept and shown, and does nothing here
_RECORDED = ("KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


def create(call: Call, draft: Draft) -> dict[str, Any]:
    """CreateEventBus."""
    params = call.params
    name = params["Name"]
    if "/" in name:
        raise ValidationException("Event bus name must not contain '/'.")
    if name == names.DEFAULT or draft.get(Bus, name) is not None:
        raise ResourceAlreadyExistsException(f"Event bus {name} already exists.")
    bus = Bus(
        name=name,
        description=params.get("Description"),
        recorded=_recorded(params),
        tags={tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()},
        created=draft.now,
        updated=draft.now,
    )
    draft.put(bus)
    return {"EventBusArn": names.bus_arn(draft.region, draft.account, name), **_settings(bus)}


def update(call: Call, draft: Draft) -> dict[str, Any]:
    """UpdateEventBus: what is left out stays."""
    params = call.params
    bus = find_bus(draft, names.bus_name(params, "Name"))
    changed = replace(
        bus,
        description=params.get("Description", bus.description),
        recorded={**bus.recorded, **_recorded(params)},
        updated=draft.now,
    )
    draft.put(changed)
    arn = names.bus_arn(draft.region, draft.account, bus.name)
    return {"Arn": arn, "Name": bus.name, **_settings(changed)}


def delete(call: Call, draft: Draft) -> None:
    """DeleteEventBus; a bus that is not there is no error."""
    name = call.params["Name"]
    if name == names.DEFAULT:
        raise ValidationException(f"Cannot delete event bus {name}.")
    if next(draft.scan(Rule, prefix=f"{name}/", limit=1), None) is not None:
        raise ValidationException("Event bus can't be deleted since it has rules.")
    draft.delete(Bus, name)


def describe(call: Call, view: View) -> dict[str, Any]:
    """DescribeEventBus."""
    bus = find_bus(view, names.bus_name(call.params, "Name"))
    return {**_shown(bus, view), **_settings(bus)}


def list_all(call: Call, view: View) -> dict[str, Any]:
    """ListEventBuses, by name; the default one is among them."""
    params = call.params
    prefix, after = params.get("NamePrefix", ""), paging.start(params)
    found = list(view.scan(Bus, prefix=prefix, after=after))
    unwritten = view.get(Bus, names.DEFAULT) is None
    if unwritten and names.DEFAULT.startswith(prefix) and after < names.DEFAULT:
        found = sorted([*found, Bus(name=names.DEFAULT)], key=lambda bus: bus.name)
    return paging.page(params, "EventBuses", found, lambda bus: bus.name, lambda bus: _shown(bus, view))


def _recorded(params: Mapping[str, Any]) -> dict[str, Any]:
    return {member: params[member] for member in _RECORDED if member in params}


def _settings(bus: Bus) -> dict[str, Any]:
    return bus.recorded if bus.description is None else {**bus.recorded, "Description": bus.description}


def _shown(bus: Bus, view: View) -> dict[str, Any]:
    shown: dict[str, Any] = {"Name": bus.name, "Arn": names.bus_arn(view.region, view.account, bus.name)}
    if bus.description is not None:
        shown["Description"] = bus.description
    if bus.statements:
        shown["Policy"] = document(bus.statements)
    if bus.created:
        shown |= {"CreationTime": bus.created, "LastModifiedTime": bus.updated}
    return shown


OPERATIONS = (
    Operation(
        name="CreateEventBus",
        rights=(
            names.bus_right("CreateEventBus", "Name"),
            Right(
                action="events:TagResource",
                resource="arn:aws:events:{region}:{account}:event-bus/{Name}",
                when=lambda params: bool(params.get("Tags")),
            ),
        ),
        honoured=words("Name Description Tags"),
        recorded=_RECORDED,
        decide=create,
    ),
    Operation(
        name="UpdateEventBus",
        rights=(names.bus_right("UpdateEventBus", "Name"),),
        honoured=words("Name Description"),
        recorded=_RECORDED,
        decide=update,
    ),
    Operation(
        name="DeleteEventBus",
        rights=(names.bus_right("DeleteEventBus", "Name"),),
        honoured=words("Name"),
        decide=delete,
    ),
    Operation(
        name="DescribeEventBus",
        rights=(names.bus_right("DescribeEventBus", "Name"),),
        honoured=words("Name"),
        read=describe,
    ),
    Operation(
        name="ListEventBuses",
        rights=(Right(action="events:ListEventBuses"),),
        honoured=words("NamePrefix NextToken Limit"),
        read=list_all,
    ),
)
