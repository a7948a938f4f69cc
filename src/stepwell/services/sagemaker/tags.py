"""The tags of SageMaker's resources: one record a resource, beside the resource's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException

#: tags that a resource may have
LIMIT = 50


class Tags(Record, frozen=True, kw_only=True):
    """A resource's tags."""

    SERVICE: ClassVar[str] = "sagemaker"
    KIND: ClassVar[str] = "tags"

    arn: str
    tags: dict[str, str]

    @property
    def key(self) -> str:
        return self.arn


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The resource's tags by their keys."""
    found = view.get(Tags, arn)
    return dict(found.tags) if found is not None else {}


def add(draft: Draft, arn: str, tags: Iterable[Mapping[str, Any]] | None) -> dict[str, str]:
    """Add tags as AWS spells them, `{"Key", "Value"}`; returns all. Raises ValidationException."""
    every = {**tags_of(draft, arn), **{tag["Key"]: tag["Value"] for tag in tags or ()}}
    for key in every:
        if key.lower().startswith("aws:"):
            raise ValidationException(f"aws: prefixed tag key names are not allowed for external use: {key}")
    if len(every) > LIMIT:
        raise ValidationException(f"A resource may have at most {LIMIT} tags, {arn} would have {len(every)}")
    if every:
        draft.put(Tags(arn=arn, tags=every))
    return every


def remove(draft: Draft, arn: str, keys: Iterable[str]) -> None:
    """Remove tags by their keys; absent ones are no error."""
    gone = set(keys)
    left = {key: value for key, value in tags_of(draft, arn).items() if key not in gone}
    if left:
        draft.put(Tags(arn=arn, tags=left))
    else:
        draft.delete(Tags, arn)


def listed(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Tags as AWS spells them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
