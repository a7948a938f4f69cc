"""The least policies of a program's roles: for its state machines, maintenance windows, rules and jobs.

Resources that the program names itself are in the account and region that are asked for; a name that
Pulumi will choose ends in `*`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.check.definitions import MACHINE, definitions
from stepwell.check.jobs import started
from stepwell.check.json_values import ACCOUNT, REGION, UNTOLD, arn, name, plain
from stepwell.check.permissions import notified
from stepwell.check.program import Program
from stepwell.check.resources import Declared, referred
from stepwell.check.roles import roles
from stepwell.check.windows import TASK
from stepwell.identity.derive import (
    Need,
    derive,
    document,
    notification,
    target_role,
    window_role,
)

TARGET = "aws:cloudwatch/eventTarget:EventTarget"


@dataclass(frozen=True, slots=True, kw_only=True)
class Least:
    """What one role takes, or what one function has to allow."""

    #: the role, as the program calls it; for a notification the function
    holder: str
    #: what takes it on, or what is notified
    users: tuple[str, ...]
    #: the policy document
    policy: Mapping[str, Any]
    #: whether it is the policy of a function instead of a role's
    resource: bool = False


def least(program: Program, *, account: str, region: str) -> Iterator[Least]:
    """The least policies of the program's roles, in the order in which it declares them.

    Roles whose users' needs can't be told are left out: functions do what their code does.
    """
    told = {machine: plain(value, untold="*").value for machine, value, _ in definitions(program)}
    jobs = started(told.values())
    for role in roles(program).values():
        needs = list(jobs.get(str(arn(role.resource)), ()))
        users = ["its jobs"] if needs else []
        for user in role.users:
            found = _needed(user, told)
            needs += found
            users += [user.label] if found else []
        if needs:
            policy = _placed(document(sorted(set(needs))), account, region)
            yield Least(holder=role.resource.label, users=tuple(users), policy=policy)
    for declared, function in notified(program):
        bucket = referred(declared.get("bucket"))
        if bucket is not None:
            statement = notification(str(arn(function)), str(arn(bucket)), ACCOUNT)
            policy = _placed({"Version": "2012-10-17", "Statement": [statement]}, account, region)
            yield Least(holder=function.label, users=(bucket.label,), policy=policy, resource=True)


def _needed(user: Declared, told: Mapping[Declared, Any]) -> tuple[Need, ...]:
    if user.type == MACHINE and isinstance(told.get(user), Mapping):
        return derive(
            told[user],
            name=name(user),
            logging=user.given("loggingConfiguration"),
            tracing=user.given("tracingConfiguration"),
            account=ACCOUNT,
            region=REGION,
        ).needs
    if user.type == TASK and user.text("taskType") is not None:
        task = {"TaskType": user.text("taskType"), "TaskArn": _text(user, "taskArn"), "Name": user.label}
        return window_role([task], account=ACCOUNT, region=REGION)
    if user.type == TARGET:
        return target_role([{"Arn": _text(user, "arn"), "Id": user.label}], account=ACCOUNT, region=REGION)
    return ()


def _text(resource: Declared, prop: str) -> Any:
    return plain(resource.get(prop), untold="*").value


def _placed(policy: Mapping[str, Any], account: str, region: str) -> Mapping[str, Any]:
    """The policy with the account and region in place of those that stood for them."""
    text = json.dumps(policy)
    for stood, meant in ((ACCOUNT, account), (REGION, region), (f"-{UNTOLD}", "-*")):
        text = text.replace(stood, meant)
    placed: Mapping[str, Any] = json.loads(text)
    return placed
