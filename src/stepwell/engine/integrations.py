"""What a Task state's `Resource` may name: every integration is a row.

Optimised integrations (`arn:aws:states:::sagemaker:createTrainingJob.sync`) have a row each; the generic
ones (`arn:aws:states:::aws-sdk:SERVICE:ACTION`) reach every operation that the server answers.
Source of names, patterns and error forms: AWS's Step Functions developer guide and recorded executions.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stepwell.api.models import operation_model, service_model
from stepwell.asl.json import loads
from stepwell.errors import AccessDenied, AwsError

#: how a task is completed: by the reply, by the end of the job, by a task token
REPLY = ""
SYNC = "sync"
SYNC_2 = "sync:2"
TOKEN = "waitForTaskToken"

#: what the history events of a task begin with
TASK = "Task"
FUNCTION = "LambdaFunction"
ACTIVITY = "Activity"

_PREFIX = "arn:aws:states:::"
_ACTIVITY = re.compile(r"arn:aws:states:[a-z0-9-]+:\d{12}:activity:[^:]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What `.sync` waits for."""

    #: botocore's service name and operations
    service: str
    describe: str
    stop: str
    #: the parameter that names the job in both
    key: str
    #: where the create operation's reply has the ARN, in PascalCase
    arn: str
    #: where the record has the status, and which statuses end it
    status: str
    succeeded: frozenset[str]
    failed: frozenset[str]
    #: the job's name from its ARN
    name: Callable[[str], str]
    #: the managed rule of EventBridge that tells AWS of the job's end
    rule: str
    #: the task's result from the job's record
    result: Callable[[Mapping[str, Any], str], Any] = lambda record, pattern: dict(record)


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One optimised integration."""

    #: botocore's names
    service: str
    operation: str
    #: the first part of error names: `SageMaker.ResourceInUseException`
    prefix: str
    #: the service as causes name it: `(Service: AmazonSageMaker; ...)`
    title: str
    patterns: frozenset[str] = frozenset({REPLY})
    job: Job | None = None
    #: string members that take JSON objects, in PascalCase; `Entries.Detail` is one of every entry
    json_members: frozenset[str] = frozenset()
    #: where a list's entries say who asked: the execution and its state machine
    resources: str | None = None
    #: the output's count of entries that were not taken: any fail the task
    failures: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Resource:
    """A parsed `Resource`."""

    #: as written
    arn: str
    #: `resourceType` of the history's events: `lambda`, `sagemaker`, `aws-sdk:s3`
    type: str
    #: `createTrainingJob`
    action: str
    pattern: str = REPLY
    #: the row, for an optimised integration
    row: Integration | None = None
    #: what its history events begin with
    kind: str = TASK

    @property
    def function(self) -> bool:
        """Whether the resource is a function's own ARN."""
        return self.kind == FUNCTION

    @property
    def label(self) -> str:
        """`resource` of the history's events: the action with its pattern."""
        return f"{self.action}.{self.pattern}" if self.pattern else self.action

    @property
    def job(self) -> Job | None:
        """What the task waits for, where it waits for a job."""
        return self.row.job if self.row is not None and self.pattern in (SYNC, SYNC_2) else None


def _last(arn: str) -> str:
    return arn.rpartition("/")[2]


def _whole(arn: str) -> str:
    return arn


def execution_result(record: Mapping[str, Any], pattern: str) -> dict[str, Any]:
    """A nested execution's result: PascalCase, times in milliseconds; `.sync:2` parses the payloads."""
    found: dict[str, Any] = {}
    for name, value in record.items():
        if value is None:
            continue
        spelled = name[0].upper() + name[1:]
        if spelled.endswith("Details") and isinstance(value, Mapping):
            found[spelled] = {"Included": True}
        elif spelled in ("Input", "Output") and pattern == SYNC_2:
            found[spelled] = loads(value)
        elif spelled in _EXECUTION_MEMBERS:
            found[spelled] = value
    return found


_EXECUTION_MEMBERS = frozenset(
    {
        *("Cause", "Error", "ExecutionArn", "Input", "Name", "Output", "StartDate"),
        *("StateMachineArn", "Status", "StopDate"),
    }
)


def _sagemaker_job(noun: str) -> Job:
    plural = "TuningJobs" if noun == "HyperParameterTuningJob" else f"{noun}s"
    return Job(
        service="sagemaker",
        describe=f"Describe{noun}",
        stop=f"Stop{noun}",
        key=f"{noun}Name",
        arn=f"{noun}Arn",
        status=f"{noun}Status",
        succeeded=frozenset({"Completed"}),
        failed=frozenset({"Failed", "Stopped"}),
        name=_last,
        rule=f"StepFunctionsGetEventsForSageMaker{plural}Rule",
    )


