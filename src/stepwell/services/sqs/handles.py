"""Receipt handles: which message was given out, and which time."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from stepwell.services.sqs.errors import ReceiptHandleIsInvalid
from stepwell.services.sqs.records import Place, Queue, place_key


@dataclass(frozen=True, slots=True, kw_only=True)
class Handle:
    """A receipt handle, read."""

    queue: str
    box: str
    shelf: str
    number: int
    #: told from those of other receives of the message
    receipt: str

    @property
    def place(self) -> str:
        """The key of the message's place."""
        return place_key(self.box, self.shelf, self.number)


def write(queue: Queue, place: Place) -> str:
    """The handle's text."""
    parts = (queue.name, place.box, place.shelf, str(place.number), place.receipt)
    return base64.b64encode(" ".join(parts).encode()).decode()


def read(text: str, queue: Queue) -> Handle:
    """The handle of a text. Raises ReceiptHandleIsInvalid for what this queue never gave."""
    try:
        name, box, shelf, number, receipt = base64.b64decode(text, validate=True).decode().split(" ")
        handle = Handle(queue=name, box=box, shelf=shelf, number=int(number), receipt=receipt)
    except ValueError:
        raise _invalid() from None
    if name != queue.name:
        raise _invalid()
    return handle


def _invalid() -> ReceiptHandleIsInvalid:
    return ReceiptHandleIsInvalid("The input receipt handle is invalid.")
