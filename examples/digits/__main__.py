"""Retraining of a digits reader, declared once: runs in Stepwell and deploys to AWS.

A CSV lands under `data/` in the bucket, and starts the workflow; docs/retraining.md tells what it does.
"""

import pulumi

from stepwell.retrain import Column, Columns, Gate, Prepare, RetrainingWorkflow, Train, Upload

config = pulumi.Config()
IMAGE = "683313688378.dkr.ecr.us-east-1.amazonaws.com/sagemaker-scikit-learn:1.4-2-cpu-py3"
PIXELS = [f"p{number}" for number in range(64)]

digits = RetrainingWorkflow(
    config.get("name") or "digits",
    triggers=[Upload(prefix="data/", suffix=".csv")],
    prepare=Prepare(
        columns=[
            Column(name="label", type="integer", low=0, high=9),
            Columns(names=PIXELS, type="integer", low=0, high=16),
        ],
        label="label",
    ),
    train=Train(
        image=config.get("image") or IMAGE,
        code="jobs",
        hyperparameters={"n-estimators": 100, "seed": 0},
        metrics={"out_of_bag_accuracy": r"out_of_bag_accuracy=([0-9.]+);"},
    ),
    # a champion that reads fewer of a batch's own labels than half does not recognise them: quarantine
    gate=Gate(metric="accuracy", floor=0.5, rule="not-worse", margin=0.05),
    force_destroy=True,
)

pulumi.export("bucket", digits.bucket)
pulumi.export("machine", digits.machine)
pulumi.export("endpoint", digits.endpoint)
