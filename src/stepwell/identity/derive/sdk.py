"""Which right an `aws-sdk` integration takes: the API's action, and its resource where a field names it.

AWS derives nothing for these: its guide leaves their policies to the author.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from stepwell.identity.derive.table import SAGEMAKER, Rights

#: IAM's prefix where it is not the integration's spelling of the service
PREFIXES: Mapping[str, str] = {
    "sfn": "states",
    "eventbridge": "events",
    "cloudwatchlogs": "logs",
    "sagemakerruntime": "sagemaker",
    "sagemakerfeaturestoreruntime": "sagemaker",
    "efs": "elasticfilesystem",
    "emr": "elasticmapreduce",
    "elasticloadbalancingv2": "elasticloadbalancing",
    "ses": "ses",
    "sesv2": "ses",
    "apigatewayv2": "apigateway",
    "dynamodbstreams": "dynamodb",
    "costexplorer": "ce",
    "bedrockruntime": "bedrock",
}

_BUCKET, _OBJECT = "s3:{Bucket}", "s3:{Bucket}/{Key}"

#: operations whose rights are not their own name, or whose resource a rule below does not find
_OPERATIONS: Mapping[tuple[str, str], tuple[Rights, ...]] = {
    ("lambda", "invoke"): (Rights(actions="lambda:InvokeFunction", on="{FunctionName|function}"),),
    ("sagemakerruntime", "invokeEndpoint"): (
        Rights(actions="sagemaker:InvokeEndpoint", on="sagemaker:endpoint/{EndpointName}"),
    ),
    ("s3", "headObject"): (Rights(actions="s3:GetObject", on=_OBJECT),),
    ("s3", "headBucket"): (Rights(actions="s3:ListBucket", on=_BUCKET),),
    ("s3", "listObjects"): (Rights(actions="s3:ListBucket", on=_BUCKET),),
    ("s3", "listObjectsV2"): (Rights(actions="s3:ListBucket", on=_BUCKET),),
    ("s3", "listObjectVersions"): (Rights(actions="s3:ListBucketVersions", on=_BUCKET),),
    ("s3", "listBuckets"): (Rights(actions="s3:ListAllMyBuckets"),),
    ("s3", "deleteObjects"): (Rights(actions="s3:DeleteObject", on="s3:{Bucket}/*"),),
    ("s3", "copyObject"): (
        Rights(actions="s3:GetObject", on="s3:{CopySource}"),
        Rights(actions="s3:PutObject", on=_OBJECT),
    ),
    ("s3", "createMultipartUpload"): (Rights(actions="s3:PutObject", on=_OBJECT),),
    ("s3", "completeMultipartUpload"): (Rights(actions="s3:PutObject", on=_OBJECT),),
    ("s3", "uploadPart"): (Rights(actions="s3:PutObject", on=_OBJECT),),
    ("ssm", "sendCommand"): (
        Rights(actions="ssm:SendCommand", on="ssm:document/{DocumentName}"),
        Rights(actions="ssm:SendCommand", on="ec2:instance/*"),
        Rights(actions="ssm:SendCommand", on="ssm:managed-instance/*"),
    ),
    ("eventbridge", "putEvents"): (Rights(actions="events:PutEvents", on="{Entries.EventBusName|bus}"),),
    ("dynamodb", "transactWriteItems"): (
        Rights(
            actions="dynamodb:PutItem dynamodb:UpdateItem dynamodb:DeleteItem dynamodb:ConditionCheckItem",
            on="dynamodb:table/*",
        ),
    ),
}

#: what tells an operation's resource, by service: a field that the operation has, and the ARN
_FIELDS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "dynamodb": (("TableName", "{TableName|table}"),),
    "sqs": (("QueueUrl", "{QueueUrl|queue}"),),
    "sns": (("TopicArn", "{TopicArn|arn}"),),
    "lambda": (("FunctionName", "{FunctionName|function}"),),
    "sfn": (
        ("StateMachineArn", "{StateMachineArn|machine}"),
        ("ExecutionArn", "{ExecutionArn|arn}"),
        ("ActivityArn", "{ActivityArn|arn}"),
    ),
    "eventbridge": (("Name", "events:rule/{Name}"), ("Rule", "events:rule/{Rule}")),
    "s3": (("Key", _OBJECT), ("Bucket", _BUCKET)),
    "cloudwatchlogs": (
        ("LogStreamName", "logs:log-group:{LogGroupName}:log-stream:{LogStreamName}"),
        ("LogGroupName", "logs:log-group:{LogGroupName}:*"),
    ),
    "secretsmanager": (("SecretId", "secretsmanager:secret:{SecretId}*"),),
    "kms": (("KeyId", "kms:key/{KeyId}"),),
    "iam": (("RoleName", "iam:role/{RoleName}"), ("UserName", "iam:user/{UserName}")),
    "sts": (("RoleArn", "{RoleArn|arn}"),),
    "glue": (("JobName", "glue:job/{JobName}"),),
}

#: roles that operations hand to services: service, operation → field, who gets it
PASSED: Mapping[tuple[str, str], tuple[tuple[str, str], ...]] = {
    **{
        ("sagemaker", f"create{noun}"): (("RoleArn", SAGEMAKER),)
        for noun in ("TrainingJob", "ProcessingJob", "Pipeline", "NotebookInstance", "AutoMLJob")
    },
    ("sagemaker", "createHyperParameterTuningJob"): (("TrainingJobDefinition.RoleArn", SAGEMAKER),),
    ("sagemaker", "createModel"): (("ExecutionRoleArn", SAGEMAKER),),
    ("lambda", "createFunction"): (("Role", "lambda.amazonaws.com"),),
    ("sfn", "createStateMachine"): (("RoleArn", "states.amazonaws.com"),),
    ("sfn", "updateStateMachine"): (("RoleArn", "states.amazonaws.com"),),
    ("eventbridge", "putTargets"): (("Targets.RoleArn", "events.amazonaws.com"),),
    ("scheduler", "createSchedule"): (("Target.RoleArn", "scheduler.amazonaws.com"),),
    ("ssm", "sendCommand"): (("ServiceRoleArn", "ssm.amazonaws.com"),),
}

_WORDS = re.compile(r"[A-Z][a-z0-9]*")
#: SageMaker's nouns whose ARN does not follow from their words
_NOUNS = {
    "HyperParameterTuningJob": "hyper-parameter-tuning-job",
    "ModelPackage": "model-package",
    "AutoMLJob": "automl-job",
}


def rights(service: str, action: str, fields: frozenset[str]) -> tuple[Rights, ...]:
    """The rights of `aws-sdk:SERVICE:ACTION`; `fields` are the arguments that the task gives."""
    known = _OPERATIONS.get((service, action))
    if known is not None:
        return known
    name = f"{PREFIXES.get(service, service)}:{action[0].upper()}{action[1:]}"
    if service == "sagemaker":
        return (Rights(actions=name, on=_sagemaker(action, fields)),)
    if service == "ssm" and "Parameter" in action:
        for field, end in (("Names", ""), ("Name", ""), ("Path", "*")):
            if field in fields:
                return (Rights(actions=name, on=f"ssm:parameter/{{{field}}}{end}"),)
    for field, on in _FIELDS.get(service, ()):
        if field in fields:
            return (Rights(actions=name, on=on),)
    return (Rights(actions=name),)


def _sagemaker(action: str, fields: frozenset[str]) -> str:
    """SageMaker names resources `NOUNName` and their ARNs `noun/name`; a package's argument is its ARN."""
    if "ModelPackageName" in fields:
        return "{ModelPackageName|arn}"
    noun = re.sub(r"^[a-z]+", "", action)
    if f"{noun}Name" not in fields:
        return "*"
    kebab = _NOUNS.get(noun) or "-".join(word.lower() for word in _WORDS.findall(noun))
    return f"sagemaker:{kebab}/{{{noun}Name}}"
