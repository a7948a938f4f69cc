"""The least that makes five programs right, as edits of what `stepwell check --fix` leaves of them.

The programs themselves are no part of this repository: patterns find in them what is to change.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from jobs import IMAGE


@dataclass(frozen=True, kw_only=True)
class Mend:
    """What a person changes of a program."""

    #: pattern → text in its place; `.` matches ends of lines, too
    edits: Mapping[str, str]
    #: path → content of the files that the program names and that are absent; a path may go into a zip
    files: Mapping[str, str] = field(default_factory=dict)
    #: codes of findings that stay: no errors, and true
    stays: frozenset[str] = frozenset()

    def apply(self, folder: Path) -> None:
        """Edit the program in the folder."""
        main = folder / "__main__.py"
        text = main.read_text()
        for pattern, replacement in self.edits.items():
            text, found = re.subn(pattern, lambda _, by=replacement: by, text, flags=re.DOTALL)  # type: ignore[misc]
            assert found, pattern
        main.write_text(text)
        for name, content in self.files.items():
            file = folder / name
            packed = file.parent.suffix == ".zip"
            (file.parent.parent if packed else file.parent).mkdir(parents=True, exist_ok=True)
            if packed:
                with zipfile.ZipFile(file.parent, "w") as archive:
                    archive.writestr(file.name, content)
            else:
                file.write_text(content)


#: starts a training job for each upload, with the rights of its role and no others
STARTER = """
import os

import boto3


def main(event, context):
    for record in event["Records"]:
        bucket, key = record["s3"]["bucket"]["name"], record["s3"]["object"]["key"]
        name = f"job-{record['s3']['object']['sequencer']}"
        boto3.client("sagemaker").create_training_job(
            TrainingJobName=name,
            RoleArn=os.environ["JOB_ROLE"],
            AlgorithmSpecification={"TrainingImage": os.environ["IMAGE"], "TrainingInputMode": "File"},
            HyperParameters={
                "sagemaker_program": "train.py",
                "sagemaker_submit_directory": f"s3://{bucket}/code/train.tar.gz",
            },
            InputDataConfig=[{
                "ChannelName": "train",
                "DataSource": {"S3DataSource": {
                    "S3DataType": "S3Prefix", "S3Uri": f"s3://{bucket}/{key}",
                    "S3DataDistributionType": "FullyReplicated",
                }},
            }],
            OutputDataConfig={"S3OutputPath": f"s3://{bucket}/models"},
            ResourceConfig={"InstanceCount": 1, "InstanceType": "ml.m5.large", "VolumeSizeInGB": 1},
            StoppingCondition={"MaxRuntimeInSeconds": 60},
        )
        print("started", name, "on", key)
"""

#: a "model": the mean of the uploaded numbers
TRAINER = """
import json, os, pathlib

channel = pathlib.Path(os.environ["SM_CHANNEL_TRAIN"])
values = [float(line) for file in channel.glob("*.csv") for line in file.read_text().split()]
mean = sum(values) / len(values)
(pathlib.Path(os.environ["SM_MODEL_DIR"]) / "model.json").write_text(json.dumps({"mean": mean}))
print("mean", mean)
"""

#: what the function and its jobs act as, and the function's log
ROLES = f"""data_bucket = aws.s3.Bucket('data-bucket')


def taken_by(service):
    return json.dumps({{"Version": "2012-10-17", "Statement": [
        {{"Effect": "Allow", "Principal": {{"Service": service}}, "Action": "sts:AssumeRole"}}]}})


