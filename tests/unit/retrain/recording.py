"""What a program would ask Pulumi to make, as data: the resources of a workflow, with readable documents.

Run as a script it writes the snapshots anew; the difference is then for a person to read:

    .venv/bin/python tests/unit/retrain/recording.py
"""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import mocks, stack, sync_await

from stepwell.retrain import (
    Approval,
    Baseline,
    Column,
    Columns,
    Deploy,
    Gate,
    Monitor,
    Prepare,
    RetrainingWorkflow,
    Schedule,
    Slice,
    Train,
    Upload,
    When,
    Window,
)

ACCOUNT, REGION = "000000000000", "us-east-1"
IMAGE = f"683313688378.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
SNAPSHOTS = Path(__file__).resolve().parent / "snapshots"
#: the ARNs that resources get, by their type and with their name
ARNS = {
    "Function": f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{{}}",
    "Role": f"arn:aws:iam::{ACCOUNT}:role/{{}}",
    "StateMachine": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{{}}",
    "EventRule": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/{{}}",
}
#: properties that hold JSON texts
DOCUMENTS = ("assumeRolePolicy", "definition", "eventPattern", "input", "policy", "content")
SCRIPTS = {
    "jobs/train.py": "print('trained')\n",
    "jobs/predict.py": "def model_fn(folder): ...\n",
    "jobs/inference.py": "def model_fn(folder): ...\n",
    "jobs/rules.py": "def clean(source, target): ...\ndef cost(labels, predictions): ...\n",
}


class Recorder(pulumi.runtime.Mocks):  # type: ignore[misc]
    """Answers each registration as AWS would name things, and keeps it."""

    def __init__(self) -> None:
        self.resources: dict[str, Any] = {}

    def new_resource(self, args: Any) -> tuple[str, dict[str, Any]]:
        if not args.typ.startswith(("pulumi:", "stepwell:")):
            self.resources[f"{args.typ} {args.name}"] = _readable(args.inputs)
        arn = ARNS.get(args.typ.rpartition(":")[2], "").format(args.name)
        return args.name, {**args.inputs, "arn": arn}

    def call(self, args: Any) -> dict[str, Any]:
        return {
            "aws:index/getCallerIdentity:getCallerIdentity": {"accountId": ACCOUNT},
            "aws:index/getRegion:getRegion": {"region": REGION},
            "aws:index/getPartition:getPartition": {"partition": "aws"},
        }[args.token]


def recorded(program: Callable[[], Any]) -> dict[str, Any]:
    """The resources that a program declares, by type and name, run where its scripts are."""
    recorder, before = Recorder(), os.getcwd()
    # Pulumi's SDK asks for the thread's loop, which others may have closed
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in SCRIPTS.items():
            Path(folder, name).parent.mkdir(exist_ok=True)
            Path(folder, name).write_text(text)
        os.chdir(folder)
        try:
            mocks.set_mocks(recorder, project="snapshots", stack="test", preview=False)
            sync_await._sync_await(stack.run_pulumi_func(program))
        finally:
            os.chdir(before)
            asyncio.set_event_loop(None)
            loop.close()
    return dict(sorted(recorder.resources.items()))


def _readable(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _readable(item, key) for key, item in sorted(value.items())}
    if isinstance(value, list):
        return [_readable(item) for item in value]
    if isinstance(value, pulumi.AssetArchive):
        return {"archive of": sorted({path.partition("/")[0] for path in value.assets})}
    if isinstance(value, pulumi.FileAsset):
        return {"file": Path(value.path).name}
    if name == "contentBase64":
        return {"archive of": _entries(base64.b64decode(value))}
    if name in DOCUMENTS and isinstance(value, str):
        return {"json": json.loads(value)}
    return value


def _entries(packed: bytes) -> list[str]:
    """The packages of a zip file; the files of a tar file."""
    if packed[:2] == b"PK":
        with zipfile.ZipFile(io.BytesIO(packed)) as archive:
            return sorted({name.rpartition("/")[0] for name in archive.namelist()})
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return sorted(archive.getnames())


def smallest() -> RetrainingWorkflow:
    """What can't be left out."""
    return RetrainingWorkflow(
        "small",
        triggers=[Upload()],
        prepare=Prepare(
            columns=[Column(name="flow", type="number"), Column(name="level", type="number")], label="flow"
        ),
        train=Train(image=IMAGE, code="jobs"),
        gate=Gate(floor=2.5, metric="mae"),
    )


def everything() -> RetrainingWorkflow:
    """All parts and settings."""
    return RetrainingWorkflow(
        "everything",
        triggers=[
            Upload(prefix="data/", suffix=".csv"),
            Upload(prefix="more/"),
            Schedule(expression="rate(7 days)", suffix=".csv"),
            Window(schedule="cron(0 4 ? * SUN *)", timezone="Europe/Berlin", duration=2, cutoff=0),
        ],
        prepare=Prepare(
            columns=[
                Column(name="label", type="category", values=["yes", "no"]),
                Columns(names=["a", "b"], type="number", low=0, high=1, missing=True),
                Column(name="patient", type="text", pattern="P[0-9]+"),
            ],
            label="label",
            held_out=0.2,
            held_out_by="column",
            held_out_column="patient",
            format="jsonl",
            function="rules:clean",
            code="jobs",
            least_rows=50,
            image=f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/prepare@sha256:{'0' * 64}",
            instance="ml.m5.xlarge",
            volume=50,
            time_limit="2 hours",
        ),
        train=Train(
            image=IMAGE,
            code="jobs",
            inference="predict.py",
            hyperparameters={"depth": 3, "names": ["a", "b"], "kind": "tree"},
            batches=10,
            channels={"weights": "s3://elsewhere/weights/"},
            metrics={"accuracy": "accuracy=([0-9.]+);"},
            inference_environment={"THREADS": "1"},
            instance="ml.c5.xlarge",
        ),
        gate=Gate(
            floor=0.7,
            metric="rules:cost",
            code="jobs",
            rule="better",
            margin=0.0,
            slices=[Slice(column="a", bounds=(0.5,))],
            baselines=[Baseline(name="yesterday", lag=24)],
            classes=["yes", "no"],
            patience="3 days",
        ),
        deploy=Deploy(endpoint="serving", instance="ml.t2.medium", count=2, capture=0.2),
        approval=Approval(within="2 days"),
        when=When(rows=1000, after="7 days"),
        monitor=Monitor(every="1 day"),
        bucket="a-bucket-that-there-is",
        log_days=None,
        tags={"team": "forecasts"},
    )


PROGRAMS: dict[str, Callable[[], RetrainingWorkflow]] = {"smallest": smallest, "everything": everything}


def text(found: dict[str, Any]) -> str:
    """As a snapshot's file has it."""
    return json.dumps(found, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    for name, program in PROGRAMS.items():
        path = SNAPSHOTS / f"{name}.json"
        path.write_text(text(recorded(program)))
        sys.stdout.write(f"{path}\n")
