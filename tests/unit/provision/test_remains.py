"""What a destroy tells of things that the stack's workflows made."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from stepwell import provision

LOGS, GROUP = "aws:cloudwatch/logGroup:LogGroup", "aws:sagemaker/modelPackageGroup:ModelPackageGroup"
Play = Callable[..., provision.Outcome]


def _program(declare: Any) -> None:
    declare(LOGS, "g")


def test_what_was_made_at_run_time_is_told_and_left(play: Play, aws: Any) -> None:
    """By kind and name, in the order in which it can be deleted."""
    play(_program)
    aws.table("endpoint")["live"] = {}
    aws.table("model")["trained"] = {}
    aws.table("job")["fit-1"] = {}
    aws.table("group")["churn"] = {}
    later = (time.time() + 1) * 1000
    aws.table("log-group")["/aws/lambda/f"] = {"logGroupName": "/aws/lambda/f", "creationTime": later}
    aws.table("log-group")["/older"] = {"logGroupName": "/older", "creationTime": 1}
    outcome = play(_program, "destroy")
    assert [(left.kind, left.name) for left in outcome.remains] == [
        ("endpoint", "live"),
        ("model", "trained"),
        ("model package group", "churn"),
        ("training job", "fit-1"),
        ("model package", "arn:churn/1"),
        ("log group", "/aws/lambda/f"),
    ]
    assert aws.writes() == ["DeleteLogGroup"]


def test_what_another_stack_declares_is_no_remains(play: Play, stack: Any, aws: Any) -> None:
    """Whoever looks at the list may delete all of it."""
    play(_program)
    aws.table("group")["theirs"] = {}
    aws.table("group")["ours"] = {}
    play(lambda declare: declare(GROUP, "m", {"modelPackageGroupName": "other"}), stack="second")
    del aws.table("group")["other"]
    aws.table("group")["other"] = {}
    outcome = play(_program, "destroy")
    assert {left.name for left in outcome.remains if left.kind == "model package group"} == {"theirs", "ours"}


def test_what_could_not_be_looked_for_is_said(play: Play, stack: Any, aws: Any, refusal: Any) -> None:
    """A list that is refused makes no failure of a destroy that was done."""
    play(_program)
    aws.failures["ListModels"] = refusal("ListModels", "AccessDeniedException", "no")
    outcome = play(_program, "destroy")
    assert outcome.ok
    said = [e.message for e in stack.events if isinstance(e, provision.Diagnostic)]
    assert said == ["could not look for models that are left: ListModels answered AccessDeniedException: no"]


def test_a_destroy_of_a_part_tells_nothing(play: Play, aws: Any) -> None:
    """The rest of the stack may still be at work."""

    def program(declare: Any) -> None:
        declare(LOGS, "a")
        declare(LOGS, "b")

    play(program)
    aws.table("model")["trained"] = {}
    assert play(program, "destroy", targets=("a",)).remains == ()
    assert [left.name for left in play(program, "destroy").remains] == ["trained"]
    play(program)
    del aws.table("model")["trained"]
    assert play(program, "destroy").remains == ()
