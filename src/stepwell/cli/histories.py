"""An execution's history as a person reads it: one row an event, and what went wrong at the end.

Apart from the commands, because `start --wait` and `history` show the same rows. Events are dicts as
GetExecutionHistory answers them (botocore's `HistoryEvent`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

#: types of events whose state is that of an enclosing Parallel or Map state, which the event closes
CLOSING = ("ParallelState", "MapState")
#: characters of a cause in a row
SHORT = 120
#: the details that say what a service was asked for or answered
DATA = ("input", "parameters", "output")


def details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one member of the event that holds its details; empty where it has none."""
    found = (value for name, value in event.items() if name.endswith("EventDetails"))
    return next(found, {})


class States:
    """Tells which state each event of one history belongs to. Events are given in their order."""

    def __init__(self) -> None:
        self._events: dict[int, Mapping[str, Any]] = {}
        self._names: dict[int, str] = {}

    def name(self, event: Mapping[str, Any]) -> str:
        """The name of the event's state; empty for what happens to the execution itself."""
        self._events[event["id"]] = event
        name = self._name(event)
        self._names[event["id"]] = name
        return name

    def _name(self, event: Mapping[str, Any]) -> str:
        kind = event["type"]
        if kind.startswith("Execution"):
            return ""
        if kind.endswith(("StateEntered", "StateExited")):
            return str(details(event)["name"])
        if kind.startswith("MapIteration"):
            return str(details(event)["name"])
        for state in CLOSING:
            if kind.startswith(state) and not kind.endswith("Started"):
                return self._enclosing(event, state)
        return self._names.get(event.get("previousEventId", 0), "")

    def _enclosing(self, event: Mapping[str, Any], state: str) -> str:
        """Walks back to where the Parallel or Map state was entered; those that ended between are passed."""
        inner = 0
        before = self._events.get(event.get("previousEventId", 0))
        while before is not None:
            if before["type"] == f"{state}Exited":
                inner += 1
            elif before["type"] == f"{state}Entered":
                if not inner:
                    return str(details(before)["name"])
                inner -= 1
            before = self._events.get(before.get("previousEventId", 0))
        return ""


def offset(moment: datetime, start: datetime) -> str:
    """The time since the start: `+0.012`, `+1:02.345`, `+1:00:02.345`."""
    return "+" + span((moment - start).total_seconds())


def span(seconds: float) -> str:
    """Seconds with milliseconds, with minutes and hours where there are some: `1:02.345`."""
    thousandths = round(max(seconds, 0) * 1000)
    minutes, rest = divmod(thousandths, 60_000)
    text = f"{rest // 1000}.{rest % 1000:03d}"
    if not minutes:
        return text
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{text:0>6}" if hours else f"{minutes}:{text:0>6}"


def remark(event: Mapping[str, Any]) -> str:
    """What is worth knowing of an event in a few words: what was called, what failed, sizes."""
    found = details(event)
    parts = []
    if "resource" in found:
        service = f"{found['resourceType']}:" if "resourceType" in found else ""
        parts.append(f"{service}{found['resource']}")
    if "error" in found or "cause" in found:
        error, said = found.get("error", ""), in_short(found.get("cause", ""))
        parts.append(said if said.startswith(error) else f"{error}: {said}" if said else error)
    if "length" in found:
        parts.append(f"{found['length']} items")
    if "index" in found:
        parts.append(f"item {found['index']}")
    parts += [f"{name} {size(found[name])}" for name in DATA if name in found]
    return "  ".join(part for part in parts if part)


def size(text: str) -> str:
    """How long a text is in UTF-8: `340 B`, `12.3 KiB`."""
    count = len(text.encode())
    return f"{count} B" if count < 1024 else f"{count / 1024:.1f} KiB"


def in_short(cause: str) -> str:
    """A cause on one line, cut to a row's width; of a function's error without the traceback."""
    value = _parsed(cause)
    told = " ".join(" ".join(_error(value) if _is_error(value) else cause_lines(cause)).split())
    return told if len(told) <= SHORT else told[: SHORT - 3] + "..."


def cause_lines(cause: str) -> Iterator[str]:
    """A cause for people.

    A function's error (Lambda's JSON) becomes its traceback, a job's description the reason why it failed,
    other JSON is indented, and any other text stays as it is.
    """
    value = _parsed(cause)
    reason = (value.get("FailureReason") or value.get("ExitMessage")) if isinstance(value, dict) else None
    if _is_error(value):
        frames = list(_frames(value.get("stackTrace") or []))
        yield from ("Traceback (most recent call last):", *frames) if frames else ()
        yield from _error(value)
    elif reason:
        yield from str(reason).splitlines()
    else:
        yield from indented(cause)


def indented(text: str) -> Iterator[str]:
    """An object or array of JSON, a line a member; any other text as it is."""
    value = _parsed(text)
    if isinstance(value, dict | list):
        text = json.dumps(value, indent=2, ensure_ascii=False)
    yield from text.splitlines()


def _is_error(value: Any) -> bool:
    return isinstance(value, dict) and "errorMessage" in value


def _error(value: Mapping[str, Any]) -> list[str]:
    """The last lines of a traceback: the error's type and message."""
    kind, message = value.get("errorType"), str(value["errorMessage"])
    return (f"{kind}: {message}" if kind else message).splitlines()


def _frames(trace: Iterable[str]) -> Iterator[str]:
    """The lines of the frames from the user's first on: AWS has those of `importlib` before them."""
    begun = False
    for frame in trace:
        begun = begun or "importlib" not in frame
        if begun:
            yield from frame.rstrip("\n").splitlines()


def _parsed(text: str) -> Any:
    """The value of a JSON text; None for any other text."""
    try:
        return json.loads(text)
    except ValueError:
        return None
