"""`kill -9` of the server and of workers: what was acknowledged is kept, what was under way ends once."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import tarfile
import threading
import time
import zipfile
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from running import Running, allow, ended, logging, processes, role, until

pytestmark = [pytest.mark.faults, pytest.mark.timeout(180)]

IMAGE = "tiny"
INSTANCE = {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}

#: each run leaves an object of its own, so that runs can be counted
TRAIN = """
import os, pathlib, time, uuid
import boto3
boto3.client("s3").put_object(Bucket="kills", Key=f"runs/{uuid.uuid4()}", Body=str(os.getpid()).encode())
print("started", flush=True)
time.sleep(3)
pathlib.Path(os.environ["SM_MODEL_DIR"], "model.txt").write_text("42")
print("finished", flush=True)
"""

INFERENCE = """
import pathlib
def model_fn(folder):
    return pathlib.Path(folder, "model.txt").read_text()
def input_fn(body, content_type):
    return body
def predict_fn(body, model):
    return model
def output_fn(prediction, accept):
    return prediction
"""


@pytest.fixture
def work(own_server: Running) -> Running:
    """A server with a tiny image, a bucket with training code, and roles."""
    (own_server.data / "images.toml").write_text(
        f'[images.{IMAGE}]\npython = "3.11"\nrequirements = ["boto3==1.40.0"]\n'
    )
    built = own_server.stepwell("images", "--build", IMAGE)
    assert built.returncode == 0, built.stderr
    s3 = own_server.client("s3")
    s3.create_bucket(Bucket="kills")
    s3.put_object(Bucket="kills", Key="code.tar.gz", Body=tarred({"train.py": TRAIN}))
    files = allow(["s3:GetObject", "s3:PutObject"], "arn:aws:s3:::kills/*")
    rule = "arn:aws:events:us-east-1:000000000000:rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"
    jobs = [f"sagemaker:{action}" for action in ("CreateTrainingJob", "DescribeTrainingJob", "AddTags")]
    role(own_server, "job", "sagemaker.amazonaws.com", logging("/aws/sagemaker/*"), files)
    role(own_server, "function", "lambda.amazonaws.com", logging("/aws/lambda/*"), files)
    role(
        own_server,
        "machine",
        "states.amazonaws.com",
        allow("lambda:InvokeFunction", "arn:aws:lambda:us-east-1:000000000000:function:*"),
        allow(jobs, "arn:aws:sagemaker:us-east-1:000000000000:training-job/*"),
        allow("iam:PassRole", arn("job"), StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"}),
        allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rule),
    )
    return own_server


def tarred(files: dict[str, str]) -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()


def arn(name: str) -> str:
    return f"arn:aws:iam::000000000000:role/{name}"


def function(running: Running, name: str, code: str) -> str:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("main.py", code)
    made: str = running.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.12",
        Handler="main.handler",
        Role=arn("function"),
        Code={"ZipFile": packed.getvalue()},
        Timeout=30,
    )["FunctionArn"]
    return made


def machine(running: Running, name: str, states: dict[str, Any], start: str) -> str:
    definition = json.dumps({"StartAt": start, "States": states})
    made: str = running.client("stepfunctions").create_state_machine(
        name=name, definition=definition, roleArn=arn("machine")
    )["stateMachineArn"]
    return made


def begin(running: Running, machine_arn: str) -> str:
    execution: str = running.client("stepfunctions").start_execution(stateMachineArn=machine_arn)[
        "executionArn"
    ]
    return execution


def event_types(running: Running, execution: str) -> list[str]:
    found = running.client("stepfunctions").get_execution_history(executionArn=execution)
    return [event["type"] for event in found["events"]]


def training(name: str) -> dict[str, Any]:
    return {
        "TrainingJobName": name,
        "RoleArn": arn("job"),
        "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://kills/code.tar.gz",
        },
        "OutputDataConfig": {"S3OutputPath": "s3://kills/models"},
        "ResourceConfig": INSTANCE,
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }


def runs(running: Running) -> list[str]:
    found = running.client("s3").list_objects_v2(Bucket="kills", Prefix="runs/")
    return [entry["Key"] for entry in found.get("Contents", [])]


def test_a_training_job_goes_on_and_its_workflow_finishes_once(work: Running) -> None:
    """The server dies twice in the middle of training; the script runs once, every state is left once."""
    states = {
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": training("survivor"),
            "ResultSelector": {"status.$": "$.TrainingJobStatus"},
            "Next": "After",
        },
        "After": {"Type": "Pass", "End": True},
    }
    execution = begin(work, machine(work, "train", states, "Train"))
    until(lambda: runs(work))
    work.kill()
    time.sleep(0.5)
    work.start()
    assert work.client("stepfunctions").describe_execution(executionArn=execution)["status"] == "RUNNING"
    work.kill()
    work.start()
    found = ended(work, execution)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", {"status": "Completed"})
    assert len(runs(work)) == 1
    assert event_types(work, execution) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "PassStateEntered",
        "PassStateExited",
        "ExecutionSucceeded",
    ]
    job = work.client("sagemaker").describe_training_job(TrainingJobName="survivor")
    model = work.client("s3").get_object(Bucket="kills", Key="models/survivor/output/model.tar.gz")
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == "s3://kills/models/survivor/output/model.tar.gz"
    with tarfile.open(fileobj=io.BytesIO(model["Body"].read())) as archive:
        assert archive.getnames() == ["model.txt"]
    lines = work.client("logs").filter_log_events(logGroupName="/aws/sagemaker/TrainingJobs")["events"]
    assert [event["message"] for event in lines if event["message"] in ("started", "finished")] == [
        "started",
        "finished",
    ]


def test_a_job_that_ended_while_the_server_was_down_is_taken_in(work: Running) -> None:
    """Nobody was there when it ended; its exit status is on disk."""
    work.client("sagemaker").create_training_job(**training("alone"))
    until(lambda: runs(work))
    work.kill()
    time.sleep(4)
    work.start()
    sagemaker = work.client("sagemaker")
    sagemaker.get_waiter("training_job_completed_or_stopped").wait(
        TrainingJobName="alone", WaiterConfig={"Delay": 1, "MaxAttempts": 30}
    )
    assert sagemaker.describe_training_job(TrainingJobName="alone")["TrainingJobStatus"] == "Completed"
    assert len(runs(work)) == 1


def test_waits_functions_and_timers_go_on_after_a_kill(work: Running) -> None:
    """A Wait, a function under way and a task token, all at the instant of the kill."""
    slow = function(
        work, "slow", "import time\ndef handler(event, context):\n    time.sleep(1.5)\n    return 7\n"
    )
    branches = [
        {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 3, "End": True}}},
        {"StartAt": "F", "States": {"F": {"Type": "Task", "Resource": slow, "End": True}}},
    ]
    states = {"P": {"Type": "Parallel", "Branches": branches, "End": True}}
    execution = begin(work, machine(work, "waits", states, "P"))
    until(lambda: "LambdaFunctionStarted" in event_types(work, execution))
    time.sleep(0.3)
    work.kill()
    work.start()
    found = ended(work, execution)
    assert (found["status"], json.loads(found["output"])) == ("SUCCEEDED", [{}, 7])
    types = event_types(work, execution)
    assert types.count("LambdaFunctionSucceeded") == types.count("WaitStateExited") == 1


def test_an_acknowledged_object_is_kept_and_half_an_upload_is_not_there(work: Running) -> None:
    """Objects of all sizes, and an upload that the kill cut off."""
    s3 = work.client("s3")
    sizes = {f"object-{size}": os.urandom(size) for size in (0, 1, 16_384, 16_385, 3_000_000)}
    for key, content in sizes.items():
        s3.put_object(Bucket="kills", Key=key, Body=content)

    class Slow(io.RawIOBase):
        """Five megabytes that come slowly."""

        sent = 0

        def readable(self) -> bool:
            return True

        def read(self, size: int = -1) -> bytes:
            if self.sent >= 5 << 20:
                return b""
            time.sleep(0.02)
            self.sent += 1 << 16
            return b"x" * (1 << 16)

    def upload() -> None:
        with pytest.raises((ClientError, BotoCoreError)):
            put_slowly(work, Slow())

    thread = threading.Thread(target=upload)
    thread.start()
    time.sleep(0.8)
    work.kill()
    thread.join()
    work.start()
    s3 = work.client("s3")
    for key, content in sizes.items():
        assert s3.get_object(Bucket="kills", Key=key)["Body"].read() == content
    with pytest.raises(ClientError, match=r"404|NoSuchKey"):
        s3.get_object(Bucket="kills", Key="half")
    assert list((work.data / "tmp").iterdir()) == []


def put_slowly(running: Running, body: Any) -> None:
    """An upload through a presigned URL, piece by piece over a plain socket."""
    url = urlsplit(
        running.client("s3").generate_presigned_url("put_object", Params={"Bucket": "kills", "Key": "half"})
    )
    with socket.create_connection((url.hostname, url.port)) as connection:
        head = (
            f"PUT {url.path}?{url.query} HTTP/1.1\r\nhost: {url.netloc}\r\ncontent-length: {5 << 20}\r\n\r\n"
        )
        connection.sendall(head.encode())
        try:
            while piece := body.read():
                connection.sendall(piece)
            answer = connection.recv(100)
        except OSError as error:
            raise BotoCoreError() from error
    if not answer.startswith(b"HTTP/1.1 200"):
        raise BotoCoreError()


def deployed(running: Running) -> None:
    """An endpoint `answer` that serves a model which says 1, and a configuration `two` whose model says 2."""
    sagemaker = running.client("sagemaker")
    for name, text in (("one", "1"), ("two", "2")):
        packed = tarred({"model.txt": text, "code/inference.py": INFERENCE})
        running.client("s3").put_object(Bucket="kills", Key=f"{name}.tar.gz", Body=packed)
        sagemaker.create_model(
            ModelName=name,
            ExecutionRoleArn=arn("job"),
            PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://kills/{name}.tar.gz"},
        )
        variant = {
            "VariantName": "v",
            "ModelName": name,
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        sagemaker.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName="answer", EndpointConfigName="one")
    until(lambda: sagemaker.describe_endpoint(EndpointName="answer")["EndpointStatus"] == "InService")


def answer(running: Running) -> str:
    reply = running.client("sagemaker-runtime").invoke_endpoint(EndpointName="answer", Body=b"?")
    text: str = reply["Body"].read().decode()
    return text


def test_an_endpoint_serves_after_a_kill_in_the_middle_of_its_update(work: Running) -> None:
    """It serves at once with what reached InService, and comes to the new configuration by itself."""
    deployed(work)
    assert answer(work) == "1"
    work.client("sagemaker").update_endpoint(EndpointName="answer", EndpointConfigName="two")
    work.kill()
    work.start()
    assert until(lambda: works(lambda: answer(work)), 30) in ("1", "2")
    sagemaker = work.client("sagemaker")
    until(lambda: sagemaker.describe_endpoint(EndpointName="answer")["EndpointStatus"] == "InService")
    assert sagemaker.describe_endpoint(EndpointName="answer")["EndpointConfigName"] == "two"
    assert answer(work) == "2"


def test_a_killed_model_server_is_started_again(work: Running) -> None:
    """Predictions fail or wait for a moment, then go on."""
    deployed(work)
    (killed,) = processes(work, "serve.py")
    os.kill(killed, signal.SIGKILL)
    assert until(lambda: works(lambda: answer(work)), 30) == "1"
    assert processes(work, "serve.py") != [killed]


def test_a_job_whose_supervisor_is_killed_fails_and_leaves_no_process(work: Running) -> None:
    """The script dies with its supervisor; the job says that it was not the script's fault."""
    sagemaker = work.client("sagemaker")
    sagemaker.create_training_job(**training("orphan"))
    until(lambda: runs(work))
    (supervisor,) = processes(work, "supervisor.py", "training-job-orphan")
    os.kill(supervisor, signal.SIGKILL)
    found = until(
        lambda: (
            (job := sagemaker.describe_training_job(TrainingJobName="orphan"))["TrainingJobStatus"]
            == "Failed"
            and job
        )
    )
    assert "InternalServerError" in found["FailureReason"]
    until(lambda: not processes(work, "train.py"))


