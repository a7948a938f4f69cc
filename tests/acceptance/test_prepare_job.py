"""Prepare as a processing job on a real server: a manifest's objects in, a batch or a message out."""

from __future__ import annotations

import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from jobs import IMAGE, Work
from running import Running, until

from stepwell.retrain import archives
from stepwell.retrain.prepare import Prepared, Profile

FOLDER = "/opt/ml/processing"
COLUMNS = [
    {"name": "width", "type": "number", "low": 0},
    {"name": "colour", "type": "category", "values": ["red", "green"]},
    {"name": "sold", "type": "boolean"},
]
HEADER = "width,colour,sold\n"
ROWS = "".join(f"{at},{'red' if at % 3 else 'green'},{at % 2}\n" for at in range(60))


@pytest.fixture(scope="module")
def work(server: Running, tmp_path_factory: pytest.TempPathFactory) -> Work:
    made = Work(server, "prepare-job")
    shipped: Path = archives.write("prepare", tmp_path_factory.mktemp("code") / "prepare.zip")
    made.s3.put_object(Bucket=made.bucket, Key="code/prepare.zip", Body=shipped.read_bytes())
    made.s3.put_object(
        Bucket=made.bucket,
        Key="config/prepare.json",
        Body=json.dumps({"columns": COLUMNS, "label": "sold"}).encode(),
    )
    return made


def prepared(work: Work, batch: str, objects: dict[str, bytes]) -> dict[str, Any]:
    """Store the objects, and run the job over them; its description once it is over."""
    for key, body in objects.items():
        work.s3.put_object(Bucket=work.bucket, Key=f"data/{key}", Body=body)
    manifest = [{"prefix": f"s3://{work.bucket}/data/"}, *objects]
    work.s3.put_object(
        Bucket=work.bucket, Key=f"batches/{batch}/manifest.json", Body=json.dumps(manifest).encode()
    )
    inputs = {
        "source": (f"batches/{batch}/manifest.json", "ManifestFile"),
        "config": ("config/", "S3Prefix"),
        "code": ("code/", "S3Prefix"),
    }
    work.sagemaker.create_processing_job(
        ProcessingJobName=batch,
        RoleArn=work.role,
        AppSpecification={"ImageUri": IMAGE, "ContainerEntrypoint": ["python3", "-m", "prepare"]},
        Environment={"PYTHONPATH": f"{FOLDER}/code/prepare.zip"},
        ProcessingInputs=[
            {
                "InputName": name,
                "S3Input": {
                    "S3Uri": f"s3://{work.bucket}/{key}",
                    "LocalPath": f"{FOLDER}/{name}",
                    "S3DataType": kind,
                    "S3InputMode": "File",
                },
            }
            for name, (key, kind) in inputs.items()
        ],
        ProcessingOutputConfig={
            "Outputs": [
                {
                    "OutputName": "batch",
                    "S3Output": {
                        "S3Uri": f"s3://{work.bucket}/batches/{batch}",
                        "LocalPath": f"{FOLDER}/batch",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        ProcessingResources={
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1}
        },
    )

    def look() -> dict[str, Any] | None:
        found: dict[str, Any] = work.sagemaker.describe_processing_job(ProcessingJobName=batch)
        return None if found["ProcessingJobStatus"] in ("InProgress", "Stopping") else found

    over: dict[str, Any] = until(look)
    return over


def stored(work: Work, batch: str) -> dict[str, bytes]:
    """What lies in the batch's folder, but for the manifest."""
    listed = work.s3.list_objects_v2(Bucket=work.bucket, Prefix=f"batches/{batch}/")["Contents"]
    keys = [each["Key"] for each in listed if not each["Key"].endswith("manifest.json")]
    return {
        key.rpartition("/")[2]: work.s3.get_object(Bucket=work.bucket, Key=key)["Body"].read() for key in keys
    }


def test_a_batch_is_prepared(work: Work) -> None:
    objects = {
        "2026/a.csv": (HEADER + ROWS).encode(),
        "2026/b.csv.gz": gzip.compress((HEADER + ROWS).encode()),
    }
    over = prepared(work, "good", objects)
    assert over["ProcessingJobStatus"] == "Completed", over.get("FailureReason")
    files = stored(work, "good")
    assert sorted(files) == ["held-out.csv", "prepared.json", "profile.json", "train.csv"]
    found = Prepared.parse(files["prepared.json"].decode())
    assert found.rows == 120
    assert over["ExitMessage"] == (
        f"120 rows: {found.train_rows} to train on, {found.held_out_rows} held out"
    )
    assert found.sources == {name: hashlib.sha256(body).hexdigest() for name, body in objects.items()}
    for name, digest in found.digests.items():
        assert hashlib.sha256(files[name]).hexdigest() == digest
    assert Profile.parse(files["profile.json"].decode()).columns["colour"].counts == {"red": 80, "green": 40}


def test_a_batch_that_is_refused_says_where_and_leaves_nothing(work: Work) -> None:
    over = prepared(work, "wrong", {"2026/c.csv": (HEADER + ROWS + "5,blue,1\n").encode()})
    message = (
        'BATCH_INVALID: 2026/c.csv, line 62, column "colour": "blue" is none of the declared values'
        ' (allowed: one of "red", "green")'
    )
    assert over["ProcessingJobStatus"] == "Failed"
    assert over["ExitMessage"] == message
    assert stored(work, "wrong") == {}
