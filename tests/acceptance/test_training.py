"""What a training script can do wrong: the job's FailureReason says it, the server goes on."""

from __future__ import annotations

import io
import json
import tarfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from functions import history, machine, messages, start
from jobs import IMAGE, Work
from running import Running, allow, arn, ended, until

FINE = """
import os, pathlib
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("42")
print("trained", flush=True)
"""

GROUP = "/aws/sagemaker/TrainingJobs"


@pytest.fixture(scope="module")
def work(server: Running) -> Work:
    return Work(server, "training-faults")


@pytest.fixture(autouse=True)
def goes_on(server: Running) -> None:
    assert server.process is not None
    assert server.process.poll() is None


def test_the_script_that_is_spoilt_below_is_good(work: Work) -> None:
    found = work.train("fine", FINE)
    assert found["TrainingJobStatus"] == "Completed", found.get("FailureReason")
    stored = work.s3.get_object(Bucket=work.bucket, Key="models/fine/output/model.tar.gz")["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(stored)) as archive:
        assert archive.getnames() == ["model.txt"]


#: name, script, what FailureReason begins with, all that it says
FAULTS = [
    ("exits", "import sys\nprint('giving up')\nsys.exit(1)\n", "AlgorithmError: ", ("exit code: 1",)),
    (
        "raises",
        "def load():\n    raise ValueError('column label is missing')\nload()\n",
        "AlgorithmError: ",
        ("ValueError: column label is missing", "exit code: 1"),
    ),
    (
        "killed",
        "import os, signal\nprint('so far', flush=True)\nos.kill(os.getpid(), signal.SIGKILL)\n",
        "AlgorithmError: ",
        ("ExitCode -9", "train.py"),
    ),
    ("no-syntax", "def load()\n", "AlgorithmError: ", ("SyntaxError", "train.py")),
    ("no-library", "import tensorflow\n", "AlgorithmError: ", ("tensorflow",)),
]


@pytest.mark.parametrize(("name", "script", "begins", "says"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_script_that_fails_is_told_by_failure_reason_and_log(
    work: Work, name: str, script: str, begins: str, says: tuple[str, ...]
) -> None:
    found = work.train(name, script)
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Failed", "Failed")
    reason = found["FailureReason"]
    assert reason.startswith(begins)
    for text in says:
        assert text in reason
    assert found["SecondaryStatusTransitions"][-1]["Status"] == "Failed"
    assert messages(work.running, GROUP, logStreamNamePrefix=f"{name}/")
    with pytest.raises(ClientError):
        work.s3.head_object(Bucket=work.bucket, Key=f"models/{name}/output/model.tar.gz")


def own_program(script: str) -> dict[str, Any]:
    """A container's own program instead of the image's."""
    return {
        "TrainingImage": IMAGE,
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python3", "-c", script],
    }


def test_a_container_that_is_killed_shows_its_signal_and_its_failure_file(work: Work) -> None:
    """Without the toolkit the container's own words count: /opt/ml/output/failure."""
    script = (
        "import os, pathlib, signal; "
        "base = pathlib.Path(os.environ.get('SAGEMAKER_BASE_DIR', '/opt/ml')); "
        "(base / 'output').mkdir(exist_ok=True); "
        "(base / 'output' / 'failure').write_text('the data has no rows'); "
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    found = work.train("own-killed", FINE, AlgorithmSpecification=own_program(script))
    assert found["FailureReason"] == "AlgorithmError: the data has no rows, exit code: 137"


def test_a_script_that_writes_no_model_completes_with_an_empty_archive(work: Work) -> None:
    found = work.train("no-model", "print('nothing to keep')\n")
    assert found["TrainingJobStatus"] == "Completed"
    stored = work.s3.get_object(Bucket=work.bucket, Key="models/no-model/output/model.tar.gz")
    with tarfile.open(fileobj=io.BytesIO(stored["Body"].read())) as archive:
        assert archive.getnames() == []


def test_a_script_that_fills_its_volume_is_ended(work: Work) -> None:
    """VolumeSizeInGB is the quota, over all files; what was filled is given back."""
    script = (
        "import os, time\n"
        "for number in range(3):\n"
        "    with open(os.path.join(os.environ['SM_MODEL_DIR'], str(number)), 'wb') as file:\n"
        "        os.posix_fallocate(file.fileno(), 0, 400 << 20)\n"
        "print('filled', flush=True)\n"
        "time.sleep(60)\n"
    )
    found = work.train("fills", script)
    assert found["TrainingJobStatus"] == "Failed"
    assert f"bytes on disk, allowed are {1 << 30}. Ask for a larger VolumeSizeInGB" in found["FailureReason"]
    until(
        lambda: (
            not [path for path in (work.running.data / "workers" / "jobs").iterdir() if "fills" in path.name]
        )
    )


def test_one_file_cannot_be_larger_than_the_volume(work: Work) -> None:
    script = (
        "import os\n"
        "with open(os.path.join(os.environ['SM_MODEL_DIR'], 'model'), 'wb') as file:\n"
        "    os.posix_fallocate(file.fileno(), 0, 2 << 30)\n"
    )
    found = work.train("too-large", script)
    assert "OSError: [Errno 27] File too large" in found["FailureReason"]


def test_a_script_that_runs_too_long_is_stopped(work: Work) -> None:
    script = FINE + "import time\ntime.sleep(60)\n"
    found = work.train("endless", script, StoppingCondition={"MaxRuntimeInSeconds": 1})
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "MaxRuntimeExceeded")
    last = found["SecondaryStatusTransitions"][-1]["StatusMessage"]
    assert last == "Training job runtime exceeded MaxRuntimeInSeconds provided"
    assert work.s3.head_object(Bucket=work.bucket, Key="models/endless/output/model.tar.gz")["ContentLength"]


def test_a_stopped_job_ends_and_keeps_what_it_wrote(work: Work) -> None:
    script = FINE + "import time\ntime.sleep(60)\n"
    work.sagemaker.create_training_job(**work.training("stopped", script))
    until(lambda: "trained" in lines(work, "stopped"))
    work.sagemaker.stop_training_job(TrainingJobName="stopped")
    found = work.trained("stopped")
    assert (found["TrainingJobStatus"], found["SecondaryStatus"]) == ("Stopped", "Stopped")
    assert work.s3.head_object(Bucket=work.bucket, Key="models/stopped/output/model.tar.gz")["ContentLength"]
    with pytest.raises(ClientError, match="Stopped"):
        work.sagemaker.stop_training_job(TrainingJobName="stopped")


def lines(work: Work, job: str) -> list[str]:
    """What a job logged so far."""
    try:
        return messages(work.running, GROUP, logStreamNamePrefix=f"{job}/")
    except work.running.client("logs").exceptions.ResourceNotFoundException:
        return []


def test_megabytes_of_output_are_logged_whole(work: Work) -> None:
    found = work.train("prints", "for number in range(30_000):\n    print(number, 'x' * 60)\n")
    assert found["TrainingJobStatus"] == "Completed"
    said = [line for line in lines(work, "prints") if line.endswith("x" * 60)]
    assert (len(said), said[0].split()[0], said[-1].split()[0]) == (30_000, "0", "29999")


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (
            {"AlgorithmSpecification": {"TrainingImage": "someones/own:3", "TrainingInputMode": "File"}},
            ('[images."someones/own:3"]', "images.toml", "requirements"),
        ),
        ({"RoleArn": "arn:aws:iam::000000000000:role/absent"}, ("arn:aws:iam::000000000000:role/absent",)),
        ({"OutputDataConfig": {"S3OutputPath": "models"}}, ("s3",)),
    ],
    ids=["image", "role", "output"],
)
def test_a_request_that_could_never_run_is_refused_at_once(
    work: Work, changes: dict[str, Any], says: tuple[str, ...]
) -> None:
    with pytest.raises(ClientError) as refused:
        work.sagemaker.create_training_job(**work.training("refused", FINE, **changes))
    assert refused.value.response["Error"]["Code"] == "ValidationException"
    for text in says:
        assert text in refused.value.response["Error"]["Message"]
    with pytest.raises(ClientError):
        work.sagemaker.describe_training_job(TrainingJobName="refused")


def test_code_or_data_that_is_not_there_fails_the_job_and_names_it(work: Work) -> None:
    absent = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": f"s3://{work.bucket}/absent.tar.gz",
    }
    found = work.train("no-code", FINE, HyperParameters=absent)
    assert found["FailureReason"].startswith("ClientError: NoSuchKey")
    assert f"s3://{work.bucket}/absent.tar.gz" in found["FailureReason"]
    source = {"S3DataType": "S3Prefix", "S3Uri": f"s3://{work.bucket}/absent/"}
    channel = {"ChannelName": "train", "DataSource": {"S3DataSource": source}}
    found = work.train("no-data", FINE, InputDataConfig=[channel])
    assert f"s3://{work.bucket}/absent/" in found["FailureReason"]


def test_a_failed_job_fails_its_workflow_with_the_jobs_description_as_cause(work: Work) -> None:
    parameters = work.training("in-workflow", "raise ValueError('column label is missing')\n")
    task = {
        "Type": "Task",
        "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
        "Parameters": parameters,
        "End": True,
    }
    rule = arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule")
    trains = machine(
        work.running,
        "trains",
        {"StartAt": "Train", "States": {"Train": task}},
        allow(
            [f"sagemaker:{action}" for action in ("CreateTrainingJob", "DescribeTrainingJob", "AddTags")],
            arn("sagemaker", "training-job/in-workflow"),
        ),
        allow("iam:PassRole", work.role, StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
        allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
    )
    found = ended(work.running, start(work.running, trains, {}))
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    cause = json.loads(found["cause"])
    assert cause["TrainingJobStatus"] == "Failed"
    assert "ValueError: column label is missing" in cause["FailureReason"]
    assert history(work.running, found["executionArn"])[-1]["type"] == "ExecutionFailed"
