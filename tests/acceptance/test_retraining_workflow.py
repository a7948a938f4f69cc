"""The digits as a component: batches are judged, deployed, quarantined, approved, on a real server."""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from digits import IMAGE, Row, as_csv, forms, rows
from running import Running, ended, until

from stepwell.retrain.gate import Evidence, replay

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "digits"


class Workflow:
    """One declared workflow, and what comes of the batches that are uploaded to it."""

    def __init__(self, server: Running, folder: Path, name: str, *edits: tuple[str, str]) -> None:
        shutil.copytree(EXAMPLE, folder)
        program = (folder / "__main__.py").read_text()
        for old, new in edits:
            assert old in program
            program = program.replace(old, new)
        (folder / "__main__.py").write_text(program)
        (folder / "Pulumi.yaml").write_text(f"name: {name}\nruntime: python\n")
        (folder / "Pulumi.dev.yaml").write_text(f"config:\n  {name}:name: {name}\n")
        self.server, self.folder, self.name = server, folder, name
        self.s3, self.states, self.sagemaker = (
            server.client(service) for service in ("s3", "stepfunctions", "sagemaker")
        )
        self.outputs = self.up()["outputs"]

    def up(self) -> dict[str, Any]:
        """Run `stepwell up`; its report."""
        done = self.server.stepwell("up", str(self.folder), "--yes", "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def upload(self, batch: str, content: bytes) -> str:
        """Upload a batch; gives the execution that it starts."""
        known = self._executions()
        self.s3.put_object(Bucket=self.outputs["bucket"], Key=f"data/{batch}.csv", Body=content)
        (new,) = until(lambda: self._executions() - known)
        return str(new)

    def _executions(self) -> set[str]:
        listed = self.states.list_executions(stateMachineArn=self.outputs["machine"])["executions"]
        return {each["executionArn"] for each in listed}

    def output(self, execution: str) -> dict[str, Any]:
        """What a run ended with."""
        found = ended(self.server, execution)
        assert found["status"] == "SUCCEEDED", found.get("cause")
        output: dict[str, Any] = json.loads(found["output"])
        return output

    def asked(self, execution: str) -> dict[str, Any]:
        """What a person is asked, once the run waits."""

        def waiting() -> dict[str, Any] | None:
            history = self.states.get_execution_history(executionArn=execution, maxResults=1000)["events"]
            for event in history:
                details = event.get("taskScheduledEventDetails", {})
                if details.get("resource") == "invoke.waitForTaskToken":
                    payload: dict[str, Any] = json.loads(details["parameters"])["Payload"]
                    return payload
            return None

        found: dict[str, Any] = until(waiting)
        return found

    def decide(self, package: str, status: str, why: str) -> None:
        """A person's word, as SageMaker's own console would say it."""
        self.sagemaker.update_model_package(
            ModelPackageArn=package, ModelApprovalStatus=status, ApprovalDescription=why
        )

    def evidence(self, output: dict[str, Any]) -> Evidence:
        """What the gate left; replayed, it decides the same."""
        bucket, _, key = output["evidence"].removeprefix("s3://").partition("/")
        text = self.s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode()
        evidence = Evidence.parse(text)
        assert replay(evidence).reason == output["reason"]
        return evidence

    def record(self, batch: str) -> dict[str, Any]:
        """A batch's record."""
        key = f"batches/{batch}/batch.json"
        found: dict[str, Any] = json.loads(
            self.s3.get_object(Bucket=self.outputs["bucket"], Key=key)["Body"].read()
        )
        return found

    def config(self) -> str:
        """The endpoint's configuration."""
        found = self.sagemaker.describe_endpoint(EndpointName=self.outputs["endpoint"])
        return str(found["EndpointConfigName"])

    def accuracy(self, table: list[Row]) -> float:
        """How the endpoint reads these rows."""
        body = as_csv([row[1:] for row in table], header=False)
        reply = self.server.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.outputs["endpoint"], ContentType="text/csv", Body=body
        )
        read = [int(line) for line in reply["Body"].read().split()]
        return sum(guess == row[0] for guess, row in zip(read, table, strict=True)) / len(table)


@pytest.fixture(scope="module")
def table(server: Running) -> tuple[Row, ...]:
    built = server.stepwell("images", "--build", IMAGE)
    assert built.returncode == 0, built.stderr
    return rows(built.stdout.split()[0])


@pytest.fixture(scope="module")
def workflow(server: Running, table: tuple[Row, ...], tmp_path_factory: pytest.TempPathFactory) -> Workflow:
    made = Workflow(server, tmp_path_factory.mktemp("program") / "digits", "digits-component")
    first = made.output(made.upload("a", as_csv(forms(table, 1, 2))))
    assert (first["outcome"], first["reason"]) == ("DEPLOYED", "FIRST_CHAMPION")
    return made