def _sagemaker(operation: str, job: Job | None = None) -> Integration:
    return Integration(
        service="sagemaker",
        operation=operation,
        prefix="SageMaker",
        title="AmazonSageMaker",
        patterns=frozenset({REPLY} if job is None else {REPLY, SYNC}),
        job=job,
    )


EXECUTION_JOB = Job(
    service="stepfunctions",
    describe="DescribeExecution",
    stop="StopExecution",
    key="executionArn",
    arn="ExecutionArn",
    status="status",
    succeeded=frozenset({"SUCCEEDED"}),
    failed=frozenset({"FAILED", "TIMED_OUT", "ABORTED"}),
    name=_whole,
    rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    result=execution_result,
)

LAMBDA = Integration(
    service="lambda",
    operation="Invoke",
    prefix="Lambda",
    title="AWSLambda",
    patterns=frozenset({REPLY, TOKEN}),
)

#: (service, action) as the ARN has them
INTEGRATIONS: Mapping[tuple[str, str], Integration] = {
    ("events", "putEvents"): Integration(
        service="events",
        operation="PutEvents",
        prefix="EventBridge",
        title="AmazonEventBridge",
        patterns=frozenset({REPLY, TOKEN}),
        json_members=frozenset({"Entries.Detail"}),
        resources="Entries.Resources",
        failures="FailedEntryCount",
    ),
    ("lambda", "invoke"): LAMBDA,
    ("sns", "publish"): Integration(
        service="sns",
        operation="Publish",
        prefix="SNS",
        title="AmazonSNS",
        patterns=frozenset({REPLY, TOKEN}),
        json_members=frozenset({"Message"}),
    ),
    ("sqs", "sendMessage"): Integration(
        service="sqs",
        operation="SendMessage",
        prefix="SQS",
        title="AmazonSQS",
        patterns=frozenset({REPLY, TOKEN}),
        json_members=frozenset({"MessageBody"}),
    ),
    ("states", "startExecution"): Integration(
        service="stepfunctions",
        operation="StartExecution",
        prefix="StepFunctions",
        title="AWSStepFunctions",
        patterns=frozenset({REPLY, SYNC, SYNC_2, TOKEN}),
        job=EXECUTION_JOB,
        json_members=frozenset({"Input"}),
    ),
    **{
        ("sagemaker", f"create{noun}"): _sagemaker(f"Create{noun}", _sagemaker_job(noun))
        for noun in ("TrainingJob", "ProcessingJob", "TransformJob", "HyperParameterTuningJob")
    },
    **{
        ("sagemaker", operation[0].lower() + operation[1:]): _sagemaker(operation)
        for operation in ("CreateModel", "CreateEndpointConfig", "CreateEndpoint", "UpdateEndpoint")
    },
}

