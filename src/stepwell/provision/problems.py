"""What can go wrong between a program and a server, as errors and as values.

    StepwellError
    └── ProvisionError            the run cannot start, or cannot go on
        ├── ProjectInvalid        Pulumi.yaml, the stack's configuration, or the program's Python
        ├── SecretsLocked         the key or passphrase of the stack's secrets is absent or wrong
        ├── StackInUse            another run holds the stack
        ├── StateDamaged          the state file is not what a run wrote
        ├── StateTooNew           a newer version wrote it
        ├── StateForeign          it belongs to another server, or to another program
        ├── ResourceRefused       a resource's type or properties, before anything was called
        ├── ResourceFailed        the endpoint's answer to a call for one resource
        └── Fault                 what no code expected

The first six are raised to the caller of `provision.run`; what concerns single resources or the program's
own code is collected as `Problem` values in the outcome, all of it and not only the first.
"""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from stepwell.errors import StepwellError


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault inside a resource's inputs, where a property alone is too coarse a place."""

    #: what is wrong
    message: str
    #: the property that holds the document
    property: str = ""
    #: where in the document: `/States/Train/Next`; empty for the whole
    location: str = ""
    #: the document's line, from 1; 0 when unknown
    line: int = 0
    #: the line's column, from 1; 0 when unknown
    column: int = 0
    #: that line, with a caret under the column
    excerpt: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One fault of a run, ready to be shown."""

    #: what is wrong, and what was answered
    message: str
    #: what to do about it; empty where nothing is certain
    advice: str = ""
    #: the resource, empty when it is the program itself
    urn: str = ""
    #: the resource's logical name
    name: str = ""
    #: where in the program, when known
    file: str = ""
    #: the line in `file`, or in the document that `property` holds, from 1; 0 when unknown
    line: int = 0
    #: where the program declares the resource, `FILE:LINE`, when known
    declared: str = ""
    #: the program's traceback from its own first frame on
    traceback: str = ""
    #: the property that holds the faulty document; empty when it is about no document
    property: str = ""
    #: where in that document: `/States/Train/Next`; empty for the whole
    location: str = ""
    #: the column in that document, from 1; 0 when unknown
    column: int = 0
    #: the document's line, with a caret under the column
    excerpt: str = ""


class ProvisionError(StepwellError):
    """The run cannot start or go on; `advice` says what to do."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(f"{message}. {advice}" if advice else message)
        self.message = message
        self.advice = advice


class ProjectInvalid(ProvisionError):
    """The project's files make no sense."""


class SecretsLocked(ProvisionError):
    """The stack's secrets can't be read with the passphrase or the key file that is here."""


class StackInUse(ProvisionError):
    """Another run holds the stack."""


class StateDamaged(ProvisionError):
    """The state file is not what a run wrote."""


class StateTooNew(ProvisionError):
    """A newer version wrote the state file."""


class StateForeign(ProvisionError):
    """The state file belongs to another server or program."""


class ResourceRefused(ProvisionError):
    """A resource that cannot be made here, found before any call; `findings` are what is told one by one."""

    def __init__(self, message: str, *, advice: str = "", findings: Sequence[Finding] = ()) -> None:
        super().__init__(message, advice=advice)
        self.findings = tuple(findings)


class Fault(ProvisionError):
    """An error that no code expected: ours, or an answer without what AWS always answers."""

    def __init__(self, error: Exception) -> None:
        place = traceback.extract_tb(error.__traceback__)[-1]
        super().__init__(
            f"{type(error).__name__}: {error} (in {place.filename}, line {place.lineno})",
            advice="This is a fault of Stepwell or of the server: run again, and report it",
        )


class ResourceFailed(ProvisionError):
    """The endpoint refused or failed a call. `reached` is False when its answer never came."""

    def __init__(self, message: str, *, advice: str = "", code: str = "", reached: bool = True) -> None:
        super().__init__(message, advice=advice)
        self.code = code
        self.reached = reached
