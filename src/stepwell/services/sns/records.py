"""What SNS remembers: topics, who is subscribed to them, and what a FIFO topic let in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import ClassVar

from stepwell.durable import Record, View
from stepwell.errors import AwsError
from stepwell.services.sns import names
from stepwell.services.sns.errors import invalid, no_subscription, no_topic


class Topic(Record, frozen=True, kw_only=True):
    """A topic. Its attributes are kept as AWS shows them: text."""

    SERVICE: ClassVar[str] = "sns"
    KIND: ClassVar[str] = "topic"

    name: str
    #: seconds since the epoch
    created: float
    #: those that were set
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def key(self) -> str:
        return self.name

    @property
    def fifo(self) -> bool:
        return self.name.endswith(names.FIFO)


class Subscription(Record, frozen=True, kw_only=True):
    """Who gets a topic's messages. Listed by topic."""

    SERVICE: ClassVar[str] = "sns"
    KIND: ClassVar[str] = "subscription"

    topic: str
    id: str
    #: `sqs`, `lambda`, `http` or `https`
    protocol: str
    #: an ARN or a URL
    endpoint: str
    #: the ARN of whoever subscribed
    principal: str
    #: seconds since the epoch
    created: float
    #: what confirms it; empty once it is confirmed
    token: str = ""
    #: whether whoever subscribed owns the endpoint, or has shown it signed
    authenticated: bool = False
    #: those that were set
    attributes: dict[str, str] = {}

    @property
    def key(self) -> str:
        return f"{self.topic}/{self.id}"

    @property
    def pending(self) -> bool:
        return self.token != ""

    @property
    def raw(self) -> bool:
        return self.attributes.get("RawMessageDelivery") == "true"

    def arn(self, view: View) -> str:
        return f"{names.topic_arn(view, self.topic)}:{self.id}"


class Tally(Record, frozen=True, kw_only=True):
    """How many messages a FIFO topic took."""

    SERVICE: ClassVar[str] = "sns"
    KIND: ClassVar[str] = "tally"

    topic: str
    messages: int = 0

    @property
    def key(self) -> str:
        return self.topic


class Seen(Record, frozen=True, kw_only=True):
    """A deduplication id that was used, and the message that it let in."""

    SERVICE: ClassVar[str] = "sns"
    KIND: ClassVar[str] = "seen"

    topic: str
    digest: str
    message: str
    number: int
    #: when it may be used again
    until: float

    @property
    def key(self) -> str:
        return f"{self.topic}/{self.digest}"


class SeenUntil(Record, frozen=True, kw_only=True):
    """Deduplication ids in the order in which they are forgotten."""

    SERVICE: ClassVar[str] = "sns"
    KIND: ClassVar[str] = "seen-until"

    topic: str
    digest: str
    until: float

    @property
    def key(self) -> str:
        return f"{self.topic}/{self.until:017.3f}/{self.digest}"


def digest(*parts: str) -> str:
    """A short name for texts of any length and characters."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]


def find(view: View, arn: str, member: str = "TopicArn") -> Topic:
    """The topic of an ARN. Raises InvalidParameter, NotFound."""
    name, *more = names.parsed(arn, view, member)
    topic = None if more else view.get(Topic, name)
    if topic is None:
        raise no_topic()
    return topic


def find_subscription(view: View, arn: str) -> Subscription:
    """The subscription of an ARN. Raises InvalidParameter, NotFound."""
    parts = names.parsed(arn, view, "SubscriptionArn")
    if len(parts) != 2:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least 7 elements, not {len(parts) + 5}")
    found = view.get(Subscription, "/".join(parts))
    if found is None:
        raise no_subscription()
    return found


def subscriptions(view: View, topic: str, after: str = "") -> Iterator[Subscription]:
    return view.scan(Subscription, prefix=f"{topic}/", after=after)


def by_arn(view: View, arn: str) -> Topic | None:
    """The topic of an ARN; None where there is none."""
    try:
        return find(view, arn)
    except AwsError:
        return None


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The tags of the topic with that ARN; none for what does not exist."""
    topic = by_arn(view, arn)
    return {} if topic is None else topic.tags
