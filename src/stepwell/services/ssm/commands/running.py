"""Runs a command on this machine: start, wait, store what it printed, and tell the end once.

Everything here may be repeated after a crash at any instant: the worker's id comes from the command's, so
there is never a second run, and objects of S3 have names of their own. Lines of CloudWatch Logs may come
twice then.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from msgspec.structs import replace

from stepwell.api import callers
from stepwell.calls import Call, Caller, FileBody
from stepwell.durable import Draft, Effect, EffectKind, Outcome
from stepwell.errors import AwsError
from stepwell.services.ssm.commands import outputs, progress
from stepwell.services.ssm.commands.records import Command, Invocation, Plugin
from stepwell.services.ssm.parts import Parts
from stepwell.workers.commands import CommandSpec, StepResult
from stepwell.workers.jobs import Exit, WorkerError
from stepwell.workers.worker_roles import WorkerRole

log = logging.getLogger(__name__)

#: a plugin's StatusDetails where they are not its Status
DETAILS = {"TimedOut": "ExecutionTimedOut"}
#: what a step that was killed is told to have returned
KILLED = 137
#: characters of TraceOutput
TRACE = 2_500


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a command ended on an instance."""

    status: str
    details: str
    plugins: tuple[Plugin, ...] = ()
    trace: str = ""


class Running:
    """The effects of commands."""

    def __init__(self, parts: Parts) -> None:
        self._context = parts.context
        self._commands = parts.commands
        self._credentials = parts.credentials
        self._logs = parts.logs

    def effects(self) -> list[EffectKind]:
        return [
            EffectKind(name=progress.RUN, perform=self._perform, complete=_complete),
            EffectKind(name=progress.STOP, perform=self._stop, complete=_nothing),
            EffectKind(name=progress.FORGET, perform=self._forget, complete=_nothing),
        ]

    async def _perform(self, effect: Effect) -> Ended | None:
        key = effect.body["key"]
        command, invocation = await self._read(key)
        if command is None or invocation is None or invocation.over:
            return None
        worker_id = invocation.worker_id
        try:
            if not self._commands.known(worker_id) and not await self._begin(key, invocation):
                return None
            _, current = await self._read(key)
            if current is not None and current.status == "Cancelling":
                self._commands.stop(worker_id)
            exit_ = await self._commands.wait(worker_id)
        except WorkerError as error:
            return Ended(status="Failed", details="Undeliverable", trace=str(error)[:TRACE])
        return await self._collect(command, key, exit_)

    async def _begin(self, key: str, invocation: Invocation) -> bool:
        """Start the worker; false when it is not to start."""
        plan = await self._context.decide(partial(progress.begin, key=key))
        if plan is None:
            return False
        spec = CommandSpec(
            worker_id=invocation.worker_id,
            scripts=tuple(plan.scripts),
            variables={
                **plan.variables,
                "SSM_COMMAND_ID": invocation.command,
                "AWS_SSM_INSTANCE_ID": invocation.instance,
                "AWS_SSM_REGION_NAME": self._context.config.region,
            },
            credentials=await self._credentials.url(invocation.worker_id),
        )
        await self._commands.start(spec)
        return True

    async def _read(self, key: str) -> tuple[Command | None, Invocation | None]:
        return await self._context.read(
            lambda view: (view.get(Command, key.partition("/")[0]), view.get(Invocation, key))
        )

    async def _stop(self, effect: Effect) -> None:
        worker_id = effect.body["worker"]
        if self._commands.known(worker_id):
            self._commands.stop(worker_id)

    async def _forget(self, effect: Effect) -> None:
        worker_id = effect.body["worker"]
        self._credentials.forget(worker_id)
        if self._commands.known(worker_id):
            self._commands.stop(worker_id)
            await self._commands.wait(worker_id)
            await asyncio.to_thread(self._commands.forget, worker_id)

    async def _collect(self, command: Command, key: str, exit_: Exit) -> Ended:
        """What the command did, with its output stored where it was asked to be."""
        _, invocation = await self._read(key)
        if invocation is None:
            return Ended(status="Failed", details="Failed")
        results = await asyncio.to_thread(self._commands.results, invocation.worker_id)
        plugins = []
        problems: list[str] = []
        for number, plugin in enumerate(invocation.plugins):
            result = results[number] if number < len(results) else None
            plugins.append(
                await self._plugin(command, invocation, number, _ended(plugin, result, exit_), problems)
            )
        if exit_.reason not in ("exit", "stopped") or (exit_.code and not results):
            told = await asyncio.to_thread(self._commands.printed, invocation.worker_id)
            problems.insert(0, (exit_.detail or told).strip() or f"the command was ended ({exit_.reason})")
        status, details = _overall(invocation, plugins, exit_)
        return Ended(
            status=status, details=details, plugins=tuple(plugins), trace="\n".join(problems)[:TRACE]
        )

    async def _plugin(
        self, command: Command, invocation: Invocation, number: int, plugin: Plugin, problems: list[str]
    ) -> Plugin:
        """The step with the beginning of its output, all of which goes where the caller wants it."""
        files = {
            name: await asyncio.to_thread(self._commands.output, invocation.worker_id, number, name)
            for name in ("stdout", "stderr")
        }
        urls = {}
        step = "0.awsrunShellScript" if plugin.name == "aws:runShellScript" else plugin.name
        for name, path in files.items():
            folder = f"{command.id}/{invocation.instance}/awsrunShellScript/{step}/{name}"
            if command.bucket is not None:
                object_key = f"{command.prefix}/{folder}" if command.prefix else folder
                urls[f"{name}_url"] = self._url_of(command.bucket, object_key)
                if path is not None:
                    problems += await self._store(command, invocation, path, object_key)
            if command.log_group is not None and path is not None:
                stream = f"{command.id}/{invocation.instance}/aws-runShellScript/{name}"
                problems += await self._write_log(command, invocation, stream, path)
        return replace(
            plugin,
            stdout=await asyncio.to_thread(outputs.head, files["stdout"], outputs.STDOUT, outputs.CUT),
            stderr=await asyncio.to_thread(outputs.head, files["stderr"], outputs.STDERR, outputs.ERROR_CUT),
            **urls,
        )

    def _url_of(self, bucket: str, key: str) -> str:
        return f"https://s3.{self._context.config.region}.amazonaws.com/{bucket}/{key}"

    async def _store(self, command: Command, invocation: Invocation, path: Path, key: str) -> list[str]:
        """Put one stream into the bucket; what a person should know when that failed.

        On AWS the agent does it with the machine's role, and a failure is not the command's.
        """
        try:
            caller = await self._storing(command, invocation)
            size = path.stat().st_size
            await self._context.dispatch(
                Call(
                    service="s3",
                    operation="PutObject",
                    params={
                        "Bucket": command.bucket,
                        "Key": key,
                        "Body": FileBody(path=path, length=size),
                        "ContentLength": size,
                    },
                    caller=caller,
                )
            )
        except AwsError as error:
            log.warning("output of %s is not in s3://%s/%s: %s", command.id, command.bucket, key, error)
            return [f"Could not store the output as s3://{command.bucket}/{key}: {error.message}"]
        return []

    async def _storing(self, command: Command, invocation: Invocation) -> Caller:
        """Who puts outputs: the machine's role, else whoever sent the command. Raises AwsError."""
        granted = await self._context.read(lambda view: view.get(WorkerRole, invocation.worker_id))
        if granted is None:
            return command.caller
        call = Call(
            service="sts",
            operation="AssumeRole",
            params={"RoleArn": granted.role, "RoleSessionName": granted.session},
            caller=callers.service_principal(granted.principal, command.caller.account),
        )
        user = (await self._context.dispatch(call)).output["AssumedRoleUser"]
        return callers.role_session(
            granted.role, granted.session, str(user["AssumedRoleId"]).partition(":")[0]
        )

    async def _write_log(
        self, command: Command, invocation: Invocation, stream: str, path: Path
    ) -> list[str]:
        """Hand a file's lines to CloudWatch Logs; what a person should know when none went."""
        group = str(command.log_group)
        try:
            caller = await self._storing(command, invocation)
        except AwsError as error:
            return [f"Could not write to the log group {group}: {error.message}"]
        if not await self._context.read(lambda view: self._logs.writable(view, caller, group, stream)):
            return [f"Could not write to the log group {group}: {caller.arn} has no right to."]
        batches = outputs.batches(path)
        while lines := await asyncio.to_thread(next, batches, None):
            now = self._context.now
            self._logs.write(group, stream, [(now, line) for line in lines])
        return []


