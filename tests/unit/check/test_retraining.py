"""A retraining workflow declares nothing that a rule is against; its mistakes are the user's lines."""

from __future__ import annotations

import pytest
from check.conftest import Write

from stepwell.check import Finding, check, least, look, whole

JOBS = {
    "jobs/train.py": "print('trained')\n",
    "jobs/inference.py": "def model_fn(folder):\n    return None\n",
}
PROGRAM = """import pulumi
import pulumi_aws as aws
from stepwell import retrain as r

region = aws.get_region().region
image = f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
raw = aws.s3.Bucket("raw")
workflow = r.RetrainingWorkflow(
    "water",
    triggers=[TRIGGERS],
    prepare=r.Prepare(columns=[r.Columns(names=["x", "y"], type="number")], label="y"),
    train=r.Train(image=IMAGE, code="jobs"),
    gate=r.Gate(metric="mae", floor=FLOOR),
    MORE
)
pulumi.export("machine", workflow.machine)
"""


def program(**changes: str) -> str:
    filled = {"TRIGGERS": "r.Upload()", "IMAGE": "image", "FLOOR": "5", "MORE": "", **changes}
    text = PROGRAM
    for name, value in filled.items():
        text = text.replace(name, value)
    return text


def shown(found: list[Finding]) -> list[str]:
    return [f"{each.place.line}: {each.code} {each.message}" for each in found]


@pytest.mark.parametrize(
    "changes",
    [
        {"TRIGGERS": 'r.Upload(suffix=".csv"), r.Schedule(expression="rate(7 days)")'},
        {"TRIGGERS": 'r.Window(schedule="cron(0 4 ? * SUN *)", timezone="Europe/Rome")'},
        {"MORE": "deploy=r.Deploy(capture=0.2), approval=r.Approval(),"},
        {"MORE": "deploy=None, bucket=raw.bucket,", "IMAGE": "raw.bucket.apply(lambda _: image)"},
    ],
    ids=["rules", "a-window", "a-person", "a-bucket-that-there-is"],
)
def test_a_retraining_workflow_is_portable_and_has_the_rights_that_it_needs(
    write: Write, changes: dict[str, str]
) -> None:
    seen = look(write(program(**changes), JOBS), target="aws")
    assert (shown(seen.findings), seen.why) == ([], "")


def test_a_right_that_a_workflow_lacks_is_told(write: Write) -> None:
    lacking = (
        "import stepwell.retrain.resources.rights as rights\nwhole = rights.machine\n"
        'rights.machine = lambda *a, **k: [each for each in whole(*a, **k) if each.sid != "Deploy"]\n'
    )
    found = check(write(lacking + program(), JOBS))
    assert {(each.code, each.place.line) for each in found} == {("SW410", 11)}
    assert any("sagemaker:UpdateEndpoint" in each.message for each in found)


def test_a_misused_part_is_told_at_its_line(write: Write) -> None:
    (finding,) = check(write(program(FLOOR='"high"'), JOBS))
    assert (finding.code, finding.place.line) == ("SW1101", 13)
    assert "floor" in finding.message and "Error" not in finding.message


def test_the_least_policy_of_a_workflow_s_machine_is_told(write: Write) -> None:
    found = least(whole(write(program(), JOBS)), account="000000000000", region="us-east-1")
    policies = {each.holder: each.policy for each in found}
    actions = str(policies["water-machine"])
    assert "sagemaker:CreateTrainingJob" in actions and "lambda:InvokeFunction" in actions
