"""`kill -9` of the server, of jobs and of the ledger's own process, anywhere in gated runs."""

from __future__ import annotations

import json
import os
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from running import Running, until
from seesaws import Seesaw, batch, flipped

pytestmark = [pytest.mark.faults, pytest.mark.timeout(240)]

APPROVAL = '\n    approval=Approval(within="2 days"),'
#: what a batch is once its run is over
FINAL = {"ACCEPTED", "SET_ASIDE", "REJECTED", "FAILED", "INVALID"}


#: the states that each of the runs is killed in; those between them last less than a millisecond
PARTS = (
    ("", "Begin", "Prepare", "Plan"),
    ("Train", "Gate", "ReadSummary"),
    ("Register", "Park", "AwaitDecision"),
    ("Resume", "CreateModel", "CreateEndpointConfig", "FindEndpoint", "UpdateEndpoint", "AwaitEndpoint"),
    ("DescribeEndpoint", "IsDeployed", "CloseDeployed"),
)


class Killer:
    """Kills the server at instants that a run's history tells of, each of them once."""

    def __init__(self, seesaw: Seesaw) -> None:
        self.seesaw = seesaw
        #: state and newest event, as they were seen before each kill
        self.instants: list[tuple[str, str]] = []

    def kill(self, *instant: str) -> None:
        """`kill -9`, and a new server on what is left."""
        state, event = instant
        self.instants.append((state, event))
        self.seesaw.server.kill()
        self.seesaw.server.start()
        self.seesaw.reconnect()

    def drive(self, execution: str, states: tuple[str, ...]) -> dict[str, Any]:
        """Bring a run to its end, killed in these states; people approve what it asks."""
        decided = False
        while True:
            state, event = self.instant(execution)
            if event.startswith("Execution") and event != "ExecutionStarted":
                return self.seesaw.output(execution)
            if state in states and (state, event) not in self.instants:
                self.kill(state, event)
            elif (state, event) == ("AwaitDecision", "TaskSubmitted") and not decided:
                package = self.seesaw.asked(execution)["package"]
                self.seesaw.decide(package, "Approved", "it was looked at")
                decided = True
                # the package is approved, and nobody has told the run yet
                self.kill(state, f"approved {execution[-4:]}")

    def instant(self, execution: str) -> tuple[str, str]:
        """The state that a run is in, and its newest event."""
        events = self.seesaw.events(execution)
        entered = [
            each["stateEnteredEventDetails"]["name"] for each in events if "stateEnteredEventDetails" in each
        ]
        return (entered[-1] if entered else ""), events[-1]["type"]


def check(seesaw: Seesaw, runs: list[str]) -> None:
    """All that must hold once runs are over, whatever happened meanwhile."""
    records = seesaw.records()
    raw = [each["Key"] for each in listed(seesaw, "data/")]
    held = Counter(found["key"] for record in records for found in record["objects"])
    assert held == Counter(raw), "each object is in one batch"
    assert {record["status"] for record in records} <= FINAL
    assert seesaw.holder() is None
    assert turns(seesaw) == []

    outputs = [seesaw.output(run) for run in runs]
    plans = [seesaw.document(f"runs/{output['execution']}/plan.json") for output in outputs]
    for plan in plans:
        names = [each["name"] for each in plan["batches"]]
        assert len(names) == len(set(names)), "a batch is trained on once a run"
        _, *manifest = seesaw.document(plan["train_manifest"].partition(f"{seesaw.bucket}/")[2])
        assert manifest == [f"{name}/train.csv" for name in names]
    sagemaker = seesaw.sagemaker
    jobs = [each["TrainingJobName"] for each in sagemaker.list_training_jobs()["TrainingJobSummaries"]]
    assert sorted(jobs) == sorted(plan["training_job"] for plan in plans)

    packages = sagemaker.list_model_packages(ModelPackageGroupName=seesaw.name)["ModelPackageSummaryList"]
    made = [
        sagemaker.describe_model_package(ModelPackageName=each["ModelPackageArn"])[
            "CustomerMetadataProperties"
        ]
        for each in packages
    ]
    asked = [run for run, output in zip(runs, outputs, strict=True) if output["package"]]
    assert sorted(each["execution"] for each in made) == sorted(asked)
    configs = sagemaker.list_endpoint_configs()["EndpointConfigs"]
    deployed = [output["model"] for output in outputs if output["outcome"] == "DEPLOYED"]
    assert sorted(each["EndpointConfigName"] for each in configs) == sorted(deployed)
    proven(seesaw)


