"""What SQS remembers. A queue's messages lie in its box; a purge gives the queue a new box, at one stroke.

Messages wait on shelves: a standard queue has one, a FIFO queue one for each message group. `Opening`s are in
the order of time, so that receiving looks only at what it gives out, however long the queue is.
"""

from __future__ import annotations

import hashlib
from typing import ClassVar

import msgspec

from stepwell.durable import Record, View
from stepwell.services.sqs import names
from stepwell.services.sqs.errors import no_queue


class Queue(Record, frozen=True, kw_only=True):
    """A queue. Its attributes are kept as AWS shows them: text."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "queue"

    name: str
    #: names what is in it
    box: str
    #: seconds since the epoch
    created: float
    modified: float
    #: those that were set
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}
    #: when it was purged last
    purged: float | None = None

    @property
    def key(self) -> str:
        return self.name

    @property
    def fifo(self) -> bool:
        return self.name.endswith(names.FIFO)


class Tally(Record, frozen=True, kw_only=True):
    """What changes with every message of a box."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "tally"

    box: str
    #: messages in the box
    messages: int = 0
    #: the number of the next message
    next: int = 1
    #: when old messages are looked for; None while nothing waits
    expiry: float | None = None

    @property
    def key(self) -> str:
        return self.box


class Attribute(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A message's attribute: text or bytes."""

    #: `String`, `Number`, `Binary`, with a label of the sender's behind a dot
    type: str
    text: str | None = None
    data: bytes | None = None


class Message(Record, frozen=True, kw_only=True):
    """A message as it was sent. Listed by the time of sending."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "message"

    box: str
    #: its number in the box
    number: int
    id: str
    #: seconds since the epoch
    sent: float
    body: str
    md5: str
    #: the sender's id, as IAM has it
    sender: str
    attributes: dict[str, Attribute] = {}
    #: `AWSTraceHeader`
    system: dict[str, Attribute] = {}
    #: the message group, of FIFO queues or as the sender told
    group: str | None = None
    deduplication: str | None = None
    #: the ARN of the queue that gave it up
    source: str | None = None
    #: receives in queues that it was in before
    before: int = 0

    @property
    def key(self) -> str:
        return message_key(self.box, self.sent, self.number)


class Place(Record, frozen=True, kw_only=True):
    """Where a message stands."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "place"

    box: str
    shelf: str
    number: int
    #: names the message, together with its number
    sent: float
    #: from when on it can be received, in seconds since the epoch
    visible: float
    #: receives in this queue
    received: int = 0
    first: float | None = None
    last: float | None = None
    #: what the last receipt handle ends with
    receipt: str = ""

    @property
    def key(self) -> str:
        return place_key(self.box, self.shelf, self.number)


class Opening(Record, frozen=True, kw_only=True):
    """When a message, or the next ones of a message group, can be received. Listed by that time."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "opening"

    box: str
    at: float
    shelf: str
    #: the message's number; 0 for a group
    number: int = 0

    @property
    def key(self) -> str:
        return opening_key(self.box, self.at, self.shelf, self.number)


class Group(Record, frozen=True, kw_only=True):
    """A message group that has messages."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "group"

    box: str
    shelf: str
    #: its opening
    at: float
    #: the numbers of its messages in flight → until when
    held: dict[str, float] = {}

    @property
    def key(self) -> str:
        return f"{self.box}/{self.shelf}"


class Seen(Record, frozen=True, kw_only=True):
    """A deduplication id that was used, and the message that it let in."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "seen"

    box: str
    #: of the group or the queue, and of the id
    digest: str
    message: str
    number: int
    #: when it may be used again
    until: float

    @property
    def key(self) -> str:
        return f"{self.box}/{self.digest}"


class SeenUntil(Record, frozen=True, kw_only=True):
    """Deduplication ids in the order in which they are forgotten."""

    SERVICE: ClassVar[str] = "sqs"
    KIND: ClassVar[str] = "seen-until"

    box: str
    digest: str
    until: float

    @property
    def key(self) -> str:
        return f"{self.box}/{self.until:017.3f}/{self.digest}"


def message_key(box: str, sent: float, number: int) -> str:
    return f"{box}/{sent:017.3f}/{number:020d}"


def place_key(box: str, shelf: str, number: int) -> str:
    return f"{box}/{shelf}/{number:020d}"


def opening_key(box: str, at: float, shelf: str, number: int) -> str:
    return f"{box}/{at:017.3f}/{shelf}/{number:020d}"


def digest(*parts: str) -> str:
    """A short name for texts of any length and characters."""
    joined = "\0".join(parts)
    return hashlib.sha256(joined.encode()).hexdigest()[:32]


def find(view: View, url: str) -> Queue:
    """The queue of a URL. Raises QueueDoesNotExist, InvalidAddress."""
    queue = view.get(Queue, names.queue_name(url, view))
    if queue is None:
        raise no_queue()
    return queue


def by_arn(view: View, arn: str) -> Queue | None:
    """The queue of an ARN; None where it is not of this account and region, or not at all."""
    name = names.name_of_arn(arn, view)
    return None if name is None else view.get(Queue, name)


def tally(view: View, box: str) -> Tally:
    return view.get(Tally, box) or Tally(box=box)


def tags_of(view: View, arn: str) -> dict[str, str]:
    """The tags of the queue with that ARN; none for what does not exist."""
    queue = by_arn(view, arn)
    return {} if queue is None else queue.tags
