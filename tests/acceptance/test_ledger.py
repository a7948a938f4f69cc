"""The ledger as Lambda functions behind the workflow's own machine; only the jobs are mocked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from retrain.ledger.world import APPROVED, World

from stepwell.retrain import archives
from stepwell.retrain.machine.definition import definition
from stepwell.retrain.machine.states import Job, Machine
from stepwell.testing import Execution, Stepwell, raises

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
DAY = 86400
REASONS = {"DEPLOY": "NOT_WORSE", "KEEP": "NOT_SHOWN", "QUARANTINE": "BELOW_FLOOR"}


class Line:
    """A workflow's machine, its functions, and what its gates say one after the other."""

    def __init__(self, stepwell: Stepwell, folder: Path, approval: int | None) -> None:
        self.stepwell = stepwell
        self.world = World(stepwell)
        self.says: list[str] = []
        self.trained: list[list[str]] = []
        self.gates: list[dict[str, str]] = []
        name = f"{self.world.group}-line"
        code = archives.write("ledger", folder / "ledger.zip").read_bytes()
        self.functions = {
            part: self._function(f"{name}-{part}", f"ledger.{module}.handler", code)
            for part, module in (("ledger", "handler"), ("approvals", "approvals"))
        }
        role = stepwell.role(f"{name}-jobs", "sagemaker.amazonaws.com")
        job = Job(image=IMAGE, role=role)
        self.machine = stepwell.machine(
            name,
            definition(
                Machine(
                    name=name,
                    bucket=self.world.bucket,
                    ledger=self.functions["ledger"],
                    approvals=self.functions["approvals"],
                    package_group=self.world.group,
                    prepare=job,
                    train=job,
                    gate=job,
                    approval=approval,
                    patience=30 * DAY,
                )
            ),
        )
        stepwell.mock(self.machine, "Prepare", returns=self._prepare)
        stepwell.mock(self.machine, "Train", returns=self._train)
        stepwell.mock(self.machine, "Gate", returns=self._gate)
        self._listen(f"{name}-decisions")

    def upload(self, key: str) -> Execution:
        """An object lands, and a run begins."""
        event = self.world.put(f"data/{key}.csv", key)
        return self.stepwell.start(self.machine, {"trigger": "upload", "objects": [event]})

    def decide(self, execution: Execution, status: str, why: str) -> None:
        """A person decides about the package of a run that waits."""
        (asked,) = execution.calls("AwaitDecision")
        self.world.decide(asked["Payload"]["package"], status, why)
        self.stepwell.settle()

    def status(self, execution: Execution) -> str:
        """Of the batch of a run that has ended well."""
        return self.world.status(execution.output["batch"])

    def _function(self, name: str, handler: str, code: bytes) -> str:
        client = self.stepwell.client("lambda")
        variables = {"BUCKET": self.world.bucket, "SETTINGS": "code/settings.json"}
        made: str = client.create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler=handler,
            Timeout=60,
            Role=self.stepwell.role(f"{name}-function", "lambda.amazonaws.com"),
            Code={"ZipFile": code},
            Environment={"Variables": variables},
        )["FunctionArn"]
        client.get_waiter("function_active_v2").wait(FunctionName=name)
        return made

    def _listen(self, rule: str) -> None:
        """What is decided about a package reaches the function that knows who waits."""
        events, approvals = self.stepwell.client("events"), self.functions["approvals"]
        pattern = {"source": ["aws.sagemaker"], "detail": {"ModelPackageGroupName": [self.world.group]}}
        arn = events.put_rule(Name=rule, EventPattern=json.dumps(pattern))["RuleArn"]
        events.put_targets(Rule=rule, Targets=[{"Id": "approvals", "Arn": approvals}])
        self.stepwell.client("lambda").add_permission(
            FunctionName=approvals,
            StatementId="decisions",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=arn,
        )

    def _prepare(self, job: dict[str, Any]) -> Any:
        manifest = job["ProcessingInputs"][0]["S3Input"]["S3Uri"]
        (key,) = self.world.at(manifest)[1:]
        if "broken" in key:
            failed = {"ExitMessage": f"BATCH_INVALID: {key}, line 2, column 'age': no number"}
            return raises("States.TaskFailed", json.dumps(failed))
        self.world.prepare({"manifest": manifest, "batch": manifest.split("/")[-2]})
        return {}

    def _train(self, job: dict[str, Any]) -> Any:
        manifest = job["InputDataConfig"][0]["DataSource"]["S3DataSource"]["S3Uri"]
        self.trained.append([each.partition("-")[0] for each in self.world.at(manifest)[1:]])
        self.world.put(f"models/{job['TrainingJobName']}/output/model.tar.gz", "a model")
        return {}

    def _gate(self, job: dict[str, Any]) -> Any:
        self.gates.append({each["InputName"]: each["S3Input"]["S3Uri"] for each in job["ProcessingInputs"]})
        outcome = self.says.pop(0) if self.says else "DEPLOY"
        decision = {"outcome": outcome, "reason": REASONS[outcome], "sentence": "In a sentence."}
        folder = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        key = folder.removeprefix(self.world.uri(""))
        config = self.world.at(self.gates[-1]["config"])
        document = json.dumps({"decision": decision, "released": config.get("released")})
        self.world.put(f"{key}/summary.json", document)
        self.world.put(f"{key}/evidence.json", document)
        return {}


