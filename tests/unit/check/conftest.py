"""Programs are data: `programs/*.txt` holds, rule by rule, some that break it and counterparts that don't.

=== SW201 faulty            a program; the imports of json, pulumi and pulumi_aws come before it
=== SW201 clean
--- fn/handler.py           a file beside it
--- large.zip               `#size 1000` stands for a file of a thousand zeros
=== SW103 faulty bare       without those imports
=== SW401 faulty roles      after roles for functions, machines and windows
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from stepwell.check import Finding, Program, check, read

PRELUDE = "import json\nimport pulumi\nimport pulumi_aws as aws\n"
ROLES = """
lambda_role = aws.iam.Role("functions", assume_role_policy=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                   "Principal": {"Service": "lambda.amazonaws.com"}}]}),
    managed_policy_arns=["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"])
states_role = aws.iam.Role("machines", assume_role_policy=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                   "Principal": {"Service": "states.amazonaws.com"}}]}))
ssm_role = aws.iam.Role("windows", assume_role_policy=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
                   "Principal": {"Service": "ssm.amazonaws.com"}}]}))
"""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One program of the data."""

    code: str
    faulty: bool
    text: str
    #: the files beside it
    files: dict[str, str] = field(default_factory=dict)
    #: where it stands in the data
    name: str = ""


def cases() -> Iterator[Case]:
    """All programs of the data."""
    for path in sorted((Path(__file__).parent / "programs").glob("*.txt")):
        records = re.split(r"^=== (.*)\n", path.read_text(), flags=re.MULTILINE)
        for number, (head, body) in enumerate(zip(records[1::2], records[2::2], strict=True)):
            code, kind, *options = head.split()
            parts = re.split(r"^--- (.*)\n", body, flags=re.MULTILINE)
            text = (
                parts[0] if "bare" in options else PRELUDE + (ROLES if "roles" in options else "") + parts[0]
            )
            yield Case(
                code=code,
                faulty=kind == "faulty",
                text=text,
                files=dict(zip(parts[1::2], parts[2::2], strict=True)),
                name=f"{path.stem}-{number}-{code}-{kind}",
            )


Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Writes a program and the files beside it; gives its folder."""

    def made(text: str, files: dict[str, str] | None = None) -> Path:
        for name, content in {"__main__.py": text, **(files or {})}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            size = re.fullmatch(r"#size (\d+)\n", content)
            if size is None:
                path.write_text(content)
            else:
                with path.open("wb") as file:
                    file.truncate(int(size[1]))
        return tmp_path

    return made


@pytest.fixture
def found(write: Write) -> Callable[..., list[Finding]]:
    """What is found in a program with the usual imports."""

    def run(text: str, files: dict[str, str] | None = None, target: str = "") -> list[Finding]:
        return check(write(PRELUDE + text, files), target=target)

    return run


@pytest.fixture
def program(write: Write) -> Callable[..., Program]:
    """A program with the usual imports, read."""

    def run(text: str, files: dict[str, str] | None = None) -> Program:
        return read(write(PRELUDE + text, files))

    return run


CASES = list(cases())
