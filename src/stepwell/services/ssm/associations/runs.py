"""What associations did: their executions, and what is known of each instance.

Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar

import msgspec

from stepwell.durable import Record, View
from stepwell.services.ssm.commands import Command
from stepwell.services.ssm.commands.records import OVER
from stepwell.services.ssm.paging import descending


class Applied(msgspec.Struct, frozen=True, kw_only=True):
    """An execution on one instance."""

    instance: str
    #: a command invocation's Status and StatusDetails
    status: str = "Pending"
    details: str = "Pending"
    #: when that became so
    changed: float

    @property
    def over(self) -> bool:
        """Whether it does not change any more."""
        return self.status in OVER


class Execution(Record, frozen=True, kw_only=True):
    """One run of an association, on all its instances."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "association-execution"

    #: a UUID
    id: str
    association: str
    #: the association's version that ran
    version: int
    created: float
    #: Pending, Success, Failed, TimedOut or Cancelled
    status: str = "Pending"
    details: str = "Pending"
    targets: list[Applied]
    #: the command that runs it, once it was sent
    command: str | None = None
    #: the code and message of what kept it from being sent
    error: tuple[str, str] | None = None

    @property
    def key(self) -> str:
        return f"{self.association}/{descending(self.created)}/{self.id}"

    @property
    def over(self) -> bool:
        """Whether it does not change any more."""
        return self.status in OVER


class Awaited(Record, frozen=True, kw_only=True):
    """Finds the execution that a command runs."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "association-awaited"

    command: str
    #: the execution's key
    execution: str

    @property
    def key(self) -> str:
        return self.command


class Condition(Record, frozen=True, kw_only=True):
    """What an association last did to an instance."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "association-condition"

    instance: str
    association: str
    #: of the execution that last changed it
    version: int
    execution: str
    command: str | None = None
    status: str
    details: str
    changed: float
    #: the code and message of what kept it from being done
    error: tuple[str, str] | None = None
    #: whether its last execution that is over was a success; None before there was one
    compliant: bool | None = None
    #: when that was found, and when an execution was last a success
    judged: float | None = None
    succeeded: float | None = None

    @property
    def key(self) -> str:
        return f"{self.instance}/{self.association}"


def executions_of(view: View, association: str) -> Iterator[Execution]:
    """An association's executions, newest first."""
    return view.scan(Execution, prefix=f"{association}/")


def conditions_of(view: View, instance: str) -> list[Condition]:
    """What all associations did to an instance."""
    return list(view.scan(Condition, prefix=f"{instance}/"))


def document_version(view: View, condition: Condition, wanted: str) -> str:
    """The version of the document that ran, as the command knows it; else the one that is wanted."""
    command = view.get(Command, condition.command) if condition.command else None
    return command.version if command is not None else wanted
