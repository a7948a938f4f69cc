"""Training jobs run once, end once, and are told once, whatever happens to the server meanwhile."""

from __future__ import annotations

import asyncio
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from stepwell.errors import AwsError
from stepwell.services.sagemaker.training_jobs import TrainingJob

WORKER = "training-job-job"


def ended(world: Any, name: str = "job") -> dict[str, Any]:
    return dict(world.settle("TrainingJob", name, "Completed", "Failed", "Stopped"))


def contents(archive: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return {member.name: file.read() for member in tar if (file := tar.extractfile(member)) is not None}


def finals(world: Any) -> list[str]:
    world.server.decide(lambda draft: None)
    states = [event["detail"]["TrainingJobStatus"] for event in world.events]
    return [state for state in states if state in ("Completed", "Failed", "Stopped")]


def test_a_job_sees_its_inputs_and_its_model_lands_in_s3(world: Any) -> None:
    world.s3.objects |= {
        "bucket/data/train/a.csv": b"a",
        "bucket/data/train/deep/b.csv": b"b",
        "bucket/data/train/": b"",
        "bucket/data/trainees.csv": b"c",
    }
    code = world.archive("bucket/code/sourcedir.tar.gz", **{"train.py": b"print()"})
    seen: dict[str, Any] = {}

    def act(spec: Any, folder: Path) -> int:
        files = [path for path in folder.rglob("*") if path.is_file()]
        seen.update({str(path.relative_to(folder)): path.read_text() for path in files})
        (folder / "model" / "weights").write_text("w")
        (folder / "output" / "data" / "report").write_text("r")
        return 0

    world.jobs.act = act
    arn = world.train(
        HyperParameters={"epochs": "3", "sagemaker_submit_directory": json.dumps(code)},
        InputDataConfig=[
            {
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/data/train"}},
                "ContentType": "text/csv",
            }
        ],
    )["TrainingJobArn"]
    job = ended(world)
    assert arn == "arn:aws:sagemaker:us-east-1:000000000000:training-job/job"
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Completed"
    assert seen["input/data/train/a.csv"] == "a"
    assert seen["input/data/train/deep/b.csv"] == "b"
    assert seen["input/data/train/trainees.csv"] == "c"
    assert seen["code/train.py"] == "print()"
    assert json.loads(seen["input/config/hyperparameters.json"])["epochs"] == "3"
    channel = json.loads(seen["input/config/inputdataconfig.json"])["train"]
    assert channel == {
        "TrainingInputMode": "File",
        "S3DistributionType": "FullyReplicated",
        "RecordWrapperType": "None",
        "ContentType": "text/csv",
    }
    assert json.loads(seen["input/config/resourceconfig.json"])["hosts"] == ["algo-1"]
    place = "bucket/out/job/output"
    assert job["ModelArtifacts"]["S3ModelArtifacts"] == f"s3://{place}/model.tar.gz"
    assert contents(world.s3.objects[f"{place}/model.tar.gz"]) == {"weights": b"w"}
    assert contents(world.s3.objects[f"{place}/output.tar.gz"]) == {"report": b"r"}
    assert set(world.s3.callers) == {"arn:aws:sts::000000000000:assumed-role/train/SageMaker"}


def test_a_job_whose_role_may_not_log_runs_without_a_log(world: Any) -> None:
    """It is its own role that is asked about, once."""
    asked: list[str] = []

    def writable(view: Any, caller: Any, group: str, stream: str) -> bool:
        asked.append(f"{caller.role} {group}")
        return False

    world.writable = writable
    world.jobs.act = lambda spec, folder: 0
    world.train()
    assert ended(world)["TrainingJobStatus"] == "Completed"
    assert world.lines == []
    assert asked == ["arn:aws:iam::000000000000:role/train /aws/sagemaker/TrainingJobs"]


def test_every_change_of_status_is_told_once_with_milliseconds_and_tags_as_a_map(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    world.train(Tags=[{"Key": "team", "Value": "digits"}])
    ended(world)
    assert finals(world) == ["Completed"]
    details = [event["detail"] for event in world.events]
    assert [detail["SecondaryStatus"] for detail in details] == [
        "Starting",
        "Downloading",
        "Training",
        "Uploading",
        "Completed",
    ]
    last = world.events[-1]
    assert last["source"] == "aws.sagemaker"
    assert last["detail-type"] == "SageMaker Training Job State Change"
    assert last["resources"] == [details[0]["TrainingJobArn"]]
    assert details[-1]["Tags"] == {"team": "digits"}
    assert details[-1]["CreationTime"] == 1_700_000_000_000
    transitions = details[-1]["SecondaryStatusTransitions"]
    assert [each["Status"] for each in transitions][-1] == "Completed"
    assert all(isinstance(each["StartTime"], int) and "EndTime" in each for each in transitions)


def test_the_server_dies_in_the_middle_and_the_job_completes_once(world: Any) -> None:
    world.train()
    world.until(lambda: WORKER in world.jobs.began)
    world.jobs.say(WORKER, "one")
    world.until(lambda: any(text == "one" for _, _, text in world.lines))
    world.kill()
    world.jobs.say(WORKER, "two")
    (world.jobs.folder(WORKER) / "ml" / "model" / "weights").write_text("w")
    world.start()
    world.jobs.end(WORKER)
    assert ended(world)["TrainingJobStatus"] == "Completed"
    world.kill()
    world.start()
    assert world.jobs.began == [WORKER]
    assert finals(world) == ["Completed"]
    assert [text for _, _, text in world.lines if text in ("one", "two")] == ["one", "two"]


def test_a_server_that_died_while_it_uploaded_uploads_again_and_tells_once(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    put = world.s3._put
    calls: list[str] = []

    async def hang(call: Any, context: Any) -> Any:
        calls.append(call.params["Key"])
        if len(calls) == 1:
            await asyncio.Event().wait()
        return await put(call, context)

    world.s3._put = hang
    world.kill()
    world.start()
    world.train()
    world.until(lambda: calls)
    world.kill()
    world.start()
    assert ended(world)["TrainingJobStatus"] == "Completed"
    assert len(calls) == 2
    assert world.jobs.began == [WORKER]
    assert finals(world) == ["Completed"]


def test_a_failing_script_fails_the_job_with_its_failure_file_and_status(world: Any) -> None:
    def act(spec: Any, folder: Path) -> int:
        (folder / "output" / "failure").write_text("ValueError: no rows")
        (folder / "model" / "weights").write_text("half")
        return 3

    world.jobs.act = act
    world.train()
    job = ended(world)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Failed"
    assert job["FailureReason"] == "AlgorithmError: ValueError: no rows, exit code: 3"
    assert not world.s3.objects


@pytest.mark.parametrize(
    ("code", "reason", "detail", "status", "failure"),
    [
        (None, "exit", "", "Failed", "AlgorithmError: , exit code: 137"),
        (None, "memory", "held 9 bytes", "Failed", "AlgorithmError: held 9 bytes, exit code: 137"),
        (
            None,
            "internal",
            "supervisor killed",
            "Failed",
            "InternalServerError: We encountered an internal error. Please try again. (supervisor killed)",
        ),
        (0, "max_runtime", "", "Stopped", None),
        (None, "max_runtime", "", "Stopped", None),
    ],
)
def test_how_a_worker_ends_decides_how_the_job_ends(
    world: Any, code: int | None, reason: str, detail: str, status: str, failure: str | None
) -> None:
    world.train()
    world.until(lambda: WORKER in world.jobs.began)
    world.jobs.end(WORKER, code, reason, detail)
    job = ended(world)
    assert job["TrainingJobStatus"] == status
    assert job.get("FailureReason") == failure
    uploaded = "bucket/out/job/output/model.tar.gz" in world.s3.objects
    assert uploaded == (status == "Stopped")
    if reason == "max_runtime":
        assert job["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_a_job_that_writes_no_model_uploads_an_empty_one(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    world.train()
    ended(world)
    assert contents(world.s3.objects["bucket/out/job/output/model.tar.gz"]) == {}


def test_without_compression_the_models_files_are_stored_as_they_are(world: Any) -> None:
    def act(spec: Any, folder: Path) -> int:
        (folder / "model" / "deep").mkdir()
        (folder / "model" / "deep" / "weights").write_text("w")
        return 0

    world.jobs.act = act
    world.train(OutputDataConfig={"S3OutputPath": "s3://bucket/out/", "CompressionType": "NONE"})
    assert ended(world)["ModelArtifacts"]["S3ModelArtifacts"] == "s3://bucket/out/job/output/model/"
    assert world.s3.objects == {"bucket/out/job/output/model/deep/weights": b"w"}


def test_a_deleted_jobs_name_is_free_and_its_worker_is_not_taken_for_the_next_ones(world: Any) -> None:
    """Only an ended job can go; another of its name runs, with a worker of its own."""
    arn = world.train(Tags=[{"Key": "a", "Value": "b"}])["TrainingJobArn"]
    world.until(lambda: WORKER in world.jobs.began)
    with pytest.raises(AwsError, match="InProgress") as refused:
        world("DeleteTrainingJob", TrainingJobName="job")
    assert refused.value.code == "ResourceInUse"
    world.jobs.end(WORKER, 0)
    ended(world)
    world("DeleteTrainingJob", TrainingJobName="job")
    with pytest.raises(AwsError, match="Requested resource not found"):
        world("DescribeTrainingJob", TrainingJobName="job")
    with pytest.raises(AwsError, match="Could not find resource"):
        world("ListTags", ResourceArn=arn)
    world.train()
    world.until(lambda: f"{WORKER}-1" in world.jobs.began)
    world.jobs.end(f"{WORKER}-1", 0)
    assert ended(world)["TrainingJobStatus"] == "Completed"


def test_a_stopped_job_keeps_its_model(world: Any) -> None:
    world.train()
    world.until(lambda: WORKER in world.jobs.began)
    (world.jobs.folder(WORKER) / "ml" / "model" / "weights").write_text("early")
    world("StopTrainingJob", TrainingJobName="job")
    job = ended(world)
    assert job["TrainingJobStatus"] == job["SecondaryStatus"] == "Stopped"
    assert contents(world.s3.objects["bucket/out/job/output/model.tar.gz"]) == {"weights": b"early"}
    with pytest.raises(AwsError, match="training job is in status Stopped"):
        world("StopTrainingJob", TrainingJobName="job")


def test_a_job_stopped_while_its_environment_is_built_never_starts(world: Any) -> None:
    world.environments.gate = asyncio.Event()
    world.train()
    world.until(lambda: any("Downloading scikit-learn" in text for _, _, text in world.lines))
    shown = world("DescribeTrainingJob", TrainingJobName="job")
    assert shown["SecondaryStatus"] == "Starting"
    world("StopTrainingJob", TrainingJobName="job")
    assert ended(world)["TrainingJobStatus"] == "Stopped"
    assert world.jobs.began == []


def test_a_job_stopped_before_it_began_stays_stopped_over_a_restart(world: Any) -> None:
    world.environments.gate = asyncio.Event()
    world.train()
    world.server.decide(
        lambda draft: draft.put(
            replace(draft.get(TrainingJob, "job"), status="Stopping", secondary="Stopping")
        )
    )
    world.kill()
    world.start()
    assert ended(world)["TrainingJobStatus"] == "Stopped"
    assert world.jobs.began == []


def test_what_is_being_installed_shows_as_the_status_message(world: Any) -> None:
    world.environments.gate = asyncio.Event()
    world.train()
    message = "Downloading scikit-learn (9.1MiB)"
    while (
        world("DescribeTrainingJob", TrainingJobName="job")["SecondaryStatusTransitions"][-1]["StatusMessage"]
        != message
    ):
        pass
    world.environments.gate.set()
    world.jobs.act = lambda spec, folder: 0
    assert ended(world)["TrainingJobStatus"] == "Completed"


def test_the_last_value_of_each_metric_is_kept(world: Any) -> None:
    world.train(
        AlgorithmSpecification={
            "TrainingImage": world.image,
            "TrainingInputMode": "File",
            "MetricDefinitions": [
                {"Name": "accuracy", "Regex": "accuracy=([0-9.]+)"},
                {"Name": "loss", "Regex": "loss=(.*?);"},
            ],
        }
    )
    world.until(lambda: WORKER in world.jobs.began)
    world.jobs.say(WORKER, "accuracy=0.5 loss=nan;", "accuracy=0.75", "loss=oops;")
    world.jobs.end(WORKER)
    metrics = ended(world)["FinalMetricDataList"]
    assert metrics == [{"MetricName": "accuracy", "Value": 0.75, "Timestamp": 1.5}]
    groups = {(group, stream) for group, stream, _ in world.lines}
    assert groups == {("/aws/sagemaker/TrainingJobs", "job/algo-1-1700000000")}


def test_a_link_in_place_of_the_model_is_not_followed(world: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key").write_text("k")

    def act(spec: Any, folder: Path) -> int:
        (folder / "model").rmdir()
        (folder / "model").symlink_to(tmp_path / "secret")
        return 0

    world.jobs.act = act
    world.train()
    assert ended(world)["FailureReason"].startswith("ClientError: model is a link")
    assert not world.s3.objects


def test_a_link_in_place_of_the_failure_file_is_not_followed(world: Any, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("secret")

    def act(spec: Any, folder: Path) -> int:
        (folder / "output" / "failure").symlink_to(tmp_path / "key")
        return 1

    world.jobs.act = act
    world.train()
    assert ended(world)["FailureReason"] == "AlgorithmError: , exit code: 1"


def test_missing_input_fails_the_job_and_says_which(world: Any) -> None:
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/none"}
    world.train(InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}])
    job = ended(world)
    assert job["FailureReason"].startswith('ClientError: No S3 objects found under S3 URL "s3://bucket/none"')
    assert world.jobs.began == []


@pytest.mark.parametrize("name", ["../escape", "/absolute"])
def test_an_archive_or_object_that_leads_out_of_its_folder_fails_the_job(world: Any, name: str) -> None:
    code = world.archive("bucket/code.tar.gz", **{name: b"x"})
    world.train(HyperParameters={"sagemaker_submit_directory": code})
    assert ended(world)["TrainingJobStatus"] == "Failed"
    assert world.jobs.began == []


def test_a_manifest_names_its_objects(world: Any) -> None:
    world.s3.objects |= {
        "bucket/m.json": json.dumps([{"prefix": "s3://bucket/x/"}, "one.csv", "two/three.csv"]).encode(),
        "bucket/x/one.csv": b"1",
        "bucket/x/two/three.csv": b"3",
    }
    seen: dict[str, bytes] = {}

    def act(spec: Any, folder: Path) -> int:
        data = folder / "input/data/train"
        seen.update({str(path.relative_to(data)): path.read_bytes() for path in data.rglob("*.csv")})
        return 0

    world.jobs.act = act
    source = {"S3DataType": "ManifestFile", "S3Uri": "s3://bucket/m.json"}
    world.train(InputDataConfig=[{"ChannelName": "train", "DataSource": {"S3DataSource": source}}])
    ended(world)
    assert seen == {"one.csv": b"1", "two/three.csv": b"3"}


PIPE = {"S3DataType": "S3Prefix", "S3Uri": "s3://bucket/x"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"RoleArn": "arn:aws:iam::000000000000:role/missing"}, "Could not assume role .*role/missing"),
        ({"RoleArn": "arn:aws:iam::000000000000:role/stranger"}, "principal 'sagemaker.amazonaws.com'"),
        (
            {"AlgorithmSpecification": {"TrainingImage": "unknown", "TrainingInputMode": "File"}},
            "no environment for the image unknown",
        ),
        ({"AlgorithmSpecification": {"TrainingInputMode": "File"}}, "must name a TrainingImage"),
        (
            {
                "ResourceConfig": {
                    "InstanceType": "ml.m5.large",
                    "InstanceCount": 2,
                    "VolumeSizeInGB": 1,
                }
            },
            "trains on one host",
        ),
        (
            {
                "InputDataConfig": [
                    {"ChannelName": "c", "DataSource": {"S3DataSource": PIPE}, "InputMode": "Pipe"}
                ]
            },
            "input mode Pipe is not supported",
        ),
        ({"OutputDataConfig": {"S3OutputPath": "s3:///nobucket"}}, "Not an S3 URI|failed to satisfy"),
        ({"CheckpointConfig": {"S3Uri": "s3://b/c"}}, "CheckpointConfig is not supported by Stepwell"),
        (
            {
                "AlgorithmSpecification": {
                    "TrainingImage": "i",
                    "TrainingInputMode": "File",
                    "MetricDefinitions": [{"Name": "m", "Regex": "("}],
                }
            },
            "metric m has an invalid regular expression",
        ),
        ({"TrainingJobName": "no good"}, "failed to satisfy constraint"),
    ],
)
def test_what_cannot_run_is_refused_when_it_is_asked_for(
    world: Any, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(AwsError, match=message):
        world.train(**changes)
    assert world("ListTrainingJobs")["TrainingJobSummaries"] == []


def test_names_are_unique_whatever_their_case(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    world.train("Digits")
    with pytest.raises(AwsError, match="must be unique") as refused:
        world.train("digits")
    assert refused.value.error_code == "ResourceInUse"
    assert world("DescribeTrainingJob", TrainingJobName="digits")["TrainingJobName"] == "Digits"
    with pytest.raises(AwsError, match=r"^Requested resource not found\.$"):
        world("DescribeTrainingJob", TrainingJobName="other")


def test_jobs_are_listed_in_pages_that_fit_their_query(world: Any) -> None:
    world.jobs.act = lambda spec, folder: 0
    for number in range(5):
        world.train(f"job-{number}")
        world.server.clock.advance(10)
    first = world("ListTrainingJobs", SortBy="Name", SortOrder="Descending", MaxResults=2)
    assert [job["TrainingJobName"] for job in first["TrainingJobSummaries"]] == ["job-4", "job-3"]
    query = {"SortBy": "Name", "SortOrder": "Descending", "MaxResults": 2}
    second = world("ListTrainingJobs", NextToken=first["NextToken"], **query)
    assert [job["TrainingJobName"] for job in second["TrainingJobSummaries"]] == ["job-2", "job-1"]
    last = world("ListTrainingJobs", NextToken=second["NextToken"], **query)
    assert "NextToken" not in last
    with pytest.raises(AwsError, match="pagination token"):
        world("ListTrainingJobs", NextToken=first["NextToken"], SortBy="CreationTime")
    late = world("ListTrainingJobs", CreationTimeAfter=1_700_000_025.0, NameContains="JOB")
    assert [job["TrainingJobName"] for job in late["TrainingJobSummaries"]] == ["job-3", "job-4"]


def test_a_worker_fetches_its_roles_credentials_with_its_token_only(world: Any) -> None:
    world.train()
    world.until(lambda: WORKER in world.jobs.began)
    told = world.jobs.specs[WORKER].credentials
    assert told.url == f"http://127.0.0.1:4566/_stepwell/credentials/{WORKER}"
    given = world.server.run(world.credentials(WORKER, told.token))
    assert given.keys() == {"AccessKeyId", "SecretAccessKey", "Token", "Expiration", "RoleArn"}
    again = world.server.run(world.credentials(WORKER, told.token))
    # its expiry is told by the worker's own clock, which may have come to the next second
    assert {**again, "Expiration": given["Expiration"]} == given
    world.server.clock.advance(3000)
    assert world.server.run(world.credentials(WORKER, told.token))["AccessKeyId"] != given["AccessKeyId"]
    with pytest.raises(AwsError):
        world.server.run(world.credentials(WORKER, "guess"))
    world.jobs.end(WORKER)
    ended(world)
    with pytest.raises(AwsError):
        world.server.run(world.credentials(WORKER, told.token))
