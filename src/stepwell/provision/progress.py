"""What a run tells while it goes on: frozen events, so that a caller may draw a live tree or write JSON."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Operation = Literal["same", "create", "update", "replace", "delete", "read", "import"]
Status = Literal["started", "done", "failed"]
Phase = Literal["plan", "apply"]
Severity = Literal["info", "warning", "error"]

#: stands for a secret's value in every event
MASK = "[secret]"
#: stands for a value that only the apply will know
LATER = "[known after apply]"


@dataclass(frozen=True, slots=True, kw_only=True)
class PropertyChange:
    """One property that differs between what is recorded and what the program declares."""

    #: `timeout`, `environment.variables.MODE`
    path: str
    #: the recorded value; None when there was none
    before: Any
    #: the declared value; None when it is taken away
    after: Any
    #: whether this change alone makes a new resource necessary
    replaces: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceProgress:
    """One step of one resource."""

    #: planning (nothing is called that writes) or applying
    phase: Phase
    #: the resource's URN
    urn: str
    #: its type token, `aws:s3/bucket:Bucket`
    type: str
    #: its logical name in the program
    name: str
    #: its parent's URN, empty for the stack itself
    parent: str
    #: what is done with it
    operation: Operation
    #: how far that is
    status: Status
    #: what differs, for `update` and `replace`
    changes: tuple[PropertyChange, ...] = ()
    #: why it failed, or a remark
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """A line from the program or from the engine."""

    #: planning or applying
    phase: Phase
    #: how bad
    severity: Severity
    #: the text, without a line end
    message: str
    #: the resource it is about, or empty
    urn: str = ""


Event = ResourceProgress | Diagnostic
Observer = Callable[[Event], None]
