"""What `up` and its like print."""

from __future__ import annotations

import pytest

from stepwell.cli.stacks import Progress, problem_lines, short, summary
from stepwell.provision import Outcome, Problem, ResourceProgress
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