@pytest.mark.timeout(240)
def test_batches_are_deployed_quarantined_refused_and_accepted(
    server: Running, workflow: Workflow, table: tuple[Row, ...]
) -> None:
    """A better challenger serves, poison waits for a person who rejects it, its correction is accepted."""
    never = forms(table, 11, 14)
    first, made, failures = workflow.accuracy(never), 0, []
    over = threading.Event()

    def predict() -> None:
        nonlocal made
        while not over.wait(0.02):
            try:
                workflow.accuracy(never[:1])
                made += 1
            except ClientError as error:
                failures.append(str(error))

    thread = threading.Thread(target=predict)
    thread.start()
    try:
        second = workflow.output(workflow.upload("b", as_csv(forms(table, 3, 6))))
        assert (second["outcome"], second["status"]) == ("DEPLOYED", "ACCEPTED")
        evidence = workflow.evidence(second)
        assert evidence.sources.batch == second["batch"]
        champion = workflow.config()
        assert workflow.accuracy(never) > first

        batch = forms(table, 7, 10)
        shifted = [[(row[0] + 1) % 10, *row[1:]] for row in batch]
        poisoned = workflow.upload("c-shifted", as_csv(shifted))
        asked = workflow.asked(poisoned)
        assert asked["asks"] == "release"
        broken = as_csv(batch).replace(b"\n3,", b"\nseven,", 1)
        malformed = ended(server, workflow.upload("malformed", broken))
        assert (malformed["status"], malformed["error"]) == ("FAILED", "BatchInvalid")
        assert malformed["cause"].startswith('data/malformed.csv, line 5, column "label": "seven" is no')

        workflow.decide(asked["package"], "Rejected", "the labels are shifted")
        rejected = workflow.output(poisoned)
        assert (rejected["outcome"], rejected["reason"]) == ("REJECTED", "BELOW_FLOOR")
        assert rejected["approval"]["reason"] == "the labels are shifted"
        assert workflow.record(rejected["batch"])["status"] == "REJECTED"
        assert workflow.config() == champion

        corrected = workflow.output(workflow.upload("c", as_csv(batch)))
        assert (corrected["outcome"], corrected["status"]) == ("DEPLOYED", "ACCEPTED")
        judged = {found.rows_of for found in workflow.evidence(corrected).comparisons}
        assert judged == {"trusted", "new"}
    finally:
        over.set()
        thread.join()
    assert made > 20
    assert failures == []


@pytest.mark.timeout(120)
def test_two_uploads_at_once_are_judged_one_after_the_other(
    workflow: Workflow, table: tuple[Row, ...]
) -> None:
    """The second waits for its turn, and is judged against the first's champion."""
    known = workflow._executions()
    for name, span in (("early", (1, 3)), ("late", (2, 4))):
        workflow.s3.put_object(
            Bucket=workflow.outputs["bucket"], Key=f"data/{name}.csv", Body=as_csv(forms(table, *span))
        )
    both = until(lambda: (new := workflow._executions() - known) and len(new) == 2 and new)
    outputs = [workflow.output(each) for each in both]
    assert {each["batch"].rpartition("-")[0] for each in outputs} == {"early", "late"}
    champions = [workflow.evidence(each).sources.champion for each in outputs]
    deployed = [each["model"] for each in outputs if each["outcome"] == "DEPLOYED"]
    if len(deployed) == 2:
        compared = [champion["config"] for champion in champions if champion is not None]
        assert len(set(compared)) == 2
        assert workflow.config() in deployed


@pytest.mark.timeout(60)
def test_a_second_up_changes_nothing(workflow: Workflow) -> None:
    """Equal code makes equal archives; nothing that the machine made is the program's."""
    assert {each["operation"] for each in workflow.up()["changes"]} == set()


@pytest.mark.timeout(120)
def test_a_released_batch_is_judged_again(workflow: Workflow, table: tuple[Row, ...]) -> None:
    """Who releases overrules the champion's floor and nothing else: trusted rows still speak."""
    shifted = [[(row[0] + 1) % 10, *row[1:]] for row in forms(table, 5, 8)]
    champion = workflow.config()
    execution = workflow.upload("released", as_csv(shifted))
    workflow.decide(workflow.asked(execution)["package"], "Approved", "the forms were renumbered")
    output = workflow.output(execution)
    # which of the two depends on the order in which two batches were accepted
    assert output["outcome"] == "KEPT"
    assert output["reason"] in ("WORSE_ON_TRUSTED", "RELEASED_BELOW_FLOOR")
    released = workflow.evidence(output).released
    assert released is not None
    assert workflow.config() == champion


@pytest.mark.timeout(120)
def test_an_approved_model_serves(server: Running, table: tuple[Row, ...], tmp_path: Path) -> None:
    """With an Approval nothing serves before a person has said so."""
    made = Workflow(
        server,
        tmp_path / "digits",
        "digits-approved",
        ("force_destroy=True,", 'force_destroy=True,\n    approval=Approval(within="2 days"),'),
        ("import Column,", "import Approval, Column,"),
    )
    execution = made.upload("a", as_csv(forms(table, 1, 2)))
    asked = made.asked(execution)
    assert asked["asks"] == "approve"
    with pytest.raises(ClientError, match="Could not find"):
        made.config()
    made.decide(asked["package"], "Approved", "looks right")
    output = made.output(execution)
    assert (output["outcome"], output["approval"]["action"]) == ("DEPLOYED", "approve")
    assert made.accuracy(forms(table, 11, 14)) > 0.6
