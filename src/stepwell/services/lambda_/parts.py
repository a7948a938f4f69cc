"""What functions are run with: the seams at which tests put fakes."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from stepwell.api.context import Context, LogSink
from stepwell.services.lambda_.code import Packages
from stepwell.services.lambda_.roles import Sessions
from stepwell.workers.functions import FunctionSpec, Invocation, InvocationResult


class Workers(Protocol):
    """Warm processes (`workers.functions.Functions`)."""

    async def invoke(self, spec: FunctionSpec, invocation: Invocation) -> InvocationResult: ...

    async def retire(self, name: str, keep: str | None = None) -> None: ...


@dataclass(kw_only=True)
class Parts:
    """What the service needs beside the store."""

    context: Context
    workers: Workers
    logs: LogSink
    #: the folder of unpacked packages; emptied at every start
    code: Path
    packages: Packages = field(init=False)
    sessions: Sessions = field(init=False)
    #: invocations under way, by function: what reserved concurrency counts
    running: dict[str, int] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.packages = Packages(self.code)
        self.sessions = Sessions(self.context)
