"""The rights of a workflow's roles are enough under enforcement, and a run fails without any of them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from seesaws import IMAGE, INFERENCE, TRAIN, batch, flipped

from stepwell.api import authorise
from stepwell.identity.evaluate import Decision, Policies, Request, decide
from stepwell.identity.match import Names as Patterns
from stepwell.retrain.resources import monitor_rights, rights
from stepwell.retrain.resources.names import Names
from stepwell.retrain.resources.rights import Right
from stepwell.testing import Execution, Stepwell

PROGRAM = f"""
import pulumi
from stepwell.retrain import *

seesaw = RetrainingWorkflow(
    "seesaw",
    triggers=[Upload(suffix=".csv"), Window(schedule="rate(1 hour)", duration=1, cutoff=0, suffix=".csv")],
    prepare=Prepare(
        columns=[
            Column(name="label", type="integer", low=0, high=9),
            Column(name="side", type="integer", low=0, high=9),
            Column(name="number", type="integer"),
            Column(name="note", type="category", missing=True),
        ],
        label="label",
    ),
    train=Train(image="{IMAGE}", code="jobs"),
    gate=Gate(floor=0.5, margin=0.2, least_rows=10),
    approval=Approval(within="2 days"),
    when=When(rows=100, after="5 days", score_below=0.5),
    deploy=Deploy(capture=1),
    monitor=Monitor(every="1 hour", least_rows=5, least_labels=5, patience=1),
    force_destroy=True,
)
for output in ("bucket", "machine", "monitor"):
    pulumi.export(output, getattr(seesaw, output))
"""
ACCOUNT, REGION = "000000000000", "us-east-1"
NAMES = Names(
    workflow="seesaw",
    partition="aws",
    account=ACCOUNT,
    region=REGION,
    bucket=f"seesaw-{ACCOUNT}-{REGION}",
    endpoint="seesaw",
)
#: all roles of the workflow, by their parts
TABLES: dict[str, Sequence[Right]] = {
    "prepare": rights.prepare(NAMES, prefixes=["data/"], image=IMAGE),
    "train": rights.train(NAMES, image=IMAGE),
    "gate": rights.gate(NAMES, image=IMAGE),
    "serve": rights.serve(NAMES, image=IMAGE, captured=True),
    "ledger": [
        *rights.ledger(NAMES, prefixes=["data/"], scored=True),
        *rights.function(NAMES, "ledger"),
    ],
    "approvals": [*rights.approvals(NAMES), *rights.function(NAMES, "approvals")],
    "machine": rights.machine(NAMES, passed=["prepare", "train", "gate", "serve"], serves=True),
    "start": rights.start(NAMES),
    "window": rights.window(NAMES),
    "monitor-job": monitor_rights.job(NAMES, labels="labels/", image=IMAGE),
    "monitor": monitor_rights.machine(NAMES),
    "rounds": monitor_rights.rounds(NAMES),
    "monitor-schedule": monitor_rights.schedule(NAMES),
}
#: what shows that a role lacks something, where it isn't that a batch makes a model that serves
SCENES = {
    ("serve", "WriteCaptures"): "ask",
    ("ledger", "SeeRuns"): "take_over",
    ("approvals", "List"): "decide_late",
    ("window", "StartRetraining"): "let_an_hour_pass",
    ("monitor-schedule", "StartMonitor"): "let_an_hour_pass",
}
#: the monitor's roles but for its schedule's: what they need is tested where it measures, in test_drift
ELSEWHERE = ("monitor-job", "monitor", "rounds")
Used = list[tuple[Request, Decision]]


class Failed(Exception):
    """Something that a workflow does didn't happen."""


