"""History events: how they are made, kept and shown.

The journal of an execution IS the history that GetExecutionHistory shows. Two things are private to it:
fields whose names begin with `_` (the frame that an event happened in, where a state leads, ...) and
entries whose whole type does (`_Waiting`, `_Retrying`), which have no id.
Source of types and details: botocore's `HistoryEvent`; of orders and ids: histories recorded on AWS.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.asl.limits import MAX_CAUSE, MAX_ERROR

#: one entry of a journal
Event = dict[str, Any]

#: private: a Wait state waits; Task, Parallel and Map states never need it
WAITING = "_Waiting"
#: private: a state failed and is tried again later; `retrier` is the index of its retrier
RETRYING = "_Retrying"

#: private: a frame waits for the value of an expression (`key`), and has it (`answer`)
EVALUATING = "_Evaluating"
EVALUATED = "_Evaluated"

#: private field: the event's input or output is that of the event with this id, and not written again
SAME = "_same"
#: characters: a longer text is written once and referred to
REFERRED = 4096

#: AWS says of every input and output that it is whole
WHOLE: Mapping[str, Any] = {"truncated": False}

#: what the caller asks to leave out with `includeExecutionData=False`
_DATA = frozenset(
    {
        "input",
        "output",
        "inputDetails",
        "outputDetails",
        "parameters",
        "assignedVariables",
        "assignedVariablesDetails",
    }
)


def details_member(event_type: str) -> str:
    """The member of `HistoryEvent` that holds the details of a type."""
    if event_type.endswith("StateEntered"):
        return "stateEnteredEventDetails"
    if event_type.endswith("StateExited"):
        return "stateExitedEventDetails"
    return f"{event_type[0].lower()}{event_type[1:]}EventDetails"


def details(event: Mapping[str, Any]) -> Mapping[str, Any]:
    """The event's details; empty where it has none."""
    found: Mapping[str, Any] = event.get(details_member(event["type"]), {})
    return found


def failure(error: str | None, cause: str | None) -> dict[str, Any]:
    """`error` and `cause` as details have them: absent where unknown, cut where too long."""
    found = {}
    if error is not None:
        found["error"] = _text(error[:MAX_ERROR])
    if cause is not None:
        found["cause"] = _text(cause[:MAX_CAUSE])
    return found


def _text(text: str) -> str:
    """Text that UTF-8 can write: JSON may hold half a surrogate pair, a journal may not."""
    return text.encode("utf-8", "replace").decode()


def public(journal: Iterable[Event], *, data: bool = True) -> Iterator[Event]:
    """The events as AWS shows them; without inputs and outputs where `data` is false."""
    texts: dict[int, str] = {}
    for event in journal:
        if event["type"].startswith("_"):
            continue
        shown = {name: value for name, value in event.items() if not name.startswith("_")}
        member = details_member(event["type"])
        found = details(event)
        if SAME in event:
            payload = "output" if event["type"] == "ExecutionSucceeded" else "input"
            shown[member] = found = {**found, payload: texts[event[SAME]]}
        text = found.get("output", found.get("input"))
        if text is not None and len(text) > REFERRED:
            texts[event["id"]] = text
        if not data and member in shown:
            shown[member] = {name: value for name, value in found.items() if name not in _DATA}
        yield shown
