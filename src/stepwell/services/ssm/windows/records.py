"""What a maintenance window is made of: the window, its registered targets, its tasks."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.durable import Record, View
from stepwell.services.ssm.errors import DoesNotExistException

HOUR = 3600.0


class Window(Record, frozen=True, kw_only=True):
    """A maintenance window."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window"

    #: `mw-` and 17 hexadecimal digits
    id: str
    name: str
    description: str | None = None
    #: the expression as it was written
    schedule: str
    #: IANA name; None is UTC
    timezone: str | None = None
    #: days between a match of the expression and the start
    offset: int | None = None
    #: ISO 8601, as they were written
    start_date: str | None = None
    end_date: str | None = None
    #: hours
    duration: int
    #: hours before the end at which nothing new begins
    cutoff: int
    #: AllowUnassociatedTargets
    unassociated: bool
    enabled: bool = True
    #: seconds since the epoch
    created: float
    modified: float
    #: when the schedule began to count
    since: float
    #: the next start; None for never
    next: float | None = None
    #: the last execution that began
    execution: str | None = None

    @property
    def key(self) -> str:
        return self.id


class WindowTarget(Record, frozen=True, kw_only=True):
    """Instances registered with a window."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window-target"

    #: a UUID
    id: str
    window: str
    #: INSTANCE
    resource_type: str
    #: `{"Key", "Values"}`, as they were given
    targets: list[dict[str, Any]]
    owner: str | None = None
    name: str | None = None
    description: str | None = None

    @property
    def key(self) -> str:
        return f"{self.window}/{self.id}"


class WindowTask(Record, frozen=True, kw_only=True):
    """A task registered with a window."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window-task"

    #: a UUID
    id: str
    window: str
    #: RUN_COMMAND, LAMBDA or STEP_FUNCTIONS
    type: str
    #: the members of RegisterTaskWithMaintenanceWindow that GetMaintenanceWindowTask gives back; bytes in
    #: base64
    settings: dict[str, Any]

    @property
    def key(self) -> str:
        return f"{self.window}/{self.id}"


def window_of(view: View, id: str) -> Window:
    """The window. Raises DoesNotExistException."""
    found = view.get(Window, id)
    if found is None:
        raise DoesNotExistException(f"Maintenance window {id} does not exist.")
    return found


def target_of(view: View, window: str, id: str) -> WindowTarget:
    """The window's registered target. Raises DoesNotExistException."""
    window_of(view, window)
    found = view.get(WindowTarget, f"{window}/{id}")
    if found is None:
        raise DoesNotExistException(f"Target {id} is not registered with maintenance window {window}.")
    return found


def task_of(view: View, window: str, id: str) -> WindowTask:
    """The window's task. Raises DoesNotExistException."""
    window_of(view, window)
    found = view.get(WindowTask, f"{window}/{id}")
    if found is None:
        raise DoesNotExistException(f"Task {id} is not registered with maintenance window {window}.")
    return found


def targets_of(view: View, window: str) -> list[WindowTarget]:
    """All targets that are registered with the window."""
    return list(view.scan(WindowTarget, prefix=f"{window}/"))


def tasks_of(view: View, window: str) -> list[WindowTask]:
    """All tasks of the window."""
    return list(view.scan(WindowTask, prefix=f"{window}/"))
