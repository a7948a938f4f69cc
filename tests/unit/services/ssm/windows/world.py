"""Maintenance windows on a manual clock, over commands, functions and machines that do as tests say."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar

from harness import ACCOUNT, Harness
from msgspec.structs import replace

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, Service, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.errors import AccessDenied, AwsError
from stepwell.services import iam
from stepwell.services.ssm import instances, tags, windows
from stepwell.services.ssm.instances import Machine, aliases, register
from stepwell.triggers import events

ROLE = f"arn:aws:iam::{ACCOUNT}:role/window"
FUNCTION = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:judge"
MACHINE = f"arn:aws:states:us-east-1:{ACCOUNT}:stateMachine:retrain"
IDS = ["i-0000000000000000a", "i-0000000000000000b", "i-0000000000000000c"]
#: what follows the count in a command's id
NO_MORE = "-0000-0000-0000-000000000000"
ANY = (Right(action="test:Any"),)
TRUST = (
    '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",'
    ' "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}]}'
)


class Started(Record, frozen=True, kw_only=True):
    """A command or an execution, as its fake service remembers it."""

    SERVICE: ClassVar[str] = "test"
    KIND: ClassVar[str] = "started"

    id: str
    params: dict[str, Any]
    status: str
    details: str = ""
    errors: int = 0

    @property
    def key(self) -> str:
        return self.id


class World:
    """A server with maintenance windows; its clock begins on Wednesday, 1 January 2025, at noon (UTC)."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.now = datetime.fromisoformat("2025-01-01T12:00:00+00:00").timestamp()
        #: calls that tasks made: operation, caller's ARN, parameters
        self.calls: list[tuple[str, str, dict[str, Any]]] = []
        #: what the fakes refuse to start
        self.denied = False
        #: what a function answers, by the payload's text; nothing is success
        self.function_error: str | None = None
        #: detail types and statuses that were told
        self.told: list[tuple[str, str]] = []
        self.start()
        self.server.decide(self._furnish)

    def start(self) -> None:
        """The server comes back on the same folder, at `now`."""
        self.server = Harness(self._folder)
        self.server.clock.advance(self.now - self.server.clock.now())
        ssm = Service(
            "ssm",
            [
                *windows.OPERATIONS,
                *tags.operations({windows.TAGGED: windows.exists, "ManagedInstance": instances.exists}),
                Operation(
                    name="SendCommand",
                    rights=ANY,
                    honoured=words(
                        "DocumentName InstanceIds MaxConcurrency MaxErrors Comment Parameters TimeoutSeconds"
                        " DocumentVersion OutputS3BucketName OutputS3KeyPrefix"
                    ),
                    decide=self._send,
                ),
                Operation(name="ListCommands", rights=ANY, honoured=("CommandId",), read=_commands),
                Operation(name="CancelCommand", rights=ANY, honoured=("CommandId",), decide=self._take_back),
            ],
        )
        functions = Service(
            "lambda",
            [
                Operation(
                    name="Invoke",
                    rights=ANY,
                    honoured=words("FunctionName InvocationType Payload ClientContext Qualifier"),
                    act=self._invoke,
                )
            ],
        )
        machines = Service(
            "stepfunctions",
            [
                Operation(
                    name="StartExecution",
                    rights=ANY,
                    honoured=words("stateMachineArn name input"),
                    decide=self._execute,
                ),
                Operation(name="DescribeExecution", rights=ANY, honoured=("executionArn",), read=_executions),
            ],
        )
        self.server.serve(
            [ssm, functions, machines, iam.service()],
            effects=windows.effects(self.server.context),
            timers={**windows.timers(), **events.timers([windows.on_event, self._hear])},
        )

    def stop(self) -> None:
        """The server ends."""
        self.server.__exit__(None, None, None)

    def absent(self, until: str) -> None:
        """The server ends and comes back at that time."""
        self.stop()
        self.now = datetime.fromisoformat(until).timestamp()
        self.start()
        self.server.settle()

    def until(self, moment: str) -> None:
        """Let time go on to then, second by second where anything is due."""
        wanted = datetime.fromisoformat(moment).timestamp()
        while (due := self.server.decide(lambda draft: self.server._loop.next_due())) and due <= wanted:
            self.server.advance(max(0.0, due - self.server.clock.now()))
        self.server.advance(wanted - self.server.clock.now())
        self.now = wanted

    def call(self, operation: str, **params: Any) -> dict[str, Any]:
        """A call to Systems Manager, and all that follows at once."""
        answer = self.server.call("ssm", operation, **params)
        self.server.settle()
        return answer

    def window(self, **params: Any) -> str:
        """A window of three hours with a cutoff of one, on Sundays at four."""
        defaults = {
            "Name": "sunday",
            "Schedule": "cron(0 4 ? * SUN *)",
            "Duration": 3,
            "Cutoff": 1,
            "AllowUnassociatedTargets": True,
        }
        found: str = self.call("CreateMaintenanceWindow", **{**defaults, **params})["WindowId"]
        return found

    def task(self, window: str, **params: Any) -> str:
        """A command on the first of the instances."""
        defaults: dict[str, Any] = {
            "TaskType": "RUN_COMMAND",
            "TaskArn": "AWS-RunShellScript",
            "ServiceRoleArn": ROLE,
            "Targets": [{"Key": "InstanceIds", "Values": IDS[:1]}],
            "MaxConcurrency": "1",
            "MaxErrors": "0",
        }
        said = {name: value for name, value in {**defaults, **params}.items() if value is not None}
        found: str = self.call("RegisterTaskWithMaintenanceWindow", WindowId=window, **said)["WindowTaskId"]
        return found

    def machine_task(self, window: str, **params: Any) -> str:
        """An execution of a machine for each target."""
        return self.task(window, TaskType="STEP_FUNCTIONS", TaskArn=MACHINE, **params)

    def executions(self, window: str) -> list[dict[str, Any]]:
        """The window's executions, the newest first."""
        found: list[dict[str, Any]] = self.call("DescribeMaintenanceWindowExecutions", WindowId=window)[
            "WindowExecutions"
        ]
        return found

    def tasks(self, window: str) -> list[dict[str, Any]]:
        """What the last execution's tasks did."""
        last = self.executions(window)[0]["WindowExecutionId"]
        found: list[dict[str, Any]] = self.call(
            "DescribeMaintenanceWindowExecutionTasks", WindowExecutionId=last
        )["WindowExecutionTaskIdentities"]
        return found

    def invocations(self, window: str, task: int = 0) -> list[dict[str, Any]]:
        """What the last execution's task was invoked as."""
        row = self.tasks(window)[task]
        found: list[dict[str, Any]] = self.call(
            "DescribeMaintenanceWindowExecutionTaskInvocations",
            WindowExecutionId=row["WindowExecutionId"],
            TaskId=row["TaskExecutionId"],
        )["WindowExecutionTaskInvocationIdentities"]
        return found

    def statuses(self, window: str) -> tuple[str, list[str], list[list[str]]]:
        """The last execution's status, its tasks', their invocations'."""
        tasks = self.tasks(window)
        return (
            self.executions(window)[0]["Status"],
            [task["Status"] for task in tasks],
            [[run["Status"] for run in self.invocations(window, each)] for each in range(len(tasks))],
        )

    def machine_id(self) -> str:
        """The machine's own id."""
        found: str = self.server.read(lambda view: instances.resolve(view, (), ["*"])[0].instance_id)
        return found

    def running(self) -> list[str]:
        """The ids of commands and executions under way, in the order of their starts."""

        def look(view: View) -> list[str]:
            return [each.id for each in view.scan(Started) if each.status in ("InProgress", "RUNNING")]

        return self.server.read(look)

    def finish(self, id: str, status: str, details: str = "", errors: int = 0) -> None:
        """A command or an execution ends."""
        self.server.decide(lambda draft: _end(draft, id, status, details, errors))
        self.server.settle()

    def _furnish(self, draft: Draft) -> None:
        machine = Machine(
            platform_name="Linux",
            platform_version="1",
            platform_type="Linux",
            computer_name="here",
            ip_address="127.0.0.1",
            architecture="x86_64",
        )
        register(draft, machine)
        for id in IDS:
            aliases.put(draft, id)

    def role(self) -> None:
        """Make the role that tasks name."""
        self.server.call("iam", "CreateRole", RoleName="window", AssumeRolePolicyDocument=TRUST)

    def _made(self, call: Call) -> None:
        self.calls.append((call.operation, call.caller.arn, dict(call.params)))
        if self.denied:
            raise AccessDenied(f"User: {call.caller.arn} is not authorized to perform: {call.operation}")

    def _send(self, call: Call, draft: Draft) -> dict[str, Any]:
        self._made(call)
        instances.resolve(draft, (), call.params["InstanceIds"])
        command = Started(id=f"{len(self.calls):08d}{NO_MORE}", params=dict(call.params), status="InProgress")
        draft.put(command)
        return {"Command": {"CommandId": command.id, "Status": command.status}}

    def _take_back(self, call: Call, draft: Draft) -> None:
        self._made(call)
        _end(draft, call.params["CommandId"], "Cancelled", "Canceled", 0)

    def _execute(self, call: Call, draft: Draft) -> dict[str, Any]:
        self._made(call)
        arn = f"{MACHINE.replace('stateMachine', 'execution')}:{len(self.calls):03d}"
        draft.put(Started(id=arn, params=dict(call.params), status="RUNNING"))
        return {"executionArn": arn, "startDate": draft.now}

    async def _invoke(self, call: Call, context: Context) -> Mapping[str, Any]:
        self._made(call)
        if self.function_error is not None:
            return {"StatusCode": 200, "FunctionError": "Unhandled", "Payload": self.function_error.encode()}
        return {"StatusCode": 200, "Payload": b"null"}

    def _hear(self, event: dict[str, Any], draft: Draft) -> None:
        if event["detail-type"].startswith("Maintenance"):
            self.told.append((event["detail-type"], event["detail"]["status"]))


