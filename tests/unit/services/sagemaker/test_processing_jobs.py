"""Processing jobs: inputs in, the command run, outputs out, and an ending that is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from stepwell.errors import AwsError

WORKER = "processing-job-evaluate"
CODE = "/opt/ml/processing/input/code"


def place(path: str, uri: str, **more: str) -> dict[str, str]:
    return {"S3Uri": uri, "LocalPath": path, "S3DataType": "S3Prefix", "S3InputMode": "File", **more}


def process(world: Any, **changes: Any) -> dict[str, Any]:
    world.s3.objects.setdefault("bucket/code/evaluate.py", b"print()")
    params: dict[str, Any] = {
        "ProcessingJobName": "evaluate",
        "RoleArn": world.role,
        "AppSpecification": {
            "ImageUri": world.image,
            "ContainerEntrypoint": ["python3", f"{CODE}/evaluate.py"],
            "ContainerArguments": ["--threshold", "0.9"],
        },
        "Environment": {"BATCH": "7"},
        "ProcessingInputs": [
            {"InputName": "code", "S3Input": place(CODE, "s3://bucket/code/evaluate.py")},
        ],
        "ProcessingOutputConfig": {
            "Outputs": [
                {
                    "OutputName": "report",
                    "S3Output": {
                        "S3Uri": "s3://bucket/reports/7",
                        "LocalPath": "/opt/ml/processing/report",
                        "S3UploadMode": "EndOfJob",
                    },
                }
            ]
        },
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 10}
        },
    }
    return dict(world("CreateProcessingJob", **{**params, **changes}))


def ended(world: Any) -> dict[str, Any]:
    return dict(world.settle("ProcessingJob", "evaluate", "Completed", "Failed", "Stopped"))


def test_inputs_are_staged_and_outputs_stored(world: Any) -> None:
    seen: dict[str, Any] = {}

    def act(spec: Any, folder: Path) -> int:
        seen["code"] = (folder / "processing/input/code/evaluate.py").read_bytes()
        seen["config"] = json.loads((folder / "config/processingjobconfig.json").read_text())
        seen["hosts"] = json.loads((folder / "config/resourceconfig.json").read_text())["hosts"]
        seen["spec"] = spec
        (folder / "processing/report/deep").mkdir()
        (folder / "processing/report/deep/report.json").write_text("{}")
        (folder / "output/message").write_text("good enough")
        return 0

    world.jobs.act = act
    process(world)
    job = ended(world)
    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ExitMessage"] == "good enough"
    assert job["StoppingCondition"] == {"MaxRuntimeInSeconds": 86_400}
    assert seen["code"] == b"print()"
    assert seen["hosts"] == ["algo-1"]
    assert seen["config"]["ProcessingJobName"] == "evaluate"
    assert seen["spec"].command == ("/env/bin/python", f"{CODE}/evaluate.py", "--threshold", "0.9")
    assert seen["spec"].variables["BATCH"] == "7"
    assert world.s3.objects["bucket/reports/7/deep/report.json"] == b"{}"
    states = [event["detail"]["ProcessingJobStatus"] for event in world.events]
    assert states == ["InProgress", "Completed"]


def test_a_failing_command_fails_the_job_and_stores_nothing(world: Any) -> None:
    def act(spec: Any, folder: Path) -> int:
        (folder / "processing/report/half").write_text("x")
        return 2

    world.jobs.act = act
    process(world)
    job = ended(world)
    assert job["ProcessingJobStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: See job logs for more information, exit code: 2"
    assert "bucket/reports/7/half" not in world.s3.objects


@pytest.mark.parametrize(
    ("left", "code", "status", "message", "reason"),
    [
        (b"42 rows", 0, "Completed", "42 rows", None),
        (b"no label column\n", 3, "Failed", "no label column", "no label column, exit code: 3"),
        (b"x" * 3000, 0, "Completed", "x" * 1024, None),
        (b"x" + "\N{EURO SIGN}".encode() * 700, 0, "Completed", "x" + "\N{EURO SIGN}" * 341, None),
        (b"", 0, "Completed", None, None),
        (b"\xff\xfe", 0, "Failed", None, "ClientError: The file /opt/ml/output/message must be encoded"),
    ],
)
def test_the_first_kilobyte_of_the_message_is_the_exit_message(
    world: Any, left: bytes, code: int, status: str, message: str | None, reason: str | None
) -> None:
    """SageMaker Developer Guide, "Save and access metadata information about your processing job"."""

    def act(spec: Any, folder: Path) -> int:
        (folder / "output/message").write_bytes(left)
        return code

    world.jobs.act = act
    process(world)
    job = ended(world)
    assert (job["ProcessingJobStatus"], job.get("ExitMessage")) == (status, message)
    assert (reason or "") in job.get("FailureReason", "")
    listed = world("ListProcessingJobs")["ProcessingJobSummaries"][0]
    assert listed.get("ExitMessage") == message


def test_a_manifest_names_a_jobs_inputs_and_its_tags_are_kept(world: Any) -> None:
    """ManifestFile: the prefix and, below it, the keys, each at its relative place."""
    manifest = [{"prefix": "s3://bucket/raw/"}, "a.csv", "deep/b.csv"]
    world.s3.objects |= {
        "bucket/batch/manifest.json": json.dumps(manifest).encode(),
        "bucket/raw/a.csv": b"1",
        "bucket/raw/deep/b.csv": b"2",
        "bucket/raw/c.csv": b"not of this batch",
    }
    seen: dict[str, bytes] = {}

    def act(spec: Any, folder: Path) -> int:
        data = folder / "processing/input/data"
        seen.update({str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*.csv")})
        return 0

    world.jobs.act = act
    data = place(
        "/opt/ml/processing/input/data", "s3://bucket/batch/manifest.json", S3DataType="ManifestFile"
    )
    tags = [{"Key": "stepwell:batch", "Value": "7"}]
    process(
        world,
        ProcessingInputs=[
            {"InputName": "code", "S3Input": place(CODE, "s3://bucket/code/evaluate.py")},
            {"InputName": "data", "S3Input": data},
        ],
        Tags=tags,
    )
    job = ended(world)
    assert job["ProcessingJobStatus"] == "Completed"
    assert seen == {"a.csv": b"1", "deep/b.csv": b"2"}
    assert world("ListTags", ResourceArn=job["ProcessingJobArn"])["Tags"] == tags
    world.server.decide(lambda draft: None)
    assert world.events[-1]["detail"]["Tags"] == {"stepwell:batch": "7"}


def test_the_server_dies_in_the_middle_and_the_job_completes_once(world: Any) -> None:
    process(world)
    world.until(lambda: WORKER in world.jobs.began)
    world.kill()
    world.jobs.end(WORKER)
    world.start()
    assert ended(world)["ProcessingJobStatus"] == "Completed"
    assert world.jobs.began == [WORKER]
    world.server.decide(lambda draft: None)
    states = [event["detail"]["ProcessingJobStatus"] for event in world.events]
    assert states.count("Completed") == 1


def test_a_stopped_job_ends_as_stopped(world: Any) -> None:
    process(world)
    world.until(lambda: WORKER in world.jobs.began)
    world("StopProcessingJob", ProcessingJobName="evaluate")
    assert ended(world)["ProcessingJobStatus"] == "Stopped"
    with pytest.raises(AwsError, match="processing job is in status Stopped"):
        world("StopProcessingJob", ProcessingJobName="evaluate")


def test_an_entry_point_that_is_no_program_fails_the_job(world: Any) -> None:
    process(
        world,
        AppSpecification={"ImageUri": world.image, "ContainerEntrypoint": ["no-such-program-anywhere"]},
    )
    assert "no-such-program-anywhere is not a program" in ended(world)["FailureReason"]


def outputs(**changes: str) -> dict[str, Any]:
    base = {"S3Uri": "s3://b/o", "LocalPath": "/opt/ml/processing/o", "S3UploadMode": "EndOfJob"}
    return {"Outputs": [{"OutputName": "o", "S3Output": {**base, **changes}}]}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ProcessingOutputConfig": outputs(S3UploadMode="Continuous")}, "Continuous is not supported"),
        ({"ProcessingOutputConfig": outputs(LocalPath="/etc")}, "must be a folder below"),
        ({"ProcessingOutputConfig": outputs(LocalPath="/opt/ml/processing/../x")}, "must be a folder below"),
        ({"ProcessingOutputConfig": outputs(LocalPath=CODE)}, "a LocalPath of its own"),
        (
            {
                "ProcessingInputs": [
                    {
                        "InputName": "c",
                        "S3Input": place(CODE, "s3://b/c", S3InputMode="Pipe"),
                    }
                ]
            },
            "S3InputMode Pipe is not supported",
        ),
        (
            {
                "ProcessingInputs": [
                    {"InputName": "c", "AppManaged": True, "S3Input": place(CODE, "s3://b/c")}
                ]
            },
            "AppManaged is not supported",
        ),
        ({"AppSpecification": {"ImageUri": "unknown"}}, "no environment for the image"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/stranger"}, "Could not assume role"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_asked_for(
    world: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        process(world, **changes)
    assert world("ListProcessingJobs")["ProcessingJobSummaries"] == []


def test_a_name_is_taken_until_the_job_is_deleted(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    process(world)
    ended(world)
    with pytest.raises(AwsError, match="Job name must be unique") as refused:
        process(world)
    assert refused.value.error_code == "ResourceInUse"
    with pytest.raises(AwsError, match="Could not find requested job with name: other"):
        world("DescribeProcessingJob", ProcessingJobName="other")
    assert [job["ProcessingJobName"] for job in world("ListProcessingJobs")["ProcessingJobSummaries"]] == [
        "evaluate"
    ]


def test_a_deleted_jobs_name_is_free_and_its_worker_is_not_taken_for_the_next_ones(world: Any) -> None:
    """Only an ended job can go; another of its name has a worker of its own."""
    process(world)
    world.until(lambda: WORKER in world.jobs.began)
    with pytest.raises(AwsError, match="InProgress"):
        world("DeleteProcessingJob", ProcessingJobName="evaluate")
    world.jobs.end(WORKER, 0)
    ended(world)
    world("DeleteProcessingJob", ProcessingJobName="evaluate")
    assert world("ListProcessingJobs")["ProcessingJobSummaries"] == []
    process(world)
    world.until(lambda: f"{WORKER}-1" in world.jobs.began)
