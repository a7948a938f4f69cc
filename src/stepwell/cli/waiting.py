"""Tasks of executions that wait for an answer (`.waitForTaskToken`): which there are, and whom they ask.

The history of an execution has all of it: what a waiting task was given, its token among it, and how each
wait ended. A retraining workflow's task names the model package that a person is to decide on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from stepwell.cli.histories import States, details

#: how the resource of a task that waits ends
WAITS = ".waitForTaskToken"
#: types of events that end a task
ENDS = ("TaskSucceeded", "TaskFailed", "TaskTimedOut", "TaskStartFailed", "TaskSubmitFailed")
#: how a definition names the task's token: JSONPath, JSONata
TOKEN_PATH = "$$.Task.Token"
TOKEN_QUERY = re.compile(r"\{%\s*\$states\.context\.Task\.Token\s*%\}")
#: what the commands' verbs answer
ASKED = ("approve", "release")


@dataclass(frozen=True, kw_only=True)
class Wait:
    """A task that waits, or waited, for an answer."""

    #: the state's name
    state: str
    #: number of its TaskScheduled event
    event: int
    since: datetime
    #: seconds after which it times out; None where it says none
    patience: int | None
    #: what it was given
    parameters: Mapping[str, Any]
    #: the type of the event that ended it, and when that was; None while it waits
    ended: tuple[str, datetime] | None = None

    @property
    def package(self) -> str | None:
        """The ARN of the model package to decide on, for a retraining workflow's task."""
        return self._payload.get("package") if self.asks is not None else None

    @property
    def asks(self) -> str | None:
        """`approve` or `release` for a retraining workflow's task."""
        asks = self._payload.get("asks")
        return asks if asks in ASKED and "package" in self._payload else None

    @property
    def _payload(self) -> Mapping[str, Any]:
        payload = self.parameters.get("Payload")
        return payload if isinstance(payload, Mapping) else {}

    def token(self, definition: Mapping[str, Any]) -> str | None:
        """The task's token, where its parameters hold it as the definition says; else None."""
        template = state_of(definition, self.state)
        given = template.get("Parameters", template.get("Arguments"))
        return next(_tokens(given, self.parameters), None)


def waits(events: Iterable[Mapping[str, Any]]) -> list[Wait]:
    """All waits of a history, or of its newest part, in the order in which they began."""
    states, began, found = States(), dict[int, int](), dict[int, Wait]()
    for event in events:
        state, said = states.name(event), details(event)
        if event["type"] == "TaskScheduled" and str(said.get("resource")).endswith(WAITS):
            began[event["id"]] = event["id"]
            found[event["id"]] = Wait(
                state=state,
                event=event["id"],
                since=event["timestamp"],
                patience=said.get("timeoutInSeconds"),
                parameters=_object(said.get("parameters", "{}")),
            )
            continue
        task = began.get(event.get("previousEventId", 0))
        if task is None:
            continue
        if event["type"] in ENDS:
            found[task] = _ended(found[task], event)
        elif event["type"].startswith("Task") and event["type"] != "TaskStateExited":
            began[event["id"]] = task
    return list(found.values())


def _ended(wait: Wait, event: Mapping[str, Any]) -> Wait:
    return Wait(**{**vars(wait), "ended": (event["type"], event["timestamp"])})


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    return value if isinstance(value, dict) else {}


def state_of(definition: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """The state of that name, however deep it lies; names are unique in a definition."""
    states = definition.get("States", {})
    if name in states:
        found: Mapping[str, Any] = states[name]
        return found
    for state in states.values():
        inner = [*state.get("Branches", ()), state.get("ItemProcessor", {}), state.get("Iterator", {})]
        for each in inner:
            deeper = state_of(each, name)
            if deeper:
                return deeper
    return {}


def _tokens(template: Any, given: Any) -> Iterator[str]:
    """Every token that `given` holds where the template names the task's token."""
    if isinstance(template, str) and isinstance(given, str):
        if template == TOKEN_PATH or TOKEN_QUERY.fullmatch(template):
            yield given
    elif isinstance(template, Mapping) and isinstance(given, Mapping):
        for name, value in template.items():
            yield from _tokens(value, given.get(name.removesuffix(".$")))
    elif isinstance(template, list) and isinstance(given, list):
        for value, each in zip(template, given, strict=False):
            yield from _tokens(value, each)
