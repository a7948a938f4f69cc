"""Commands and their invocations, as they are remembered for thirty days.

Times are seconds since the epoch.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import msgspec

from stepwell.calls import Caller
from stepwell.durable import Draft, Record, View
from stepwell.services.ssm.paging import descending
from stepwell.workers.commands import Script

#: an invocation in one of these is over
OVER = frozenset({"Success", "Cancelled", "Failed", "TimedOut"})


class Command(Record, frozen=True, kw_only=True):
    """What SendCommand was asked, and how far it is."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "command"

    id: str
    document: str
    #: as it was asked for: `$DEFAULT`, `$LATEST` or a number
    version: str
    requested: float
    #: when it is over at the latest
    expires: float
    #: seconds within which each invocation must begin
    timeout: int
    #: the ids that it runs on, as the caller named them
    instances: list[str]
    #: as they were given
    instance_ids: list[str] = []
    targets: list[dict[str, Any]] = []
    parameters: dict[str, list[str]] = {}
    comment: str = ""
    max_concurrency: str = "50"
    max_errors: str = "0"
    #: where full output goes; None for nowhere
    bucket: str | None = None
    prefix: str = ""
    #: the log group for full output; None for none
    log_group: str | None = None
    service_role: str | None = None
    #: who asked: outputs are stored as that caller where the machine has no role
    caller: Caller
    status: str = "Pending"
    details: str = "Pending"
    #: whether CancelCommand was called for all of it
    cancelled: bool = False
    ended: float | None = None

    @property
    def key(self) -> str:
        return self.id


class Order(Record, frozen=True, kw_only=True):
    """A command's place in lists, which begin with the newest."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "command-order"

    id: str
    requested: float

    @property
    def key(self) -> str:
        return f"{descending(self.requested)}/{self.id}"


class Plan(Record, frozen=True, kw_only=True):
    """What a command runs, until it is over."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "command-plan"

    id: str
    scripts: list[Script]
    variables: dict[str, str]
    #: the directory in which outputs of its plugin lie in the bucket
    plugin: str

    @property
    def key(self) -> str:
        return self.id


class Plugin(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step of an invocation."""

    name: str
    status: str
    details: str
    #: what its script returned; -1 before
    code: int = -1
    started: float | None = None
    ended: float | None = None
    #: the beginning of what it printed, as GetCommandInvocation shows it
    stdout: str = ""
    stderr: str = ""
    stdout_url: str = ""
    stderr_url: str = ""


class Invocation(Record, frozen=True, kw_only=True):
    """A command on one instance."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "invocation"

    command: str
    instance: str
    status: str = "Pending"
    details: str = "Pending"
    #: whether its turn has come
    sent: bool = False
    started: float | None = None
    plugins: list[Plugin] = []
    #: what went wrong outside the scripts
    trace: str = ""

    @property
    def key(self) -> str:
        return f"{self.command}/{self.instance}"

    @property
    def worker_id(self) -> str:
        return f"command-{self.command}-{self.instance}"

    @property
    def over(self) -> bool:
        return self.status in OVER


def invocations(view: View, command: str) -> list[Invocation]:
    """A command's invocations, in the order of their instances' ids."""
    return list(view.scan(Invocation, prefix=f"{command}/"))


def newest_first(view: View, after: str = "") -> Iterator[tuple[str, Command]]:
    """All commands behind a place, with their places."""
    for order in view.scan(Order, after=after):
        found = view.get(Command, order.id)
        if found is not None:
            yield order.key, found


def forget(draft: Draft, command: Command) -> None:
    """Remove a command and all that belongs to it."""
    for invocation in invocations(draft, command.id):
        draft.delete(Invocation, invocation.key)
    draft.delete(Plan, command.id)
    draft.delete(Order, Order(id=command.id, requested=command.requested).key)
    draft.delete(Command, command.id)