def _end(draft: Draft, id: str, status: str, details: str, errors: int) -> None:
    found = draft.get(Started, id)
    assert found is not None
    draft.put(replace(found, status=status, details=details, errors=errors))
    if not id.startswith("arn:"):
        source, name = "aws.ssm", "EC2 Command Status-change Notification"
        detail = {"command-id": id, "status": status}
    else:
        source, name = "aws.states", "Step Functions Execution Status Change"
        detail = {"executionArn": id, "status": status}
    draft.send("event", {"source": source, "detail-type": name, "detail": detail})


def _commands(call: Call, view: View) -> dict[str, Any]:
    found = view.get(Started, call.params["CommandId"])
    assert found is not None
    row = {
        "CommandId": found.id,
        "Status": found.status,
        "StatusDetails": found.details,
        "ErrorCount": found.errors,
    }
    return {"Commands": [row]}


def _executions(call: Call, view: View) -> dict[str, Any]:
    found = view.get(Started, call.params["executionArn"])
    assert found is not None
    return {"executionArn": found.id, "status": found.status, "error": found.details or None}


def refusal(world: World, operation: str, **params: Any) -> AwsError:
    """How a call is refused."""
    try:
        world.call(operation, **params)
    except AwsError as error:
        return error
    raise AssertionError(f"{operation} was not refused")
