"""Executions as records, and the orders in which they are listed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

from msgspec import field
from msgspec.structs import replace

from stepwell import arn
from stepwell.durable import Draft, Record, View

RUNNING = "RUNNING"
SUCCEEDED = "SUCCEEDED"
FAILED = "FAILED"
TIMED_OUT = "TIMED_OUT"
ABORTED = "ABORTED"
STATUSES = (RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED)

#: executions that one decision forgets
FORGOTTEN_AT_ONCE = 100
#: redrives whose tokens are remembered
REDRIVE_TOKENS = 10
#: milliseconds; subtracted from it, later times sort first
_FAR = 9_999_999_999_999


class Execution(Record, frozen=True, kw_only=True):
    """One execution of a state machine, with the definition and the role it began with."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "execution"

    machine: str
    name: str
    #: short and unique: names the journal, and is part of effect tokens
    id: str
    machine_arn: str
    role: str
    #: the definition's digest
    definition: str
    #: the machine's revision and when it was made
    revision: str
    machine_updated: float
    #: JSON text, as the caller gave it
    input: str
    started: float
    status: str = RUNNING
    stopped: float | None = None
    #: JSON text; only when SUCCEEDED
    output: str | None = None
    error: str | None = None
    cause: str | None = None
    trace_header: str | None = None
    #: seconds since the epoch: when the machine's TimeoutSeconds are over
    deadline: float | None = None
    #: the version that it runs, 0 for the machine itself, and the alias that led there
    version: int = 0
    alias: str = ""
    #: how many events its history had when it ended
    events: int = 0
    #: how often it was redriven, and when last
    redrives: int = 0
    redriven: float | None = None
    #: the latest redrives by the tokens of those who asked: a repeat gets the same answer
    redrive_tokens: dict[str, float] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return f"{self.machine}:{self.name}"

    @property
    def journal(self) -> str:
        return f"execution/{self.id}"

    @property
    def arn(self) -> str:
        region, account = self.machine_arn.split(":")[3:5]
        return arn.build("states", region, account, f"execution:{self.key}")

    @property
    def qualified(self) -> dict[str, str]:
        """The ARNs of its version and alias as answers and events show them; empty without."""
        found = {}
        if self.version:
            found["stateMachineVersionArn"] = f"{self.machine_arn}:{self.version}"
        if self.alias:
            found["stateMachineAliasArn"] = f"{self.machine_arn}:{self.alias}"
        return found


class ListedExecution(Record, frozen=True, kw_only=True):
    """Derived: an execution in a status, found newest first: of a machine, a version, an alias."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "listed-execution"

    #: the machine's name; with `:` and a qualifier for a version or an alias
    machine: str
    status: str
    started: float
    name: str
    redriven: bool = False

    @property
    def key(self) -> str:
        return f"{self.machine}/{self.status}/{self.place}"

    @property
    def place(self) -> str:
        """Where it stands among the machine's executions, whatever their status."""
        return f"{_FAR - round(self.started * 1000):013d}/{self.name}"


class Waiter(Record, frozen=True, kw_only=True):
    """Derived: a `.sync` task that waits for the end of a job."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "waiter"

    #: the ARN of the job
    job: str
    #: the execution's key
    execution: str
    frame: str

    @property
    def key(self) -> str:
        return f"{self.job} {self.execution} {self.frame}"


def add(draft: Draft, execution: Execution) -> None:
    """Write a new execution."""
    _change(draft, None, execution)


def close(
    draft: Draft,
    execution: Execution,
    status: str,
    *,
    output: str | None = None,
    error: str | None = None,
    cause: str | None = None,
    events: int = 0,
) -> Execution:
    """Write how an execution ended."""
    ended = replace(
        execution,
        status=status,
        stopped=draft.now,
        output=output,
        error=error,
        cause=cause,
        events=events,
    )
    return _change(draft, execution, ended)


def reopen(draft: Draft, execution: Execution, token: str | None, *, deadline: float | None) -> Execution:
    """Write that an execution which ended runs again; `token` is that of whoever asked."""
    tokens = dict(execution.redrive_tokens)
    if token is not None:
        tokens[token] = draft.now
    again = replace(
        execution,
        status=RUNNING,
        stopped=None,
        error=None,
        cause=None,
        deadline=deadline,
        redrives=execution.redrives + 1,
        redriven=draft.now,
        redrive_tokens=dict(list(tokens.items())[-REDRIVE_TOKENS:]),
    )
    return _change(draft, execution, again)


def remove(draft: Draft, execution: Execution) -> None:
    """Delete an execution with its history."""
    for listed in _listed(execution):
        draft.delete(ListedExecution, listed.key)
    draft.delete(Execution, execution.key)
    draft.drop(execution.journal)


def _change(draft: Draft, before: Execution | None, after: Execution) -> Execution:
    if before is not None:
        for listed in _listed(before):
            draft.delete(ListedExecution, listed.key)
    draft.put(after, blobs=[after.definition])
    for listed in _listed(after):
        draft.put(listed)
    return after


def forget(draft: Draft, machine: str, *, before: float) -> bool:
    """Delete executions of a machine that ended, and began before that time; whether more are left."""
    ended = (
        execution
        for listed in newest_first(draft, machine)
        if listed.status != RUNNING
        and (execution := draft.get(Execution, f"{machine}:{listed.name}"))
        and execution.started < before
    )
    found = list(islice(ended, FORGOTTEN_AT_ONCE))
    for execution in found:
        remove(draft, execution)
    return len(found) == FORGOTTEN_AT_ONCE


def newest_first(
    view: View, machine: str, *, status: str | None = None, after: str = ""
) -> Iterator[ListedExecution]:
    """The executions of a machine, a version or an alias, the latest first; those behind `after`."""
    streams = [
        view.scan(
            ListedExecution,
            prefix=f"{machine}/{each}/",
            after=f"{machine}/{each}/{after}" if after else "",
        )
        for each in (STATUSES if status is None else (status,))
    ]
    return heapq.merge(*streams, key=lambda listed: listed.place)


def status_change(execution: Execution) -> dict[str, Any]:
    """The event of an execution's start or end, as EventBridge shows it: times in milliseconds."""
    detail: dict[str, Any] = {
        "executionArn": execution.arn,
        "stateMachineArn": execution.machine_arn,
        "name": execution.name,
        "status": execution.status,
        "startDate": round(execution.started * 1000),
        "stopDate": None if execution.stopped is None else round(execution.stopped * 1000),
        "input": execution.input,
        "inputDetails": {"included": True},
        "output": execution.output,
        "outputDetails": None if execution.output is None else {"included": True},
        "error": execution.error,
        "cause": execution.cause,
    }
    return {
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [execution.arn],
        "detail": detail,
    }


def _listed(execution: Execution) -> list[ListedExecution]:
    qualifiers = [str(execution.version) if execution.version else "", execution.alias]
    of = [execution.machine, *(f"{execution.machine}:{each}" for each in qualifiers if each)]
    return [
        ListedExecution(
            machine=each,
            status=execution.status,
            started=execution.started,
            name=execution.name,
            redriven=execution.redrives > 0,
        )
        for each in of
    ]
