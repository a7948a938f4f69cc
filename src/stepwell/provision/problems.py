"""What can go wrong between a program and a server, as errors and as values.

    StepwellError
    └── ProvisionError            the run cannot start, or cannot go on
        ├── ProjectInvalid        Pulumi.yaml, the stack's configuration, or the program's Python
        ├── StackInUse            another run holds the stack
        ├── StateDamaged          the state file is not what a run wrote
        ├── StateTooNew           a newer version wrote it
        ├── StateForeign          it belongs to another server, or to another program
        ├── ResourceRefused       a resource's type or properties, before anything was called
        ├── ResourceFailed        the endpoint's answer to a call for one resource
        └── Fault                 what no code expected

The first five are raised to the caller of `provision.run`; what concerns single resources or the program's
own code is collected as `Problem` values in the outcome, all of it and not only the first.
"""

from __future__ import annotations

import traceback
from dataclasses import dataclass

from stepwell.errors import StepwellError


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
    #: the line in `file`, from 1; 0 when unknown
    line: int = 0
    #: the program's traceback from its own first frame on
    traceback: str = ""


class ProvisionError(StepwellError):
    """The run cannot start or go on; `advice` says what to do."""

    def __init__(self, message: str, *, advice: str = "") -> None:
        super().__init__(f"{message}. {advice}" if advice else message)
        self.message = message
        self.advice = advice


class ProjectInvalid(ProvisionError):
    """The project's files make no sense."""


class StackInUse(ProvisionError):
    """Another run holds the stack."""


class StateDamaged(ProvisionError):
    """The state file is not what a run wrote."""


class StateTooNew(ProvisionError):
    """A newer version wrote the state file."""


class StateForeign(ProvisionError):
    """The state file belongs to another server or program."""


class ResourceRefused(ProvisionError):
    """A resource that cannot be made here, found before any call."""


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
