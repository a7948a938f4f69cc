"""Nothing of real AWS gets in or out: not by the shell's settings, not by files, not by proxies."""

from __future__ import annotations

import io
import json
import os
import socket
import subprocess
import sys
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from running import Running, allow, logging, role, until

pytestmark = pytest.mark.timeout(180)

#: looks real, opens nothing
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLETOKEN"
SERVICES = ("S3", "SFN", "LAMBDA", "SAGEMAKER", "SAGEMAKER_RUNTIME", "IAM", "STS", "CLOUDWATCH_LOGS")

LOOK = """
import json, os, socket, boto3

def look():
    said = {}
    for path in FORBIDDEN:
        try:
            with open(path, "rb") as file:
                said[path] = len(file.read())
        except OSError as error:
            said[path] = type(error).__name__
    identity = boto3.client("sts").get_caller_identity()["Arn"]
    return {"environment": dict(os.environ), "identity": identity, "files": said}
"""
FUNCTION = LOOK + "\ndef handler(event, context):\n    return look()\n"
TRAIN = LOOK + "\nprint('SEEN ' + json.dumps(look()), flush=True)\n"

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws

bucket = aws.s3.Bucket("bucket", bucket="isolated", force_destroy=True)
trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
role = aws.iam.Role(
    "role", name="isolated", assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]})
)
function = aws.lambda_.Function(
    "function", name="isolated", runtime="python3.12", handler="main.handler", role=role.arn, timeout=30,
    code=pulumi.FileArchive("function"), environment={"variables": {"MINE": "kept"}},
)
pulumi.export("bucket", bucket.id)
"""


class Trap:
    """Listens where real AWS would be, and remembers everybody who comes."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.visits: list[bytes] = []
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            connection.settimeout(2)
            try:
                self.visits.append(connection.recv(200))
            except OSError as error:
                self.visits.append(str(error).encode())
            connection.close()

    def close(self) -> None:
        self._listener.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


@pytest.fixture
def shell(trap: Trap, tmp_path: Path) -> dict[str, str]:
    """The environment of somebody who works with AWS all day: everything in it points at the trap."""
    home = tmp_path / "home"
    (home / ".aws").mkdir(parents=True)
    services = "\n".join(f"{name.lower()} =\n    endpoint_url = {trap.url}" for name in SERVICES)
    (home / ".aws" / "config").write_text(
        f"[default]\nregion = eu-central-1\nendpoint_url = {trap.url}\nservices = trap\n"
        f"[profile work]\nregion = eu-central-1\nendpoint_url = {trap.url}\nservices = trap\n"
        f"[services trap]\n{services}\n"
    )
    keys = f"aws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = {SECRET}\n"
    (home / ".aws" / "credentials").write_text(f"[default]\n{keys}[work]\n{keys}")
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ},
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME", str(Path.home() / ".cache")),
        "HOME": str(home),
        "AWS_ACCESS_KEY_ID": "ASIAIOSFODNN7EXAMPLE",
        "AWS_SECRET_ACCESS_KEY": SECRET,
        "AWS_SESSION_TOKEN": TOKEN,
        "AWS_PROFILE": "work",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": trap.url,
        **{f"AWS_ENDPOINT_URL_{name}": trap.url for name in SERVICES},
        "AWS_CONTAINER_CREDENTIALS_FULL_URI": trap.url,
        "AWS_CA_BUNDLE": "/nonexistent",
        "HTTP_PROXY": trap.url,
        "HTTPS_PROXY": trap.url,
        "http_proxy": trap.url,
        "https_proxy": trap.url,
        "PULUMI_ACCESS_TOKEN": "pul-example",
        "PYTHONPATH": str(home),
    }


@pytest.fixture
def trapped(shell: dict[str, str], tmp_path: Path) -> Iterator[Running]:
    """A server that was started in such a shell, with a tiny image built before."""
    running = Running(tmp_path / "data")
    running.data.mkdir()
    (running.data / "images.toml").write_text(
        '[images.tiny]\npython = "3.11"\nrequirements = ["boto3==1.40.0"]\n'
    )
    # packages come over the real network; an environment belongs to the Pythons that a home folder shows
    online = {**os.environ, "HOME": shell["HOME"], "XDG_CACHE_HOME": shell["XDG_CACHE_HOME"]}
    built = running.stepwell("images", "--build", "tiny", env=online)
    assert built.returncode == 0, built.stderr
    running.start(environment=shell)
    yield running
    running.stop()


def forbidden(running: Running, shell: dict[str, str]) -> str:
    """What user code must not read, as the value of FORBIDDEN in its source."""
    home = Path(shell["HOME"])
    paths = [running.data / "credentials.json", running.data / "stepwell.db", home / ".aws" / "credentials"]
    return f"FORBIDDEN = {[str(path) for path in paths]!r}\n"


