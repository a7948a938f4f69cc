"""Executions as records, and the orders in which they are listed."""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar

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


class ListedExecution(Record, frozen=True, kw_only=True):
    """Derived: an execution of a machine in a status, found newest first."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "listed-execution"

    machine: str
    status: str
    started: float
    name: str

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
    draft.put(execution, blobs=[execution.definition])
    draft.put(_listed(execution))


def close(
    draft: Draft,
    execution: Execution,
    status: str,
    *,
    output: str | None = None,
    error: str | None = None,
    cause: str | None = None,
) -> Execution:
    """Write how an execution ended."""
    ended = replace(execution, status=status, stopped=draft.now, output=output, error=error, cause=cause)
    draft.delete(ListedExecution, _listed(execution).key)
    draft.put(ended, blobs=[ended.definition])
    draft.put(_listed(ended))
    return ended


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
        draft.delete(ListedExecution, _listed(execution).key)
        draft.delete(Execution, execution.key)
        draft.drop(execution.journal)
    return len(found) == FORGOTTEN_AT_ONCE


def newest_first(
    view: View, machine: str, *, status: str | None = None, after: str = ""
) -> Iterator[ListedExecution]:
    """A machine's executions, the latest first; those behind the place `after`."""
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


def _listed(execution: Execution) -> ListedExecution:
    return ListedExecution(
        machine=execution.machine, status=execution.status, started=execution.started, name=execution.name
    )
