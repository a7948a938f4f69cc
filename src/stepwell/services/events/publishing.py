"""PutEvents: events of users' own. TestEventPattern: whether an event would fit."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, Site, words
from stepwell.asl import json
from stepwell.calls import Call
from stepwell.clock import iso
from stepwell.durable import Draft
from stepwell.errors import ValidationException
from stepwell.services.events import names
from stepwell.services.events.errors import InvalidEventPatternException
from stepwell.services.events.records import Bus
from stepwell.services.events.routing import Router, compiled
from stepwell.triggers.patterns import InvalidPattern

log = logging.getLogger(__name__)

#: bytes of all entries of a call (API reference, PutEvents)
SIZE_LIMIT = 256 * 1024
#: members of an event that TestEventPattern wants
_ENVELOPE = ("id", "account", "source", "time", "region", "resources", "detail-type")


class Rejected(Exception):
    """An entry that is not taken: an error code and a message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def operations(router: Router) -> tuple[Operation, ...]:
    """The operations of this noun."""

    def put(call: Call, draft: Draft, details: list[Mapping[str, Any] | Rejected]) -> dict[str, Any]:
        """PutEvents: each entry is taken or rejected by itself, in order."""
        shown = []
        for entry, detail in zip(call.params["Entries"], details, strict=True):
            if isinstance(detail, Rejected):
                shown.append({"ErrorCode": detail.code, "ErrorMessage": str(detail)})
                continue
            bus = names.bus_name(entry)
            if bus != names.DEFAULT and draft.get(Bus, bus) is None:
                log.warning("an event of %s went to the bus %s, which does not exist", entry["Source"], bus)
            event = _event(entry, detail, draft)
            router.publish(event, bus, draft)
            shown.append({"EventId": event["id"]})
        failed = sum("ErrorCode" in entry for entry in shown)
        return {"FailedEntryCount": failed, "Entries": shown}

    return (
        Operation(
            name="PutEvents",
            rights=(
                Right(
                    action="events:PutEvents",
                    resource=_buses,
                    keys={"events:source": _listed("Source"), "events:detail-type": _listed("DetailType")},
                ),
            ),
            honoured=words(
                "Entries.Time Entries.Source Entries.Resources Entries.DetailType Entries.Detail "
                "Entries.EventBusName"
            ),
            recorded=("Entries.TraceHeader",),
            prepare=check,
            decide=put,
        ),
        Operation(
            name="TestEventPattern",
            rights=(Right(action="events:TestEventPattern"),),
            honoured=words("EventPattern Event"),
            act=check_event,
        ),
    )


async def check(call: Call, _context: Context) -> list[Mapping[str, Any] | Rejected]:
    """What each entry's Detail says, or why the entry is rejected."""
    entries = call.params["Entries"]
    if sum(size_of(entry) for entry in entries) > SIZE_LIMIT:
        raise ValidationException("Total size of the entries in the request is over the limit.")
    return [_detail(entry) for entry in entries]


def size_of(entry: Mapping[str, Any]) -> int:
    """An entry's size as AWS counts it: 14 for its time, and its texts in UTF-8."""
    texts = [
        entry.get("Source"),
        entry.get("DetailType"),
        entry.get("Detail"),
        *(entry.get("Resources") or ()),
    ]
    return (14 if "Time" in entry else 0) + sum(len(each.encode(errors="replace")) for each in texts if each)


async def check_event(call: Call, _context: Context) -> dict[str, Any]:
    """TestEventPattern."""
    try:
        pattern = compiled(call.params["EventPattern"])
    except InvalidPattern as error:
        raise InvalidEventPatternException(str(error)) from error
    try:
        event = json.loads(call.params["Event"])
    except ValueError as error:
        raise ValidationException(f"Parameter Event is not valid. Reason: {error}") from error
    if not isinstance(event, dict):
        raise ValidationException("Parameter Event is not valid. Reason: it is no JSON object.")
    missing = [each for each in _ENVELOPE if each not in event]
    if missing:
        raise ValidationException(
            "Parameter Event is not valid. Reason: it must have the members "
            f"{', '.join(_ENVELOPE)}; {missing[0]} is missing."
        )
    return {"Result": pattern.matches(event)}


def _detail(entry: Mapping[str, Any]) -> Mapping[str, Any] | Rejected:
    for member in ("Source", "DetailType", "Detail"):
        if not entry.get(member):
            return Rejected(
                "InvalidArgument",
                f"Parameter {member} is not valid. Reason: {member} is a required argument.",
            )
    try:
        iso(entry.get("Time", 0.0))
    except (ValueError, OverflowError, OSError):
        return Rejected("InvalidArgument", "Parameter Time is not valid. Reason: it is out of range.")
    if entry["Source"].startswith("aws."):
        return Rejected("NotAuthorizedForSourceException", "Not authorized for the source.")
    try:
        detail = json.loads(entry["Detail"])
    except ValueError:
        return Rejected("MalformedDetail", "Detail is malformed.")
    if not isinstance(detail, dict) or json.has_lone_surrogates(detail):
        return Rejected("MalformedDetail", "Detail is malformed.")
    return detail


def _event(entry: Mapping[str, Any], detail: Mapping[str, Any], draft: Draft) -> dict[str, Any]:
    return {
        "version": "0",
        "id": draft.uuid(),
        "detail-type": entry["DetailType"],
        "source": entry["Source"],
        "account": draft.account,
        "time": iso(entry.get("Time", draft.now))[:19] + "Z",
        "region": draft.region,
        "resources": list(entry.get("Resources") or ()),
        "detail": detail,
    }


def _buses(params: Mapping[str, Any], site: Site) -> tuple[str, ...]:
    buses = dict.fromkeys(names.bus_name(entry) for entry in params["Entries"])
    return tuple(names.bus_arn(site.region, site.account, bus) for bus in buses)


def _listed(member: str) -> Any:
    def values(params: Mapping[str, Any]) -> list[str] | None:
        return [entry[member] for entry in params["Entries"] if entry.get(member)] or None

    return values
