"""What is remembered of log groups and streams. Their lines are in segment files, off the loop."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell import arn
from stepwell.api.operations import Right, Site
from stepwell.durable import Draft, Record, View
from stepwell.services.logs.errors import InvalidParameterException, no_group, no_stream


class LogGroup(Record, frozen=True, kw_only=True):
    """A log group."""

    SERVICE: ClassVar[str] = "logs"
    KIND: ClassVar[str] = "group"

    name: str
    #: seconds since the epoch
    created: float
    #: days; None keeps lines for ever
    retention: int | None = None
    log_class: str = "STANDARD"
    kms_key: str | None = None
    protected: bool = False
    tags: dict[str, str] = {}

    @property
    def key(self) -> str:
        return self.name


class LogStream(Record, frozen=True, kw_only=True):
    """A stream of a group."""

    SERVICE: ClassVar[str] = "logs"
    KIND: ClassVar[str] = "stream"

    group: str
    name: str
    #: seconds since the epoch
    created: float

    @property
    def key(self) -> str:
        return stream_key(self.group, self.name)


def stream_key(group: str, stream: str = "") -> str:
    """A stream's key; without a stream what all of a group's begin with. No name holds a colon."""
    return f"{group}:{stream}"


def group_arn(view: View, name: str) -> str:
    return arn.build("logs", view.region, view.account, f"log-group:{name}")


def find_group(view: View, name: str) -> LogGroup:
    """The group. Raises ResourceNotFoundException."""
    found = view.get(LogGroup, name)
    if found is None:
        raise no_group()
    return found


def find_stream(view: View, group: str, name: str) -> LogStream:
    """The stream of an existing group. Raises ResourceNotFoundException."""
    find_group(view, group)
    found = view.get(LogStream, stream_key(group, name))
    if found is None:
        raise no_stream()
    return found


def named_group(params: Any, view: View) -> LogGroup:
    """The group that `logGroupName` or `logGroupIdentifier` (a name or an ARN) names."""
    name, identifier = params.get("logGroupName"), params.get("logGroupIdentifier")
    if (name is None) == (identifier is None):
        raise InvalidParameterException(
            "Exactly one of LogGroupName and LogGroupIdentifier must be specified."
        )
    return find_group(view, name or group_name(identifier))


def tags_of(view: View, group_arn: str) -> dict[str, str]:
    """The tags of the group that an ARN names, its own or one of its streams'; none for no group."""
    found = view.get(LogGroup, group_name(group_arn).partition(":")[0])
    return {} if found is None else found.tags


def group_name(identifier: str) -> str:
    """The name in a group's ARN (with or without `:*`); a name as it is."""
    parsed = arn.parse(identifier)
    if parsed is None:
        return identifier
    return parsed.resource.removeprefix("log-group:").removesuffix(":*")


def ensure(draft: Draft, group: str, stream: str) -> None:
    """Create group and stream where they are missing: what workers' output needs."""
    if draft.get(LogGroup, group) is None:
        draft.put(LogGroup(name=group, created=draft.now))
    if draft.get(LogStream, stream_key(group, stream)) is None:
        draft.put(LogStream(group=group, name=stream, created=draft.now))


def rights(action: str) -> tuple[Right, ...]:
    """The right to `action` on the group, or the stream, that a call names.

    AWS asks for the log-stream form of the ARN throughout, with nothing behind it where no stream is named.
    """
    return (Right(action=f"logs:{action}", resource=_resource),)


def _resource(params: Any, site: Site) -> str:
    group = params.get("logGroupName") or group_name(params.get("logGroupIdentifier") or "")
    stream = params.get("logStreamName") or ""
    return f"arn:aws:logs:{site.region}:{site.account}:log-group:{group}:log-stream:{stream}"