@pytest.fixture(scope="module")
def server() -> Iterator[Stepwell]:
    with Stepwell() as stepwell:
        yield stepwell


@pytest.fixture
def line(server: Stepwell, tmp_path: Path) -> Line:
    """Nobody is asked to approve."""
    return Line(server, tmp_path, None)


@pytest.fixture
def asking(server: Stepwell, tmp_path: Path) -> Line:
    """A person approves within two days."""
    return Line(server, tmp_path, 2 * DAY)


def test_each_batch_joins_the_next_training_and_its_model_is_the_next_champion(line: Line) -> None:
    first = line.upload("a").wait()
    assert first.output["outcome"] == "REGISTERED" and first.output["rows"] == 100
    assert "champion" not in line.gates[0] and "trusted" not in line.gates[0]
    line.stepwell.advance(1)
    second = line.upload("b").wait()
    assert line.trained == [["a"], ["a", "b"]]
    assert line.gates[1]["champion"].endswith("-train/output/model.tar.gz")
    assert line.world.at(line.gates[1]["trusted"])[1:] == [f"{first.output['batch']}/held-out.csv"]
    assert [line.status(each) for each in (first, second)] == ["ACCEPTED", "ACCEPTED"]


def test_two_uploads_at_once_are_two_runs_one_after_the_other(line: Line) -> None:
    both = [line.upload("a"), line.upload("b")]
    assert [each.wait().output["outcome"] for each in both] == ["REGISTERED"] * 2
    assert sorted(line.trained, key=len)[0] != sorted(line.trained, key=len)[1]
    assert sorted(line.trained[1]) == ["a", "b"]


def test_a_quarantined_batch_waits_without_stopping_others_and_is_judged_again(line: Line) -> None:
    line.says = ["QUARANTINE"]
    doubted = line.upload("a")
    line.stepwell.settle()
    assert doubted.current == ["AwaitDecision"]
    other = line.upload("b").wait(DAY)
    assert other.output["outcome"] == "REGISTERED" and line.trained[-1] == ["b"]
    line.decide(doubted, APPROVED, "The ward codes it so.")
    assert doubted.wait(DAY).states.count("Gate") == 2
    assert doubted.output["outcome"] == "REGISTERED" and line.status(doubted) == "ACCEPTED"
    assert doubted.output["approval"]["action"] == "release"
    released = line.world.at(doubted.output["evidence"])["released"]
    assert released["reason"] == "The ward codes it so." and released["by"].startswith("arn:aws:iam::")
    assert line.world.at(line.gates[-1]["trusted"])[1:] == [f"{other.output['batch']}/held-out.csv"]


def test_a_rejected_batch_is_trained_on_by_nobody(line: Line) -> None:
    line.says = ["QUARANTINE"]
    doubted = line.upload("a")
    line.stepwell.settle()
    line.decide(doubted, "Rejected", "Shifted labels.")
    assert doubted.wait(DAY).output["outcome"] == "REJECTED" and line.status(doubted) == "REJECTED"
    line.upload("b").wait(DAY)
    assert line.trained[-1] == ["b"]


def test_an_approval_is_asked_for_and_comes_too_late(asking: Line) -> None:
    first = asking.upload("a")
    asking.stepwell.settle()
    asking.decide(first, APPROVED, "Good.")
    assert first.wait(DAY).output["outcome"] == "REGISTERED" and first.states.count("Gate") == 1
    assert asking.world.at(first.output["evidence"])["released"]["action"] == "approve"
    late = asking.upload("b")
    asking.stepwell.advance("3 days")
    assert late.output["outcome"] == "EXPIRED" and asking.status(late) == "EXPIRED"
    asking.decide(late, APPROVED, "Sorry.")
    assert asking.status(late) == "EXPIRED"


def test_a_broken_batch_names_its_fault_and_blocks_nobody(line: Line) -> None:
    broken = line.upload("broken").wait()
    assert (broken.status, broken.error) == ("FAILED", "BatchInvalid")
    assert broken.cause == "data/broken.csv, line 2, column 'age': no number"
    assert line.upload("b").wait().output["outcome"] == "REGISTERED"


def test_a_run_that_is_stopped_with_its_turn_blocks_nobody(line: Line) -> None:
    line.stepwell.mock(line.machine, "Train", returns=line._train, after="9 hours")
    stopped = line.upload("a")
    line.stepwell.settle()
    assert stopped.current == ["Train"]
    waiting = line.upload("b")
    line.stepwell.settle()
    assert waiting.current == ["Begin"]
    line.world.stop(stopped.arn)
    assert waiting.wait(DAY).output["outcome"] == "REGISTERED"
    again = line.stepwell.start(line.machine, {}).wait(DAY)
    assert again.output["batch"].startswith("a-") and again.output["outcome"] == "REGISTERED"
    assert line.stepwell.start(line.machine, {}).wait(DAY).output["outcome"] == "NOTHING_NEW"