#: optimised integrations of AWS's that have no row here: their actions by service
_ELSEWHERE: Mapping[str, frozenset[str]] = {
    service: frozenset(actions.split())
    for service, actions in {
        "apigateway": "invoke",
        "athena": "getQueryExecution getQueryResults startQueryExecution stopQueryExecution",
        "batch": "submitJob",
        "bedrock": "createModelCustomizationJob invokeModel",
        "codebuild": "batchDeleteBuilds batchGetReports deleteBuildBatch retryBuildBatch startBuild "
        "startBuildBatch stopBuild stopBuildBatch",
        "databrew": "startJobRun",
        "dynamodb": "deleteItem getItem putItem updateItem",
        "ecs": "runTask",
        "eks": "call createCluster createFargateProfile createNodegroup deleteCluster deleteFargateProfile "
        "deleteNodegroup runJob",
        "elasticmapreduce": "addStep cancelStep createCluster modifyInstanceFleetByName "
        "modifyInstanceGroupByName setClusterTerminationProtection terminateCluster",
        "emr-containers": "createVirtualCluster deleteVirtualCluster startJobRun",
        "emr-serverless": "cancelJobRun createApplication deleteApplication startApplication startJobRun "
        "stopApplication",
        "glue": "startJobRun",
        "http": "invoke",
        "mediaconvert": "createJob",
        "sagemaker": "createLabelingJob",
    }.items()
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdk:
    """How a service is spelled in `aws-sdk` integrations."""

    #: botocore's name
    service: str
    #: the prefix of error names, and the service's name in causes
    prefix: str


#: spellings that differ from botocore's name and its capitalised form
_SDK: Mapping[str, Sdk] = {
    "sfn": Sdk(service="stepfunctions", prefix="Sfn"),
    "sagemaker": Sdk(service="sagemaker", prefix="SageMaker"),
    "sagemakerruntime": Sdk(service="sagemaker-runtime", prefix="SageMakerRuntime"),
    "eventbridge": Sdk(service="events", prefix="EventBridge"),
    "cloudwatch": Sdk(service="cloudwatch", prefix="CloudWatch"),
    "cloudwatchlogs": Sdk(service="logs", prefix="CloudWatchLogs"),
    "dynamodb": Sdk(service="dynamodb", prefix="DynamoDb"),
    "secretsmanager": Sdk(service="secretsmanager", prefix="SecretsManager"),
}


def sdk(name: str) -> Sdk:
    """The service that an `aws-sdk` integration names."""
    return _SDK.get(name) or Sdk(service=name, prefix=name.capitalize())


@lru_cache(maxsize=1024)
def parse(arn: str) -> Resource | None:
    """The resource that an ARN names; None for one that no task can have."""
    if arn.startswith("arn:aws:lambda:") and ":function:" in arn:
        return Resource(arn=arn, type="lambda", action="invoke", row=LAMBDA, kind=FUNCTION)
    if _ACTIVITY.fullmatch(arn):
        return Resource(arn=arn, type="activity", action="", kind=ACTIVITY)
    if not arn.startswith(_PREFIX):
        return None
    name = arn.removeprefix(_PREFIX)
    generic = name.startswith("aws-sdk:")
    service, _, rest = name.removeprefix("aws-sdk:").partition(":")
    action, _, pattern = rest.partition(".")
    if not service or not action:
        return None
    if generic:
        if pattern not in (REPLY, TOKEN):
            return None
        return Resource(arn=arn, type=f"aws-sdk:{service}", action=action, pattern=pattern)
    row = INTEGRATIONS.get((service, action))
    if row is None or pattern not in row.patterns:
        return None
    return Resource(arn=arn, type=service, action=action, pattern=pattern, row=row)


def operation(resource: Resource) -> tuple[str, str] | None:
    """botocore's service and operation; None where AWS has no such action. May load a service model."""
    if resource.row is not None:
        return resource.row.service, resource.row.operation
    service = sdk(resource.type.removeprefix("aws-sdk:")).service
    try:
        names = service_model(service).operation_names
    except LookupError:
        return None
    wanted = resource.action.casefold()
    return next(((service, name) for name in names if name.casefold() == wanted), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a definition may not name a resource."""

    #: whether AWS would take it, and only this server does not
    unsupported: bool
    message: str


def problem(arn: str, serves: Callable[[str, str], bool]) -> Problem | None:
    """What is wrong with a `Resource`; None for one that this server runs."""
    resource = parse(arn)
    if resource is not None and resource.kind == ACTIVITY:
        # whether it exists is seen when a task is scheduled: recorded on AWS
        return None
    target = None if resource is None else operation(resource)
    if target is not None:
        if serves(*target):
            return None
        return Problem(
            unsupported=True,
            message=f"Stepwell does not support the operation {target[1]} of {target[0]}, which {arn} needs",
        )
    service, _, rest = arn.removeprefix(_PREFIX).partition(":")
    elsewhere = arn.startswith(_PREFIX) and rest.partition(".")[0] in _ELSEWHERE.get(service, ())
    if elsewhere:
        return Problem(unsupported=True, message=f"Stepwell does not support the resource {arn}")
    return Problem(
        unsupported=False,
        message=(
            f"The resource provided {arn} is not recognized. The value is not a valid resource ARN, or the "
            "resource is not available in this region."
        ),
    )


def failure(resource: Resource, error: AwsError, request_id: str) -> tuple[str, str]:
    """Error name and cause of a call that failed, as AWS's SDKs name them within Step Functions."""
    target = operation(resource)
    shape = None if target is None else _modelled(*target, error.error_code)
    if resource.row is not None:
        generic = resource.row.title
        # the optimised integrations still speak the former protocol of services that changed theirs
        changed = "awsQueryCompatible" in service_model(resource.row.service).metadata
        code = (changed and error.former) or error.error_code
        status = 403 if changed and isinstance(error, AccessDenied) else error.http_status
        name = f"{resource.row.prefix}.{_exception(shape or generic)}"
        cause = (
            f"{error.message} (Service: {resource.row.title}; Status Code: {status}; "
            f"Error Code: {code}; Request ID: {request_id}; Proxy: null)"
        )
        return name, cause
    prefix = sdk(resource.type.removeprefix("aws-sdk:")).prefix
    extended = ", Extended Request ID: " + request_id if prefix == "S3" else ""
    cause = (
        f"{error.message} (Service: {prefix}, Status Code: {error.http_status}, "
        f"Request ID: {request_id}{extended}) (SDK Attempt Count: 1)"
    )
    return f"{prefix}.{_exception(shape or prefix)}", cause


def _exception(name: str) -> str:
    return name if name.endswith("Exception") else f"{name}Exception"


def _modelled(service: str, name: str, code: str) -> str | None:
    for shape in operation_model(service, name).error_shapes:
        if code in (shape.name, shape.metadata.get("error", {}).get("code")):
            return str(shape.name)
    return None
