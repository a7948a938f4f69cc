"""Which rights each of Step Functions' optimised integrations takes.

Source: the IAM pages of AWS's Step Functions developer guide. A row's resources are ARNs without their
beginning, whose `{Field}` is filled from the task's arguments; `{Field|name}` is turned into an ARN first.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Rights:
    """Actions on one resource."""

    #: separated by spaces
    actions: str
    #: `*`, a short ARN (`sagemaker:model/{ModelName}`) or a field that names one (`{TopicArn|arn}`)
    on: str = "*"


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One row."""

    rights: tuple[Rights, ...]
    #: what `.sync` adds: to look at the job, and to stop it
    sync: tuple[Rights, ...] = ()
    #: the managed rule by which Step Functions learns of the job's end
    rule: str = ""
    #: arguments that name a role, and the service that gets it
    passes: tuple[tuple[str, str], ...] = ()
    #: where tags of the job are asked for, which takes AddTags; `.sync` always adds two
    tagged: str = ""


SAGEMAKER = "sagemaker.amazonaws.com"


def _job(noun: str, kebab: str, plural: str, role: str = "RoleArn") -> Integration:
    resource = f"sagemaker:{kebab}/{{{noun}Name}}"
    return Integration(
        rights=(Rights(actions=f"sagemaker:Create{noun} sagemaker:ListTags", on=resource),),
        sync=(Rights(actions=f"sagemaker:Describe{noun} sagemaker:Stop{noun}", on=resource),),
        rule=f"StepFunctionsGetEventsForSageMaker{plural}Rule",
        passes=((role, SAGEMAKER),) if role else (),
        tagged=resource,
    )


def _endpoint(action: str) -> Integration:
    actions = f"sagemaker:{action}"
    return Integration(
        rights=(
            Rights(actions=actions, on="sagemaker:endpoint/{EndpointName}"),
            Rights(actions=actions, on="sagemaker:endpoint-config/{EndpointConfigName}"),
        ),
        tagged="sagemaker:endpoint/{EndpointName}" if action == "CreateEndpoint" else "",
    )


def _plain(actions: str, on: str = "*", **more: object) -> Integration:
    return Integration(rights=(Rights(actions=actions, on=on),), **more)  # type: ignore[arg-type]


def _sync(actions: str, on: str = "*") -> tuple[Rights, ...]:
    return (Rights(actions=actions, on=on),)


