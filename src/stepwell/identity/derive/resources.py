"""From a row's resource to ARNs: fields filled in, names turned into ARNs."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from itertools import product
from typing import Any
from urllib.parse import urlsplit

from stepwell.identity.derive.needs import Place
from stepwell.identity.derive.values import DYNAMIC, texts

_FIELD = re.compile(r"\{([\w.]+)\}")
_CONVERTED = re.compile(r"\{([\w.]+)\|([\w-]+)\}")


def resources(on: str, arguments: Any, language: str, place: Place) -> list[str]:
    """The ARNs that a row's resource means for these arguments."""
    converted = _CONVERTED.fullmatch(on)
    if converted is not None:
        convert = CONVERTERS[converted[2]]
        found = texts(arguments, converted[1], language)
        qualifiers = texts(arguments, "Qualifier", language) if converted[2] == "function" else []
        extra = (
            [place.arn("events:event-bus/default")] if converted[2] == "bus" and _defaults(arguments) else []
        )
        if not found:
            return extra or ["*"]
        return [*(each for value in found for each in convert(value, place, qualifiers)), *extra]
    if on == "*":
        return ["*"]
    names = _FIELD.findall(on)
    choices = [texts(arguments, name, language) or [DYNAMIC] for name in names]
    filled = (dict(zip(names, chosen, strict=True)) for chosen in product(*choices))
    return [_filled(on, values, place) for values in filled]


def _filled(on: str, values: Mapping[str, str], place: Place) -> str:
    """The ARN with its fields; where AWS takes an ARN for a name, that ARN itself."""
    whole = next((value for value in values.values() if value.startswith("arn:")), None)
    if whole is not None:
        return whole
    return place.arn(_FIELD.sub(lambda found: values[found[1]].removeprefix("/"), on))


def _defaults(arguments: Any) -> bool:
    """Whether an entry of PutEvents names no bus, and so goes to the default one."""
    entries = arguments.get("Entries") if isinstance(arguments, Mapping) else None
    listed = entries if isinstance(entries, list) else []
    return any(
        isinstance(entry, Mapping) and not entry.keys() & {"EventBusName", "EventBusName.$"}
        for entry in listed
    )


def _arn(value: str, place: Place, _: list[str]) -> list[str]:
    return [value if value.startswith("arn:") else "*"]


def function(value: str, place: Place, qualifiers: list[str]) -> list[str]:
    """A function's ARN from its name, partial ARN or ARN; with a qualifier, that version or alias."""
    if not value.startswith("arn:"):
        account, _, name = value.rpartition(":function:")
        value = place.arn(f"lambda:function:{name}")
        if account:
            value = value.replace(f":{place.account}:", f":{account}:", 1)
    if value.endswith(":*") or value.count(":") > 6:
        return [value]
    if not qualifiers:
        return [value]
    if qualifiers == [DYNAMIC]:
        return [value, f"{value}:*"]
    return [f"{value}:{qualifier}" for qualifier in qualifiers]


def machine(value: str, place: Place, qualifiers: list[str]) -> list[str]:
    """A state machine's ARN: AWS asks for rights on the machine where a version or an alias is named."""
    parts = value.split(":")
    return [":".join(parts[:7])] if parts[5:6] == ["stateMachine"] else _arn(value, place, qualifiers)


def _executions(value: str, place: Place, _: list[str]) -> list[str]:
    parts = value.split(":")
    if len(parts) < 7 or parts[5] != "stateMachine":
        return [place.arn("states:execution:*")]
    return [":".join([*parts[:5], "execution", parts[6], "*"])]


def _bus(value: str, place: Place, _: list[str]) -> list[str]:
    return [value if value.startswith("arn:") else place.arn(f"events:event-bus/{value}")]


def _queue(value: str, place: Place, _: list[str]) -> list[str]:
    """A queue's ARN from its URL: `https://sqs.REGION.amazonaws.com/ACCOUNT/NAME`."""
    pieces = urlsplit(value)
    parts = pieces.path.strip("/").split("/")
    if not pieces.scheme or len(parts) != 2:
        return [place.arn("sqs:*")]
    host = (pieces.hostname or "").split(".")
    region = host[1] if host[0] == "sqs" and len(host) > 2 else place.region
    return [Place(account=parts[0], region=region, partition=place.partition).arn(f"sqs:{parts[1]}")]


def _table(value: str, place: Place, _: list[str]) -> list[str]:
    return [value if value.startswith("arn:") else place.arn(f"dynamodb:table/{value}")]


def _task_definition(value: str, place: Place, _: list[str]) -> list[str]:
    if value.startswith("arn:"):
        return [value]
    return [place.arn(f"ecs:task-definition/{value if ':' in value or value == DYNAMIC else value + ':*'}")]


#: how a value becomes ARNs: value, place, the task's qualifiers
CONVERTERS: Mapping[str, Callable[[str, Place, list[str]], list[str]]] = {
    "arn": _arn,
    "function": function,
    "machine": machine,
    "executions": _executions,
    "bus": _bus,
    "queue": _queue,
    "table": _table,
    "task-definition": _task_definition,
}
