"""Training jobs and endpoints: what they add to the same script, and the same model server, used directly."""

from __future__ import annotations

import csv
import gzip
import io
import os
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from json import loads
from pathlib import Path

from figures import Figure, clock, middle, right, runs
from lean import Lean
from servers import ROOT, Stepwell

IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
JOBS = ROOT / "tests" / "acceptance" / "by_hand" / "jobs"
BUCKET = "bench-models"
INSTANCE = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5}


def figures(server: Stepwell, folder: Path) -> Iterator[Figure]:
    """The digits' random forest: trained, and served."""
    command = [sys.executable, "-m", "stepwell", "images", "--build", IMAGE, "--data", str(server.data)]
    built = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    python = built.stdout.split()[0]
    rows = _digits(python)
    jobs = Jobs(server, rows)
    bare: list[float] = []
    added: list[float] = []

    def train() -> float:
        # in pairs, so that what else the machine does hits both
        bare.append(_bare(python, folder, rows))
        took = jobs.train()
        added.append(took - bare[-1])
        return took

    train()
    bare.clear()
    added.clear()
    took = runs(train)
    yield Figure(what="digits' train.py, run bare", unit="s", runs=tuple(bare))
    yield Figure(what="digits' train.py as a training job, until Completed", unit="s", runs=took)
    yield Figure(what="what the job adds to the script", unit="s", runs=tuple(added))
    port = jobs.serve()
    direct, lean = Lean(f"http://127.0.0.1:{port}"), server.lean()
    pixels = ",".join(str(value) for value in rows[0][1:]).encode()
    headers = {"Content-Type": "text/csv"}

    def predict(client: Lean, path: str) -> float:
        with clock() as took:
            answer = client.post(path, pixels, service="sagemaker", headers=headers)
        right(int(answer) == rows[0][0], f"the model read {answer[:50]!r}, not {rows[0][0]}")
        return took.seconds * 1e3

    for what, client, path in (
        ("prediction, model server asked directly", direct, "/invocations"),
        ("prediction, InvokeEndpoint", lean, "/endpoints/bench/invocations"),
    ):
        predict(client, path)
        values = runs(lambda client=client, path=path: middle(lambda: predict(client, path), 30))
        yield Figure(what=what, unit="ms", runs=values)


class Jobs:
    """Training jobs and an endpoint on one server."""

    def __init__(self, server: Stepwell, rows: list[list[int]]) -> None:
        self.server, self.sagemaker = server, server.client("sagemaker")
        self.role = server.role("bench-job", "sagemaker.amazonaws.com")
        self.made = 0
        s3 = server.client("s3")
        s3.create_bucket(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key="train/digits.csv", Body=_csv(rows))
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for name in ("train.py", "inference.py"):
                archive.add(JOBS / name, name)
        s3.put_object(Bucket=BUCKET, Key="code.tar.gz", Body=packed.getvalue())

    @property
    def name(self) -> str:
        """The latest job's name."""
        return f"digits-{self.made}"

    def train(self) -> float:
        """Seconds from CreateTrainingJob until Completed."""
        self.made += 1
        channel = {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": f"s3://{BUCKET}/train/"}},
        }
        with clock() as took:
            self.sagemaker.create_training_job(
                TrainingJobName=self.name,
                RoleArn=self.role,
                AlgorithmSpecification={"TrainingImage": IMAGE, "TrainingInputMode": "File"},
                HyperParameters={
                    "sagemaker_program": "train.py",
                    "sagemaker_submit_directory": f"s3://{BUCKET}/code.tar.gz",
                    "n-estimators": "100",
                    "seed": "0",
                },
                InputDataConfig=[channel],
                OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/models"},
                ResourceConfig=INSTANCE,
                StoppingCondition={"MaxRuntimeInSeconds": 600},
            )
            while True:
                found = self.sagemaker.describe_training_job(TrainingJobName=self.name)
                if found["TrainingJobStatus"] != "InProgress":
                    break
                time.sleep(0.01)
        right(found["TrainingJobStatus"] == "Completed", f"the job failed: {found.get('FailureReason')}")
        return took.seconds

    def serve(self) -> int:
        """An endpoint with the latest job's model; gives the port of its model server."""
        artefact = self.sagemaker.describe_training_job(TrainingJobName=self.name)["ModelArtifacts"]
        script = {
            "SAGEMAKER_PROGRAM": "inference.py",
            "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code",
        }
        container = {"Image": IMAGE, "ModelDataUrl": artefact["S3ModelArtifacts"], "Environment": script}
        self.sagemaker.create_model(ModelName="bench", ExecutionRoleArn=self.role, PrimaryContainer=container)
        variant = {
            "VariantName": "v",
            "ModelName": "bench",
            "InitialInstanceCount": 1,
            "InstanceType": "ml.m5.large",
        }
        self.sagemaker.create_endpoint_config(EndpointConfigName="bench", ProductionVariants=[variant])
        self.sagemaker.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
        while True:
            found = self.sagemaker.describe_endpoint(EndpointName="bench")
            if found["EndpointStatus"] != "Creating":
                break
            time.sleep(0.02)
        right(found["EndpointStatus"] == "InService", f"the endpoint failed: {found.get('FailureReason')}")
        specs = [loads(path.read_text()) for path in self.server.data.glob("workers/jobs/*/spec.json")]
        (port,) = [spec["port"] for spec in specs if spec["port"] is not None]
        return int(port)


def _digits(python: str) -> list[list[int]]:
    """scikit-learn's digits, label first, from the environment of `python`."""
    code = "import importlib.util; print(importlib.util.find_spec('sklearn').submodule_search_locations[0])"
    found = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    with gzip.open(Path(found, "datasets", "data", "digits.csv.gz"), "rt", newline="") as file:
        table = [[int(float(value)) for value in row] for row in csv.reader(file)]
    return [[row[-1], *row[:-1]] for row in table]


def _csv(rows: list[list[int]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()


def _bare(python: str, folder: Path, rows: list[list[int]]) -> float:
    """Seconds that the script takes on the same rows, with nothing around it."""
    data, model = folder / "bare" / "train", folder / "bare" / "model"
    data.mkdir(parents=True, exist_ok=True)
    model.mkdir(exist_ok=True)
    (data / "digits.csv").write_bytes(_csv(rows))
    variables = {**os.environ, "SM_CHANNEL_TRAIN": str(data), "SM_MODEL_DIR": str(model)}
    command = [python, str(JOBS / "train.py"), "--n-estimators", "100", "--seed", "0"]
    with clock() as took:
        subprocess.run(command, env=variables, capture_output=True, check=True)
    right((model / "model.joblib").exists(), "the script wrote no model")
    return took.seconds
