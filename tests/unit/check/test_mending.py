"""Certain mends change the text where they must and nowhere else, and once."""

from __future__ import annotations

from pathlib import Path

import pytest
from check.conftest import CASES, PRELUDE, Write

from stepwell.check import check, diff, mended

#: a program, and what it is when its certain mends are written
MENDS: list[tuple[str, str]] = [
    (
        "import pulumi_aws as aws\n\nb = aws.s3.Bucket('b', tags={'a': json.dumps([1])})  # kept\n",
        "import json\nimport pulumi_aws as aws\n\n"
        "b = aws.s3.Bucket('b', tags={'a': json.dumps([1])})  # kept\n",
    ),
    (
        '"""Docs."""\n\nfrom __future__ import annotations\nx = os.getcwd()\n',
        '"""Docs."""\n\nfrom __future__ import annotations\nimport os\nx = os.getcwd()\n',
    ),
    (
        PRELUDE + "q = aws.sqs.Queue('q')\n"
        "aws.ssm.Parameter('p', type='String', value=json.dumps({'q': q.url}, indent=2))\n",
        PRELUDE + "q = aws.sqs.Queue('q')\n"
        "aws.ssm.Parameter('p', type='String', value=pulumi.Output.json_dumps({'q': q.url}, indent=2))\n",
    ),
    (
        PRELUDE + "b = aws.s3.Bucket('b')\nx = pulumi.Output.all(b.arn).apply(lambda arn: f'{arn}/*')\n",
        PRELUDE + "b = aws.s3.Bucket('b')\nx = b.arn.apply(lambda arn: f'{arn}/*')\n",
    ),
    (
        PRELUDE + "q = aws.sqs.Queue('q')\ntext = {'url': q.url}\n"
        "aws.ssm.Parameter('p', type='String', value=pulumi.Output.all(q.url).apply(\n"
        "    lambda urls: json.dumps(text).replace('QUEUE_URL', urls[0])))\n",
        PRELUDE + "q = aws.sqs.Queue('q')\ntext = {'url': q.url}\n"
        "aws.ssm.Parameter('p', type='String', value=pulumi.Output.json_dumps(text))\n",
    ),
    (
        PRELUDE + "aws.iam.RolePolicyAttachment('a', role='r',\n"
        "    policy_arn='arn:aws:iam::aws:policy/AWSLambdaBasicExecutionRole')  # ä\n",
        PRELUDE + "aws.iam.RolePolicyAttachment('a', role='r',\n"
        "    policy_arn='arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole')  # ä\n",
    ),
    (
        PRELUDE + "aws.lambda_.Function('ä', role='r', runtime='python3.12', handler='h.main',\n"
        "    code=pulumi.AssetArchive({'.': pulumi.FileArchive('fn')}), timeout=3)\n",
        PRELUDE + "aws.lambda_.Function('ä', role='r', runtime='python3.12', handler='h.main',\n"
        "    code=pulumi.FileArchive('fn'), timeout=3)\n",
    ),
]
WINDOW = """w = aws.ssm.MaintenanceWindow(
    "w",
    schedule="rate(1 day)",
    duration=2,
    cutoff=1,  # hours
)
aws.ssm.MaintenanceWindowTask("k", window_id=w.id, task_type="RUN_COMMAND", task_arn="AWS-RunShellScript",
    max_concurrency="1", max_errors="0",
    targets=[{"key": "InstanceIds", "values": [pulumi.Config().require("instance")]}],
    task_invocation_parameters={"run_command_parameters": {
        "document_hash": "x",  # a hash
        "comment": "c", "document_hash_type": "Sha256",
        "parameters": {"commands": ["date"], "user": "nobody"},
    }})
"""
MENDED = """w = aws.ssm.MaintenanceWindow(
    "w",
    schedule="rate(1 day)",
    duration=2,
    cutoff=1,  # hours
    allow_unassociated_targets=True,
)
aws.ssm.MaintenanceWindowTask("k", window_id=w.id, task_type="RUN_COMMAND", task_arn="AWS-RunShellScript",
    max_concurrency="1", max_errors="0",
    targets=[{"key": "InstanceIds", "values": [pulumi.Config().require("instance")]}],
    task_invocation_parameters={"run_command_parameters": {
        "comment": "c",
        "parameters": [{"name": "commands", "values": ["date"]}, {"name": "user", "values": ["nobody"]}],
    }})
"""


def mend(folder: Path) -> int:
    """Write the certain mends of a program; how many files they changed."""
    changed = mended(folder, check(folder, target="aws"))
    for file, (_, after) in changed.items():
        (folder / file).write_bytes(after.encode())
    return len(changed)


@pytest.mark.parametrize(("before", "after"), [*MENDS, (PRELUDE + WINDOW, PRELUDE + MENDED)])
def test_a_certain_mend_is_written_and_once(write: Write, before: str, after: str) -> None:
    folder = write(before, {"fn/h.py": "def main(event, context): pass\n"})
    assert mend(folder) == 1
    assert (folder / "__main__.py").read_text() == after
    assert mend(folder) == 0
    assert (folder / "fn" / "h.py").read_text() == "def main(event, context): pass\n"


#: where the mend would be a guess
UNCERTAIN = [
    "b = aws.s3.Bucket('b')\ntext = json.dumps({'b': b.arn})\nprint(len(text))\n",
    "b = aws.s3.Bucket('b')\nx = pulumi.Output.all(b.arn).apply(lambda v: f'{v}' + v[0])\n",
    "b = aws.s3.Bucket('b')\nx = pulumi.Output.all(b.arn, b.id).apply(lambda v: f'{v}')\n",
    "aws.iam.Role('r', managed_policy_arns=['arn:aws:iam::aws:policy/AmazonS3ReadOnlyAcess'])\n",
    "aws.lambda_.Function('f', runtime='python3.8', handler='h.main', code=pulumi.FileArchive('fn'))\n",
]


@pytest.mark.parametrize("text", UNCERTAIN)
def test_a_guess_is_not_written(write: Write, text: str) -> None:
    folder = write(PRELUDE + text)
    assert check(folder)
    assert mend(folder) == 0


def test_mends_of_every_program_of_the_data_come_to_an_end_and_leave_python(write: Write) -> None:
    for case in CASES:
        if not case.faulty:
            continue
        folder = write(case.text, case.files)
        errors = {each.code for each in check(folder)}
        rounds = 0
        while mend(folder):
            rounds += 1
            assert rounds < 4, case.name
        if "SW101" not in errors:
            compile((folder / "__main__.py").read_text(), case.name, "exec")


def test_a_diff_shows_what_changes() -> None:
    shown = diff({"a.py": ("x\ny\n", "x\nz\n"), "b.py": ("x", "y")})
    assert "--- a/a.py\n+++ b/a.py\n@@ -1,2 +1,2 @@\n x\n-y\n+z\n" in shown
    assert "-x\n\\ No newline at end of file\n+y\n\\ No newline at end of file\n" in shown
