"""`check` prints like a compiler, ends with 1 where it found anything, and writes what is certain."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from stepwell.cli.stacks import portable

PROGRAM = """import pulumi
import pulumi_aws as aws

bucket = aws.s3.Bucket("b", tags={"a": json.dumps([1])})
"""
SHOWN = """__main__.py:4:40: error: `json` is not imported [SW103]
4 | bucket = aws.s3.Bucket("b", tags={"a": json.dumps([1])})
                                           ^
  Add `import json`. (--fix writes this)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "program"
    path.mkdir()
    (path / "__main__.py").write_text(PROGRAM)
    return path


def test_findings_are_shown_with_place_line_caret_and_mend(folder: Path, run):
    ended = run("check", str(folder))
    assert (ended.code, ended.out) == (1, SHOWN)
    assert ended.err == f"{folder}: 1 error\n"


def test_json_is_a_list_of_findings(folder: Path, run):
    ended = run("check", str(folder), "--json")
    assert ended.code == 1
    assert json.loads(ended.out) == [
        {
            "code": "SW103",
            "title": "missing import",
            "severity": "error",
            "file": "__main__.py",
            "line": 4,
            "column": 40,
            "message": "`json` is not imported",
            "mend": "Add `import json`.",
            "fixable": True,
        }
    ]


def test_fix_writes_what_is_certain_shows_it_and_is_done(folder: Path, run):
    ended = run("check", str(folder), "--fix")
    assert ended.code == 0
    assert "+import json\n" in ended.out
    assert (folder / "__main__.py").read_text() == "import json\n" + PROGRAM
    again = run("check", str(folder), "--fix")
    assert (again.code, again.out) == (0, "")


def test_the_target_adds_what_aws_would_refuse(folder: Path, run):
    (folder / "__main__.py").write_text("import pulumi_aws as aws\naws.s3.Bucket('b', bucket='data')\n")
    assert run("check", str(folder)).code == 0
    ended = run("check", str(folder), "--target", "aws")
    assert ended.code == 1 and "[SW1008]" in ended.out and ended.err.endswith(": 1 warning\n")


@pytest.mark.parametrize("arguments", [["absent"], ["--target", "gcp"], ["."]])
def test_wrong_usage_ends_with_2(arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run):
    monkeypatch.chdir(tmp_path)
    assert run("check", *arguments).code == 2


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("aws.s3.Bucket('b')\n", "portable: yes"),
        ("aws.s3.Bucket('b', bucket='x')\n", "portable: no, 1 reason (stepwell check --target aws)"),
        (
            "aws.s3.Bucket('a')\naws.s3.Bucket('b', bucket='x')\naws.s3.Bucket('c', bucket='y')\n",
            "portable: no, 2 reasons (stepwell check --target aws)",
        ),
        (
            "import pulumi\nfor _ in range(int(pulumi.Config().require('n'))):\n"
            "    pulumi.ComponentResource('own:index:Store', 's')\n",
            "portable: not known of all components (stepwell check --target aws)",
        ),
    ],
)
def test_up_says_whether_aws_would_take_the_program(folder: Path, text: str, line: str) -> None:
    (folder / "__main__.py").write_text(f"import pulumi_aws as aws\n{text}")
    assert portable(folder) == line


def test_without_a_run_it_says_which_components_it_did_not_look_into(folder: Path, run):
    (folder / "__main__.py").write_text(
        'import pulumi\n\nfor name in ("a", "b"):\n    pulumi.ComponentResource("own:index:Store", name)\n'
    )
    assert run("check", str(folder)).err == f"{folder}: nothing found\n"
    ended = run("check", str(folder), "--no-run")
    assert (ended.code, ended.err) == (
        0,
        f"{folder}: nothing found\nwhat components declare wasn't looked into "
        "(pulumi.ComponentResource at __main__.py:4 and 1 more): the program wasn't run\n",
    )