def proven(seesaw: Seesaw) -> None:
    """The champion has its evidence, which says that it may serve."""
    sagemaker = seesaw.sagemaker
    variants = sagemaker.describe_endpoint_config(EndpointConfigName=seesaw.config())["ProductionVariants"]
    model = sagemaker.describe_model(ModelName=variants[0]["ModelName"])
    package = sagemaker.describe_model_package(ModelPackageName=model["PrimaryContainer"]["ModelPackageName"])
    evidence = seesaw.evidence(package["CustomerMetadataProperties"]["evidence"])
    assert evidence.decision.outcome == "DEPLOY"
    assert package["ModelApprovalStatus"] == "Approved"
    assert evidence.sources.execution == package["CustomerMetadataProperties"]["execution"]


def turns(seesaw: Seesaw) -> list[str]:
    """Takers of a claim that its holder had not given back though it ran: none, one hopes."""
    versions = seesaw.s3.list_object_versions(Bucket=seesaw.bucket, Prefix="ledger/claim.json")["Versions"]
    holder, faults = None, []
    for each in reversed(versions):
        body = seesaw.s3.get_object(Bucket=seesaw.bucket, Key=each["Key"], VersionId=each["VersionId"])[
            "Body"
        ]
        taker = json.loads(body.read())["execution"]
        if holder is not None and taker is not None:
            over = seesaw.states.describe_execution(executionArn=holder).get("stopDate")
            if over is None or over > each["LastModified"]:
                faults.append(f"{taker} took the turn of {holder}")
        holder = taker
    return faults


def listed(seesaw: Seesaw, prefix: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = seesaw.s3.list_objects_v2(Bucket=seesaw.bucket, Prefix=prefix)["Contents"]
    return found


def processes(running: Running, *words: str) -> list[int]:
    """The processes of this server's workers whose command lines or surroundings hold all of `words`."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        try:
            told = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        if all(word.encode() in told for word in (str(running.data), *words)):
            found.append(int(folder.name))
    return found


@pytest.fixture
def seesaw(own_server: Running, tmp_path: Path) -> Seesaw:
    return Seesaw(own_server, tmp_path / "program", "seesaw", more=APPROVAL)


def test_runs_that_are_killed_at_twenty_instants_end_as_if_nothing_had_been(seesaw: Seesaw) -> None:
    """The server dies after each upload, after each approval, and again and again in every part of a run."""
    killer, runs = Killer(seesaw), []
    for number, states in enumerate(PARTS):
        known = seesaw.executions()
        names = [f"b{number}"] if number != 1 else ["b1", "at-the-same-time"]
        for place, name in enumerate(names):
            seesaw.put(f"data/{name}.csv", batch(1000 * number + 500 * place))
        killer.kill("", f"upload {number}")
        new = until(
            lambda known=known, count=len(names): (
                len(seesaw.executions() - known) == count and seesaw.executions() - known
            )
        )
        first = (
            until(lambda new=new: (holder := seesaw.holder()) in new and holder) if len(new) > 1 else min(new)
        )
        for run in sorted(new, key=lambda each, first=first: each != first):
            runs.append(run)
            assert killer.drive(run, states)["outcome"] == "DEPLOYED"
    check(seesaw, runs)
    assert len(killer.instants) >= 20, killer.instants
    assert all({state for state, _ in killer.instants} & set(part) for part in PARTS), killer.instants


def test_a_job_whose_supervisor_is_killed_ends_its_run_and_the_batch_can_be_begun_again(
    seesaw: Seesaw,
) -> None:
    """The run fails, says why, and gives its turn away; nothing is lost, and the next one trains once."""
    failed = []
    for state in ("Prepare", "Train", "Gate"):
        run = seesaw.upload(state.lower(), batch(len(failed) * 1000, note="train: slowly"))
        (supervisor,) = until(
            lambda: seesaw.state(run) == state and processes(seesaw.server, "supervisor.py")
        )
        os.kill(supervisor, signal.SIGKILL)
        error, cause = seesaw.fault(run)
        print(state, error, cause)
        failed.append(run)
    for record in seesaw.records():
        print(record["status"], record["history"][-1])


def test_the_ledger_s_process_is_killed(seesaw: Seesaw) -> None:
    seesaw.decide(seesaw.asked(run := seesaw.upload("a", batch(0)))["package"], "Approved", "ok")
    seesaw.output(run)
    for pid in processes(seesaw.server, "AWS_LAMBDA_FUNCTION_NAME=seesaw-ledger"):
        print("froze", pid)
        os.kill(pid, signal.SIGSTOP)
    run = seesaw.upload("b", batch(1000))
    until(lambda: seesaw.events(run)[-1]["type"] == "LambdaFunctionStarted")
    time.sleep(0.2)
    for pid in processes(seesaw.server, "AWS_LAMBDA_FUNCTION_NAME=seesaw-ledger"):
        print("killed", pid)
        os.kill(pid, signal.SIGKILL)
    print(seesaw.asked(run))
    for each in seesaw.events(run):
        print(each)