def _ended(plugin: Plugin, result: StepResult | None, exit_: Exit) -> Plugin:
    """A step as the worker left it."""
    if result is None:
        status = "Cancelled" if exit_.reason == "stopped" else "Failed"
        return replace(plugin, status=status, details=status)
    status, code = result.status, result.code
    if result.ended is None or status not in ("Success", "Failed", "TimedOut", "Cancelled"):
        status = {"stopped": "Cancelled", "max_runtime": "TimedOut"}.get(exit_.reason, "Failed")
        code = KILLED
    return replace(
        plugin,
        status=status,
        details=DETAILS.get(status, status),
        code=code if -1 <= code <= 255 else KILLED,
        started=_within(result.started, exit_),
        ended=exit_.ended_at if result.ended is None else _within(result.ended, exit_),
    )


def _within(moment: float, exit_: Exit) -> float:
    """A time as the worker told it, which its script may have changed, within the worker's life."""
    return min(max(moment, exit_.started_at), exit_.ended_at)


def _overall(invocation: Invocation, plugins: list[Plugin], exit_: Exit) -> tuple[str, str]:
    """An invocation's Status and StatusDetails: the worst of its steps'."""
    statuses = {plugin.status for plugin in plugins}
    if exit_.reason == "stopped" or (invocation.status == "Cancelling" and "Cancelled" in statuses):
        return "Cancelled", "Cancelled"
    for status in ("Failed", "TimedOut", "Cancelled"):
        if status in statuses:
            return status, DETAILS.get(status, status)
    return "Success", "Success"


def _complete(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    if outcome.error is not None:
        trace = outcome.error.message[:TRACE]
        progress.finish(draft, effect.body["key"], status="Failed", details="Failed", trace=trace)
    elif isinstance(outcome.value, Ended):
        ended = outcome.value
        progress.finish(
            draft,
            effect.body["key"],
            status=ended.status,
            details=ended.details,
            plugins=ended.plugins,
            trace=ended.trace,
        )


def _nothing(effect: Effect, outcome: Outcome, draft: Draft) -> None:
    """What is done needs no decision; what failed is in the server's log."""
    if outcome.error is not None:
        log.warning("%s %s: %s", effect.kind, effect.body, outcome.error.message)
