"""Run Command over scripts that end when and as tests say, on a manual clock."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import Harness

from stepwell.calls import Caller
from stepwell.durable import Draft, View
from stepwell.services import iam, s3, ssm, sts
from stepwell.services.ssm.instances import Machine, aliases, register
from stepwell.store.sealer import FileSealer
from stepwell.triggers import events
from stepwell.workers.commands import CommandSpec, StepResult
from stepwell.workers.jobs import Exit
from stepwell.workers.worker_roles import WorkerCredentials

ALIASES = ["i-0000000000000000a", "i-0000000000000000b", "i-0000000000000000c", "i-0000000000000000d"]


@dataclass
class FakeCommands:
    """Scripts that do nothing until they are told how they ended."""

    folder: Path
    started: dict[str, CommandSpec] = field(default_factory=dict)
    stopped: list[str] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    ends: dict[str, tuple[Exit, tuple[StepResult, ...]]] = field(default_factory=dict)

    def known(self, worker_id: str) -> bool:
        return worker_id in self.started

    async def start(self, spec: CommandSpec) -> None:
        self.started[spec.worker_id] = spec

    async def wait(self, worker_id: str) -> Exit:
        while worker_id not in self.ends:
            await asyncio.sleep(0.001)
        return self.ends[worker_id][0]

    def stop(self, worker_id: str) -> None:
        self.stopped.append(worker_id)

    def results(self, worker_id: str) -> tuple[StepResult, ...]:
        return self.ends[worker_id][1]

    def output(self, worker_id: str, step: int, stream: str) -> Path | None:
        path = self.folder / f"{worker_id}.{step}.{stream}"
        return path if path.exists() else None

    def printed(self, worker_id: str) -> str:
        return ""

    def forget(self, worker_id: str) -> None:
        self.forgotten.append(worker_id)
        del self.started[worker_id]


class Log:
    """What was handed to CloudWatch Logs."""

    def __init__(self) -> None:
        #: whether whoever asks may write
        self.open = True
        self.lines: dict[tuple[str, str], list[str]] = {}

    def writable(self, view: View, caller: Caller, group: str, stream: str) -> bool:
        return self.open

    def write(self, group: str, stream: str, lines: list[tuple[float, str]]) -> None:
        self.lines.setdefault((group, stream), []).extend(text for _, text in lines)


class World:
    """A server with Systems Manager, S3 and IAM, whose machine has four aliases."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "outputs").mkdir(exist_ok=True)
        self.commands = FakeCommands(folder / "outputs")
        self.log = Log()
        #: what EventBridge heard: detail type, status
        self.told: list[tuple[str, dict[str, Any]]] = []
        self.start()

    def start(self, now: float | None = None) -> None:
        """A server on the folder, at that time; the commands under way go on."""
        self.server = Harness(self.folder)
        if now is not None:
            self.server.clock.advance(now - self.server.clock.now())
        context = self.server.context
        parts = ssm.Parts(
            context=context,
            logs=self.log,
            commands=self.commands,
            credentials=WorkerCredentials(context, "http://127.0.0.1:4566"),
            sealer=FileSealer(self.folder),
        )
        self.server.serve(
            [ssm.service(parts), s3.service(), iam.service(), sts.service()],
            effects=ssm.effects(parts),
            timers={
                **events.timers([*ssm.subscribers(parts), self._hear]),
                **ssm.timers(parts),
                **sts.timers(),
            },
        )
        self.server.decide(self._furnish)
        here = self.call("DescribeInstanceInformation")["InstanceInformationList"][0]
        self.id: str = here["InstanceId"]

    def stop(self) -> None:
        self.server.__exit__(None, None, None)

    def _furnish(self, draft: Draft) -> None:
        machine = Machine(
            platform_name="Debian GNU/Linux",
            platform_version="12",
            platform_type="Linux",
            computer_name="box",
            ip_address="192.0.2.9",
            architecture="x86_64",
        )
        register(draft, machine)
        for alias in ALIASES:
            aliases.put(draft, alias)

    def _hear(self, event: dict[str, Any], draft: Draft) -> None:
        self.told.append((event["detail-type"], event["detail"]))

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        return self.server.call("ssm", operation, **params)

    def calm(self) -> None:
        """Let everything happen that can; scripts that were not told to end go on."""
        for _ in range(12):
            self.server.run(asyncio.sleep(0.002))
            self.server.decide(lambda draft: None)

    def later(self, seconds: float) -> None:
        self.server.clock.advance(seconds)
        self.calm()

    def send(self, *instances: str, commands: list[str] | None = None, **params: Any) -> str:
        """Send AWS-RunShellScript, or the document named, and let it begin."""
        if "DocumentName" not in params:
            params |= {
                "DocumentName": "AWS-RunShellScript",
                "Parameters": {"commands": commands or ["true"], **params.pop("Parameters", {})},
            }
        if instances:
            params["InstanceIds"] = list(instances)
        id: str = self.call("SendCommand", **params)["Command"]["CommandId"]
        self.calm()
        return id

    def end(
        self, id: str, instance: str, *steps: tuple[str, int], reason: str = "exit", **outputs: str
    ) -> None:
        """End a script. steps: status and code of each, one success unless given; outputs: `stdout0="…"`."""
        worker = f"command-{id}-{instance}"
        now = self.server.clock.now()
        spec = self.commands.started[worker]
        results = tuple(
            StepResult(name=script.name, status=status, code=code, started=now, ended=now + 1.5)
            for script, (status, code) in zip(spec.scripts, steps or [("Success", 0)], strict=False)
        )
        for name, text in outputs.items():
            (self.commands.folder / f"{worker}.{name[-1]}.{name[:-1]}").write_text(text)
        exit_ = Exit(
            worker_id=worker,
            code=0 if reason == "exit" else None,
            signal=None if reason == "exit" else 9,
            reason=reason,
            detail="" if reason in ("exit", "stopped") else f"ended for {reason}",
            started_at=now,
            ended_at=now + 2,
            peak_memory=0,
            mounted=True,
        )
        self.commands.ends[worker] = (exit_, results)
        self.calm()

    def command(self, id: str) -> dict[str, Any]:
        found: dict[str, Any] = self.call("ListCommands", CommandId=id)["Commands"][0]
        return found

    def statuses(self, id: str) -> dict[str, str]:
        """StatusDetails by instance."""
        rows = self.call("ListCommandInvocations", CommandId=id)["CommandInvocations"]
        return {row["InstanceId"]: row["StatusDetails"] for row in rows}

    def invocation(self, id: str, instance: str, **params: Any) -> dict[str, Any]:
        return self.call("GetCommandInvocation", CommandId=id, InstanceId=instance, **params)
