"""Jobs for tests: a small image without heavy libraries, and scripts from source text."""

from __future__ import annotations

import io
import tarfile
from typing import Any

from running import Running, allow, logging, role, until

#: an image of the data folder's own file
IMAGE = "stepwell-tests/tiny:1"


class Work:
    """A bucket, a role and the small image on a server."""

    def __init__(self, running: Running, name: str) -> None:
        self.running, self.bucket = running, name
        file = running.data / "images.toml"
        file.write_text(f'[images."{IMAGE}"]\npython = "3.11"\nrequirements = ["joblib==1.4.2", "boto3"]\n')
        built = running.stepwell("images", "--build", IMAGE)
        assert built.returncode == 0, built.stderr
        self.s3, self.sagemaker = running.client("s3"), running.client("sagemaker")
        self.s3.create_bucket(Bucket=name)
        self.role = role(
            running,
            f"{name}-job",
            "sagemaker.amazonaws.com",
            logging("/aws/sagemaker/*"),
            allow("s3:ListBucket", f"arn:aws:s3:::{name}"),
            allow(["s3:GetObject", "s3:PutObject"], f"arn:aws:s3:::{name}/*"),
        )

    def training(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """CreateTrainingJob's parameters for a script, which is stored in the bucket."""
        key = f"code/{name}.tar.gz"
        self.s3.put_object(Bucket=self.bucket, Key=key, Body=tarred({"train.py": script}))
        return {
            "TrainingJobName": name,
            "RoleArn": self.role,
            "AlgorithmSpecification": {"TrainingImage": IMAGE, "TrainingInputMode": "File"},
            "HyperParameters": {
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": f"s3://{self.bucket}/{key}",
            },
            "OutputDataConfig": {"S3OutputPath": f"s3://{self.bucket}/models"},
            "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
            **changes,
        }

    def train(self, name: str, script: str, **changes: Any) -> dict[str, Any]:
        """Run a training job to its end; gives its description."""
        self.sagemaker.create_training_job(**self.training(name, script, **changes))
        return self.trained(name)

    def trained(self, name: str) -> dict[str, Any]:
        """The job's description once it is over."""

        def look() -> dict[str, Any] | None:
            found: dict[str, Any] = self.sagemaker.describe_training_job(TrainingJobName=name)
            return None if found["TrainingJobStatus"] in ("InProgress", "Stopping") else found

        found: dict[str, Any] = until(look)
        return found


def tarred(files: dict[str, str]) -> bytes:
    """A `.tar.gz` of text files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, text in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(text.encode())
            archive.addfile(entry, io.BytesIO(text.encode()))
    return packed.getvalue()
