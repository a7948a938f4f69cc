"""A training job as a resource: made by running to its end, made anew when that was a bad one."""

from __future__ import annotations

from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed

KIND = TYPES["aws:sagemaker/trainingJob:TrainingJob"]
ROLE = "arn:aws:iam::000000000000:role/role"
ARN = "arn:aws:sagemaker:us-east-1:000000000000:training-job/job"
INPUTS: dict[str, Any] = {
    "trainingJobName": "job",
    "roleArn": ROLE,
    "algorithmSpecification": {
        "trainingImage": "image",
        "trainingInputMode": "File",
        "containerEntrypoints": ["python", "train.py"],
        "metricDefinitions": [{"name": "loss", "regex": "loss=(.*)"}],
    },
    "hyperParameters": {"maxDepth": "3"},
    "environment": {"lower": "kept"},
    "inputDataConfigs": [
        {
            "channelName": "train",
            "dataSource": {"s3DataSource": {"s3DataType": "S3Prefix", "s3Uri": "s3://b/train"}},
        }
    ],
    "outputDataConfig": {"s3OutputPath": "s3://b/out"},
    "resourceConfig": {"instanceType": "ml.m5.large", "instanceCount": 1, "volumeSizeInGb": 5},
    "stoppingCondition": {"maxRuntimeInSeconds": 60},
}
REQUEST: dict[str, Any] = {
    "RoleArn": ROLE,
    "AlgorithmSpecification": {
        "TrainingImage": "image",
        "TrainingInputMode": "File",
        "ContainerEntrypoint": ["python", "train.py"],
        "MetricDefinitions": [{"Name": "loss", "Regex": "loss=(.*)"}],
    },
    "HyperParameters": {"maxDepth": "3"},
    "Environment": {"lower": "kept"},
    "InputDataConfig": [
        {
            "ChannelName": "train",
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": "s3://b/train"}},
        }
    ],
    "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
    "ResourceConfig": {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 5},
    "StoppingCondition": {"MaxRuntimeInSeconds": 60},
}
SHOWN = {
    **REQUEST,
    "TrainingJobName": "job",
    "TrainingJobArn": ARN,
    "ModelArtifacts": {"S3ModelArtifacts": "s3://b/out/job/output/model.tar.gz"},
    "SecondaryStatus": "Starting",
    "CreationTime": 0,
}
GONE = "ValidationException: Requested resource not found."


def _told(*statuses: str, **more: Any) -> list[dict[str, Any]]:
    return [{**SHOWN, "TrainingJobStatus": status, **more} for status in statuses]


def test_a_life_takes_these_calls(cloud: Cloud, script: Any) -> None:
    """It waits for the end; only tags change in place; a delete removes the record."""
    described = [*_told("InProgress", "Completed", "Completed", "Completed", "Completed", "Completed"), GONE]
    life = Life(
        token=KIND.token,
        inputs={**INPUTS, "tagsAll": {"a": "1"}},
        id="job",
        answers={
            "DescribeTrainingJob": described,
            "CreateTrainingJob": {"TrainingJobArn": ARN},
            "ListTags": {"Tags": [{"Key": "a", "Value": "1"}]},
        },
        creating=[
            (
                "CreateTrainingJob",
                {**REQUEST, "TrainingJobName": "job", "Tags": [{"Key": "a", "Value": "1"}]},
            )
        ],
        reads={**INPUTS, "arn": ARN, "tagsAll": {"a": "1"}},
        changed={"tagsAll": {"b": "2"}},
        updating=[
            ("AddTags", {"ResourceArn": ARN, "Tags": [{"Key": "b", "Value": "2"}]}),
            ("DeleteTags", {"ResourceArn": ARN, "TagKeys": ["a"]}),
        ],
        deleting=[("DeleteTrainingJob", {"TrainingJobName": "job"})],
        gone={"DescribeTrainingJob": GONE},
    )
    play(life, cloud, script)


def test_a_job_that_fails_says_why(cloud: Cloud, script: Any) -> None:
    """Its reason is the resource's error."""
    assert KIND.settle is not None
    script.answers = {"DescribeTrainingJob": _told("Failed", FailureReason="AlgorithmError: no data")}
    with pytest.raises(ResourceFailed, match="training job job failed: AlgorithmError: no data"):
        KIND.settle(cloud, "job", INPUTS)


def test_a_job_that_failed_is_made_anew_by_the_next_run(cloud: Cloud, script: Any) -> None:
    """Its name is taken, so the failed one goes first."""
    assert KIND.update is not None
    script.answers = {
        "DescribeTrainingJob": [*_told("Failed", "Failed", "Failed"), GONE, *_told("Completed")],
        "CreateTrainingJob": {"TrainingJobArn": ARN},
    }
    KIND.update(cloud, "job", {}, INPUTS)
    assert [name for name, _ in script.writes()] == ["DeleteTrainingJob", "CreateTrainingJob"]


def test_a_job_that_still_runs_is_stopped_before_it_goes(cloud: Cloud, script: Any) -> None:
    """SageMaker deletes ended jobs only."""
    script.answers = {"DescribeTrainingJob": [*_told("InProgress", "Stopping", "Stopped"), GONE]}
    KIND.delete(cloud, "job", INPUTS)
    assert [name for name, _ in script.writes()] == ["StopTrainingJob", "DeleteTrainingJob"]


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        (
            {"checkpointConfig": {"s3Uri": "s3://b/c"}},
            "property checkpointConfig is not supported: checkpoints are not synchronised with S3 here",
        ),
        (
            {"timeouts": {"create": "soon"}},
            "property timeouts.create: 'soon' is not a duration such as 45m or 1h30m",
        ),
        (
            {"inputDataConfigs": {"channelName": "train"}},
            "property inputDataConfigs is an object; it takes a list of objects with channelName, "
            "compressionType, contentType, inputMode, recordWrapperType, dataSource, shuffleConfig",
        ),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_made(changed: dict[str, Any], fault: str) -> None:
    """Each at its own place in the program's properties."""
    assert schema.check(KIND, {**INPUTS, **changed}, "us-east-1") == [fault]


@pytest.mark.parametrize("create", ["90s", "1h30m", "0.5h", "100ms"])
def test_timeouts_are_durations(create: str) -> None:
    """As Go writes them."""
    assert schema.check(KIND, {**INPUTS, "timeouts": {"create": create}}, "us-east-1") == []
