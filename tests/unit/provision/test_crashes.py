"""A run that is killed at any instant: the next one brings the stack to what is declared, once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from typing import Any

import pytest

from stepwell import provision

ROLE, LOGS, BUCKET = "aws:iam/role:Role", "aws:cloudwatch/logGroup:LogGroup", "aws:s3/bucket:Bucket"
POLICY, ATTACHMENT = "aws:iam/rolePolicy:RolePolicy", "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})


class Killed(BaseException):
    """The process ends here."""


class Fuse:
    """Ends the run at the n-th instant: before and after each writing call and each write of the state."""

    def __init__(self, instants: int) -> None:
        self.left = instants

    def burn(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise Killed


def _first(declare: Any) -> None:
    role = declare(ROLE, "r", {"assumeRolePolicy": TRUST, "inlinePolicies": [{"name": "i", "policy": TRUST}]})
    declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})
    attached = {"role": role["name"], "policyArn": "arn:aws:iam::aws:policy/X"}
    declare(ATTACHMENT, "a", attached, needs={"role": role})
    declare(LOGS, "g", {"retentionInDays": 7})
    declare(BUCKET, "b", {"bucket": "fixed", "tags": {"a": "1"}})
    declare.export(role=role["name"])


def _second(declare: Any) -> None:
    """An automatic name replaced, a fixed one too, one resource changed, one gone, one new."""
    role = declare(ROLE, "r", {"assumeRolePolicy": TRUST, "path": "/team/", "forceDetachPolicies": True})
    attached = {"role": role["name"], "policyArn": "arn:aws:iam::aws:policy/X"}
    declare(ATTACHMENT, "a", attached, needs={"role": role})
    declare(LOGS, "new", {"name": "new", "retentionInDays": 1})
    declare(BUCKET, "b", {"bucket": "fixed", "tags": {"a": "2"}})
    declare.export(role=role["name"])


def _nothing(declare: Any) -> None:
    """No resource is declared."""


EXPECTED: dict[str, dict[str, int]] = {
    "_first": {"role": 1, "log-group": 1, "bucket": 1},
    "_second": {"role": 1, "log-group": 1, "bucket": 1},
    "_nothing": {"role": 0, "log-group": 0, "bucket": 0},
}


def _instants(
    play: Callable[..., provision.Outcome], stack: Any, program: Any, fuse: Fuse, monkeypatch: Any
) -> bool:
    """Whether the run was killed before its end."""
    rename = os.replace

    def burning(source: Any, target: Any) -> None:
        fuse.burn()
        rename(source, target)
        fuse.burn()

    with monkeypatch.context() as patched:
        patched.setattr(os, "replace", burning)
        patched.setattr(stack.aws, "around_writes", fuse.burn)
        try:
            play(program)
        except Killed:
            return True
    return False


@pytest.mark.parametrize(
    ("before", "program"),
    [(None, _first), (_first, _second), (_second, _nothing)],
    ids=["made", "changed", "deleted"],
)
def test_a_kill_at_any_instant_is_made_good_by_the_next_run(
    play: Any, stack: Any, aws: Any, monkeypatch: Any, before: Any, program: Any
) -> None:
    """What is declared is there once, nothing else is, and a third run has nothing to do."""
    instant = 0
    while True:
        aws.things.clear()
        for file in stack.state.rglob("*"):
            if file.is_file():
                file.unlink()
        if before is not None:
            assert play(before).ok
        killed = _instants(play, stack, program, Fuse(instant), monkeypatch)
        repaired = play(program)
        assert repaired.ok, (instant, repaired.errors)
        there = {kind: len(aws.table(kind)) for kind in EXPECTED[program.__name__]}
        assert there == EXPECTED[program.__name__], f"killed at instant {instant}"
        again = play(program)
        assert (set(again.counts) <= {"same"}, aws.calls) == (True, []), f"killed at instant {instant}"
        if not killed:
            break
        instant += 1
    assert instant > 10
