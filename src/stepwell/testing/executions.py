"""One execution as a test looks at it: where it went, what it called, how it ended."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

from stepwell.engine import Execution as Record
from stepwell.engine.executions import FAILED, RUNNING, SUCCEEDED, TIMED_OUT
from stepwell.engine.frames import Frame, Phase, fold
from stepwell.engine.history import Event, details, public
from stepwell.testing.durations import Duration, seconds, shown
from stepwell.testing.errors import StillRunning, TestingError
from stepwell.testing.server import Thread

#: how far `wait` moves the clock at most
LIMIT = "31 days"
_SCHEDULED = {
    "TaskScheduled": "parameters",
    "LambdaFunctionScheduled": "input",
    "ActivityScheduled": "input",
}


class Execution:
    """An execution. Every property tells what is so now."""

    def __init__(self, server: Thread, arn: str) -> None:
        self._server = server
        #: its ARN
        self.arn = arn
        self._key = arn.partition(":execution:")[2]

    def __repr__(self) -> str:
        return f"<Execution {self._told()}>"

    # -- going on

    def wait(self, limit: Duration = LIMIT) -> Execution:
        """Go on until it has ended, moving the clock over its waits and retries; gives itself.

        Raises StillRunning when it has not ended within `limit` of the server's time: it waits for
        somebody.
        """
        server = self._server.server

        async def over() -> bool:
            return self.status != RUNNING

        self._server.run(server.advance(server.clock.now() + seconds(limit), over))
        if self.status == RUNNING:
            raise StillRunning(f"{self._told()}: nothing ended it within {limit}")
        return self

    def send_success(self, state: str, output: Any = None) -> None:
        """Bring a `.waitForTaskToken` task, or an activity's, its result, as its token's holder would."""
        given = {"taskToken": self.task_token(state), "output": json.dumps(output)}
        self._server.call("stepfunctions", "SendTaskSuccess", **given)

    def send_failure(self, state: str, error: str, cause: str = "") -> None:
        """Fail a `.waitForTaskToken` task, or an activity's, as its token's holder would."""
        given = {"taskToken": self.task_token(state), "error": error, "cause": cause}
        self._server.call("stepfunctions", "SendTaskFailure", **given)

    # -- how it ended

    @property
    def status(self) -> str:
        """`RUNNING`, `SUCCEEDED`, `FAILED`, `TIMED_OUT` or `ABORTED`."""
        return self._record.status

    @property
    def input(self) -> Any:
        """What it was started with."""
        return json.loads(self._record.input)

    @property
    def output(self) -> Any:
        """Its output. Raises TestingError, with what happened, unless it succeeded."""
        record = self._record
        if record.status != SUCCEEDED or record.output is None:
            raise TestingError(f"there is no output: {self._told()}")
        return json.loads(record.output)

    @property
    def error(self) -> str | None:
        """The error's name, where it failed with one."""
        return self._record.error

    @property
    def cause(self) -> str | None:
        """The error's cause, where it failed with one."""
        return self._record.cause

    @property
    def started(self) -> datetime:
        """When it began, by the server's clock."""
        return shown(self._record.started)

    @property
    def stopped(self) -> datetime | None:
        """When it ended, by the server's clock."""
        stopped = self._record.stopped
        return None if stopped is None else shown(stopped)

    # -- where it went

    @property
    def history(self) -> list[dict[str, Any]]:
        """The events that GetExecutionHistory gives, all of them; times in UTC."""
        return [{**event, "timestamp": shown(event["timestamp"])} for event in self._events]

    @property
    def states(self) -> list[str]:
        """The names of the states that it entered, in order; one entered twice is there twice."""
        return [name for event in self._events if (name := _entered(event)) is not None]

    @property
    def current(self) -> list[str]:
        """The names of the states that it is in."""
        return [frame.state for frame in self._frames() if not frame.children]

    def calls(self, state: str) -> list[Any]:
        """What the state handed to its task, one value an attempt: whether real or mocked.

        For a function its payload, for an activity its input; otherwise the API's parameters.
        """
        at: dict[int, str] = {}
        found = []
        for event in self._events:
            name = _entered(event) or at.get(event.get("previousEventId", 0), "")
            at[event["id"]] = name
            if name == state and event["type"] in _SCHEDULED:
                found.append(json.loads(details(event)[_SCHEDULED[event["type"]]]))
        return found

    def task_token(self, state: str) -> str:
        """The token of a `.waitForTaskToken` task or an activity's. Raises TestingError when none waits."""
        for frame in self._frames():
            if frame.state == state and frame.task_token is not None:
                return frame.task_token
        raise TestingError(f"{state} does not wait for a task token: {self._told()}")

    # -- reading

    @property
    def _record(self) -> Record:
        found = self._server.read(lambda view: view.get(Record, self._key))
        if found is None:
            raise TestingError(f"{self.arn} is gone: its state machine was deleted")
        return found

    @property
    def _journal(self) -> list[Event]:
        name = self._record.journal
        return self._server.read(lambda view: view.journal(name))

    @property
    def _events(self) -> list[Event]:
        return list(public(self._journal))

    def _frames(self) -> Iterator[Frame]:
        if self.status != RUNNING:
            return
        for frame in fold(self._journal).root.walk():
            if frame.phase is not Phase.DONE and frame.state:
                yield frame

    def _told(self) -> str:
        record = self._record
        told = f"{record.machine}/{record.name} is {record.status}"
        if record.status == RUNNING:
            return f"{told} in {', '.join(self.current) or 'no state'}"
        if record.status in (FAILED, TIMED_OUT):
            states = " > ".join(self.states)
            return f"{told}: {record.error}: {record.cause} (states: {states})"
        return told


def _entered(event: Event) -> str | None:
    if not event["type"].endswith("StateEntered"):
        return None
    name: str = details(event)["name"]
    return name
