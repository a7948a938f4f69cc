"""The digits, and a workflow of one's own set up with nothing but boto3: as a user without Pulumi would."""

from __future__ import annotations

import csv
import gzip
import importlib.util
import io
import json
import subprocess
import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

from running import allow, arn, logging

from stepwell.retrain import archives

#: a workflow with its definition, its functions and its jobs written out, and no component
BY_HAND = Path(__file__).resolve().parent / "by_hand"
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
#: where each of the 14 forms begins
FORMS = (0, 130, 256, 386, 516, 646, 776, 905, 1029, 1157, 1287, 1415, 1545, 1667, 1797)
Row = list[int]
FILES = ["s3:GetObject", "s3:PutObject"]
#: what the workflow makes with a name of its own each time, and what else it does
MADE = ("training-job", "processing-job", "model", "endpoint-config", "model-package")
JOBS = ("Training", "Processing")
SERVING = ("Endpoint", "EndpointConfig", "Model")
ACTIONS = (
    *(f"{verb}{kind}Job" for kind in JOBS for verb in ("Create", "Describe", "Stop")),
    *(f"Create{noun}" for noun in ("Model", "ModelPackage", "EndpointConfig", "Endpoint")),
    *("UpdateEndpoint", "DescribeEndpoint", "AddTags"),
)


@cache
def rows(python: str) -> tuple[Row, ...]:
    """scikit-learn's digits in the order of the file, label first, from the environment of `python`."""
    code = "import importlib.util; print(importlib.util.find_spec('sklearn').submodule_search_locations[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with gzip.open(Path(found, "datasets", "data", "digits.csv.gz"), "rt", newline="") as file:
        table = [[int(float(value)) for value in row] for row in csv.reader(file)]
    return tuple([row[-1], *row[:-1]] for row in table)


def forms(table: tuple[Row, ...], first: int, last: int) -> list[Row]:
    """The rows of forms `first` to `last`, counted from 1."""
    return list(table[FORMS[first - 1] : FORMS[last]])


def as_csv(table: list[Row], header: bool = True) -> bytes:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if header:
        writer.writerow(["label"] + [f"p{number}" for number in range(64)])
    writer.writerows(table)
    return text.getvalue().encode()


