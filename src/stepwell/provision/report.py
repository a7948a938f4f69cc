"""Collects what a run does: events go out as they come, and are counted for the outcome."""

from __future__ import annotations

import threading
from collections import Counter

from stepwell.provision import urns
from stepwell.provision.problems import Finding, Problem, ProvisionError, ResourceRefused
from stepwell.provision.progress import (
    Diagnostic,
    Observer,
    Operation,
    Phase,
    PropertyChange,
    ResourceProgress,
    Severity,
    Status,
)
from stepwell.provision.request import Change


class Report:
    """One phase's events. Safe for several threads; the observer is called by one at a time."""

    def __init__(self, phase: Phase, observer: Observer) -> None:
        self.phase = phase
        self._observer = observer
        self._lock = threading.RLock()
        self._done: dict[tuple[str, Operation], Change] = {}
        self._places: dict[str, str] = {}
        self.problems: list[Problem] = []

    def declared(self, urn: str, place: str) -> None:
        """Where the program declares a resource, for what may be told of it."""
        with self._lock:
            self._places[urn] = place

    def step(
        self,
        urn: str,
        operation: Operation,
        status: Status,
        *,
        parent: str = "",
        changes: tuple[PropertyChange, ...] = (),
        message: str = "",
    ) -> None:
        """One step of a resource."""
        type_, name = urns.type_of(urn), urns.name_of(urn)
        with self._lock:
            if status == "done":
                change = Change(urn=urn, type=type_, name=name, operation=operation, properties=changes)
                self._done.setdefault((urn, operation), change)
            self._observer(
                ResourceProgress(
                    phase=self.phase,
                    urn=urn,
                    type=type_,
                    name=name,
                    parent=parent,
                    operation=operation,
                    status=status,
                    changes=changes,
                    message=message,
                )
            )

    def say(self, severity: Severity, message: str, urn: str = "") -> None:
        """A line from the program or about a resource."""
        with self._lock:
            self._observer(Diagnostic(phase=self.phase, severity=severity, message=message, urn=urn))

    def problem(self, problem: Problem) -> None:
        """A fault; the run goes on as far as it can."""
        with self._lock:
            self.problems.append(problem)

    def failed(self, urn: str, error: ProvisionError) -> None:
        """What one resource failed of; each finding of a refusal is a problem of its own."""
        found = error.findings if isinstance(error, ResourceRefused) else ()
        for finding in found or (Finding(message=error.message),):
            self.problem(
                Problem(
                    message=f"{urns.type_of(urn)} {urns.name_of(urn)!r}: {finding.message}",
                    advice=error.advice,
                    urn=urn,
                    name=urns.name_of(urn),
                    declared=self._places.get(urn, ""),
                    property=finding.property,
                    location=finding.location,
                    line=finding.line,
                    column=finding.column,
                    excerpt=finding.excerpt,
                )
            )

    def counts(self) -> dict[Operation, int]:
        """How many resources each operation was done with; the stack itself is none."""
        with self._lock:
            done = [operation for urn, operation in self._done if urns.type_of(urn) != urns.STACK_TYPE]
        return dict(Counter(done))

    def changes(self) -> tuple[Change, ...]:
        """All that was done, without `same` and `read`."""
        with self._lock:
            return tuple(change for change in self._done.values() if change.operation not in ("same", "read"))
