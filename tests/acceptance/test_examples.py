"""The examples do their job on real data, stay as they are at a second `up`, and leave nothing behind."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from digits import IMAGE
from leftovers import leftovers
from running import Running, ended, until

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
ACCOUNT = "000000000000"
Outputs = dict[str, Any]


def up(running: Running, folder: Path) -> tuple[Outputs, dict[str, int]]:
    """`stepwell up`: the program's outputs, and how many resources were created, updated, ..."""
    done = running.stepwell("up", str(folder), "--yes", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    return report["outputs"], dict(Counter(change["operation"] for change in report["changes"]))


def start(running: Running, machine: str, value: Any = None) -> dict[str, Any]:
    """Run an execution to its end; its output, or how it failed."""
    states = running.client("stepfunctions")
    arn = states.start_execution(stateMachineArn=machine, input=json.dumps(value or {}))["executionArn"]
    found = ended(running, arn)
    return json.loads(found["output"]) if found["status"] == "SUCCEEDED" else found


def retraining_workflow(running: Running, outputs: Outputs) -> None:
    """The first model is deployed, more data makes it better, and no news leaves it in service."""
    s3 = running.client("s3")
    data = EXAMPLES / "retraining-workflow" / "data"
    assert start(running, outputs["machine"])["decision"] == "DEPLOYED"
    s3.upload_file(str(data / "second.csv"), outputs["bucket"], "data/train/second.csv")
    better = start(running, outputs["machine"])
    assert (better["decision"], better["report"]["accuracy"]) == ("DEPLOYED", 1.0)
    assert start(running, outputs["machine"])["decision"] == "CHAMPION_STAYS"
    with (data / "holdout.csv").open(newline="") as file:
        rows = list(csv.reader(file))[1:]
    body = "".join(",".join(row[1:]) + "\n" for row in rows)
    reply = running.client("sagemaker-runtime").invoke_endpoint(
        EndpointName=outputs["endpoint"], ContentType="text/csv", Body=body
    )
    assert reply["Body"].read().decode().split() == [row[0] for row in rows]


def training_on_upload(running: Running, outputs: Outputs) -> None:
    """An upload trains; without one of its rights the function says in AWS's words what it lacks."""
    s3, sagemaker, iam = (running.client(name) for name in ("s3", "sagemaker", "iam"))
    file = str(EXAMPLES / "training-on-upload" / "data" / "iris.csv")

    def jobs() -> list[dict[str, Any]]:
        found = sagemaker.list_training_jobs()["TrainingJobSummaries"]
        return [job for job in found if job["TrainingJobStatus"] != "InProgress"]

    s3.upload_file(file, outputs["bucket"], "data/iris.csv")
    (done,) = until(jobs)
    assert done["TrainingJobStatus"] == "Completed"
    described = sagemaker.describe_training_job(TrainingJobName=done["TrainingJobName"])
    (metric,) = described["FinalMetricDataList"]
    assert metric["MetricName"] == "out_of_bag_accuracy"
    assert metric["Value"] > 0.9
    s3.head_object(Bucket=outputs["bucket"], Key=f"models/{done['TrainingJobName']}/output/model.tar.gz")
    s3.upload_file(file, outputs["bucket"], "data/notes.txt")

    (policy,) = iam.list_role_policies(RoleName=f"{outputs['function']}-function")["PolicyNames"]
    put = {"RoleName": f"{outputs['function']}-function", "PolicyName": policy}
    rights = iam.get_role_policy(**put)["PolicyDocument"]
    fewer = [each for each in rights["Statement"] if each["Action"] != "iam:PassRole"]
    assert len(fewer) == len(rights["Statement"]) - 1
    iam.put_role_policy(**put, PolicyDocument=json.dumps({**rights, "Statement": fewer}))
    s3.upload_file(file, outputs["bucket"], "data/again.csv")

    def refusal() -> str:
        events = running.client("logs").filter_log_events(
            logGroupName=f"/aws/lambda/{outputs['function']}", filterPattern="AccessDeniedException"
        )["events"]
        return str(events[0]["message"]) if events else ""

    name = f"{outputs['function']}-function"
    assert (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{outputs['function']} is not authorized "
        f"to perform: iam:PassRole on resource: arn:aws:iam::{ACCOUNT}:role/{outputs['function']}-job "
        "because no identity-based policy allows the iam:PassRole action"
    ) in until(refusal)
    iam.put_role_policy(**put, PolicyDocument=json.dumps(rights))
    assert len(jobs()) == 1


def functions_and_training(running: Running, outputs: Outputs) -> None:
    """A better model is registered with its evidence, a worse one is not."""
    data = EXAMPLES / "functions-and-training" / "data"
    for name in ("january", "february"):
        running.client("s3").upload_file(str(data / f"{name}.csv"), outputs["bucket"], f"data/{name}.csv")
    decisions = [
        start(running, outputs["machine"], {"key": f"data/{name}.csv"})["decision"]
        for name in ("january", "february", "january")
    ]
    assert decisions == ["REGISTERED", "REGISTERED", "NOT_REGISTERED"]
    sagemaker = running.client("sagemaker")
    packages = sagemaker.list_model_packages(
        ModelPackageGroupName=outputs["packages"], SortOrder="Descending"
    )
    newest = packages["ModelPackageSummaryList"][0]
    found = sagemaker.describe_model_package(ModelPackageName=newest["ModelPackageArn"])
    assert found["ModelApprovalStatus"] == "PendingManualApproval"
    assert float(found["CustomerMetadataProperties"]["error"]) < 45
    refused = start(running, outputs["machine"], {"key": "code/sourcedir.tar.gz"})
    assert refused["status"] == "FAILED"


def preprocess_predict(running: Running, outputs: Outputs) -> None:
    """Diagnoses come out, a wrong measurement is told by name, and both functions' logs can be read."""
    patients = json.loads((EXAMPLES / "preprocess-predict" / "data" / "patients.json").read_text())
    found = start(running, outputs["machine"], patients)
    truth = [patient["diagnosis"] for patient in patients["patients"]]
    guesses = [each["diagnosis"] for each in found["predictions"]]
    assert sum(guess == true for guess, true in zip(guesses, truth, strict=True)) >= 17
    wrong = start(running, outputs["machine"], {"patients": [{"patient": 7, "mean radius": "large"}]})
    assert wrong["error"] == "InvalidPatient"
    assert "patient 7, mean radius: 'large' is not a number" in wrong["cause"]
    logs = running.client("logs")
    for function, line in zip(outputs["functions"], ("20 patients checked", "20 predictions"), strict=True):
        events = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}", filterPattern=f'"{line}"')
        assert len(events["events"]) == 1


