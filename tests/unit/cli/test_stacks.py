"""What `up` and its like print."""

from __future__ import annotations

from dataclasses import replace

import pytest

from stepwell.cli.progress import Progress, problem_lines, short
from stepwell.cli.stacks import foreseen, summary
from stepwell.provision import Diagnostic, Outcome, Problem, ResourceProgress
from stepwell.provision.aws import TYPES


def progress(token, status, message=""):
    return ResourceProgress(
        phase="apply",
        urn=f"urn:pulumi:dev::digits::{token}::training-code",
        type=token,
        name="training-code",
        parent="",
        operation="create",
        status=status,
        message=message,
    )


@pytest.mark.parametrize(
    ("token", "told"),
    [
        ("aws:s3/bucket:Bucket", "aws:s3:Bucket"),
        ("pulumi:pulumi:Stack", "pulumi:pulumi:Stack"),
        ("digits:jobs:Trainer", "digits:jobs:Trainer"),
        ("digits:Trainer", "digits:Trainer"),
    ],
)
def test_types_are_shown_as_pulumi_s_own_cli_shows_them(token, told):
    assert short(token) == told


def test_a_line_of_progress_fits_a_narrow_terminal(capsys):
    for token in TYPES:
        Progress(plans=False)(progress(token, "done"))
    assert max(map(len, capsys.readouterr().err.splitlines())) <= 80


def test_a_failure_s_reason_is_told_once_with_what_to_do(capsys):
    Progress(plans=False)(progress("aws:s3/bucket:Bucket", "failed", message="it is too big"))
    assert "too big" not in capsys.readouterr().err
    told = list(problem_lines(Problem(message="it is too big", advice="Make it smaller")))
    assert told == ["error: it is too big", "  what to do: Make it smaller"]
    placed = Problem(message="it is too big", declared="/a/__main__.py:7")
    assert list(problem_lines(placed)) == ["error: /a/__main__.py:7: it is too big"]


def test_what_a_plan_refuses_is_not_told_as_planned(capsys):
    Progress(plans=False)(replace(progress("aws:s3/bucket:Bucket", "failed"), phase="plan"))
    assert capsys.readouterr().err.split() == ["+", "aws:s3:Bucket", "training-code", "FAILED"]


def test_a_fault_in_a_definition_is_shown_with_its_place_and_a_caret():
    problem = Problem(
        message="Missing 'Next' target: B",
        property="definition",
        location="/States/A/Next",
        line=5,
        column=7,
        excerpt='5 |       "Next": "B"\n          ^',
    )
    assert list(problem_lines(problem)) == [
        "error: Missing 'Next' target: B",
        "  at /States/A/Next, line 5, column 7 of the definition",
        '  5 |       "Next": "B"',
        "            ^",
    ]
    whole = Problem(message="It is no JSON", property="definition", line=1, column=1)
    assert list(problem_lines(whole))[1] == "  at line 1, column 1 of the definition"


def said(phase, message):
    return Diagnostic(phase=phase, severity="info", message=message)


@pytest.mark.parametrize(
    ("plans", "events", "told"),
    [
        (False, [said("plan", "printed")], "printed\n"),
        (False, [said("plan", "printed"), said("apply", "printed")], "printed\n"),
        (True, [said("plan", "printed")], "printed\n"),
        (False, [said("plan", "one"), said("plan", "two")], "one\ntwo\n"),
    ],
    ids=["the plan was all", "an apply said it again", "the plan was asked for", "in order"],
)
def test_what_a_program_prints_is_shown_once(capsys, plans, events, told):
    show = Progress(plans=plans)
    for event in events:
        show(event)
    show.finish()
    assert capsys.readouterr().err == told


@pytest.mark.parametrize(
    ("ok", "counts", "told"),
    [
        (True, {"create": 2, "same": 1}, "up done in 1.5 s: 2 create, 1 same\n"),
        (True, {}, "up done in 1.5 s: nothing to do\n"),
        (False, {}, "up failed in 1.5 s: nothing was changed\n"),
        (False, {"create": 1}, "up failed in 1.5 s: 1 create\n"),
    ],
)
def test_the_last_line_tells_what_was_done(capsys, ok, counts, told):
    summary("up", Outcome(ok=ok, outputs={}, counts=counts, changes=(), errors=()), 1.5)
    assert capsys.readouterr().err == told


def test_a_program_that_failed_is_pointed_to_check_when_that_finds_errors(tmp_path):
    main = tmp_path / "__main__.py"
    main.write_text("import pulumi\npulumi.export('a', absent)\n")
    assert list(foreseen(tmp_path)) == [f"stepwell check {tmp_path} finds 1 error, and says what to do"]
    main.write_text("import pulumi\npulumi.export('a', 1)\n")
    assert list(foreseen(tmp_path)) == []
