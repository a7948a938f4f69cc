"""The same job by the AWS CLI: a CSV lands, a model is trained and deployed, and answers."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from running import Running, until

AWS = Path(sys.executable).with_name("aws")
pytestmark = [
    pytest.mark.skipif(
        not AWS.exists() and shutil.which("aws") is None, reason="the AWS CLI is not installed"
    ),
    pytest.mark.timeout(180),
]

IMAGE = "tiny"
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"

START = """
import json, os, boto3
def handler(event, context):
    record = event["Records"][0]["s3"]
    boto3.client("stepfunctions").start_execution(
        stateMachineArn=os.environ["MACHINE"],
        input=json.dumps({"uri": f"s3://{record['bucket']['name']}/{record['object']['key']}"}),
    )
"""

TRAIN = """
import csv, os, pathlib
(path,) = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]).glob("*.csv")
with path.open() as file:
    values = [float(row[0]) for row in csv.reader(file)]
mean = sum(values) / len(values)
print(f"mean={mean};")
folder = pathlib.Path(os.environ["SM_MODEL_DIR"])
(folder / "mean.txt").write_text(str(mean))
(folder / "code").mkdir()
(folder / "code" / "inference.py").write_text(pathlib.Path(__file__).with_name("inference.py").read_text())
"""

INFERENCE = """
import pathlib
def model_fn(folder):
    return float(pathlib.Path(folder, "mean.txt").read_text())
def input_fn(body, content_type):
    return float(body)
def predict_fn(value, model):
    return value - model
def output_fn(prediction, accept):
    return str(prediction)
