"""Tags of buses and rules."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell import arn
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.events import names
from stepwell.services.events.errors import ResourceNotFoundException, too_many
from stepwell.services.events.records import Bus, Rule, find_bus

#: tags of one resource
LIMIT = 50


def _found(view: View, named: str) -> Bus | Rule | None:
    parsed = arn.parse(named)
    kind, _, place = parsed.resource.partition("/") if parsed is not None else ("", "", "")
    if kind == "event-bus":
        return find_bus(view, place) if place == names.DEFAULT else view.get(Bus, place)
    if kind == "rule":
        return view.get(Rule, place if "/" in place else f"{names.DEFAULT}/{place}")
    return None


def _find(view: View, named: str) -> Bus | Rule:
    found = _found(view, named)
    if found is None:
        place = named.rpartition("/")[2]
        raise ResourceNotFoundException(
            f"Rule {place} does not exist on EventBus default."
            if ":rule/" in named
            else f"Event bus {place} does not exist."
        )
    return found


def tags_of(view: View, named: str) -> dict[str, str]:
    """The tags of the bus or rule with that ARN; none for what does not exist."""
    found = _found(view, named)
    return {} if found is None else found.tags


def tag(call: Call, draft: Draft) -> dict[str, Any]:
    """TagResource: adds, or gives another value."""
    found = _find(draft, call.params["ResourceARN"])
    tags = {**found.tags, **{each["Key"]: each["Value"] for each in call.params["Tags"]}}
    if len(tags) > LIMIT:
        raise too_many()
    draft.put(replace(found, tags=tags))
    return {}


def untag(call: Call, draft: Draft) -> dict[str, Any]:
    """UntagResource; keys that are not there are no error."""
    found = _find(draft, call.params["ResourceARN"])
    gone = set(call.params["TagKeys"])
    draft.put(replace(found, tags={key: value for key, value in found.tags.items() if key not in gone}))
    return {}


def list_tags(call: Call, view: View) -> dict[str, Any]:
    """ListTagsForResource."""
    found = _find(view, call.params["ResourceARN"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in found.tags.items()]}


OPERATIONS = (
    Operation(
        name="TagResource",
        rights=(Right(action="events:TagResource", resource="{ResourceARN}"),),
        honoured=words("ResourceARN Tags"),
        decide=tag,
    ),
    Operation(
        name="UntagResource",
        rights=(Right(action="events:UntagResource", resource="{ResourceARN}"),),
        honoured=words("ResourceARN TagKeys"),
        decide=untag,
    ),
    Operation(
        name="ListTagsForResource",
        rights=(Right(action="events:ListTagsForResource", resource="{ResourceARN}"),),
        honoured=words("ResourceARN"),
        read=list_tags,
    ),
)
