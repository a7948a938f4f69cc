"""Small definitions that several tests use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from engine.world import ACCOUNT, REGION, World

from stepwell.calls import Call
from stepwell.errors import AwsError

Definition = dict[str, Any]


def single(**state: Any) -> Definition:
    """A machine of one state, `Only`, that ends it."""
    return {"StartAt": "Only", "States": {"Only": {"End": True, **state}}}


def task(resource: str, **fields: Any) -> Definition:
    return {"Type": "Task", "Resource": resource, "End": True, **fields}


def branch(name: str, **state: Any) -> Definition:
    return {"StartAt": name, "States": {name: {"End": True, **state}}}


def fails(*errors: str | None, result: Any = "fine") -> Callable[[Any], Any]:
    """A function that raises these errors, one a call, and then gives `result`."""
    left = list(errors)

    def handler(event: Any) -> Any:
        if left:
            raise type(left.pop(0) or "", (Exception,), {})("no luck")
        return result

    return handler


class TrainingJobs:
    """A toy SageMaker: remembers jobs, and tells of their ends when a test says so."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.jobs: dict[str, dict[str, Any]] = {}
        self.stopped: list[str] = []
        #: what a created job's status is at once
        self.status = "InProgress"
        #: whether roles lack the right to describe
        self.hidden = False
        for operation, handler in (
            ("CreateTrainingJob", self.create),
            ("DescribeTrainingJob", self.describe),
            ("StopTrainingJob", self.stop),
        ):
            world.cloud[("sagemaker", operation)] = handler

    @staticmethod
    def arn(name: str) -> str:
        return f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:training-job/{name}"

    def create(self, call: Call) -> Mapping[str, Any]:
        name = call.params["TrainingJobName"]
        if name in self.jobs:
            if self.jobs[name]["token"] == call.token:
                return {"TrainingJobArn": self.arn(name)}
            raise AwsError(f"Training job names must be unique: {name}", code="ResourceInUse")
        self.jobs[name] = {
            "token": call.token,
            "tags": call.params.get("Tags", []),
            "record": {
                "TrainingJobName": name,
                "TrainingJobArn": self.arn(name),
                "TrainingJobStatus": self.status,
                "CreationTime": self.world.clock.now(),
            },
        }
        return {"TrainingJobArn": self.arn(name)}

    def describe(self, call: Call) -> Mapping[str, Any]:
        if self.hidden and call.caller.kind == "role":
            raise AwsError("no right", code="AccessDeniedException")
        record: Mapping[str, Any] = self.jobs[call.params["TrainingJobName"]]["record"]
        return record

    def stop(self, call: Call) -> Mapping[str, Any]:
        self.stopped.append(call.params["TrainingJobName"])
        return {}

    def end(self, name: str, status: str = "Completed", **record: Any) -> None:
        """The job ends: its event goes out."""
        job = self.jobs[name]
        job["record"] |= {"TrainingJobStatus": status, **record}
        detail = {
            **job["record"],
            "CreationTime": int(job["record"]["CreationTime"] * 1000),
            "Tags": {tag["Key"]: tag["Value"] for tag in job["tags"]},
        }
        self.world.send_event("aws.sagemaker", [self.arn(name)], detail)
        self.world.run()


TRAIN = "arn:aws:states:::sagemaker:createTrainingJob"


def training(pattern: str = ".sync", **fields: Any) -> Definition:
    """A state that trains the job that the input names."""
    parameters = {
        "TrainingJobName.$": "$.job",
        "RoleArn": f"arn:aws:iam::{ACCOUNT}:role/Job",
        "OutputDataConfig": {"S3OutputPath": "s3://b/out"},
        "ResourceConfig": {"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    }
    return task(TRAIN + pattern, Parameters=parameters, **fields)


def fail(error: str, cause: str) -> Definition:
    """A machine that fails at once."""
    return {"StartAt": "Fail", "States": {"Fail": {"Type": "Fail", "Error": error, "Cause": cause}}}
