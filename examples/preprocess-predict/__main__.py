"""Two functions and the state machine that runs one after the other: roles, policies, and nothing too wide.

Runs in Stepwell and deploys to AWS.
"""

import json
import pathlib

import pulumi
import pulumi_aws as aws

HERE = pathlib.Path(__file__).parent
NAME = pulumi.Config().get("name") or "preprocess-predict"


def trusted_by(service):
    """The trust policy by which `service` may take a role on."""
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


# One role for both functions: all they do beside computing is write their logs.
function_role = aws.iam.Role(
    "function-role", name=f"{NAME}-function", assume_role_policy=trusted_by("lambda.amazonaws.com")
)
basic = aws.iam.RolePolicyAttachment(
    "function-logs", role=function_role.name, policy_arn=aws.iam.ManagedPolicy.AWS_LAMBDA_BASIC_EXECUTION_ROLE
)


def function(name):
    """A function whose package is the folder of its name."""
    group = aws.cloudwatch.LogGroup(f"{name}-log", name=f"/aws/lambda/{NAME}-{name}", retention_in_days=30)
    return aws.lambda_.Function(
        name,
        name=f"{NAME}-{name}",
        role=function_role.arn,
        runtime="python3.12",
        handler=f"{name}.handler",
        timeout=30,
        code=pulumi.FileArchive(str(HERE / name)),
        opts=pulumi.ResourceOptions(depends_on=[basic, group]),
    )


preprocess, predict = function("preprocess"), function("predict")

# The machine may call these two functions, and do nothing else.
machine_role = aws.iam.Role(
    "machine-role", name=f"{NAME}-machine", assume_role_policy=trusted_by("states.amazonaws.com")
)
may_invoke = aws.iam.RolePolicy(
    "machine-may-invoke",
    role=machine_role.id,
    policy=pulumi.Output.json_dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Action": "lambda:InvokeFunction",
                    "Resource": [preprocess.arn, predict.arn],
                }
            ],
        }
    ),
)
RETRY = [
    {
        "ErrorEquals": [
            "Lambda.ServiceException",
            "Lambda.SdkClientException",
            "Lambda.TooManyRequestsException",
        ],
        "IntervalSeconds": 1,
        "MaxAttempts": 3,
        "BackoffRate": 2,
    }
]
machine = aws.sfn.StateMachine(
    "machine",
    name=NAME,
    role_arn=machine_role.arn,
    definition=pulumi.Output.json_dumps(
        {
            "Comment": "Checks patients' measurements, then predicts a diagnosis for each",
            "StartAt": "Preprocess",
            "States": {
                "Preprocess": {
                    "Type": "Task",
                    "Resource": preprocess.arn,
                    "Retry": RETRY,
                    "Next": "Predict",
                },
                "Predict": {"Type": "Task", "Resource": predict.arn, "Retry": RETRY, "End": True},
            },
        }
    ),
    opts=pulumi.ResourceOptions(depends_on=[may_invoke]),
)

pulumi.export("machine", machine.arn)
pulumi.export("functions", [preprocess.name, predict.name])