def weekly_window(running: Running, outputs: Outputs) -> None:
    """The window opens and retrains on this machine, with its tag and its role; no better, no news."""
    window, ssm, s3 = outputs["window"], running.client("ssm"), running.client("s3")
    made = running.stepwell("instance", "--tag", "retraining=weekly", "--role", outputs["machine_role"])
    assert made.returncode == 0, made.stderr

    def opened() -> dict[str, Any]:
        """Open it once, in two seconds instead of on Sunday; its execution when it is over."""
        known = len(ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"])
        soon = time.strftime("at(%Y-%m-%dT%H:%M:%S)", time.gmtime(time.time() + 2))
        ssm.update_maintenance_window(WindowId=window, Schedule=soon)

        def over() -> list[dict[str, Any]]:
            found = ssm.describe_maintenance_window_executions(WindowId=window)["WindowExecutions"]
            busy = any(each["Status"] in ("PENDING", "IN_PROGRESS") for each in found)
            return found if len(found) > known and not busy else []

        newest: dict[str, Any] = max(until(over), key=lambda each: each["StartTime"])
        return newest

    first = opened()
    assert first["Status"] == "SUCCESS", first
    current = json.loads(s3.get_object(Bucket=outputs["bucket"], Key="models/current.json")["Body"].read())
    assert (current["run"], current["rows"]) == (first["WindowExecutionId"], 165)
    s3.head_object(Bucket=outputs["bucket"], Key=f"models/{current['run']}/model.joblib")
    assert opened()["Status"] == "SUCCESS"
    listed = s3.list_objects_v2(Bucket=outputs["bucket"], Prefix="models/")["Contents"]
    assert len(listed) == 2
    command = ssm.list_commands()["Commands"][0]
    (invocation,) = ssm.list_command_invocations(CommandId=command["CommandId"], Details=True)[
        "CommandInvocations"
    ]
    assert "the current model stays" in invocation["CommandPlugins"][0]["Output"]
    assert (command["MaxConcurrency"], command["MaxErrors"]) == ("1", "1")


def with_a_python(running: Running, folder: Path) -> None:
    """What the README asks for before the program goes up: a Python that has scikit-learn."""
    python = running.stepwell("images", "--build", IMAGE).stdout.split()[0]
    command = [sys.executable, "-m", "stepwell", "config", "set", "python", python]
    subprocess.run(command, check=True, cwd=folder, timeout=60)


#: each example, and what it is for
JOBS: dict[str, Callable[[Running, Outputs], None]] = {
    "functions-and-training": functions_and_training,
    "preprocess-predict": preprocess_predict,
    "retraining-workflow": retraining_workflow,
    "training-on-upload": training_on_upload,
    "weekly-window": weekly_window,
}


@pytest.mark.timeout(180)
@pytest.mark.parametrize("name", JOBS)
def test_an_example_does_its_job_and_leaves_nothing(own_server: Running, tmp_path: Path, name: str) -> None:
    """`up`, the job, a second `up` that changes nothing, the clean-up, `destroy`."""
    folder = tmp_path / name
    shutil.copytree(EXAMPLES / name, folder, ignore=shutil.ignore_patterns("build", "__pycache__"))
    if name == "weekly-window":
        with_a_python(own_server, folder)
    outputs, first = up(own_server, folder)
    assert set(first) == {"create"}
    JOBS[name](own_server, outputs)
    again, second = up(own_server, folder)
    assert again == outputs
    assert second == {}
    cleanup = folder / "cleanup.py"
    if cleanup.exists():
        settings = own_server.settings
        environment = os.environ | {
            "AWS_ENDPOINT_URL": settings["endpoint_url"],
            "AWS_ACCESS_KEY_ID": settings["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": settings["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": settings["region_name"],
        }
        subprocess.run([sys.executable, str(cleanup)], check=True, env=environment, timeout=60)
    destroyed = own_server.stepwell("destroy", str(folder), "--yes")
    assert destroyed.returncode == 0, destroyed.stdout + destroyed.stderr
    until(lambda: not leftovers(own_server), 20)