def keeps_out(running: Running) -> bool:
    """Whether workers are kept out of the data folder; where not, `doctor` and `serve` both say so."""
    rows = json.loads(running.stepwell("doctor", "--json").stdout)
    warned = any("roles are no boundary" in row["detail"] for row in rows)
    assert ("roles are no boundary" in running.log()) == warned
    return not warned


def assert_clean(seen: dict[str, Any], trap: Trap, running: Running, role_name: str, contained: bool) -> None:
    """Its role, the server's endpoint, and nothing of the shell that started the server."""
    environment: dict[str, str] = seen["environment"]
    assert seen["identity"].startswith(f"arn:aws:sts::000000000000:assumed-role/{role_name}/")
    assert environment["AWS_ENDPOINT_URL"] == running.url
    assert environment["AWS_REGION"] == "us-east-1"
    text = json.dumps(environment)
    for foreign in (trap.url, SECRET, TOKEN, "AWS_PROFILE", "pul-example", "eu-central-1"):
        assert foreign not in text
    assert not [name for name in environment if name.startswith("AWS_ENDPOINT_URL_")]
    if contained:
        assert set(seen["files"].values()) <= {"PermissionError", "FileNotFoundError"}


def test_the_trap_catches_an_sdk_that_believes_the_shell(trap: Trap, shell: dict[str, str]) -> None:
    """What the tests below would see of a worker that had the shell's settings."""
    code = (
        "import boto3; from botocore.config import Config; "
        "boto3.client('s3', config=Config(retries={'total_max_attempts': 1})).list_buckets()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], env=shell, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode != 0
    assert trap.visits
    assert trap.visits[0].startswith(b"GET ")


def test_up_functions_and_jobs_speak_to_the_server_only(
    trap: Trap, shell: dict[str, str], trapped: Running, tmp_path: Path
) -> None:
    """`stepwell up`, the function that it makes, and a training job, all in a shell full of AWS settings."""
    contained = keeps_out(trapped)
    program = tmp_path / "program"
    (program / "function").mkdir(parents=True)
    (program / "Pulumi.yaml").write_text("name: isolated\nruntime: python\n")
    (program / "__main__.py").write_text(PROGRAM)
    (program / "function" / "main.py").write_text(forbidden(trapped, shell) + FUNCTION)
    up = trapped.stepwell("up", str(program), env=shell)
    assert up.returncode == 0, up.stderr

    reply = trapped.client("lambda").invoke(FunctionName="isolated")
    seen = json.loads(reply["Payload"].read())
    assert "FunctionError" not in reply, seen
    assert_clean(seen, trap, trapped, "isolated", contained)
    assert seen["environment"]["MINE"] == "kept"

    rights = (allow("s3:*", "*"), logging("/aws/sagemaker/TrainingJobs"))
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        source = (forbidden(trapped, shell) + TRAIN).encode()
        entry = tarfile.TarInfo("train.py")
        entry.size = len(source)
        archive.addfile(entry, io.BytesIO(source))
    trapped.client("s3").put_object(Bucket="isolated", Key="code.tar.gz", Body=packed.getvalue())
    sagemaker = trapped.client("sagemaker")
    sagemaker.create_training_job(
        TrainingJobName="isolated",
        RoleArn=role(trapped, "job", "sagemaker.amazonaws.com", *rights),
        AlgorithmSpecification={"TrainingImage": "tiny", "TrainingInputMode": "File"},
        HyperParameters={
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://isolated/code.tar.gz",
        },
        OutputDataConfig={"S3OutputPath": "s3://isolated/models"},
        ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    job = until(
        lambda: (
            (found := sagemaker.describe_training_job(TrainingJobName="isolated"))["TrainingJobStatus"]
            in ("Completed", "Failed")
            and found
        )
    )
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    lines = trapped.client("logs").filter_log_events(
        logGroupName="/aws/sagemaker/TrainingJobs", filterPattern="SEEN"
    )["events"]
    assert_clean(json.loads(lines[0]["message"].removeprefix("SEEN ")), trap, trapped, "job", contained)

    destroyed = trapped.stepwell("destroy", str(program), "--yes", env=shell)
    assert destroyed.returncode == 0, destroyed.stderr
    assert trap.visits == []


def test_env_takes_a_shell_out_of_the_trap(trap: Trap, shell: dict[str, str], trapped: Running) -> None:
    """After `eval "$(stepwell env)"`, boto3 speaks to the server although the trap is still configured."""
    script = (
        f'eval "$({sys.executable} -m stepwell env --data {trapped.data})"; '
        "unset HTTP_PROXY HTTPS_PROXY http_proxy https_proxy AWS_CA_BUNDLE; "
        f"{sys.executable} -c \"import boto3; print(boto3.client('sts').get_caller_identity()['Arn']);"
        " print(boto3.client('s3').list_buckets()['Buckets'])\""
    )
    done = subprocess.run(
        ["sh", "-c", script], env=shell, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout.split() == ["arn:aws:iam::000000000000:root", "[]"], done.stderr
    assert trap.visits == []
