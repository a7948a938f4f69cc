"""What the options of a resource, and those of a run, make of a program."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from stepwell import provision
from stepwell.provision import durations, kinds
from stepwell.provision.problems import ResourceRefused

BUCKET, ROLE, LOGS = "aws:s3/bucket:Bucket", "aws:iam/role:Role", "aws:cloudwatch/logGroup:LogGroup"
POLICY = "aws:iam/rolePolicy:RolePolicy"
TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
Play = Callable[..., provision.Outcome]


def _operations(outcome: provision.Outcome) -> dict[str, str]:
    assert outcome.ok, outcome.errors
    return {c.name: c.operation for c in outcome.changes if c.type != "pulumi:pulumi:Stack"}


def _told(outcome: provision.Outcome) -> str:
    assert not outcome.ok
    return " | ".join(f"{problem.message} {problem.advice}" for problem in outcome.errors)


def _chain(declare: Any) -> None:
    """A role, its policy, and a log group of its own."""
    role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
    declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})
    declare(LOGS, "g")


def test_a_targets_dependents_come_along_when_asked(play: Play, aws: Any) -> None:
    """To make, to change, and to destroy."""
    assert _operations(play(_chain, targets=("r",))) == {"r": "create"}
    assert _operations(play(_chain, targets=("r",), target_dependents=True)) == {"p": "create"}
    assert "'r' is needed by 'p'" in _told(play(_chain, "destroy", targets=("r",)))
    destroyed = play(_chain, "destroy", targets=("r",), target_dependents=True)
    assert _operations(destroyed) == {"r": "delete", "p": "delete"}


def test_what_is_excluded_stays_as_it_is_with_what_it_needs(play: Play, aws: Any) -> None:
    """A destroy keeps the excluded resource usable; a name that is nobody's is a mistake."""
    assert _operations(play(_chain, excludes=("g",))) == {"r": "create", "p": "create"}
    assert _operations(play(_chain)) == {"g": "create"}
    assert _operations(play(_chain, "destroy", excludes=("p",))) == {"g": "delete"}
    assert "No resource is named zebra" in _told(play(_chain, excludes=("zebra",)))


def test_a_resource_is_replaced_on_demand_and_what_mentions_it_follows(play: Play, aws: Any) -> None:
    """Its automatic name changes, and so its policy's role: that is replaced, too."""
    play(_chain)
    (old,) = aws.table("role")
    assert _operations(play(_chain, replaces=("r",))) == {"r": "replace", "p": "replace"}
    (new,) = aws.table("role")
    assert (new != old, list(aws.table("role")[new]["policies"]) != []) == (True, True)
    assert play(_chain).counts == {"same": 3}


def test_a_trigger_and_another_ones_replacement_replace(play: Play, aws: Any) -> None:
    """`replacement_trigger` when its value changes, `replace_with` when that one is replaced."""

    def program(trigger: str) -> Callable[[Any], None]:
        def declare_all(declare: Any) -> None:
            first = declare(LOGS, "first", trigger=trigger)
            declare(LOGS, "second", replace_with=(first.urn,))

        return declare_all

    play(program("1"))
    assert play(program("1")).counts == {"same": 2}
    assert _operations(play(program("2"))) == {"first": "replace", "second": "replace"}
    assert play(program("2")).counts == {"same": 2}
    assert len(aws.table("log-group")) == 2


def test_what_goes_with_another_is_not_deleted_by_a_call(play: Play, aws: Any, refusal: Any) -> None:
    """It is forgotten once the other is gone, and kept as long as that is."""

    def program(declare: Any) -> None:
        role = declare(ROLE, "r", {"assumeRolePolicy": TRUST})
        declare(LOGS, "g", deleted_with=role.urn)

    play(program)
    aws.failures["DeleteRole"] = refusal("DeleteRole", "AccessDenied", "no")
    assert "DeleteRole answered AccessDenied" in _told(play(program, "destroy"))
    assert aws.writes() == ["DeleteRole"]
    aws.failures.clear()
    assert _operations(play(program, "destroy")) == {"r": "delete", "g": "delete"}
    assert aws.writes() == ["DeleteRole"]


def test_an_existing_resource_is_imported_as_it_is(play: Play, aws: Any) -> None:
    """Nothing is written; from then on it is the stack's, also without the option."""
    aws.client("logs").create_log_group(logGroupName="/there")
    aws.client("logs").put_retention_policy(logGroupName="/there", retentionInDays=7)
    declared = {"retentionInDays": 7}
    first = play(lambda declare: declare(LOGS, "g", declared, import_id="/there"))
    assert (_operations(first), aws.writes()) == ({"g": "import"}, [])
    assert play(lambda declare: declare(LOGS, "g", declared)).counts == {"same": 1}
    assert play(lambda declare: None).ok
    assert aws.table("log-group") == {}


