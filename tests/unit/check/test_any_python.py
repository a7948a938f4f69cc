"""Whatever Python a program holds, it can be checked: nothing of it is run, and nothing of it crashes."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from check.conftest import PRELUDE, cases
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stepwell.check import check, read

ROOT = Path(__file__).resolve().parents[3]
OWN = sorted(path for folder in ("src", "examples", "tests") for path in (ROOT / folder).rglob("*.py"))

NAMES = ["a", "b", "bucket", "json", "pulumi", "aws", "f", "self"]
#: what programs are put together of: `@` stands for an expression, `$` for a name
ATOMS = ["(1)", "None", "'x'", "[]", "{}", "...", "b'x'", "f'{a}'", "aws.s3.Bucket('b')", "a.arn", "$", "$"]
EXPRESSIONS = [
    "(@ + @)",
    "(@ if @ else @)",
    "[@, *@]",
    "{'k': @, **@}",
    "f'{$}'",
    "@(@, k=@)",
    "json.dumps(@)",
    "json.loads(@)",
    "(lambda a: @)",
    "pulumi.Output.all(@, @).apply(@)",
    "pulumi.Output.concat(@, @)",
    "aws.iam.Role('r', assume_role_policy=@, inline_policies=@, **@)",
    "aws.iam.RolePolicyAttachment('p', role=@, policy_arn=@)",
    "aws.sfn.StateMachine(@, definition=@, role_arn=@)",
    "aws.lambda_.Function('f', code=pulumi.AssetArchive(@), runtime=@, handler=@, environment=@)",
    "aws.ssm.MaintenanceWindowTask('t', targets=@, window_id=@, task_invocation_parameters=@)",
    "aws.ssm.MaintenanceWindow('w', schedule=@, duration=@, cutoff=@)",
    "aws.s3.BucketNotification('n', bucket=@, lambda_functions=@)",
    "@[@]",
    "@[@:@]",
    "[@ for a in @ if @]",
    "{@: @ for a, b in @}",
    "@.replace(@, @)",
    "@.$",
    "(@ == @)",
    "(@ and @ or @)",
    "(a := @)",
]
STATEMENTS = [
    "$ = @",
    "$ += @",
    "$['k'] = @",
    "$.append(@)",
    "if @:\n    a = @\nelse:\n    b = @",
    "for a in @:\n    b = @\n    break",
    "while @:\n    a = @",
    "def f(a, *b, **self):\n    return @",
    "class f($):\n    a = @\n    def b(self):\n        self.a = @",
    "try:\n    a = @\nexcept Exception as b:\n    raise",
    "with @ as a:\n    pass",
    "match @:\n    case [a, *b]:\n        f = @\n    case _:\n        pass",
    "a, *b = @",
    "global a",
    "@",
]


def program(source: random.Random) -> str:
    """A program of some statements."""

    def filled(form: str, depth: int) -> str:
        pieces = []
        for char in form:
            if char == "@":
                more = depth < 3 and source.random() < 0.6
                pieces.append(filled(source.choice(EXPRESSIONS if more else ATOMS), depth + 1))
            else:
                pieces.append(source.choice(NAMES) if char == "$" else char)
        return "".join(pieces)

    return "\n".join(filled(source.choice(STATEMENTS), 0) for _ in range(source.randrange(1, 8)))


def test_random_programs_are_checked(tmp_path: Path) -> None:
    source = random.Random(20)
    valid = 0
    for _ in range(400):
        text = f"{PRELUDE}{program(source)}\n"
        (tmp_path / "__main__.py").write_text(text)
        found = check(tmp_path, target="aws")
        valid += "SW101" not in {each.code for each in found}
    assert valid > 300


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_random_text_is_checked(tmp_path: Path, text: str) -> None:
    (tmp_path / "__main__.py").write_text(text, encoding="utf-8", errors="surrogatepass")
    for finding in check(tmp_path, target="aws"):
        assert finding.place.line >= 1


@pytest.mark.parametrize("part", range(4))
def test_every_module_of_this_repository_can_be_read(part: int) -> None:
    for path in OWN[part::4]:
        read(path)


def test_a_role_with_a_policy_that_iam_refuses_stops_no_rule(tmp_path: Path) -> None:
    text = """
role = aws.iam.Role("r", assume_role_policy="{}", inline_policies=[{"name": "p", "policy": "{}"}])
w = aws.ssm.MaintenanceWindow("w", schedule="rate(1 day)", duration=2, cutoff=1)
aws.ssm.MaintenanceWindowTask("k", window_id=w.id, task_type="LAMBDA", task_arn="f",
    service_role_arn=role.arn)
"""
    (tmp_path / "__main__.py").write_text(PRELUDE + text)
    assert "SW302" in {each.code for each in check(tmp_path)}


def test_programs_that_are_cut_off_are_checked(tmp_path: Path) -> None:
    """Every case of the data, ended at a third and at two thirds of its text."""
    for case in cases():
        for share in (1 / 3, 2 / 3):
            (tmp_path / "__main__.py").write_text(case.text[: int(len(case.text) * share)])
            check(tmp_path, target="aws")
