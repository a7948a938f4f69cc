"""Water flow forecast a day ahead, retrained on Sundays at four local time; runs in Stepwell and on AWS."""

import pathlib

import pulumi
import pulumi_aws as aws

from stepwell.retrain import (
    Baseline,
    Column,
    Columns,
    Deploy,
    Gate,
    Prepare,
    RetrainingWorkflow,
    Train,
    Window,
)

HERE = pathlib.Path(__file__).parent
config = pulumi.Config()
region = aws.get_region().region
#: AWS's account for its images in us-east-1; other regions have others
IMAGE = f"683313688378.dkr.ecr.{region}.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"

workflow = RetrainingWorkflow(
    config.get("name") or "water",
    triggers=[
        Window(schedule="cron(0 4 ? * SUN *)", timezone="Europe/Rome", prefix="readings/", suffix=".csv")
    ],
    prepare=Prepare(
        function="features:prepare",
        code=str(HERE / "jobs"),
        columns=[
            Column(name="time", type="time"),
            Columns(names=["yesterday", "median", "mean", "least"], type="number", low=0, high=500),
            Column(name="hour", type="integer", low=0, high=23),
            Column(name="weekday", type="integer", low=0, high=6),
            Column(name="flow", type="number", low=0, high=500),
        ],
        label="flow",
    ),
    train=Train(image=IMAGE, code=str(HERE / "jobs"), hyperparameters={"trees": 100, "seed": 0}),
    gate=Gate(
        metric="mae",
        # litres per second: calm weeks are forecast to less than one, an outage is off by ten
        floor=config.get_float("floor") or 5,
        margin=config.get_float("margin") or 0.5,
        trusted_margin=config.get_float("margin") or 0.1,
        least_rows=15,
        baselines=[Baseline("same hour yesterday", column="yesterday")],
    ),
    deploy=Deploy(),
)

pulumi.export("bucket", workflow.bucket)
pulumi.export("machine", workflow.machine)
pulumi.export("endpoint", workflow.endpoint)
