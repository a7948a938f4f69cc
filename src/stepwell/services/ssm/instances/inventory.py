"""Inventory: what Systems Manager knows of a machine beyond its name. Here the item of the machine itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.clock import Clock, iso
from stepwell.durable import View
from stepwell.services.ssm.errors import InvalidFilter, InvalidInstanceId, InvalidTypeName
from stepwell.services.ssm.instances import aliases, machine
from stepwell.services.ssm.paging import listed

#: the one type of item that is kept
INFORMATION = "AWS:InstanceInformation"
SCHEMA_VERSION = "1.0"


def operations(clock: Clock) -> list[Operation]:
    """GetInventory and ListInventoryEntries; `clock` says when an item was captured."""

    def get_inventory(call: Call, view: View) -> dict[str, Any]:
        for attribute in call.params.get("ResultAttributes", ()):
            _require_known(attribute["TypeName"])
        captured = _captured(clock)
        entities = [
            {
                "Id": entry["InstanceId"],
                "Data": {
                    INFORMATION: {
                        "TypeName": INFORMATION,
                        "SchemaVersion": SCHEMA_VERSION,
                        "CaptureTime": captured,
                        "Content": [entry],
                    }
                },
            }
            for entry in entries(view)
            if _fits(entry, call.params.get("Filters", ()))
        ]
        page, token = listed(call.params, entities, lambda entity: str(entity["Id"]))
        return {"Entities": page, **token}

    def list_entries(call: Call, view: View) -> dict[str, Any]:
        _require_known(call.params["TypeName"])
        id = call.params["InstanceId"]
        found = [entry for entry in entries(view) if entry["InstanceId"] == id]
        if not found:
            raise InvalidInstanceId.of([id], view.account)
        return {
            "TypeName": INFORMATION,
            "InstanceId": id,
            "SchemaVersion": SCHEMA_VERSION,
            "CaptureTime": _captured(clock),
            "Entries": [entry for entry in found if _fits(entry, call.params.get("Filters", ()))],
        }

    return [
        Operation(
            name="GetInventory",
            rights=(Right(action="ssm:GetInventory"),),
            honoured=words("Filters ResultAttributes MaxResults NextToken"),
            read=get_inventory,
        ),
        Operation(
            name="ListInventoryEntries",
            rights=(
                Right(
                    action="ssm:ListInventoryEntries",
                    resource="arn:aws:ssm:{region}:{account}:managed-instance/{InstanceId}",
                ),
            ),
            honoured=words("InstanceId TypeName Filters MaxResults NextToken"),
            read=list_entries,
        ),
    ]


def entries(view: View) -> Iterator[dict[str, str]]:
    """The machine's item, once for each of its ids."""
    here = machine.find(view)
    if here is None:
        return
    for id in (here.id, *aliases.every(view)):
        yield {
            "AgentType": "stepwell",
            "ComputerName": here.machine.computer_name,
            "InstanceId": id,
            "InstanceStatus": "Active",
            "IpAddress": here.machine.ip_address,
            "PlatformName": here.machine.platform_name,
            "PlatformType": here.machine.platform_type,
            "PlatformVersion": here.machine.platform_version,
            "ResourceType": "ManagedInstance" if id == here.id else "EC2Instance",
        }


def _captured(clock: Clock) -> str:
    return iso(clock.now())[:19] + "Z"


def _require_known(type_name: str) -> None:
    if type_name != INFORMATION:
        raise InvalidTypeName(f"Stepwell keeps no inventory of the type {type_name}, only {INFORMATION}.")


def _fits(entry: dict[str, str], filters: Any) -> bool:
    """Whether an entry passes filters by `AWS:InstanceInformation.PlatformType`, … Raises InvalidFilter."""
    for each in filters:
        found = entry.get(each["Key"].removeprefix(f"{INFORMATION}."))
        kind, values = each.get("Type", "Equal"), each["Values"]
        if found is None:
            raise InvalidFilter(f"Stepwell cannot filter the inventory by {each['Key']}.")
        fits = {
            "Exists": True,
            "Equal": found in values,
            "NotEqual": found not in values,
            "BeginWith": any(found.startswith(value) for value in values),
            "LessThan": any(found < value for value in values),
            "GreaterThan": any(found > value for value in values),
        }
        if not fits[kind]:
            return False
    return True