iam_for_lambda = aws.iam.Role('iam-for-lambda', assume_role_policy=taken_by("lambda.amazonaws.com"))
job_role = aws.iam.Role('training-job', assume_role_policy=taken_by("sagemaker.amazonaws.com"))
aws.iam.RolePolicy('training-job-rights', role=job_role.id, policy=pulumi.Output.json_dumps({{
    "Version": "2012-10-17",
    "Statement": [
        {{"Effect": "Allow", "Action": "s3:ListBucket", "Resource": data_bucket.arn}},
        {{"Effect": "Allow", "Action": "s3:GetObject",
          "Resource": [
              pulumi.Output.concat(data_bucket.arn, "/code/*"),
              pulumi.Output.concat(data_bucket.arn, "/data/*")]}},
        {{"Effect": "Allow", "Action": "s3:PutObject",
          "Resource": pulumi.Output.concat(data_bucket.arn, "/models/*")}},
        {{"Effect": "Allow",
          "Action": ["logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents"],
          "Resource": "arn:aws:logs:*:*:log-group:/aws/sagemaker/*"}},
    ],
}}))
aws.iam.RolePolicyAttachment('function-logs', role=iam_for_lambda.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
IMAGE = "{IMAGE}"
"""

#: of the list of the policy's statements
PASSES = """        },{
            "Action": "iam:PassRole",
            "Resource": arns[1],
            "Effect": "Allow",
            "Condition": {"StringEquals": {"iam:PassedToService": "sagemaker.amazonaws.com"}}
        },{
            "Action": "s3:ListBucket",
            "Resource": arns[0],
            "Effect": "Allow"
        },{
            "Action": [
                "s3:GetObject"
            ],
            "Resource": [
                f"{arns[0]}/*","""

PERMISSION = """s3_may_invoke = aws.lambda_.Permission("s3-may-invoke", action="lambda:InvokeFunction",
    function=retraining_lambda.name, principal="s3.amazonaws.com", source_arn=data_bucket.arn)
s3_event = aws.s3.BucketNotification("""

RUNTIME = """runtime='python3.12',
    timeout=60,
    environment={'variables': {'JOB_ROLE': job_role.arn, 'IMAGE': IMAGE}},"""

GREETER = """greeter_role = aws.iam.Role("greeterRole", assume_role_policy=json.dumps({
    "Version": "2012-10-17",
    "Statement": [{
        "Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}))
aws.iam.RolePolicyAttachment("greeterLogs", role=greeter_role.name,
    policy_arn="arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole")
greeter = aws.lambda_.Function("greeter", role=greeter_role.arn, runtime="python3.12",
    handler="greet.handler", code=pulumi.FileArchive("./greeter"))
role_policy = aws.iam.RolePolicy("sfnRolePolicy",
    role=sfn_role.id,
    policy=pulumi.Output.json_dumps("""

GREETING = """
def handler(event, context):
    return "Hello, " + event.get("name", "World")
"""

PREPROCESS = """
def handler(event, context):
    print("preprocessing", len(event["rows"]), "rows")
    return {"rows": [[float(value) for value in row.split(",")] for row in event["rows"]]}
"""

PREDICT = """
def handler(event, context):
    print("predicting", len(event["rows"]), "rows")
    return {"predictions": [sum(row) > 1 for row in event["rows"]]}
"""

#: what a window needs to send a command and to follow it
RIGHTS = """"Action": "ssm:SendCommand",
            "Resource": ["arn:aws:ssm:*::document/AWS-RunShellScript", "arn:aws:ec2:*:*:instance/*"]
        }, {
            "Effect": "Allow",
            "Action": ["ssm:ListCommands", "ssm:ListCommandInvocations"],
            "Resource": "*\""""

TIME_OUT = """
                ]},
                {"name": "executionTimeout", "values": ["5"]},
"""

INVOKES = """aws.iam.RolePolicy("invokesFunctions",
    role=step_function_execution_role.id,
    policy=pulumi.Output.json_dumps({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": "lambda:InvokeFunction",
            "Resource": [preprocess_lambda.arn, predict_lambda.arn],
        }],
    })
)
"""

MENDS: dict[str, Mend] = {
    "000-step-functions-retraining": Mend(
        edits={r"state_machine_policy_attach = .*?\n\)\n": ""},
        stays=frozenset({"SW604"}),
    ),
    "001-event-driven-retraining": Mend(
        edits={
            r"data_bucket = aws.s3.Bucket\(.*?\)\n": ROLES,
            r"runtime='python3.8',": RUNTIME,
            r"data_bucket\.arn\.apply\(lambda arn:": (
                "pulumi.Output.all(data_bucket.arn, job_role.arn).apply(lambda arns:"
            ),
            r" *\},\{\s*\"Action\": \[\s*\"s3:GetObject\".*?f\"\{arn\}/\*\",": PASSES,
            r"s3_event = aws\.s3\.BucketNotification\(": PERMISSION,
            r"depends_on=\[retraining_lambda\]": "depends_on=[s3_may_invoke]",
            r"sagemaker_training_job_definition = .*?\n": "",
        },
        files={"retraining-lambda/handler.py": STARTER},
    ),
    "002-workflow-orchestration": Mend(
        edits={
            r"role_policy = aws\.iam\.RolePolicy\(.*?policy=json\.dumps\(": GREETER,
            r",\s*\"sagemaker:\*\"": "",
            r"\"Resource\": \"\*\"": '"Resource": greeter.arn',
            r"definition = json\.dumps\(": "definition = pulumi.Output.json_dumps(",
            r"\"arn:aws:lambda:REGION:[^\"]*\"": "greeter.arn",
        },
        files={"greeter/greet.py": GREETING},
    ),
    "003-lambda-policies": Mend(
        edits={
            r"runtime=\"python3\.8\"": 'runtime="python3.12"',
            r"lambda_invoke_policy_attachment = .*?\n\)\n": INVOKES,
        },
        files={"path/to/preprocess.zip/preprocess.py": PREPROCESS, "path/to/predict.zip/predict.py": PREDICT},
    ),
    "004-ssm-periodic-retraining": Mend(
        edits={
            r"\"Action\": \"\*\",\s*\"Resource\": \"\*\"": RIGHTS,
            r"\"/path/to/[^\"]*\"": 'pulumi.Config().require("script")',
            r"\n                \]\},\n": TIME_OUT,
        },
        stays=frozenset({"SW705"}),
    ),
}
