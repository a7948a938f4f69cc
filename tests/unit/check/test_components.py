"""Components' resources are declared where the reader doesn't follow: a run against a recorder tells them."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

import pytest
from check.conftest import PRELUDE, Write

from stepwell import check as checks
from stepwell.check import Finding, check, least, look, read, recording, whole
from stepwell.check.components import is_component

#: a package with a component, as a program's virtual environment has it
PACKAGE = """import json
import pulumi
import pulumi_aws as aws


class Part:
    pass


class Workflow(pulumi.ComponentResource):
    def __init__(self, name, states, actions=(), secret=None, opts=None):
        super().__init__("acme:index:Workflow", name, None, opts)
        if not states:
            raise ValueError("a workflow has a state")
        inside = pulumi.ResourceOptions(parent=self)
        account, region = aws.get_caller_identity().account_id, aws.get_region().region
        self.bucket = aws.s3.Bucket(f"{name}-data", bucket=f"{name}-{account}-{region}", opts=inside)
        self.role = aws.iam.Role(f"{name}-role", opts=inside, assume_role_policy=json.dumps({
            "Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": {"Service": "states.amazonaws.com"}}]}))
        if actions:
            aws.iam.RolePolicy(f"{name}-policy", role=self.role.id, opts=inside,
                policy=self.bucket.arn.apply(lambda arn: json.dumps({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": list(actions), "Resource": f"{arn}/k"}]})))
        self.machine = aws.sfn.StateMachine(f"{name}-machine", role_arn=self.role.arn, opts=inside,
            definition=self.bucket.bucket.apply(lambda bucket: json.dumps(
                {"StartAt": next(iter(states)), "States": states}).replace("BUCKET", bucket)))
        if secret is not None:
            aws.ssm.Parameter(f"{name}-secret", type="String", insecure_value=secret, opts=inside)
"""
WRITES = """{"Write": {"Type": "Task", "End": True,
    "Resource": "arn:aws:states:::aws-sdk:s3:putObject",
    "Parameters": {"Bucket": "BUCKET", "Key": "k", "Body": "x"}}}"""
IMPORTS = "import pulumi\nfrom acme import Workflow\n"
OWN = """class Store(pulumi.ComponentResource):
    def __init__(self, name, actions):
        super().__init__("own:index:Store", name)
        inside = pulumi.ResourceOptions(parent=self)
        self.user = aws.iam.User(f"{name}-user", opts=inside)
        self.declare(name, actions, inside)

    def declare(self, name, actions, inside):
        for action in actions:
            aws.iam.UserPolicy(f"{name}-" + action.strip("*"), user=self.user.name, opts=inside,
                policy=json.dumps({"Version": "2012-10-17", "Statement": [
                    {"Effect": "Allow", "Action": action, "Resource": "*"}]}))
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment beside the program, with the package `acme` in it."""
    home = tmp_path / ".venv"
    packages = home / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"
    (packages / "acme").mkdir(parents=True)
    (packages / "acme" / "__init__.py").write_text("from .workflows import Workflow, Part\n")
    (packages / "acme" / "workflows.py").write_text(PACKAGE)
    (packages / "more.pth").write_text(sysconfig.get_path("purelib"))
    (home / "bin").mkdir()
    python = Path(sys.executable).resolve()
    (home / "bin" / "python").symlink_to(python)
    (home / "pyvenv.cfg").write_text(f"home = {python.parent}\ninclude-system-site-packages = false\n")
    (tmp_path / "Pulumi.yaml").write_text(
        "name: program\nruntime:\n  name: python\n  options:\n    virtualenv: .venv\n"
    )
    return tmp_path


def told(findings: list[Finding]) -> list[tuple[str, int]]:
    return [(each.code, each.place.line) for each in findings]


def test_what_a_package_s_component_declares_is_told_where_it_is_made(
    environment: Path, write: Write
) -> None:
    text = (
        f'{IMPORTS}Workflow("good", {WRITES}, actions=["s3:PutObject"])\n'
        'Workflow("bad", {"A": {"Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage",\n'
        '    "Parameters": {"MessageBody": "m"}, "Next": "B"}})\n'
        f'Workflow("lacking", {WRITES})\n'
        f'Workflow("lavish", {WRITES}, actions=["s3:*"])\n'
    )
    found = check(write(text), target="aws")
    assert {each.code for each in found if each.place.line == 6} == {"SW410", "SW801"}
    assert [each.code for each in found if each.place.line == 8] == ["SW410"]
    assert [each.code for each in found if each.place.line == 11] == ["SW413"]
    assert {each.place.line for each in found} == {6, 8, 11}
    assert not any(each.edits for each in found)
    assert all(each.place.column == 1 and each.line.startswith("Workflow(") for each in found)


def test_the_least_policies_take_in_a_component_s_roles(environment: Path, write: Write) -> None:
    program = whole(write(f'{IMPORTS}Workflow("good", {WRITES})\n'))
    (policy,) = least(program, account="111122223333", region="eu-west-1")
    assert policy.holder == "good-role"
    assert [each["Action"] for each in policy.policy["Statement"]] == ["s3:PutObject"]


def test_a_component_of_the_program_is_told_once_whatever_the_reader_saw_of_it(write: Write) -> None:
    text = f'{PRELUDE}{OWN}Store("s", ["*", "s3:GetObject"])\n'
    found = check(write(text))
    assert told(found) == [("SW303", 16)]
    assert told(check(write(text), run=False)) == told(found)


def test_a_reference_out_of_a_component_is_one_to_the_resource(environment: Path, write: Write) -> None:
    text = (
        f'{IMPORTS}import pulumi_aws as aws\nworkflow = Workflow("w", {WRITES}, actions=["s3:PutObject"])\n'
        'topic = aws.cloudwatch.EventRule("e", schedule_expression="rate(1 day)")\n'
        'aws.cloudwatch.EventTarget("t", rule=topic.name, arn=workflow.machine.arn,\n'
        "    role_arn=workflow.role.arn)\n"
    )
    assert {each.code for each in check(write(text))} == {"SW404", "SW409"}


def test_a_program_that_raises_is_told_with_its_line_and_message(environment: Path, write: Write) -> None:
    (finding,) = check(write(f'{IMPORTS}\nWorkflow("w", {{}})\n'))
    assert (finding.code, finding.place.line) == ("SW1101", 4)
    assert finding.message == "ValueError: a workflow has a state"


def test_an_error_that_the_reader_has_told_already_is_not_told_again(environment: Path, write: Write) -> None:
    (finding,) = check(write(f'{IMPORTS}Workflow("w", states=steps)\n'))
    assert (finding.code, finding.place.line) == ("SW102", 3)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ('Workflow(str(int(pulumi.Config().require("n"))), {})\n', "invalid literal"),
        ('Workflow("w", {}, secret=pulumi.Config().require(f"a{1 + 1}"))\n', "program:a2 is missing"),
    ],
    ids=["a-stand-in", "a-name-that-is-not-known"],
)
def test_what_only_a_stand_in_may_have_raised_is_no_finding(
    environment: Path, write: Write, text: str, why: str
) -> None:
    seen = look(write(IMPORTS + text))
    assert seen.findings == []
    assert why in seen.why
    assert [(each.name, each.place.line) for each in seen.unseen] == [("acme.Workflow", 3)]


def test_files_that_a_program_makes_while_it_runs_are_looked_into(write: Write) -> None:
    text = f"""{PRELUDE}import pathlib, tempfile
class Worker(pulumi.ComponentResource):
    def __init__(self, name):
        super().__init__("own:index:Worker", name)
        code = pathlib.Path(tempfile.mkdtemp())
        (code / "main.py").write_text("def handle(event, context):\\n    return event\\n")
        for handler in ("main.handle", "main.handel"):
            aws.lambda_.Function(name + handler, role="arn:aws:iam::000000000000:role/r", handler=handler,
                runtime="python3.12", code=pulumi.FileArchive(str(code)))

Worker("w")
"""
    (finding,) = check(write(text))
    assert (finding.code, finding.message) == ("SW503", "main.py of wmain.handel defines no handel")


def test_values_that_the_configuration_lacks_are_stood_in_for(environment: Path, write: Write) -> None:
    text = (
        f"{IMPORTS}config = pulumi.Config()\n"
        f'Workflow(config.require("name"), {WRITES}, actions=["s3:PutObject"],\n'
        '    secret=config.require_secret("key"))\n'
    )
    seen = look(write(text), target="aws")
    assert (seen.findings, seen.why) == ([], "")


def test_no_message_quotes_a_secret(environment: Path, write: Write) -> None:
    text = (
        f'{IMPORTS}arn = "arn:aws:sqs:eu-west-1:210987654321:" + pulumi.get_stack()\n'
        f'Workflow("w", {WRITES}, actions=["s3:PutObject"], secret=%s)\n'
    )
    shown = check(write(text % "arn"), target="aws")
    assert [each.code for each in shown] == ["SW1004"] and "210987654321:dev" in shown[0].message
    assert check(write(text % "pulumi.Output.secret(arn)"), target="aws") == []


def test_without_a_run_it_is_said_what_was_not_looked_into(environment: Path, write: Write) -> None:
    seen = look(write(f'{IMPORTS}Workflow("w", {{}})\n'), run=False)
    assert seen.findings == []
    assert [each.name for each in seen.unseen] == ["acme.Workflow"]
    assert seen.why == "the program wasn't run"


def test_a_program_without_components_is_not_run(write: Write, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "record", lambda program: pytest.fail("it was run"))
    assert checks.check(write(f'{PRELUDE}aws.s3.Bucket("b")\n')) == []


def test_the_program_is_run_as_a_preview_without_the_surroundings(
    environment: Path, write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "theirs")
    monkeypatch.setenv("AWS_PROFILE", "theirs")
    text = (
        f"{IMPORTS}import os\n"
        'assert pulumi.runtime.is_dry_run() and "AWS_PROFILE" not in os.environ\n'
        'assert os.environ["AWS_ACCESS_KEY_ID"] != "theirs"\n'
        'assert os.environ["AWS_CONFIG_FILE"] == "/dev/null"\n'
        f'Workflow("w", {WRITES}, actions=["s3:PutObject"])\n'
    )
    seen = look(write(text))
    assert (seen.findings, seen.why) == ([], "")
    assert not (environment / "Pulumi.dev.yaml").exists()


@pytest.mark.parametrize(
    ("name", "is_one"),
    [
        ("acme.Workflow", True),
        ("acme.workflows.Workflow", True),
        ("acme.Part", False),
        ("acme.Absent", False),
        ("absent.Workflow", False),
        ("pulumi.ComponentResource", True),
        ("pulumi.CustomResource", False),
        ("pulumi_aws.s3.Bucket", False),
        ("stepwell.retrain.RetrainingWorkflow", True),
        ("json.JSONDecoder", False),
        ("yaml.SafeLoader", False),
    ],
)
def test_a_component_is_a_class_that_derives_from_pulumi_s(
    environment: Path, name: str, is_one: bool
) -> None:
    assert is_component(name, environment) is is_one


def test_a_class_of_the_program_that_derives_from_a_package_s_component_is_one(
    environment: Path, write: Write
) -> None:
    text = f'{IMPORTS}class Own(Workflow):\n    pass\nOwn("w", {{}})\n'
    assert [each.name for each in read(write(text)).components] == ["Own"]
