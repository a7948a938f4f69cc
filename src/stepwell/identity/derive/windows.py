"""The service role of a maintenance window: what its tasks start and look at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.identity.derive.needs import Need, Place, needs
from stepwell.identity.derive.resources import CONVERTERS, function, machine

#: what a window asks to find its targets by tag or by resource group
FINDING = "tag:GetResources resource-groups:ListGroups resource-groups:ListGroupResources"


def window_role(
    tasks: Iterable[Mapping[str, Any]],
    *,
    account: str,
    region: str,
    partition: str = "aws",
    targets: Iterable[Mapping[str, Any]] = (),
) -> tuple[Need, ...]:
    """What the service role of a window takes.

    tasks: parameters of RegisterTaskWithMaintenanceWindow. targets: those of
    RegisterTargetWithMaintenanceWindow, whose tags and resource groups have to be looked up.
    """
    place = Place(account=account, region=region, partition=partition)
    found = [need for task in tasks for need in _task(task, place)]
    keys = [str(each.get("Key", "")) for target in targets for each in target.get("Targets") or ()]
    if any(key.startswith(("tag:", "tag-key", "resource-groups:")) for key in keys):
        found += needs(FINDING, ["*"], why="targets")
    return tuple(sorted(set(found)))


def _task(task: Mapping[str, Any], place: Place) -> Iterator[Need]:
    kind, arn = task.get("TaskType"), str(task.get("TaskArn", "*"))
    why = str(task.get("Name", kind))
    invocation = task.get("TaskInvocationParameters") or {}
    if kind == "RUN_COMMAND":
        on = [_document(arn, place), place.arn("ec2:instance/*"), place.arn("ssm:managed-instance/*")]
        yield from needs("ssm:SendCommand", on, why=why)
        yield from needs("ssm:ListCommands ssm:ListCommandInvocations", ["*"], why=why)
        role = (invocation.get("RunCommand") or {}).get("ServiceRoleArn")
        if role is not None:
            yield from needs(
                "iam:PassRole", [str(role)], why=why, keys={"iam:PassedToService": "ssm.amazonaws.com"}
            )
    elif kind == "LAMBDA":
        qualifier = (invocation.get("Lambda") or {}).get("Qualifier")
        qualifiers = [str(qualifier)] if qualifier is not None else []
        yield from needs("lambda:InvokeFunction", function(arn, place, qualifiers), why=why)
    elif kind == "STEP_FUNCTIONS":
        yield from needs("states:StartExecution", machine(arn, place, []), why=why)
        yield from needs("states:DescribeExecution", CONVERTERS["executions"](arn, place, []), why=why)
    elif kind == "AUTOMATION":
        definition = place.arn(f"ssm:automation-definition/{arn}:*")
        yield from needs("ssm:StartAutomationExecution", [definition], why=why)
        yield from needs("ssm:GetAutomationExecution", ["*"], why=why)


def _document(name: str, place: Place) -> str:
    """A document's ARN; AWS's own (`AWS-RunShellScript`) are in no account."""
    if name.startswith("arn:"):
        return name
    account = "" if name.startswith(("AWS-", "Amazon")) else place.account
    return f"arn:{place.partition}:ssm:{place.region}:{account}:document/{name}"
