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
from running import Running, processes, until
from seesaws import Seesaw, batch

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
            state, event = self.seesaw.instant(execution)
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


@pytest.fixture
def seesaw(own_server: Running, tmp_path: Path) -> Seesaw:
    return Seesaw(own_server, tmp_path / "program", "seesaw", more=APPROVAL)


def test_runs_that_are_killed_at_twenty_instants_end_as_if_nothing_had_been(seesaw: Seesaw) -> None:
    """The server dies after each upload, after each approval, and again and again in every part of a run."""
    killer = Killer(seesaw)
    runs: list[str] = []
    for number, states in enumerate(PARTS):
        seesaw.put(f"data/b{number}.csv", batch(1000 * number))
        if number == 1:
            seesaw.put("data/at-the-same-time.csv", batch(1000 * number + 500))
        killer.kill("", f"upload {number}")
        for run in begun(seesaw, runs, 2 if number == 1 else 1):
            runs.append(run)
            assert killer.drive(run, states)["outcome"] == "DEPLOYED"
    check(seesaw, runs)
    assert len(killer.instants) >= 20, killer.instants
    assert all({state for state, _ in killer.instants} & set(part) for part in PARTS), killer.instants


def begun(seesaw: Seesaw, known: list[str], count: int) -> list[str]:
    """So many executions that are new."""

    def look() -> list[str]:
        new = sorted(seesaw.executions() - set(known))
        return new if len(new) == count else []

    found: list[str] = until(look)
    return found


#: a job → what runs in it, and rows that keep it busy
JOBS = {
    "prepare": ("-m prepare", {"rows": 60_000}),
    "train": ("train_and_pack.py", {"note": "train: slowly"}),
    "gate-1": ("-m gate", {"note": "ask: slowly"}),
}


def test_a_job_that_is_killed_ends_its_run_and_the_batch_can_be_begun_again(seesaw: Seesaw) -> None:
    """The run fails, says why and gives its turn away; its batch has failed, and may be named again."""
    for number, (job, (script, made)) in enumerate(JOBS.items()):
        run = seesaw.upload(job, batch(100_000 * number, **made))
        until(lambda script=script: processes(seesaw.server, script), 20)
        supervisors = processes(seesaw.server, "supervisor.py", f"-{job}/")
        assert supervisors
        for process in supervisors:
            os.kill(process, signal.SIGKILL)
        error, cause = seesaw.fault(run)
        assert error == "States.TaskFailed"
        assert cause.startswith("InternalServerError")
        (record,) = (each for each in seesaw.records() if each["execution"] == run)
        assert (record["status"], record["history"][-1]["why"]) == ("FAILED", cause)
        assert seesaw.holder() is None
        again = seesaw.start({"objects": [{"key": f"data/{job}.csv"}]})
        seesaw.decide(seesaw.asked(again)["package"], "Approved", "it was looked at")
        output = seesaw.output(again)
        assert (output["outcome"], output["batch"]) == ("DEPLOYED", record["name"])
        history = [each["status"] for each in seesaw.record(record["name"])["history"]]
        assert history == ["PREPARING", "FAILED", "PREPARING", "WAITING", "ACCEPTED"]
        proven(seesaw)


def test_a_ledger_s_process_that_dies_with_a_question_is_asked_again(seesaw: Seesaw) -> None:
    """At the beginning, in the middle and at the end of a run: frozen first, so that it has the question."""
    warming = seesaw.upload("a", batch(0))
    warm = seesaw.asked(warming)["package"]
    freeze(seesaw)
    run = seesaw.upload("b", batch(1000, note="ask: slowly"))
    murder(seesaw, run, "Begin")
    until(lambda: seesaw.instant(run) == ("Gate", "TaskSubmitted"), 20)
    freeze(seesaw)
    murder(seesaw, run, "Park")
    package = seesaw.asked(run)["package"]
    freeze(seesaw)
    seesaw.decide(package, "Approved", "it was looked at")
    murder(seesaw, run, "Resume")
    until(lambda: seesaw.instant(run)[0] == "AwaitEndpoint", 20)
    freeze(seesaw)
    murder(seesaw, run, "CloseDeployed")
    assert seesaw.output(run)["outcome"] == "DEPLOYED"
    assert [each["type"] for each in seesaw.events(run)].count("LambdaFunctionFailed") == 4
    seesaw.decide(warm, "Rejected", "it only warmed the process up")
    assert seesaw.output(warming)["outcome"] == "REJECTED"
    assert seesaw.holder() is None
    proven(seesaw)


def test_a_rollback_during_a_run_goes_through_a_kill_and_the_next_gate_compares_with_it(
    own_server: Running, tmp_path: Path
) -> None:
    """A run planned against the model that is rolled back from is judged again, against what serves."""
    seesaw = Seesaw(own_server, tmp_path / "program", "seesaw")
    served = [seesaw.output(seesaw.upload(f"b{number}", batch(1000 * number)))["model"] for number in (1, 2)]
    for number, seconds in ((3, 0.0), (4, 0.2)):
        run = seesaw.upload(f"b{number}", batch(1000 * number, note="train: slowly"))
        until(lambda run=run: seesaw.instant(run)[0] == "Train", 20)
        back = own_server.stepwell("rollback", seesaw.endpoint, "--no-wait", "--reason", "it must be")
        assert back.returncode == 0, back.stderr
        time.sleep(seconds)
        own_server.kill()
        own_server.start()
        seesaw.reconnect()
        output = seesaw.output(run)
        assert output["outcome"] == "DEPLOYED"
        folder = f"s3://{seesaw.bucket}/runs/{output['execution']}/gate-"
        compared = [seesaw.evidence(f"{folder}{each}/evidence.json").sources.champion for each in (1, 2)]
        assert [champion and champion["config"] for champion in compared] == [served[1], served[0]]
        assert output["evidence"] == f"{folder}2/evidence.json"
        served[1] = output["model"]
        assert seesaw.config() == served[1]
        proven(seesaw)


def freeze(seesaw: Seesaw) -> None:
    """Stop the ledger's process, so that it takes the next question and doesn't answer."""
    for process in ledgers(seesaw):
        os.kill(process, signal.SIGSTOP)


def murder(seesaw: Seesaw, run: str, state: str) -> None:
    """Kill it once it has that state's question."""
    until(lambda: seesaw.instant(run) == (state, "LambdaFunctionStarted"), 20)
    time.sleep(0.2)
    for process in ledgers(seesaw):
        os.kill(process, signal.SIGKILL)


def ledgers(seesaw: Seesaw) -> list[int]:
    return processes(seesaw.server, surroundings=f"AWS_LAMBDA_FUNCTION_NAME={seesaw.name}-ledger")
