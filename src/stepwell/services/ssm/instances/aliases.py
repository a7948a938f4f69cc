"""Aliases: EC2 ids under which programs know this machine.

A program that is to run on AWS names its instances; here every one of them is this machine. Which ids are is
the server's own configuration and never the program's.
"""

from __future__ import annotations

import re
from typing import ClassVar

from stepwell.durable import Draft, Record, View
from stepwell.errors import ValidationException
from stepwell.services.ssm.errors import InvalidInstanceId

#: an EC2 instance's id
PATTERN = re.compile(r"i-(\w{8}|\w{17})", re.ASCII)
#: aliases that the machine may have
LIMIT = 50


class Alias(Record, frozen=True, kw_only=True):
    """Another id of this machine."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "alias"

    id: str
    #: seconds since the epoch
    created: float

    @property
    def key(self) -> str:
        return self.id


def put(draft: Draft, id: str) -> None:
    """Let the machine have that id too; nothing happens when it has. Raises ValidationException."""
    if not PATTERN.fullmatch(id):
        raise ValidationException(
            f"{id!r} is no instance id: i- and 8 or 17 letters or digits, such as i-0123456789abcdef0"
        )
    if draft.get(Alias, id) is not None:
        return
    if sum(1 for _ in draft.scan(Alias)) >= LIMIT:
        raise ValidationException(f"The machine may have at most {LIMIT} aliases")
    draft.put(Alias(id=id, created=draft.now))


def delete(draft: Draft, id: str) -> None:
    """Take an id away. Raises InvalidInstanceId when the machine does not have it."""
    if draft.get(Alias, id) is None:
        raise InvalidInstanceId(f"{id} is no alias of this machine")
    draft.delete(Alias, id)


def every(view: View) -> list[str]:
    """All aliases, in their own order."""
    return [alias.id for alias in view.scan(Alias)]
