"""What starts a workflow, and how long it waits for people, by a clock that the test moves; jobs mocked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from stepwell.testing import Execution, Stepwell

PROGRAM = """
import pulumi
from stepwell.retrain import *

made = RetrainingWorkflow(
    "pumps",
    triggers=[Upload(suffix=".csv"), {trigger}],
    prepare=Prepare(
        columns=[Column(name="flow", type="number"), Column(name="rain", type="number")], label="flow"
    ),
    train=Train(image="registry/image:1", code="jobs"),
    gate=Gate(metric="mae", floor=40),
    {parts}
)
pulumi.export("bucket", made.bucket)
pulumi.export("machine", made.machine)
"""
WINDOW = 'Window(schedule="cron(0 4 ? * SUN *)", timezone="Europe/Berlin")'


class Pumps:
    """The declared workflow, whose jobs leave what real ones would."""

    def __init__(self, stepwell: Stepwell, folder: Path, parts: str = "", trigger: str = WINDOW) -> None:
        (folder / "jobs").mkdir()
        for name in ("train", "inference"):
            (folder / "jobs" / f"{name}.py").write_text("")
        (folder / "Pulumi.yaml").write_text("name: pumps\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM.format(trigger=trigger, parts=parts))
        self.stepwell, self.s3 = stepwell, stepwell.client("s3")
        outputs = stepwell.up(folder)
        self.bucket, self.machine = outputs["bucket"], outputs["machine"]
        stepwell.mock(self.machine, "Prepare", returns=self._prepare)
        stepwell.mock(self.machine, "Train", returns={})
        stepwell.mock(self.machine, "Gate", returns=self._gate)
        for state in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint"):
            stepwell.mock(self.machine, state, returns={})

    def upload(self, name: str, text: str = "flow,rain\n1,2\n") -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"data/{name}.csv", Body=text.encode())
        self.stepwell.settle()

    def runs(self) -> list[Execution]:
        return self.stepwell.executions(self.machine)

    def _put(self, uri: str, value: Any) -> None:
        key = uri.removeprefix(f"s3://{self.bucket}/")
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=json.dumps(value).encode())

    def _prepare(self, job: dict[str, Any]) -> Any:
        manifest = job["ProcessingInputs"][0]["S3Input"]["S3Uri"]
        found = self.s3.get_object(Bucket=self.bucket, Key=manifest.removeprefix(f"s3://{self.bucket}/"))
        keys = [str(each) for each in json.loads(found["Body"].read())[1:]]
        counts = {"rows": 100, "train_rows": 75, "held_out_rows": 25}
        digests = {file: f"{file} of {keys}" for file in ("train.csv", "held-out.csv")}
        self._put(
            f"{manifest.rpartition('/')[0]}/prepared.json",
            {
                **counts,
                "columns": ["flow", "rain"],
                "label": "flow",
                "sources": dict.fromkeys(keys, "0" * 64),
                "digests": digests,
            },
        )
        return {}

    def _gate(self, job: dict[str, Any]) -> Any:
        folder = job["ProcessingOutputConfig"]["Outputs"][0]["S3Output"]["S3Uri"]
        decision = {"outcome": "DEPLOY", "reason": "FIRST_CHAMPION", "sentence": "It is the first."}
        self._put(f"{folder}/summary.json", {"decision": decision})
        self._put(f"{folder}/evidence.json", {"decision": decision, "released": None})
        return {}


@pytest.fixture
def march() -> Iterator[Stepwell]:
    """A server on the eve of the last Sunday of March 2026, when clocks in Berlin go forward."""
    with Stepwell(start="2026-03-21T12:00+01:00") as server:
        yield server


def test_an_approval_that_nobody_gives_expires(stepwell: Stepwell, tmp_path: Path) -> None:
    """The model is rejected, the batch is EXPIRED; a run that waits holds no other up."""
    pumps = Pumps(stepwell, tmp_path, 'approval=Approval(within="2 days"),')
    pumps.upload("first")
    (first,) = pumps.runs()
    assert first.current == ["AwaitDecision"]
    (asked,) = first.calls("AwaitDecision")
    stepwell.advance("1 day")
    pumps.upload("second", "flow,rain\n3,4\n")
    second = pumps.runs()[1]
    assert second.current == ["AwaitDecision"]
    stepwell.advance("1 day")
    assert first.output["outcome"] == "EXPIRED"
    package = stepwell.client("sagemaker").describe_model_package(
        ModelPackageName=asked["Payload"]["package"]
    )
    assert package["ModelApprovalStatus"] == "Rejected"
    assert package["ApprovalDescription"] == "Nobody decided in time."
    assert second.current == ["AwaitDecision"]
    key = f"batches/{first.output['batch']}/batch.json"
    record = json.loads(pumps.s3.get_object(Bucket=pumps.bucket, Key=key)["Body"].read())
    assert record["status"] == "EXPIRED"


def test_a_window_keeps_to_its_own_time_across_the_clock_change(march: Stepwell, tmp_path: Path) -> None:
    """Four in the morning in Berlin is 03:00 UTC in winter, and 02:00 UTC in summer."""
    pumps = Pumps(march, tmp_path)
    march.advance("9 days")
    runs = pumps.runs()
    assert [f"{run.started:%d %H:%M}" for run in runs] == ["22 03:00", "29 02:00"]
    assert [run.input for run in runs] == [{"trigger": "window"}] * 2
    assert [run.output["outcome"] for run in runs] == ["NOTHING_NEW"] * 2


def test_a_schedule_takes_all_that_has_arrived_as_one_batch(stepwell: Stepwell, tmp_path: Path) -> None:
    """Arrivals wait for it where a condition says so."""
    pumps = Pumps(
        stepwell,
        tmp_path,
        "when=When(rows=1000),\n    approval=Approval(),",
        'Schedule(expression="rate(7 days)", suffix=".csv")',
    )
    pumps.upload("one")
    pumps.upload("two", "flow,rain\n3,4\n")
    assert [run.output["outcome"] for run in pumps.runs()] == ["COLLECTING"] * 2
    stepwell.advance("7 days")
    run = pumps.runs()[-1]
    assert run.input == {"trigger": "schedule"}
    (job,) = run.calls("Prepare")
    manifest = job["ProcessingInputs"][0]["S3Input"]["S3Uri"].removeprefix(f"s3://{pumps.bucket}/")
    listed = json.loads(pumps.s3.get_object(Bucket=pumps.bucket, Key=manifest)["Body"].read())
    assert listed[1:] == ["data/one.csv", "data/two.csv"]


def test_what_has_waited_long_enough_is_begun_by_the_clock(stepwell: Stepwell, tmp_path: Path) -> None:
    """Nothing else arrives: the checking rule sees that it is time."""
    pumps = Pumps(stepwell, tmp_path, 'when=When(rows=1000, after="5 hours"),\n    approval=Approval(),')
    stepwell.advance("20 minutes")
    pumps.upload("one")
    stepwell.advance("6 hours")
    due = [run for run in pumps.runs() if "Prepare" in run.states]
    assert [run.input for run in due] == [{"trigger": "check"}]
    waited = due[0].started - pumps.runs()[0].started
    assert 5 * 3600 <= waited.total_seconds() <= 5.5 * 3600
