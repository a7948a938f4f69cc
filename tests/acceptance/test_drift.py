"""An endpoint's requests are captured, measured, and start the workflow once when they drift."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from jobs import IMAGE, Work
from running import Running, ended, until

from stepwell.retrain.resources import monitor_rights
from stepwell.retrain.resources.names import Names

PROGRAM = f"""
import pulumi
from stepwell.retrain import Column, Deploy, Gate, Monitor, Prepare, RetrainingWorkflow, Train, Upload

pumps = RetrainingWorkflow(
    "pumps",
    triggers=[Upload(prefix="data/", suffix=".csv")],
    prepare=Prepare(
        columns=[
            Column(name="fails", type="category", values=["no", "yes"]),
            Column(name="pressure", type="number"),
            Column(name="maker", type="category"),
        ],
        label="fails",
    ),
    train=Train(image="{IMAGE}", code="jobs"),
    gate=Gate(floor=0.5),
    deploy=Deploy(capture=1),
    monitor=Monitor(every="1 day", score=(0.8, 0.9), least_rows=100, least_labels=50, patience=1),
    force_destroy=True,
)
for name in ("bucket", "machine", "monitor", "endpoint"):
    pulumi.export(name, getattr(pumps, name))
"""
TRAIN = """
import os, pathlib
rows = 0
for path in pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).rglob("*.csv"):
    rows += len(path.read_text().splitlines()) - 1
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text(f"10 {rows}")
"""
INFERENCE = """
import csv, os
def model_fn(folder):
    with open(os.path.join(folder, "model.txt")) as file:
        return float(file.read().split()[0])
def input_fn(body, content_type):
    text = body.decode() if isinstance(body, bytes) else body
    return [float(row[0]) for row in csv.reader(text.splitlines())]
def predict_fn(rows, model):
    return ["yes" if row > model else "no" for row in rows]
def output_fn(prediction, accept):
    return "".join(each + "\\n" for each in prediction), "text/csv"
