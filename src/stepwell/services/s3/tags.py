"""Tag sets: S3's rules for them, and the header that carries one."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from stepwell.services.s3 import errors

#: the most tags that an object, and a bucket, can have
OBJECT_TAGS = 10
BUCKET_TAGS = 50
_ALLOWED = re.compile(r"[\w\s+\-=.:/@]*")


def of_header(text: str | None) -> dict[str, str]:
    """The tags of `x-amz-tagging`: `a=1&b=2`. Raises InvalidArgument, InvalidTag."""
    if not text:
        return {}
    pairs = parse_qsl(text, keep_blank_values=True)
    tags = dict(pairs)
    if len(tags) != len(pairs):
        raise errors.InvalidArgument(
            "The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters "
            "without tag name duplicates.",
            "x-amz-tagging",
            text,
        )
    return checked(tags, OBJECT_TAGS)


def of_set(tag_set: Iterable[Mapping[str, Any]], limit: int) -> dict[str, str]:
    """The tags of a `TagSet`. Raises InvalidTag."""
    tags: dict[str, str] = {}
    for tag in tag_set:
        if tag["Key"] in tags:
            raise errors.InvalidTag("Cannot provide multiple Tags with the same key")
        tags[tag["Key"]] = tag["Value"]
    return checked(tags, limit)


def checked(tags: dict[str, str], limit: int) -> dict[str, str]:
    """The tags, when they keep S3's rules. Raises InvalidTag, TooManyTags."""
    if len(tags) > limit:
        noun = "Object" if limit == OBJECT_TAGS else "Bucket"
        raise errors.TooManyTags(f"{noun} tags cannot be greater than {limit}")
    for key, value in tags.items():
        if not 1 <= len(key) <= 128 or _ALLOWED.fullmatch(key) is None:
            raise errors.InvalidTag("The TagKey you have provided is invalid")
        if len(value) > 256 or _ALLOWED.fullmatch(value) is None:
            raise errors.InvalidTag("The TagValue you have provided is invalid")
        if key.lower().startswith("aws:"):
            raise errors.InvalidTag("Your TagKey cannot be prefixed with aws:")
    return tags


def as_set(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """boto3's `TagSet`."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
