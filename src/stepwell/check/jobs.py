"""The jobs that a program's state machines start, and what they take of their roles."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.check.definitions import definitions
from stepwell.check.json_values import ACCOUNT, REGION, arn, plain
from stepwell.check.machine_rights import lacking, told
from stepwell.check.program import Program
from stepwell.check.roles import roles
from stepwell.check.rules import Fault, Rule
from stepwell.identity.derive import Need, job_role

_OPERATIONS = ("CreateTrainingJob", "CreateProcessingJob", "CreateModel")


def started(documents: Iterable[Any]) -> dict[str, list[Need]]:
    """What the jobs that definitions start take of their roles, by the roles' ARNs."""
    found: dict[str, list[Need]] = {}
    for state in (state for definition in documents for state in _states(definition)):
        resource, parameters = str(state.get("Resource", "")), state.get("Parameters")
        operation = resource.rpartition(":")[2].partition(".")[0]
        operation = operation[:1].upper() + operation[1:]
        if ":sagemaker:" not in resource or not isinstance(parameters, Mapping):
            continue
        role = parameters.get("RoleArn", parameters.get("ExecutionRoleArn"))
        if isinstance(role, str) and operation in _OPERATIONS:
            needs = job_role(operation, parameters, account=ACCOUNT, region=REGION)
            found.setdefault(role, []).extend(needs)
    return found


def _states(block: Any) -> Iterator[Mapping[str, Any]]:
    states = block.get("States") if isinstance(block, Mapping) else None
    for state in states.values() if isinstance(states, Mapping) else ():
        if isinstance(state, Mapping):
            yield state
            branches = state.get("Branches")
            inner = [state.get("Iterator"), state.get("ItemProcessor")]
            for each in [*inner, *(branches if isinstance(branches, list) else [])]:
                yield from _states(each)


def _data(program: Program) -> Iterator[Fault]:
    """Roles that may not read or write the data of their jobs; logs and metrics are no job's business."""
    found = started(plain(value, untold="*").value for _, value, _ in definitions(program))
    for role in roles(program).values():
        needed = [each for each in found.get(str(arn(role.resource)), ()) if each.action.startswith("s3:")]
        missing = lacking(role, tuple(needed))
        if missing:
            shown, statement = told(missing)
            yield Fault(
                place=role.place,
                message=f"{role.resource.label} lacks {shown}, which its jobs need for their data",
                mend=f"Add to the role's policy: {statement}",
            )


RULES = (
    Rule(
        code="SW414",
        title="job's role that may not reach its data",
        severity="error",
        why="The job fails with AccessDenied when it reads its channels or writes its model.",
        mend="Grant the action on the bucket that the job is given.",
        find=_data,
    ),
)
