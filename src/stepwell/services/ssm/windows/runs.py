"""What happens in a window: its execution, the executions of its tasks, their invocations."""

from __future__ import annotations

from typing import Any, ClassVar

from stepwell.durable import Record, View
from stepwell.services.ssm.errors import DoesNotExistException

#: statuses that do not change any more
FINAL = frozenset({"SUCCESS", "FAILED", "TIMED_OUT", "CANCELLED", "SKIPPED_OVERLAPPING"})


class Run(Record, frozen=True, kw_only=True):
    """What an execution, a task's execution and an invocation have in common."""

    SERVICE: ClassVar[str] = "ssm"

    #: a UUID
    id: str
    #: MaintenanceWindowExecutionStatus
    status: str = "PENDING"
    #: StatusDetails
    details: str | None = None
    #: seconds since the epoch
    started: float | None = None
    ended: float | None = None

    @property
    def final(self) -> bool:
        """Whether it is over."""
        return self.status in FINAL


class Execution(Run, frozen=True, kw_only=True):
    """One opening of a window."""

    KIND: ClassVar[str] = "window-execution"

    window: str
    #: when it should have begun, by the schedule
    scheduled: float
    #: when nothing new begins any more
    cutoff: float
    #: when all is over
    end: float
    #: the ids of its tasks' executions, in the order of their priorities
    tasks: list[str] = []

    @property
    def key(self) -> str:
        return self.id


class Opening(Record, frozen=True, kw_only=True):
    """Finds a window's executions, by the time at which they began."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window-opening"

    window: str
    started: float
    #: when it should have begun; late ones may begin at once
    scheduled: float
    execution: str

    @property
    def key(self) -> str:
        return f"{self.window}/{self.started:017.3f}/{self.scheduled:017.3f}/{self.execution}"


class TaskExecution(Run, frozen=True, kw_only=True):
    """One task in one opening: as the task was registered when the window opened."""

    KIND: ClassVar[str] = "window-task-execution"

    execution: str
    #: the registered task's id
    task: str
    type: str
    #: the task's settings at the opening
    settings: dict[str, Any]
    #: its invocations' ids, in the order in which they begin
    invocations: list[str] = []
    #: what it is invoked on, all in all
    targets: int = 0

    @property
    def key(self) -> str:
        return f"{self.execution}/{self.id}"

    @property
    def priority(self) -> int:
        """Lower ones come first."""
        found: int = self.settings.get("Priority", 0)
        return found


class Invocation(Run, frozen=True, kw_only=True):
    """One command, one function's invocation, one machine's execution."""

    KIND: ClassVar[str] = "window-invocation"

    execution: str
    #: the task execution's id
    task: str
    type: str
    #: the instances that it is about; none for a task without targets
    instances: list[str] = []
    #: the registered target through which they were found
    window_target: str | None = None
    owner: str | None = None
    #: Parameters: what was asked for, as JSON
    parameters: str | None = None
    #: ExecutionId: the command's id, the execution's ARN
    started_as: str | None = None
    #: how many of its instances failed
    errors: int = 0
    #: TIMED_OUT or CANCELLED when it was told to end, and what it will end as
    ending: str | None = None

    @property
    def key(self) -> str:
        return f"{self.execution}/{self.task}/{self.id}"

    @property
    def weight(self) -> int:
        """How many targets it stands for."""
        return max(1, len(self.instances))


class Awaited(Record, frozen=True, kw_only=True):
    """Finds the invocation that waits for a command or an execution to end."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window-awaited"

    #: the command's id or the execution's ARN
    started_as: str
    #: the invocation's key
    invocation: str

    @property
    def key(self) -> str:
        return self.started_as


def execution_of(view: View, id: str) -> Execution:
    """The window's execution. Raises DoesNotExistException."""
    found = view.get(Execution, id)
    if found is None:
        raise DoesNotExistException(f"Maintenance window execution {id} does not exist.")
    return found


def task_execution_of(view: View, execution: str, id: str) -> TaskExecution:
    """The task's execution. Raises DoesNotExistException."""
    execution_of(view, execution)
    found = view.get(TaskExecution, f"{execution}/{id}")
    if found is None:
        raise DoesNotExistException(f"Task execution {id} is not part of window execution {execution}.")
    return found


def invocation_of(view: View, execution: str, task: str, id: str) -> Invocation:
    """The invocation. Raises DoesNotExistException."""
    task_execution_of(view, execution, task)
    found = view.get(Invocation, f"{execution}/{task}/{id}")
    if found is None:
        raise DoesNotExistException(f"Invocation {id} is not part of task execution {task}.")
    return found


def tasks_in(view: View, execution: Execution) -> list[TaskExecution]:
    """The executions of its tasks, in their order."""
    return [task_execution_of(view, execution.id, id) for id in execution.tasks]


def invocations_in(view: View, task: TaskExecution) -> list[Invocation]:
    """The task's invocations, in their order."""
    return [invocation_of(view, task.execution, task.id, id) for id in task.invocations]
