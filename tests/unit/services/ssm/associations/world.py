"""Associations on a manual clock, over scripts that end when and as tests say."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from services.ssm import machine

from stepwell.errors import AwsError

DOCUMENT = """
schemaVersion: "2.2"
parameters:
  word: {type: String, default: hello, allowedPattern: "^[a-z]+$"}
mainSteps:
- {action: "aws:runShellScript", name: say, inputs: {runCommand: ["WORD {{ word }}"]}}
"""
NAMED = {"Key": "InstanceIds"}
HOUR = 3600


class World(machine.World):
    """A server with associations; its clock begins on Wednesday, 1 January 2025, at noon (UTC)."""

    def __init__(self, folder: Any) -> None:
        super().__init__(folder)
        self.until("2025-01-01T12:00:00+00:00")

    def now(self) -> float:
        return self.server.clock.now()

    def until(self, moment: str) -> None:
        """Let time go on to then, stopping wherever anything is due."""
        wanted = datetime.fromisoformat(moment).timestamp()
        while (due := self.server.decide(lambda draft: self.server._loop.next_due())) and due <= wanted:
            self.later(max(0.0, due - self.now()))
        self.later(wanted - self.now())

    def absent(self, until: str) -> None:
        """The server ends and comes back at that time."""
        self.stop()
        self.start(datetime.fromisoformat(until).timestamp())
        self.calm()

    def do(self, operation: str, **params: Any) -> dict[str, Any]:
        """A call, and all that follows at once."""
        answer = self.call(operation, **params)
        self.calm()
        return answer

    def document(self, name: str = "Say", content: str = DOCUMENT) -> None:
        self.do("CreateDocument", Name=name, Content=content, DocumentFormat="YAML", DocumentType="Command")

    def associate(self, *ids: str, **params: Any) -> str:
        """Associate AWS-RunShellScript, or what `params` say, with instances; the machine unless named."""
        if "Name" not in params:
            params = {"Name": "AWS-RunShellScript", "Parameters": {"commands": ["true"]}, **params}
        if "InstanceId" not in params:
            params = {"Targets": [{**NAMED, "Values": list(ids) or [self.id]}], **params}
        found: str = self.do("CreateAssociation", **params)["AssociationDescription"]["AssociationId"]
        return found

    def described(self, id: str, **params: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.call("DescribeAssociation", AssociationId=id, **params)[
            "AssociationDescription"
        ]
        return found

    def executions(self, id: str, **params: Any) -> list[dict[str, Any]]:
        """The association's executions, the newest first."""
        found: list[dict[str, Any]] = self.call("DescribeAssociationExecutions", AssociationId=id, **params)[
            "AssociationExecutions"
        ]
        return found

    def targets(self, id: str, nth: int = 0) -> list[dict[str, Any]]:
        """The targets of its nth execution, from the newest."""
        found: list[dict[str, Any]] = self.call(
            "DescribeAssociationExecutionTargets",
            AssociationId=id,
            ExecutionId=self.executions(id)[nth]["ExecutionId"],
        )["AssociationExecutionTargets"]
        return found

    def statuses(self, id: str) -> list[str]:
        """Its executions' statuses, the newest first."""
        return [each["Status"] for each in self.executions(id)]

    def finish(self, id: str, *steps: tuple[str, int]) -> None:
        """End what the association's last execution runs, on all its instances that run it."""
        for target in self.targets(id):
            command = target["OutputSource"]["OutputSourceId"]
            if f"command-{command}-{target['ResourceId']}" in self.commands.started:
                self.end(command, target["ResourceId"], *steps)

    def refusal(self, operation: str, **params: Any) -> AwsError:
        """How a call is refused."""
        try:
            self.call(operation, **params)
        except AwsError as error:
            return error
        raise AssertionError(f"{operation} was not refused")
