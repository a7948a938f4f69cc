"""What Systems Manager works with beside the store: the seams at which tests put fakes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from stepwell.api.context import Context, LogSink
from stepwell.services.ssm.parameters import Sealer
from stepwell.workers.commands import CommandSpec, StepResult
from stepwell.workers.jobs import Exit
from stepwell.workers.worker_roles import WorkerCredentials


class Commands(Protocol):
    """Supervised scripts that outlive the server (`workers.commands.Commands`)."""

    def known(self, worker_id: str) -> bool: ...

    async def start(self, spec: CommandSpec) -> None: ...

    async def wait(self, worker_id: str) -> Exit: ...

    def stop(self, worker_id: str) -> None: ...

    def results(self, worker_id: str) -> tuple[StepResult, ...]: ...

    def output(self, worker_id: str, step: int, stream: str) -> Path | None: ...

    def printed(self, worker_id: str) -> str: ...

    def forget(self, worker_id: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the service needs."""

    context: Context
    logs: LogSink
    commands: Commands
    #: gives commands the credentials of the machine's role
    credentials: WorkerCredentials
    #: keeps the values of SecureStrings
    sealer: Sealer
