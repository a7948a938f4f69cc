"""Names and ARNs of buses and rules. The default bus does not show in its rules' ARNs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell import arn
from stepwell.api.operations import Right, Site

DEFAULT = "default"
SERVICE = "events.amazonaws.com"


def bus_arn(region: str, account: str, bus: str) -> str:
    return arn.build("events", region, account, f"event-bus/{bus}")


def rule_arn(region: str, account: str, bus: str, rule: str) -> str:
    place = rule if bus == DEFAULT else f"{bus}/{rule}"
    return arn.build("events", region, account, f"rule/{place}")


def bus_name(params: Mapping[str, Any], member: str = "EventBusName") -> str:
    """The bus that a call names, by its name or its ARN; the default one where it names none."""
    named: str = params.get(member) or DEFAULT
    return named.partition(":event-bus/")[2] if named.startswith("arn:") else named


def bus_right(action: str, member: str = "EventBusName") -> Right:
    """The right to do `action` on the bus that a call names."""

    def resource(params: Mapping[str, Any], site: Site) -> str:
        return bus_arn(site.region, site.account, bus_name(params, member))

    return Right(action=f"events:{action}", resource=resource)


def rule_right(action: str, member: str = "Name", **keys: str | Callable[[Mapping[str, Any]], Any]) -> Right:
    """The right to do `action` on the rule that a call names; `keys` are condition keys of `events:`."""

    def resource(params: Mapping[str, Any], site: Site) -> str:
        return rule_arn(site.region, site.account, bus_name(params), params[member])

    found = {f"events:{name}": value for name, value in keys.items()}
    return Right(action=f"events:{action}", resource=resource, keys=found)
