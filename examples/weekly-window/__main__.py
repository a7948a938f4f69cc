"""A maintenance window that retrains a model on machines of one's own: runs in Stepwell and deploys to AWS.

Every Sunday at four the window opens and runs a script on all machines that carry a tag, one at a time.
"""

import json
import pathlib

import pulumi
import pulumi_aws as aws

HERE = pathlib.Path(__file__).parent
config = pulumi.Config()
NAME = config.get("name") or "weekly-window"
account = aws.get_caller_identity().account_id
region = aws.get_region().region
#: seconds that the script may run; another limit, `timeout_seconds` below, is on its delivery
SCRIPT_SECONDS = 3600


def allow(actions, resources):
    return {"Effect": "Allow", "Action": actions, "Resource": resources}


def role(name, services, *statements):
    """A role that `services` take on, with what it may do and no more."""
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    made = aws.iam.Role(
        name,
        name=f"{NAME}-{name}",
        assume_role_policy=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    policy = {"Version": "2012-10-17", "Statement": list(statements)}
    rights = aws.iam.RolePolicy(f"{name}-rights", role=made.id, policy=pulumi.Output.json_dumps(policy))
    return made, rights


bucket = aws.s3.Bucket("bucket", bucket=f"{NAME}-{account}-{region}", force_destroy=True)
aws.s3.BucketObjectv2(
    "patients",
    bucket=bucket.id,
    key="data/patients.csv",
    source=pulumi.FileAsset(str(HERE / "data" / "patients.csv")),
)


def objects(*patterns):
    return [bucket.arn.apply(lambda arn, pattern=pattern: f"{arn}/{pattern}") for pattern in patterns]


# What the machine may do: an EC2 instance gets it by the profile, a machine of one's own by its activation.
machine_role, _ = role(
    "machine",
    ["ec2.amazonaws.com", "ssm.amazonaws.com"],
    allow("s3:ListBucket", bucket.arn),
    allow("s3:GetObject", objects("data/*", "models/current.json")),
    allow("s3:PutObject", objects("models/*")),
)
core = aws.iam.RolePolicyAttachment(
    "machine-core", role=machine_role.name, policy_arn=aws.iam.ManagedPolicy.AMAZON_SSM_MANAGED_INSTANCE_CORE
)
profile = aws.iam.InstanceProfile("machine-profile", name=f"{NAME}-machine", role=machine_role.name)

document = aws.ssm.Document(
    "retrain",
    name=f"{NAME}-retrain",
    document_type="Command",
    document_format="JSON",
    content=json.dumps(
        {
            "schemaVersion": "2.2",
            "description": "Retrains the model of a bucket",
            "parameters": {
                "bucket": {"type": "String", "allowedPattern": "^[a-z0-9.-]{3,63}$"},
                "python": {"type": "String", "default": "python3", "allowedPattern": "^[A-Za-z0-9._/-]+$"},
                "run": {"type": "String", "allowedPattern": "^[a-z0-9-]+$"},
            },
            "mainSteps": [
                {
                    "action": "aws:runShellScript",
                    "name": "retrain",
                    "precondition": {"StringEquals": ["platformType", "Linux"]},
                    "inputs": {
                        "timeoutSeconds": str(SCRIPT_SECONDS),
                        "runCommand": [
                            "BUCKET='{{ bucket }}' RUN='{{ run }}' '{{ python }}' - <<'END_OF_SCRIPT'",
                            *(HERE / "retrain.py").read_text().splitlines(),
                            "END_OF_SCRIPT",
                        ],
                    },
                }
            ],
        }
    ),
)

window = aws.ssm.MaintenanceWindow(
    "window",
    name=NAME,
    schedule=config.get("schedule") or "cron(0 4 ? * SUN *)",
    schedule_timezone="UTC",
    duration=3,
    cutoff=1,
)
target = aws.ssm.MaintenanceWindowTarget(
    "machines",
    name=f"{NAME}-machines",
    window_id=window.id,
    resource_type="INSTANCE",
    targets=[{"key": "tag:retraining", "values": ["weekly"]}],
)
window_role, window_rights = role(
    "window",
    "ssm.amazonaws.com",
    allow(
        "ssm:SendCommand",
        [
            document.arn,
            f"arn:aws:ec2:{region}:{account}:instance/*",
            f"arn:aws:ssm:{region}:{account}:managed-instance/*",
        ],
    ),
    allow(
        ["ssm:CancelCommand", "ssm:GetCommandInvocation", "ssm:ListCommandInvocations", "ssm:ListCommands"],
        "*",
    ),
)
task = aws.ssm.MaintenanceWindowTask(
    "retraining",
    name=f"{NAME}-retraining",
    window_id=window.id,
    task_type="RUN_COMMAND",
    task_arn=document.name,
    service_role_arn=window_role.arn,
    priority=1,
    max_concurrency="1",
    max_errors="1",
    cutoff_behavior="CANCEL_TASK",
    targets=[{"key": "WindowTargetIds", "values": [target.id]}],
    task_invocation_parameters={
        "run_command_parameters": {
            "comment": "Model retraining",
            "timeout_seconds": 600,
            "parameters": [
                {"name": "bucket", "values": [bucket.id]},
                {"name": "python", "values": [config.get("python") or "python3"]},
                {"name": "run", "values": ["{{ WINDOW_EXECUTION_ID }}"]},
            ],
        }
    },
    opts=pulumi.ResourceOptions(depends_on=[window_rights]),
)

pulumi.export("bucket", bucket.id)
pulumi.export("window", window.id)
pulumi.export("machine_role", machine_role.name)