#: (service, action) as the resource's ARN has them
INTEGRATIONS: Mapping[tuple[str, str], Integration] = {
    ("lambda", "invoke"): _plain("lambda:InvokeFunction", "{FunctionName|function}"),
    ("sagemaker", "createTrainingJob"): _job("TrainingJob", "training-job", "TrainingJobs"),
    ("sagemaker", "createProcessingJob"): _job("ProcessingJob", "processing-job", "ProcessingJobs"),
    ("sagemaker", "createTransformJob"): _job("TransformJob", "transform-job", "TransformJobs", role=""),
    ("sagemaker", "createHyperParameterTuningJob"): _job(
        "HyperParameterTuningJob",
        "hyper-parameter-tuning-job",
        "TuningJobs",
        role="TrainingJobDefinition.RoleArn",
    ),
    ("sagemaker", "createLabelingJob"): _job("LabelingJob", "labeling-job", "LabelingJobs"),
    ("sagemaker", "createModel"): _plain(
        "sagemaker:CreateModel",
        "sagemaker:model/{ModelName}",
        passes=(("ExecutionRoleArn", SAGEMAKER),),
        tagged="sagemaker:model/{ModelName}",
    ),
    ("sagemaker", "createEndpointConfig"): _plain(
        "sagemaker:CreateEndpointConfig",
        "sagemaker:endpoint-config/{EndpointConfigName}",
        tagged="sagemaker:endpoint-config/{EndpointConfigName}",
    ),
    ("sagemaker", "createEndpoint"): _endpoint("CreateEndpoint"),
    ("sagemaker", "updateEndpoint"): _endpoint("UpdateEndpoint"),
    ("states", "startExecution"): _plain(
        "states:StartExecution",
        "{StateMachineArn|machine}",
        sync=_sync("states:DescribeExecution states:StopExecution", "{StateMachineArn|executions}"),
        rule="StepFunctionsGetEventsForStepFunctionsExecutionRule",
    ),
    ("events", "putEvents"): _plain("events:PutEvents", "{Entries.EventBusName|bus}"),
    ("sns", "publish"): _plain("sns:Publish", "{TopicArn|arn}"),
    ("sqs", "sendMessage"): _plain("sqs:SendMessage", "{QueueUrl|queue}"),
    **{
        ("dynamodb", f"{verb}Item"): _plain(f"dynamodb:{verb.capitalize()}Item", "{TableName|table}")
        for verb in ("get", "put", "update", "delete")
    },
    ("batch", "submitJob"): _plain(
        "batch:SubmitJob",
        sync=_sync("batch:DescribeJobs batch:TerminateJob"),
        rule="StepFunctionsGetEventsForBatchJobsRule",
    ),
    ("ecs", "runTask"): _plain(
        "ecs:RunTask",
        "{TaskDefinition|task-definition}",
        sync=_sync("ecs:StopTask ecs:DescribeTasks"),
        rule="StepFunctionsGetEventsForECSTaskRule",
        passes=(
            ("Overrides.TaskRoleArn", "ecs-tasks.amazonaws.com"),
            ("Overrides.ExecutionRoleArn", "ecs-tasks.amazonaws.com"),
        ),
    ),
    ("glue", "startJobRun"): _plain(
        "glue:StartJobRun",
        "glue:job/{JobName}",
        sync=_sync("glue:GetJobRun glue:GetJobRuns glue:BatchStopJobRun", "glue:job/{JobName}"),
    ),
    ("codebuild", "startBuild"): _plain(
        "codebuild:StartBuild",
        "codebuild:project/{ProjectName}",
        sync=_sync("codebuild:StopBuild codebuild:BatchGetBuilds", "codebuild:project/{ProjectName}"),
        rule="StepFunctionsGetEventForCodeBuildStartBuildRule",
    ),
    ("codebuild", "startBuildBatch"): _plain(
        "codebuild:StartBuildBatch",
        "codebuild:project/{ProjectName}",
        sync=_sync(
            "codebuild:StopBuildBatch codebuild:BatchGetBuildBatches", "codebuild:project/{ProjectName}"
        ),
        rule="StepFunctionsGetEventForCodeBuildStartBuildBatchRule",
    ),
    ("elasticmapreduce", "createCluster"): _plain(
        "elasticmapreduce:RunJobFlow elasticmapreduce:TerminateJobFlows",
        sync=_sync("elasticmapreduce:DescribeCluster"),
        rule="StepFunctionsGetEventForEMRRunJobFlowRule",
        passes=(
            ("ServiceRole", "elasticmapreduce.amazonaws.com"),
            ("JobFlowRole", "ec2.amazonaws.com"),
        ),
    ),
    ("elasticmapreduce", "addStep"): _plain(
        "elasticmapreduce:AddJobFlowSteps elasticmapreduce:CancelSteps",
        "elasticmapreduce:cluster/{ClusterId}",
        sync=_sync("elasticmapreduce:DescribeStep", "elasticmapreduce:cluster/{ClusterId}"),
        rule="StepFunctionsGetEventForEMRAddJobFlowStepsRule",
    ),
    ("elasticmapreduce", "terminateCluster"): _plain(
        "elasticmapreduce:TerminateJobFlows",
        "elasticmapreduce:cluster/{ClusterId}",
        sync=_sync("elasticmapreduce:DescribeCluster", "elasticmapreduce:cluster/{ClusterId}"),
        rule="StepFunctionsGetEventForEMRTerminateJobFlowsRule",
    ),
    ("athena", "startQueryExecution"): Integration(
        rights=(
            Rights(actions="athena:StartQueryExecution", on="athena:workgroup/{WorkGroup}"),
            Rights(actions="athena:GetDataCatalog", on="athena:datacatalog/*"),
            Rights(
                actions="s3:GetBucketLocation s3:GetObject s3:ListBucket s3:ListBucketMultipartUploads "
                "s3:ListMultipartUploadParts s3:AbortMultipartUpload s3:PutObject",
                on="s3:*",
            ),
            Rights(actions="glue:GetDatabase glue:GetTable glue:GetPartitions"),
            Rights(actions="lakeformation:GetDataAccess"),
        ),
        sync=_sync("athena:StopQueryExecution athena:GetQueryExecution", "athena:workgroup/{WorkGroup}"),
    ),
    ("eks", "createCluster"): _plain(
        "eks:CreateCluster ec2:DescribeSubnets iam:GetRole iam:ListAttachedRolePolicies",
        sync=_sync("eks:DescribeCluster eks:DeleteCluster"),
        passes=(("RoleArn", "eks.amazonaws.com"),),
    ),
    ("eks", "createNodegroup"): _plain(
        "eks:CreateNodegroup ec2:DescribeSubnets iam:GetRole iam:ListAttachedRolePolicies",
        sync=_sync("eks:DescribeNodegroup eks:DeleteNodegroup"),
        passes=(("NodeRole", "eks.amazonaws.com"),),
    ),
    ("emr-containers", "startJobRun"): _plain(
        "emr-containers:StartJobRun",
        sync=_sync("emr-containers:DescribeJobRun emr-containers:CancelJobRun"),
    ),
    ("databrew", "startJobRun"): _plain(
        "databrew:StartJobRun",
        "databrew:job/{Name}",
        sync=_sync("databrew:ListJobRuns databrew:StopJobRun", "databrew:job/{Name}"),
    ),
    ("apigateway", "invoke"): _plain("execute-api:Invoke", "execute-api:*"),
    ("http", "invoke"): Integration(
        rights=(
            Rights(
                actions="events:RetrieveConnectionCredentials",
                on="{Authentication.ConnectionArn|arn}",
            ),
            Rights(
                actions="secretsmanager:GetSecretValue secretsmanager:DescribeSecret",
                on="secretsmanager:secret:events!connection/*",
            ),
        )
    ),
}

#: what Step Functions needs of a managed rule
RULE_ACTIONS = "events:PutTargets events:PutRule events:DescribeRule"
#: what a machine that logs needs
LOGGING = Rights(
    actions="logs:CreateLogDelivery logs:GetLogDelivery logs:UpdateLogDelivery logs:DeleteLogDelivery "
    "logs:ListLogDeliveries logs:PutResourcePolicy logs:DescribeResourcePolicies logs:DescribeLogGroups"
)
#: what a machine that traces needs
TRACING = Rights(
    actions="xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets"
)
