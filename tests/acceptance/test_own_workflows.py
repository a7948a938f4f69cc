"""`stepwell.testing` with real functions, jobs and model servers: time stands while they work."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from functions import function, machine
from jobs import IMAGE, Work, tarred
from running import Running, allow, arn
from test_serving import GOOD

from stepwell.testing import Stepwell, StillBusy

SLOW = "import time\ndef handler(event, context):\n    time.sleep(event['seconds'])\n    return event\n"
LOOK = """
import boto3
def handler(event, context):
    return boto3.client("sts").get_caller_identity()["Account"]
"""
TRAIN = """
import os, boto3
boto3.client("s3").put_object(Bucket="{bucket}", Key="said", Body=b"by the job")
open(os.path.join(os.environ["SM_MODEL_DIR"], "model.txt"), "w").write("model")
"""
UPDATE = "arn:aws:states:::sagemaker:"


def reached(stepwell: Stepwell) -> Running:
    """The server as other acceptance tests know it."""
    running = Running(stepwell.data)
    running.url = stepwell.url
    return running


@pytest.fixture(scope="module")
def stepwell() -> Iterator[Stepwell]:
    with Stepwell() as server:
        yield server


@pytest.mark.parametrize("later", ["1 second", "2000 days"])
def test_a_real_function_reaches_the_server_whatever_the_clock_shows(stepwell: Stepwell, later: str) -> None:
    name = f"look-{later[0]}"
    resource = function(reached(stepwell), name, LOOK)
    target = machine(
        reached(stepwell),
        name,
        {"StartAt": "Look", "States": {"Look": {"Type": "Task", "Resource": resource, "End": True}}},
    )
    stepwell.advance(later)
    assert stepwell.start(target).wait().output == "000000000000"


def test_time_stands_while_a_real_job_trains_and_a_model_is_served(stepwell: Stepwell) -> None:
    work = Work(reached(stepwell), "own-workflows")
    parameters = work.training("x", TRAIN.format(bucket=work.bucket))
    parameters["TrainingJobName.$"] = "$$.Execution.Name"
    del parameters["TrainingJobName"]
    work.s3.put_object(Bucket=work.bucket, Key="model.tar.gz", Body=tarred({"code/inference.py": GOOD}))
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{work.bucket}/model.tar.gz"}
    variant = {"VariantName": "v", "ModelName": "m", "InitialInstanceCount": 1, "InstanceType": "ml.m5.large"}
    steps = {
        "Train": ("createTrainingJob.sync", parameters),
        "Model": (
            "createModel",
            {"ModelName": "m", "ExecutionRoleArn": work.role, "PrimaryContainer": container},
        ),
        "Config": ("createEndpointConfig", {"EndpointConfigName": "c", "ProductionVariants": [variant]}),
        "Deploy": ("createEndpoint", {"EndpointName": "e", "EndpointConfigName": "c"}),
    }
    names = list(steps)
    states = {
        name: {
            "Type": "Task",
            "Resource": f"{UPDATE}{action}",
            "Parameters": given,
            "ResultPath": f"$.{name}",
            **({"Next": names[place + 1]} if place + 1 < len(names) else {"End": True}),
        }
        for place, (name, (action, given)) in enumerate(steps.items())
    }
    passed = {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
    target = machine(
        reached(stepwell),
        "own-workflow",
        {"StartAt": "Train", "States": states},
        allow("sagemaker:*", "*"),
        allow("iam:PassRole", work.role, **passed),
        allow(
            ["events:PutTargets", "events:PutRule", "events:DescribeRule"],
            arn("events", "rule/StepFunctionsGetEventsForSageMakerTrainingJobsRule"),
        ),
    )
    execution = stepwell.start(target).wait()
    assert execution.output["Train"]["TrainingJobStatus"] == "Completed"
    assert execution.stopped == execution.started
    assert work.s3.get_object(Bucket=work.bucket, Key="said")["Body"].read() == b"by the job"
    stepwell.settle()
    assert work.sagemaker.describe_endpoint(EndpointName="e")["EndpointStatus"] == "InService"
    stepwell.advance("30 days")
    runtime = stepwell.client("sagemaker-runtime")
    answer = runtime.invoke_endpoint(EndpointName="e", ContentType="text/plain", Body=b"hello")
    assert answer["Body"].read() == b"hello"


def test_work_that_outlasts_the_patience_is_named() -> None:
    with Stepwell(patience=0.5) as stepwell:
        resource = function(reached(stepwell), "slow", SLOW, Timeout=60)
        state = {"Type": "Task", "Resource": resource, "End": True}
        target = machine(reached(stepwell), "slow", {"StartAt": "Work", "States": {"Work": state}})
        execution = stepwell.start(target, {"seconds": 3}, name="one")
        with pytest.raises(StillBusy, match=r"after 0.5 s of real time .* task slow:one Work"):
            stepwell.advance("1 hour")
        assert execution.stopped is None
        assert stepwell.now - execution.started < timedelta(hours=1)