class Play:
    """A workflow with all parts on a server of its own, and what is done with it."""

    def __init__(self, stepwell: Stepwell, folder: Path) -> None:
        (folder / "jobs").mkdir(parents=True)
        (folder / "jobs/train.py").write_text(TRAIN)
        (folder / "jobs/inference.py").write_text(INFERENCE)
        (folder / "Pulumi.yaml").write_text("name: seesaw\nruntime: python\n")
        (folder / "__main__.py").write_text(PROGRAM)
        self.stepwell = stepwell
        outputs = stepwell.up(folder)
        self.bucket, self.machine, self.monitor = (outputs[each] for each in ("bucket", "machine", "monitor"))
        self.s3, self.sagemaker, self.iam = (stepwell.client(each) for each in ("s3", "sagemaker", "iam"))
        self.uploads = self.asked = 0

    def grant(self, part: str, table: Sequence[Right]) -> None:
        """Give a role these rights and no others."""
        policy = {"RoleName": f"seesaw-{part}", "PolicyName": "rights"}
        statements = [right.statement() for right in table]
        if statements:
            document = json.dumps({"Version": "2012-10-17", "Statement": statements})
            self.iam.put_role_policy(**policy, PolicyDocument=document)
        else:
            self.iam.delete_role_policy(**policy)

    def begin(self, **rows: Any) -> Execution:
        """A batch arrives; what it has started, over or waiting."""
        self.uploads += 1
        known = self.known(self.machine)
        key, body = f"data/batch-{self.uploads}.csv", batch(1000 * self.uploads, **rows)
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=body)
        self.stepwell.settle()
        begun = self.begun(self.machine, known)
        if not begun:
            raise Failed("nothing was started")
        return begun[0]

    def known(self, machine: str) -> set[str]:
        """The executions that there are."""
        return {each.arn for each in self.stepwell.executions(machine)}

    def begun(self, machine: str, known: set[str]) -> list[Execution]:
        """Those that there weren't."""
        return [each for each in self.stepwell.executions(machine) if each.arn not in known]

    def approve(self, run: Execution, outcome: str) -> None:
        """A person approves what a run asks; it ends so."""
        if run.current != ["AwaitDecision"]:
            raise Failed(f"{run}: nobody is asked")
        package = run.calls("AwaitDecision")[-1]["Payload"]["package"]
        self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
        self.stepwell.advance("1 minute")
        if run.status != "SUCCEEDED" or run.output["outcome"] != outcome:
            raise Failed(f"{run}: not {outcome}")

    def retrain(self) -> None:
        """A batch makes a model that serves."""
        self.approve(self.begin(), "DEPLOYED")

    def release(self) -> None:
        """A batch with wrong labels is released; the gate judges again, and the package is rejected."""
        self.approve(self.begin(label=flipped), "KEPT")

    def take_over(self) -> None:
        """The run that had its turn is over, and has not given it back."""
        former = self.stepwell.executions(self.machine)[0].arn
        claim = json.dumps({"execution": former, "since": "2026-01-01T00:00:00Z"})
        self.s3.put_object(Bucket=self.bucket, Key="ledger/claim.json", Body=claim.encode())
        self.retrain()

    def decide_late(self) -> None:
        """A person changes their mind when nobody waits any more: that is no fault of the function's."""
        package = f"{NAMES.packages.removesuffix('*')}1"
        for status in ("Rejected", "Approved"):
            self.sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus=status)
        self.stepwell.advance("1 minute")
        events = self.stepwell.client("logs").filter_log_events(logGroupName="/aws/lambda/seesaw-approvals")
        faults = [each["message"] for each in events["events"] if "[ERROR]" in each["message"]]
        if faults:
            raise Failed(faults[0])

    def ask(self) -> None:
        """Requests are answered and captured; their labels arrive."""
        runtime, labels, known = self.stepwell.client("sagemaker-runtime"), [], self.captured()
        for _ in range(6):
            self.asked += 1
            runtime.invoke_endpoint(
                EndpointName="seesaw",
                ContentType="text/csv",
                Body=f"{self.asked % 10},{self.asked},\n".encode(),
                InferenceId=f"request-{self.asked}",
            )
            labels.append(f"request-{self.asked},{int(self.asked % 10 > 4)}\n")
        self.stepwell.advance("1 minute")
        if self.captured() == known:
            raise Failed("no request was captured")
        body = "inference-id,label\n" + "".join(labels)
        self.s3.put_object(Bucket=self.bucket, Key=f"labels/{self.asked}.csv", Body=body.encode())

    def captured(self) -> int:
        """How many files of requests there are."""
        return int(self.s3.list_objects_v2(Bucket=self.bucket, Prefix="capture/")["KeyCount"])

    def let_an_hour_pass(self) -> None:
        """The clock starts a look at conditions, a window, and the monitor; all end well."""
        runs_before, measures_before = self.known(self.machine), self.known(self.monitor)
        self.stepwell.advance("1 hour")
        runs = self.begun(self.machine, runs_before)
        measures = self.begun(self.monitor, measures_before)
        if {"check", "window"} - {run.input["trigger"] for run in runs} or not measures:
            raise Failed("the clock started too little")
        for each in (*runs, *measures):
            if each.status != "SUCCEEDED":
                raise Failed(f"{each}: {each.cause}")
        if measures[-1].output["outcome"] not in ("MEASURED", "CROSSED"):
            raise Failed(f"{measures[-1].output}")

    def stop(self) -> None:
        """Runs that still wait are over."""
        states = self.stepwell.client("stepfunctions")
        for run in self.stepwell.executions(self.machine):
            if run.status == "RUNNING":
                states.stop_execution(executionArn=run.arn)

    def fail_an_endpoint(self) -> None:
        """Somebody made the endpoint with a model that can't be loaded."""
        self.s3.put_object(Bucket=self.bucket, Key="models/none/output/model.tar.gz", Body=b"none")
        model = {"Image": IMAGE, "ModelDataUrl": f"s3://{self.bucket}/models/none/output/model.tar.gz"}
        self.sagemaker.create_model(
            ModelName="broken", PrimaryContainer=model, ExecutionRoleArn=NAMES.role("serve")
        )
        variant = {"VariantName": "v", "ModelName": "broken", "InstanceType": "ml.m5.large"}
        self.sagemaker.create_endpoint_config(
            EndpointConfigName="broken", ProductionVariants=[{**variant, "InitialInstanceCount": 1}]
        )
        self.sagemaker.create_endpoint(EndpointName="seesaw", EndpointConfigName="broken")
        self.stepwell.advance("10 seconds")
        assert self.sagemaker.describe_endpoint(EndpointName="seesaw")["EndpointStatus"] == "Failed"