"""
MAKERS = ("Aquila", "Brook", "Cascade")
Row = tuple[float, str]


def pumps(seed: int, count: int, center: float = 10.0, makers: Sequence[str] = MAKERS) -> list[Row]:
    """Rows whose label is whether the pressure is above 10."""
    chance = random.Random(seed)
    return [(round(chance.gauss(center, 3), 3), chance.choice(makers)) for _ in range(count)]


class Workflow:
    """The workflow, its endpoint, and its monitor."""

    def __init__(self, server: Running, folder: Path) -> None:
        self.server = server
        (folder / "jobs").mkdir(parents=True)
        (folder / "jobs/train.py").write_text(TRAIN)
        (folder / "jobs/inference.py").write_text(INFERENCE)
        (folder / "__main__.py").write_text(PROGRAM)
        (folder / "Pulumi.yaml").write_text("name: pumps\nruntime: python\n")
        done = server.stepwell("up", str(folder), "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        self.outputs = json.loads(done.stdout)["outputs"]
        self.s3, self.states = server.client("s3"), server.client("stepfunctions")
        self.runtime = server.client("sagemaker-runtime")
        self.asked = 0

    def executions(self, machine: str = "machine") -> list[dict[str, Any]]:
        """Of one of the two machines."""
        found: list[dict[str, Any]] = self.states.list_executions(stateMachineArn=self.outputs[machine])[
            "executions"
        ]
        return found

    def train(self, rows: list[Row]) -> dict[str, Any]:
        """Upload a batch; what its run ended with."""
        lines = [f"{'yes' if pressure > 10 else 'no'},{pressure},{maker}\n" for pressure, maker in rows]
        body = "fails,pressure,maker\n" + "".join(lines)
        self.s3.put_object(Bucket=self.outputs["bucket"], Key="data/first.csv", Body=body.encode())
        (run,) = until(self.executions)
        return self.output(run["executionArn"])

    def output(self, execution: str) -> dict[str, Any]:
        found = ended(self.server, execution)
        assert found["status"] == "SUCCEEDED", (found.get("error"), found.get("cause"))
        output: dict[str, Any] = json.loads(found["output"])
        return output

    def ask(self, rows: list[Row], step: int = 25) -> list[str]:
        """Ask the endpoint, some rows at a time, and wait until that is captured; gives the inference ids."""
        names = []
        for first in range(0, len(rows), step):
            self.asked += 1
            names.append(f"request-{self.asked}")
            body = "".join(f"{pressure},{maker}\n" for pressure, maker in rows[first : first + step])
            self.runtime.invoke_endpoint(
                EndpointName=self.outputs["endpoint"],
                ContentType="text/csv",
                Body=body.encode(),
                InferenceId=names[-1],
            )
        until(lambda: self.captured() == self.asked)
        return names

    def observe(self, rows: list[Row]) -> None:
        """Captured requests as SageMaker writes them, without the seconds until it does."""
        now = datetime.now(UTC)
        lines = []
        for pressure, maker in rows:
            data = {"observedContentType": "text/csv", "mode": "INPUT", "data": f"{pressure},{maker}\n"}
            about = {"eventId": str(uuid.uuid4()), "inferenceTime": f"{now:%Y-%m-%dT%H:%M:%SZ}"}
            captured = {"endpointInput": {**data, "encoding": "CSV"}}
            lines.append({"captureData": captured, "eventMetadata": about, "eventVersion": "0"})
        self.s3.put_object(
            Bucket=self.outputs["bucket"],
            Key=f"capture/pumps/champion/{now:%Y/%m/%d/%H}/{now:%M-%S}-000-{uuid.uuid4()}.jsonl",
            Body="".join(json.dumps(line) + "\n" for line in lines).encode(),
        )

    def captured(self) -> int:
        """How many requests lie in S3."""
        bucket = self.outputs["bucket"]
        found = self.s3.list_objects_v2(Bucket=bucket, Prefix="capture/").get("Contents", [])
        files = [self.s3.get_object(Bucket=bucket, Key=each["Key"])["Body"].read() for each in found]
        return sum(len(file.splitlines()) for file in files)

    def monitored(self) -> dict[str, Any]:
        """How a run of the monitor ended."""
        begun = self.states.start_execution(stateMachineArn=self.outputs["monitor"])["executionArn"]
        return ended(self.server, begun)

    def measure(self) -> dict[str, Any]:
        """Let the monitor measure; its report."""
        output = json.loads(self.monitored()["output"])
        bucket, _, key = output["report"].removeprefix("s3://").partition("/")
        report: dict[str, Any] = json.loads(self.s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        assert (report["outcome"], report["sentence"]) == (output["outcome"], output["sentence"])
        return report

    def started(self) -> list[dict[str, Any]]:
        """What drift has started: inputs, the newest first."""
        arns = [each["executionArn"] for each in self.executions() if each["name"].startswith("drift-")]
        return [json.loads(self.states.describe_execution(executionArn=each)["input"]) for each in arns]


@pytest.fixture(scope="module")
def workflow(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    """A champion serves; nothing was measured yet."""
    Work(server, "drift")  # the small image
    made = Workflow(server, tmp_path_factory.mktemp("program") / "pumps")
    assert json.loads(made.monitored()["output"])["outcome"] == "NO_ENDPOINT"
    assert made.train(pumps(0, 800))["outcome"] == "DEPLOYED"
    return made


@pytest.mark.timeout(240)
def test_drift_starts_the_workflow_once_until_it_was_back(workflow: Workflow) -> None:
    names = workflow.ask(pumps(1, 200))
    report = workflow.measure()
    assert (report["outcome"], report["requests"], report["rows"]) == ("MEASURED", 8, 200)
    assert report["columns"]["pressure"].keys() == {"missing", "psi", "ks"}
    assert workflow.started() == []

    strange = {"center": 14.0, "makers": (*MAKERS, "Delta")}
    workflow.observe(pumps(2, 200, **strange))
    report = workflow.measure()
    assert report["outcome"] == "CROSSED"
    assert {(each["measure"], each["column"]) for each in report["crossings"]} >= {
        ("psi", "pressure"),
        ("ks", "pressure"),
        ("unseen", "maker"),
    }
    assert report["columns"]["maker"]["unseen"]["values"].keys() == {"Delta"}
    (started,) = workflow.started()
    assert started == {"trigger": "drift", "crossings": report["crossings"]}

    workflow.observe(pumps(3, 200, **strange))
    report = workflow.measure()
    assert (report["outcome"], report["rows"], len(report["standing"])) == ("MEASURED", 200, 4)
    assert len(workflow.started()) == 1

    workflow.observe(pumps(4, 400))
    assert workflow.measure()["standing"] == []
    workflow.observe(pumps(5, 200, **strange))
    assert workflow.measure()["outcome"] == "CROSSED"
    assert len(workflow.started()) == 2

    # labels of the first requests arrive, and say that the world has turned over
    first = pumps(1, 200)
    lines = [
        f"{name},{'no' if pressure > 10 else 'yes'}\n"
        for name, rows in zip(names, (first[at : at + 25] for at in range(0, 200, 25)), strict=True)
        for pressure, _ in rows
    ]
    labels = "inference-id,label\n" + "".join(lines)
    workflow.s3.put_object(Bucket=workflow.outputs["bucket"], Key="labels/late.csv", Body=labels.encode())
    report = workflow.measure()
    assert (report["score"]["value"], report["score"]["rows"]) == (0.0, 200)
    assert [each["measure"] for each in report["crossings"]] == ["score"]
    assert len(workflow.started()) == 3


def needed() -> list[tuple[str, str]]:
    """Roles and the statements without which a round fails, in the order of a round that tells something."""
    names = Names(workflow="pumps", partition="aws", account="", region="", bucket="", endpoint="pumps")
    tables = {
        monitor_rights.FUNCTION: monitor_rights.rounds(names),
        monitor_rights.JOB: monitor_rights.job(names, labels="labels/", image="image"),
        monitor_rights.MACHINE: monitor_rights.machine(names),
    }
    # a function that may not be invoked is asked again for half a minute: that it is needed shows by itself
    left_out = {monitor_rights.MACHINE: "KeepRounds"}
    return [
        (part, right.sid)
        for part, table in tables.items()
        for right in table
        if not right.only_aws and left_out.get(part) != right.sid
    ]


@pytest.mark.timeout(240)
def test_each_right_of_the_monitor_is_needed(server: Running, workflow: Workflow) -> None:
    iam = server.client("iam")
    workflow.observe(pumps(6, 200))
    workflow.measure()
    workflow.observe(pumps(7, 200, center=30.0))
    workflow.s3.put_object(Bucket=workflow.outputs["bucket"], Key="labels/more.csv", Body=b"no-one,yes\n")
    unneeded = []
    for part, sid in needed():
        role = {"RoleName": f"pumps-{part}", "PolicyName": "rights"}
        policy = iam.get_role_policy(**role)["PolicyDocument"]
        rest = [each for each in policy["Statement"] if each["Sid"] != sid]
        assert len(rest) == len(policy["Statement"]) - 1
        iam.put_role_policy(**role, PolicyDocument=json.dumps({**policy, "Statement": rest}))
        if workflow.monitored()["status"] != "FAILED":
            unneeded.append((part, sid))
        iam.put_role_policy(**role, PolicyDocument=json.dumps(policy))
    assert unneeded == []
    before = len(workflow.started())
    workflow.monitored()
    assert len(workflow.started()) == before + 1