def test_an_import_that_is_declared_otherwise_or_is_not_there_is_refused(play: Play, aws: Any) -> None:
    """With what differs, before anything is made."""
    aws.client("logs").create_log_group(logGroupName="/there")
    aws.client("logs").put_retention_policy(logGroupName="/there", retentionInDays=7)

    def program(declare: Any) -> None:
        declare(LOGS, "other", {"retentionInDays": 3}, import_id="/there")
        declare(LOGS, "absent", import_id="/nowhere")
        declare(BUCKET, "b")

    told = _told(play(program))
    assert "/there is not as declared: retentionInDays is 7 and not 3" in told
    assert "there is no /nowhere to import" in told
    assert aws.writes() == []
    play(lambda declare: declare(LOGS, "mine"))
    taken = play(lambda declare: declare(LOGS, "mine", import_id="/there"))
    assert "and /there is to be imported" in _told(taken)


def test_timeouts_are_durations_and_bound_the_wait(play: Play, aws: Any) -> None:
    """`custom_timeouts` counts, whatever the type's own patience is."""
    assert durations.seconds({"create": "1h30m", "update": "1.5s", "delete": "500ms"}) == {
        "create": 5400.0,
        "update": 1.5,
        "delete": 0.5,
    }
    with pytest.raises(ResourceRefused, match="create is '10'"):
        durations.seconds({"create": "10"})
    aws.after["CreateFunction"] = lambda: aws.table("function")["f"].update(State="Pending")
    function = {"name": "f", "role": "arn:aws:iam::000000000000:role/r", "runtime": "python3.11"}
    code = {"handler": "h.main", "s3Bucket": "code", "s3Key": "h.zip"}
    outcome = play(
        lambda declare: declare(
            "aws:lambda/function:Function", "f", {**function, **code}, timeouts={"create": "10ms"}
        )
    )
    assert "function f took longer than 0.01 s" in _told(outcome)


def test_a_child_of_a_type_that_nothing_updates_is_replaced_before_its_fixed_parent(
    play: Play, aws: Any
) -> None:
    """The parent's name can't be had twice: what mentions it goes first and comes last."""

    def program(path: str) -> Callable[[Any], None]:
        def declare_all(declare: Any) -> None:
            role = declare(ROLE, "r", {"name": "fixed", "assumeRolePolicy": TRUST, "path": path})
            declare(POLICY, "p", {"role": role["name"], "policy": TRUST}, needs={"role": role})

        return declare_all

    play(program("/"))
    assert _operations(play(program("/team/"), "preview")) == {"r": "replace", "p": "replace"}
    assert _operations(play(program("/team/"))) == {"r": "replace", "p": "replace"}
    assert aws.writes() == ["DeleteRolePolicy", "DeleteRole", "CreateRole", "PutRolePolicy"]


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("pulumi-python:dynamic:Resource", "dynamic providers are not supported"),
        ("pulumi-python:dynamic/mine:Thing", "dynamic providers are not supported"),
        ("random:index/randomId:RandomId", "package random is not supported"),
        ("aws:s3/buckett:Bucket", "Is aws:s3/bucket:Bucket meant?"),
        ("aws:iam/samlProvider:SamlProvider", "These are: aws:iam/"),
        ("aws:ec2/instance:Instance", "There are types of cloudwatch, "),
    ],
)
def test_a_type_that_can_t_be_had_is_told_by_its_kind(token: str, told: str) -> None:
    """With the nearest one, or with those beside it."""
    with pytest.raises(ResourceRefused) as raised:
        kinds.of(token)
    assert told in str(raised.value)


def test_a_change_in_a_document_is_told_where_it_is(play: Play) -> None:
    """Not as two texts of a page each."""

    def program(action: str) -> Callable[[Any], None]:
        statement = {"Effect": "Allow", "Action": action, "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        return lambda declare: declare(POLICY, "p", {"role": "r", "policy": document, "name": "p"})

    play(lambda declare: declare(ROLE, "r", {"name": "r", "assumeRolePolicy": TRUST}))
    play(program("s3:GetObject"))
    outcome = play(program("s3:PutObject"), "preview")
    (change,) = [c for c in outcome.changes if c.name == "p"]
    (differs,) = change.properties
    assert (differs.path, differs.before, differs.after) == (
        "policy.Statement[0].Action",
        "s3:GetObject",
        "s3:PutObject",
    )


def test_a_target_whose_need_is_neither_there_nor_a_target_is_refused(play: Play, aws: Any) -> None:
    """In the plan, and not after half of the run."""
    told = _told(play(_chain, targets=("p", "g")))
    assert "'p': it needs 'r', which is not there, and is not among the targets" in told
    assert aws.writes() == []


def test_a_destroy_that_would_stop_at_a_protected_resource_does_not_begin(play: Play, aws: Any) -> None:
    """All of them are told at once."""

    def program(declare: Any) -> None:
        declare(LOGS, "a", protect=True)
        declare(LOGS, "b")
        declare(LOGS, "c", protect=True)

    play(program)
    told = _told(play(program, "destroy"))
    assert ("'a': it is protected" in told, "'c': it is protected" in told) == (True, True)
    assert aws.writes() == []
