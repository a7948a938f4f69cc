"""The least policies of a program's roles, from what takes them on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from check.conftest import ROLES

from stepwell.check import Program, least

PROGRAM = (
    ROLES
    + """
account, region = aws.get_caller_identity().account_id, aws.get_region().region
bucket = aws.s3.Bucket("data", bucket=f"data-{account}-{region}")
f = aws.lambda_.Function("f", role=lambda_role.arn, runtime="python3.12", handler="h.main",
    code=pulumi.FileArchive("fn"))
jobs = aws.iam.Role("jobs", assume_role_policy="{}")
aws.sfn.StateMachine("m", role_arn=states_role.arn, definition=pulumi.Output.json_dumps({
    "StartAt": "A", "States": {
        "A": {"Type": "Task", "Resource": f.arn, "Next": "B"},
        "B": {"Type": "Task", "Resource": "arn:aws:states:::sagemaker:createTrainingJob", "End": True,
              "Parameters": {
            "TrainingJobName.$": "$.name", "RoleArn": jobs.arn,
            "OutputDataConfig": {"S3OutputPath": pulumi.Output.concat("s3://", bucket.id, "/models/")}}}}}))
w = aws.ssm.MaintenanceWindow("w", schedule="rate(1 day)", duration=2, cutoff=1)
aws.ssm.MaintenanceWindowTask("k", window_id=w.id, task_type="LAMBDA", task_arn=f.arn,
    service_role_arn=ssm_role.arn)
aws.s3.BucketNotification("n", bucket=bucket.id,
    lambda_functions=[{"lambda_function_arn": f.arn, "events": ["s3:ObjectCreated:*"]}])
"""
)
FUNCTION = "arn:aws:lambda:eu-west-1:111111111111:function:f-*"


def allowed(policy: Any) -> dict[str, Any]:
    """Actions and the resources they are allowed on."""
    found: dict[str, Any] = {}
    for statement in policy["Statement"]:
        actions = statement["Action"]
        for action in actions if isinstance(actions, list) else [actions]:
            found[action] = statement["Resource"]
    return found


def test_each_role_gets_what_its_users_need_in_the_account_that_is_asked_for(
    program: Callable[..., Program],
) -> None:
    found = {
        (each.holder, each.resource): each
        for each in least(program(PROGRAM), account="111111111111", region="eu-west-1")
    }
    assert list(found) == [("machines", False), ("windows", False), ("jobs", False), ("f", True)]
    machine = allowed(found["machines", False].policy)
    assert machine["lambda:InvokeFunction"] == FUNCTION
    assert machine["iam:PassRole"] == "arn:aws:iam::111111111111:role/jobs-*"
    assert machine["sagemaker:CreateTrainingJob"].startswith("arn:aws:sagemaker:eu-west-1:111111111111:")
    assert allowed(found["windows", False].policy) == {"lambda:InvokeFunction": FUNCTION}
    job = allowed(found["jobs", False].policy)
    assert job["s3:PutObject"] == "arn:aws:s3:::data-111111111111-eu-west-1/models/*"
    notification = found["f", True].policy["Statement"][0]
    assert notification["Principal"] == {"Service": "s3.amazonaws.com"}
    assert "111111111111" in json.dumps(notification["Condition"])


def test_a_role_whose_needs_nobody_can_tell_is_left_out(program: Callable[..., Program]) -> None:
    assert list(least(program(ROLES), account="111111111111", region="eu-west-1")) == []