"""


class Cli:
    """`aws --endpoint-url`, with the server's keys and nothing else of the environment."""

    def __init__(self, running: Running, folder: Path) -> None:
        settings = running.settings
        self.url, self.folder = settings["endpoint_url"], folder
        self.environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "AWS_ACCESS_KEY_ID": settings["aws_access_key_id"],
            "AWS_SECRET_ACCESS_KEY": settings["aws_secret_access_key"],
            "AWS_DEFAULT_REGION": settings["region_name"],
        }

    def __call__(self, *arguments: str) -> Any:
        done = subprocess.run(
            [str(AWS), "--endpoint-url", self.url, "--output", "json", *arguments],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"aws {' '.join(arguments)}: {done.stderr}"
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout

    def role(self, name: str, service: str) -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = self("iam", "create-role", "--role-name", name, "--assume-role-policy-document", document)[
            "Role"
        ]["Arn"]
        self("iam", "attach-role-policy", "--role-name", name, "--policy-arn", ADMINISTRATOR)
        return arn


def definition(job: str) -> str:
    """Train, then make a model, a configuration and an endpoint of it."""

    def call(action: str, parameters: dict[str, Any], following: str | None) -> dict[str, Any]:
        after: dict[str, Any] = {"Next": following} if following else {"End": True}
        resource = f"arn:aws:states:::sagemaker:{action}"
        return {"Type": "Task", "Resource": resource, "Parameters": parameters, "ResultPath": None, **after}

    source = {"S3DataType": "S3Prefix", "S3Uri.$": "$.uri"}
    training = {
        "TrainingJobName": "cli",
        "RoleArn": job,
        "AlgorithmSpecification": {
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "mean", "Regex": "mean=(.*?);"}],
        },
        "HyperParameters": {
            "sagemaker_program": "train.py",
            "sagemaker_submit_directory": "s3://cli-bucket/code.tar.gz",
        },
        "InputDataConfig": [{"ChannelName": "train", "DataSource": {"S3DataSource": source}}],
        "OutputDataConfig": {"S3OutputPath": "s3://cli-bucket/models"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    container = {"Image": IMAGE, "ModelDataUrl": "s3://cli-bucket/models/cli/output/model.tar.gz"}
    variant = {
        "VariantName": "v",
        "ModelName": "cli",
        "InitialInstanceCount": 1,
        "InstanceType": "ml.m5.large",
    }
    states = {
        "Train": call("createTrainingJob.sync", training, "Model"),
        "Model": call(
            "createModel",
            {"ModelName": "cli", "ExecutionRoleArn": job, "PrimaryContainer": container},
            "Config",
        ),
        "Config": call(
            "createEndpointConfig", {"EndpointConfigName": "cli", "ProductionVariants": [variant]}, "Endpoint"
        ),
        "Endpoint": call("createEndpoint", {"EndpointName": "cli", "EndpointConfigName": "cli"}, None),
    }
    return json.dumps({"StartAt": "Train", "States": states})


def test_the_main_job_by_the_aws_cli(own_server: Running, tmp_path: Path) -> None:
    """Every step is a command that a user could type."""
    (own_server.data / "images.toml").write_text(
        f'[images.{IMAGE}]\npython = "3.11"\nrequirements = ["boto3==1.40.0"]\n'
    )
    aws = Cli(own_server, tmp_path)
    aws("s3", "mb", "s3://cli-bucket")
    with zipfile.ZipFile(tmp_path / "start.zip", "w") as archive:
        archive.writestr("start.py", START)
    with tarfile.open(tmp_path / "code.tar.gz", "w:gz") as archive:
        for name, text in (("train.py", TRAIN), ("inference.py", INFERENCE)):
            entry = tarfile.TarInfo(name)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    aws("s3", "cp", "code.tar.gz", "s3://cli-bucket/code.tar.gz")
    machine = aws(
        *("stepfunctions", "create-state-machine", "--name", "cli"),
        *("--role-arn", aws.role("machine", "states.amazonaws.com")),
        *("--definition", definition(aws.role("job", "sagemaker.amazonaws.com"))),
    )["stateMachineArn"]
    start = aws(
        *("lambda", "create-function", "--function-name", "start", "--runtime", "python3.12"),
        *("--handler", "start.handler", "--role", aws.role("start", "lambda.amazonaws.com")),
        *("--zip-file", "fileb://start.zip", "--environment", f"Variables={{MACHINE={machine}}}"),
    )["FunctionArn"]
    aws(
        *("lambda", "add-permission", "--function-name", "start", "--statement-id", "s3"),
        *("--action", "lambda:InvokeFunction", "--principal", "s3.amazonaws.com"),
        *("--source-arn", "arn:aws:s3:::cli-bucket"),
    )
    notification = {"LambdaFunctionArn": start, "Events": ["s3:ObjectCreated:*"]}
    notification["Filter"] = {"Key": {"FilterRules": [{"Name": "prefix", "Value": "data/"}]}}
    aws(
        *("s3api", "put-bucket-notification-configuration", "--bucket", "cli-bucket"),
        *("--notification-configuration", json.dumps({"LambdaFunctionConfigurations": [notification]})),
    )

    (tmp_path / "batch.csv").write_text("1\n2\n6\n")
    aws("s3", "cp", "batch.csv", "s3://cli-bucket/data/batch.csv")
    listing = ("stepfunctions", "list-executions", "--state-machine-arn", machine)
    (execution,) = until(lambda: aws(*listing)["executions"])

    def over() -> Any:
        found = aws("stepfunctions", "describe-execution", "--execution-arn", execution["executionArn"])
        return found if found["status"] != "RUNNING" else None

    found = until(over, 90)
    assert found["status"] == "SUCCEEDED", found
    job = aws("sagemaker", "describe-training-job", "--training-job-name", "cli")
    assert [(metric["MetricName"], metric["Value"]) for metric in job["FinalMetricDataList"]] == [
        ("mean", 3.0)
    ]
    aws("sagemaker", "wait", "endpoint-in-service", "--endpoint-name", "cli")
    aws(
        *("sagemaker-runtime", "invoke-endpoint", "--endpoint-name", "cli", "--content-type", "text/csv"),
        *("--body", "10", "answer.txt"),
    )
    assert (tmp_path / "answer.txt").read_text() == "7.0"