def zipped(folder: Path) -> bytes:
    """A function's package: the files of `folder` at the archive's root."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for path in sorted(folder.iterdir()):
            archive.write(path, path.name)
    return packed.getvalue()


def training_code() -> bytes:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name in ("train.py", "inference.py"):
            archive.add(BY_HAND / "jobs" / name, name)
    return packed.getvalue()


def gate_code() -> bytes:
    """The gate as its job gets it."""
    with tempfile.TemporaryDirectory() as folder:
        return archives.write("gate", Path(folder, "gate.zip")).read_bytes()


@cache
def workflow() -> Any:
    """The module that holds the state machine and the gate's settings."""
    spec = importlib.util.spec_from_file_location("workflow", BY_HAND / "workflow.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def definition(**names: Any) -> str:
    """The state machine."""
    return json.dumps(workflow().definition(**names))


class Retraining:
    """Bucket, roles, functions, machine and notification, made through `client(service)`."""

    def __init__(self, client: Any, name: str, account: str = "000000000000") -> None:
        self.client, self.name, self.account = client, name, account
        self.bucket = f"{name}-data"
        self.s3, self.states = client("s3"), client("stepfunctions")
        self.s3.create_bucket(Bucket=self.bucket)
        self.s3.put_object(Bucket=self.bucket, Key="code/gate.zip", Body=gate_code())
        self.s3.put_object(Bucket=self.bucket, Key="code/gate.json", Body=json.dumps(workflow().GATE))
        self.s3.put_object(Bucket=self.bucket, Key="code/sourcedir.tar.gz", Body=training_code())
        client("sagemaker").create_model_package_group(ModelPackageGroupName=name)
        prepare = self.function("prepare", ENDPOINT_NAME=name)
        self.machine = self.states.create_state_machine(
            name=name,
            roleArn=self.role("machine", "states.amazonaws.com"),
            definition=definition(
                prepare=prepare,
                job_role=self.role("job", "sagemaker.amazonaws.com"),
                image=IMAGE,
                endpoint=name,
                package_group=name,
                code=f"s3://{self.bucket}/code/sourcedir.tar.gz",
            ),
        )["stateMachineArn"]
        start = self.function("start", STATE_MACHINE_ARN=self.machine)
        client("lambda").add_permission(
            FunctionName=start,
            StatementId="s3",
            Action="lambda:InvokeFunction",
            Principal="s3.amazonaws.com",
            SourceArn=f"arn:aws:s3:::{self.bucket}",
            SourceAccount=account,
        )
        rule = {
            "Key": {
                "FilterRules": [{"Name": "prefix", "Value": "data/"}, {"Name": "suffix", "Value": ".csv"}]
            }
        }
        self.s3.put_bucket_notification_configuration(
            Bucket=self.bucket,
            NotificationConfiguration={
                "LambdaFunctionConfigurations": [
                    {"LambdaFunctionArn": start, "Events": ["s3:ObjectCreated:*"], "Filter": rule}
                ]
            },
        )

    def rights(self, name: str) -> list[dict[str, Any]]:
        """What a role needs, and no more."""
        objects = f"arn:aws:s3:::{self.bucket}/*"
        files = [allow("s3:ListBucket", f"arn:aws:s3:::{self.bucket}"), allow(FILES, objects)]
        made = [arn("sagemaker", f"{kind}/*") for kind in MADE]
        group = arn("sagemaker", f"model-package-group/{self.name}")
        endpoint = [arn("sagemaker", f"endpoint/{self.name}"), arn("sagemaker", "endpoint-config/*")]
        rules = [arn("events", f"rule/StepFunctionsGetEventsForSageMaker{kind}JobsRule") for kind in JOBS]
        tables = {
            "job": [logging("/aws/sagemaker/*"), *files],
            "prepare": [
                *files,
                allow([f"sagemaker:Describe{noun}" for noun in SERVING], [*endpoint, *made]),
            ],
            "start": [allow("states:StartExecution", arn("states", f"stateMachine:{self.name}"))],
            "machine": [
                allow("lambda:InvokeFunction", arn("lambda", f"function:{self.name}-prepare")),
                allow(FILES, objects),
                allow([f"sagemaker:{action}" for action in ACTIONS], [*made, *endpoint, group]),
                allow(
                    "iam:PassRole",
                    f"arn:aws:iam::{self.account}:role/{self.name}-job",
                    StringEquals={"iam:PassedToService": "sagemaker.amazonaws.com"},
                ),
                allow(["events:PutTargets", "events:PutRule", "events:DescribeRule"], rules),
            ],
        }
        return tables[name]

    def role(self, name: str, service: str) -> str:
        """A role with its rights."""
        trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        made: str = iam.create_role(
            RoleName=f"{self.name}-{name}",
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
        )["Role"]["Arn"]
        statements = [*self.rights(name), logging(f"/aws/lambda/{self.name}-{name}")]
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.put_role_policy(RoleName=f"{self.name}-{name}", PolicyName="rights", PolicyDocument=document)
        return made

    def function(self, name: str, **variables: str) -> str:
        """One of the functions; gives its ARN."""
        made: str = self.client("lambda").create_function(
            FunctionName=f"{self.name}-{name}",
            Runtime="python3.12",
            Handler=f"{name}.handler",
            Role=self.role(name, "lambda.amazonaws.com"),
            Code={"ZipFile": zipped(BY_HAND / name)},
            Timeout=60,
            MemorySize=512,
            Environment={"Variables": variables},
        )["FunctionArn"]
        self.client("lambda").get_waiter("function_active_v2").wait(FunctionName=made)
        return made

    def upload(self, batch: str, content: bytes) -> None:
        self.s3.put_object(Bucket=self.bucket, Key=f"data/{batch}.csv", Body=content)

    def execution(self, batch: str) -> str | None:
        """The execution that the upload started, once it has."""
        found = self.states.list_executions(stateMachineArn=self.machine)["executions"]
        return next((each["executionArn"] for each in found if each["name"].startswith(batch)), None)

    def predict(self, table: list[Row]) -> list[int]:
        reply = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=self.name,
            ContentType="text/csv",
            Body=as_csv([row[1:] for row in table], header=False),
        )
        return [int(line) for line in reply["Body"].read().split()]

    def accuracy(self, table: list[Row]) -> float:
        read = self.predict(table)
        return sum(guess == row[0] for guess, row in zip(read, table, strict=True)) / len(table)

    def model(self) -> str:
        """The name of the endpoint's configuration, which is that of its model."""
        name: str = self.client("sagemaker").describe_endpoint(EndpointName=self.name)["EndpointConfigName"]
        return name
