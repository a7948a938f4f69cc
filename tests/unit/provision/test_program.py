"""How a program's own faults are told. These programs import the SDK and not the AWS package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from stepwell import provision
from stepwell.errors import UsageError


@pytest.mark.parametrize(
    ("source", "message", "advice", "line", "traceback"),
    [
        ("import pulumi\nx = (\n", "SyntaxError: '(' was never closed", "", 2, "x = ("),
        ("import sys\nsys.exit(3)\n", "the program left with sys.exit(3)", "", 0, ""),
        (
            "import os\nos.kill(os.getpid(), 9)\n",
            "The program's process ended with signal SIGKILL, without a word",
            "",
            0,
            "",
        ),
        ("import pulumi\nraise pulumi.RunError('said nicely')\n", "said nicely", "", 2, ""),
        (
            "from stepwell.retrain.parts.declaration import whole\n\nwhole('rows', 0, 1, 9)\n",
            "rows is a whole number from 1 to 9, not 0",
            "",
            3,
            "",
        ),
        (
            "import pulumi\npulumi.Config().require('absent')\n",
            "Configuration value program:absent is missing",
            "Write it under `config:`",
            2,
            "pulumi.Config().require('absent')",
        ),
        (
            "import pulumi\nfrom pulumi import ResourceHook as H, ResourceHookBinding as B\n"
            "from pulumi import ResourceOptions as O\n"
            "pulumi.ComponentResource('a:b:C', 'c', None, O(hooks=B(before_create=[H('h', print)])))\n",
            "resource hooks: not supported here",
            "Leave it out",
            0,
            "",
        ),
        (
            "import pulumi\nfrom pulumi import CustomResource as C, ResourceOptions as O\nlate = []\n"
            "a = C('aws:s3/bucket:Bucket', 'a', {}, O(depends_on=late))\n"
            "late.append(C('aws:s3/bucket:Bucket', 'b', {}, O(depends_on=[a])))\n",
            "A resource depends on itself, through others: aws:s3/bucket:Bucket named a",
            "Look at `depends_on`",
            0,
            "",
        ),
        (
            "import json\nimport pulumi\njson.dumps(pulumi.Output.from_input(1))\n",
            "Object of type Output is not JSON serializable",
            "Use pulumi.Output.json_dumps",
            3,
            "json.dumps",
        ),
        (
            "import pulumi\n\ndef fail(value):\n    raise ValueError(value)\n\n"
            "pulumi.export('out', pulumi.Output.from_input('late').apply(fail))\n",
            "ValueError: late",
            "",
            4,
            "raise ValueError(value)",
        ),
    ],
    ids=["syntax", "exit", "kill", "run-error", "declaration", "config", "hook", "cycle", "json", "apply"],
)
def test_a_fault_is_told_with_its_place_and_what_to_do(
    stack: Any, source: str, message: str, advice: str, line: int, traceback: str
) -> None:
    """The message is the program's, the place its own line, the traceback free of our frames."""
    stack.write(source)
    (problem,) = stack.run("preview").errors
    assert problem.message == message
    assert problem.advice.startswith(advice)
    assert problem.line == line
    assert (traceback in problem.traceback) if traceback else problem.traceback == ""
    assert not any(alien in problem.traceback for alien in ("launcher.py", "runpy", "asyncio"))


def test_a_preview_that_fails_counts_nothing(stack: Any) -> None:
    """The stack itself is no resource that anything is done with."""
    stack.write("import pulumi\nx = (\n")
    assert stack.run("preview").counts == {}


def test_a_program_in_another_place_imports_its_neighbours(stack: Any) -> None:
    """`main:` moves what modules are found beside; files are still relative to the project."""
    (stack.folder / "infra").mkdir()
    (stack.folder / "infra" / "neighbour.py").write_text("NAME = 'beside'\n")
    stack.write(
        "import os\nimport neighbour\nimport pulumi\n"
        "pulumi.export('name', neighbour.NAME)\npulumi.export('folder', os.getcwd())\n",
        "infra/__main__.py",
    )
    stack.write("name: program\nruntime: python\nmain: infra\n", "Pulumi.yaml")
    outcome = stack.run("up")
    assert outcome.ok, outcome.errors
    assert outcome.outputs["name"].value == "beside"
    assert Path(outcome.outputs["folder"].value) == stack.folder
    assert not list(stack.folder.rglob("__pycache__"))


def test_an_absent_sdk_is_told_before_anything_else(stack: Any, monkeypatch: Any) -> None:
    """With what to install."""
    monkeypatch.setattr(provision, "find_spec", lambda name: None if name == "pulumi" else object())
    with pytest.raises(UsageError, match=r"\(pulumi is absent\): pip install 'stepwell\[pulumi\]'"):
        provision.check(stack.folder, "dev")


def test_the_package_is_cheap_to_import() -> None:
    """A command line that only shows its help pays for neither boto3 nor gRPC nor Pulumi."""
    heavy = "('boto3', 'botocore', 'grpc', 'pulumi', 'yaml')"
    code = f"import sys, stepwell.provision; print([m for m in {heavy} if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"
