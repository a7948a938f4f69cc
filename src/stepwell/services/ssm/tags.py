"""The tags of Systems Manager's resources: one record a resource, beside the resource's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, ClassVar

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.arn import build
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.ssm.errors import InvalidResourceId, InvalidResourceType, TooManyTagsError

#: tags that a resource may have
LIMIT = 50
#: whether a resource of that id exists
Exists = Callable[[View, str], bool]
#: AWS's name of a kind of resource → its word in ARNs
ARN_WORDS = {
    "Association": "association",
    "Document": "document",
    "MaintenanceWindow": "maintenancewindow",
    "ManagedInstance": "managed-instance",
    "Parameter": "parameter",
}


class Tags(Record, frozen=True, kw_only=True):
    """A resource's tags."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "tags"

    #: `Document`, `ManagedInstance`, `MaintenanceWindow`, `Parameter`, `Association`
    kind: str
    #: the resource's name or id, as AddTagsToResource takes it
    id: str
    tags: dict[str, str]

    @property
    def key(self) -> str:
        return f"{self.kind}/{self.id}"


def of(view: View, kind: str, id: str) -> dict[str, str]:
    """The resource's tags by their keys."""
    found = view.get(Tags, f"{kind}/{id}")
    return dict(found.tags) if found is not None else {}


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The tags of what an ARN names. A parameter's name may begin with the slash that parts it."""
    word, _, id = arn.split(":", 5)[5].partition("/")
    kind = next((kind for kind, each in ARN_WORDS.items() if each == word), "")
    return of(view, kind, id) or of(view, kind, f"/{id}")


def put(draft: Draft, kind: str, id: str, tags: Iterable[Mapping[str, Any]] | None) -> None:
    """Add tags as AWS spells them, `{"Key", "Value"}`. Raises TooManyTagsError, ValidationException."""
    every = {**of(draft, kind, id), **{tag["Key"]: tag["Value"] for tag in tags or ()}}
    for name in every:
        if name.lower().startswith("aws:"):
            raise ValidationException(f"Tag keys may not begin with aws: ({name}).")
    if len(every) > LIMIT:
        raise TooManyTagsError(f"A resource may have at most {LIMIT} tags.")
    if every:
        draft.put(Tags(kind=kind, id=id, tags=every))


def drop(draft: Draft, kind: str, id: str) -> None:
    """Forget the tags of a resource that is deleted."""
    draft.delete(Tags, f"{kind}/{id}")


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS spells them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def operations(kinds: Mapping[str, Exists]) -> list[Operation]:
    """AddTagsToResource and its siblings. kinds: what can have tags, and whether one exists."""

    def existing(call: Call, view: View) -> tuple[str, str]:
        kind, id = call.params["ResourceType"], call.params["ResourceId"]
        if kind not in kinds:
            raise InvalidResourceType(f"Stepwell does not support tags of the resource type {kind}.")
        if not kinds[kind](view, id):
            raise InvalidResourceId(
                f"The resource ID isn't valid: there is no {kind} {id}. Verify the ID and try again."
            )
        return kind, id

    def add(call: Call, draft: Draft) -> None:
        put(draft, *existing(call, draft), call.params["Tags"])

    def remove(call: Call, draft: Draft) -> None:
        kind, id = existing(call, draft)
        gone = set(call.params["TagKeys"])
        left = {name: value for name, value in of(draft, kind, id).items() if name not in gone}
        if left:
            draft.put(Tags(kind=kind, id=id, tags=left))
        else:
            drop(draft, kind, id)

    def list_tags(call: Call, view: View) -> dict[str, Any]:
        return {"TagList": listed(of(view, *existing(call, view)))}

    return [
        Operation(
            name="AddTagsToResource",
            rights=(Right(action="ssm:AddTagsToResource", resource=_resource),),
            honoured=words("ResourceType ResourceId Tags"),
            decide=add,
        ),
        Operation(
            name="RemoveTagsFromResource",
            rights=(Right(action="ssm:RemoveTagsFromResource", resource=_resource),),
            honoured=words("ResourceType ResourceId TagKeys"),
            decide=remove,
        ),
        Operation(
            name="ListTagsForResource",
            rights=(Right(action="ssm:ListTagsForResource", resource=_resource),),
            honoured=words("ResourceType ResourceId"),
            read=list_tags,
        ),
    ]


def _resource(params: Mapping[str, Any], site: Site) -> str:
    word = ARN_WORDS.get(params["ResourceType"])
    if word is None:
        return "*"
    return build("ssm", site.region, site.account, f"{word}/{params['ResourceId'].lstrip('/')}")