def test_a_function_whose_process_is_killed_fails_once_and_works_again(work: Running) -> None:
    """Lambda's own words for a process that is gone."""
    function(
        work,
        "mortal",
        "import os, signal\ndef handler(event, context):\n"
        "    if event.get('die'):\n        os.kill(os.getpid(), signal.SIGKILL)\n    return 'alive'\n",
    )
    functions = work.client("lambda")
    first = functions.invoke(FunctionName="mortal", Payload=json.dumps({"die": True}))
    assert first["FunctionError"] == "Unhandled"
    assert json.loads(first["Payload"].read())["errorType"] == "Runtime.ExitError"
    assert json.loads(functions.invoke(FunctionName="mortal", Payload=b"{}")["Payload"].read()) == "alive"


def test_after_a_power_cut_everything_that_was_acknowledged_goes_on(work: Running) -> None:
    """Server, supervisors, model server, job and function die at one instant."""
    deployed(work)
    wait = {"W": {"Type": "Wait", "Seconds": 3, "End": True}}
    waiting = begin(work, machine(work, "wait", wait, "W"))
    states = {
        "Train": {
            "Type": "Task",
            "Resource": "arn:aws:states:::sagemaker:createTrainingJob.sync",
            "Parameters": training("cut"),
            "End": True,
        }
    }
    trained = begin(work, machine(work, "train", states, "Train"))
    until(lambda: runs(work))
    assert work.process is not None
    for pid in {work.process.pid, *processes(work)}:
        os.kill(pid, signal.SIGKILL)
    work.process.wait(10)
    work.start()
    assert until(lambda: works(lambda: answer(work)), 30) == "1"
    assert ended(work, waiting)["status"] == "SUCCEEDED"
    found = ended(work, trained)
    assert (found["status"], found["error"]) == ("FAILED", "States.TaskFailed")
    assert "InternalServerError" in json.loads(found["cause"])["FailureReason"]
    assert len(runs(work)) == 1


def works(ask: Any) -> Any:
    """What `ask` gives, or None where it fails."""
    try:
        return ask()
    except (ClientError, BotoCoreError):
        return None