@pytest.fixture
def used(monkeypatch: pytest.MonkeyPatch) -> Used:
    """What the server was asked to decide, and how it did."""
    found: Used = []

    def told(request: Request, policies: Policies) -> Decision:
        decision = decide(request, policies)
        found.append((request, decision))
        return decision

    monkeypatch.setattr(authorise, "decide", told)
    return found


@pytest.fixture
def play(tmp_path: Path) -> Iterator[Play]:
    images = tmp_path / "images.toml"
    images.write_text(f'[images."{IMAGE}"]\npython = "3.11"\nrequirements = ["joblib==1.4.2"]\n')
    with Stepwell(images=images) as server:
        yield Play(server, tmp_path / "program")


@pytest.mark.timeout(240)
def test_rights_are_enough_and_none_is_wider_than_what_is_done_with_it(play: Play, used: Used) -> None:
    """What is marked as AWS's alone is taken away: all goes well, and every action and resource is used."""
    listed = play.iam.list_roles()["Roles"]
    assert {each["RoleName"] for each in listed} == {f"seesaw-{part}" for part in TABLES}
    for part, table in TABLES.items():
        found = play.iam.get_role_policy(RoleName=f"seesaw-{part}", PolicyName="rights")["PolicyDocument"]
        assert found["Statement"] == [right.statement() for right in table]
        play.grant(part, [right for right in table if not right.only_aws])
    used.clear()
    play.fail_an_endpoint()
    for scenario in (play.retrain, play.ask, play.release, play.take_over, play.let_an_hour_pass):
        scenario()
    assert streams(play) == set()
    idle = [
        (part, right.sid, what)
        for part, table in TABLES.items()
        for right in table
        if not right.only_aws
        for what in unused(part, right, used)
    ]
    assert idle == []


def streams(play: Play) -> set[str]:
    """The groups in which something was logged."""
    logs = play.stepwell.client("logs")
    groups = [each["logGroupName"] for each in logs.describe_log_groups()["logGroups"]]
    return {each for each in groups if logs.describe_log_streams(logGroupName=each)["logStreams"]}


def unused(part: str, right: Right, used: Used) -> Iterator[str]:
    """The right's actions, and its resources, that nothing was allowed by."""
    allowed = [
        request
        for request, decision in used
        if (request.principal.role or "").endswith(f"/seesaw-{part}")
        and any(each.sid == right.sid for each in decision.matched)
    ]
    for action in right.actions:
        if action not in {request.action for request in allowed}:
            yield action
    for resource in right.resources:
        pattern = Patterns.of([resource], arn=True)
        if not any(pattern.match(request.resource) for request in allowed):
            yield resource


@pytest.mark.faults
@pytest.mark.timeout(400)
def test_without_any_statement_something_fails(play: Play, used: Used) -> None:
    """All but what is marked as AWS's alone; and the role is refused what the statement allows."""
    for scenario in (play.retrain, play.ask, play.decide_late):
        scenario()
    assert streams(play) >= {f"/aws/lambda/seesaw-{part}" for part in ("ledger", "approvals")}
    assert streams(play) >= {f"/aws/sagemaker/{each}" for each in ("ProcessingJobs", "TrainingJobs")}
    unneeded = []
    for part, right in needed():
        play.grant(part, [each for each in TABLES[part] if each is not right])
        used.clear()
        try:
            getattr(play, SCENES.get((part, right.sid), "retrain"))()
        except Failed:
            if not refused(part, right, used):
                unneeded.append((part, right.sid, "failed without a refusal"))
        else:
            unneeded.append((part, right.sid, "went well"))
        play.grant(part, TABLES[part])
        play.stop()
    assert unneeded == []
    for scenario in (play.retrain, play.ask):
        scenario()


def needed() -> Iterator[tuple[str, Right]]:
    """The statements that aren't marked, each with its role's part."""
    for part, table in TABLES.items():
        if part not in ELSEWHERE:
            yield from ((part, right) for right in table if not right.only_aws)


def refused(part: str, right: Right, used: Used) -> bool:
    """Whether the role was refused one of the right's actions."""
    return any(
        (request.principal.role or "").endswith(f"/seesaw-{part}")
        and request.action in right.actions
        and not decision.allowed
        for request, decision in used
    )
