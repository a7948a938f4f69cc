"""A machine's role takes what its tasks do, on what the definition names, and nothing else."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell import asl
from stepwell.identity import policy
from stepwell.identity.derive import Derived, derive

A, R = "111122223333", "eu-west-1"
SM = f"arn:aws:sagemaker:{R}:{A}"
JOB_ROLE = f"arn:aws:iam::{A}:role/job"
RULES = ["events:DescribeRule", "events:PutRule", "events:PutTargets"]
FUNCTION = f"arn:aws:lambda:{R}:{A}:function:f"
MACHINE = f"arn:aws:states:{R}:{A}:stateMachine:child"

#: resource, arguments → (actions, resources, condition) of every statement
Expected = list[tuple[Any, Any, Any]]


def machine(*states: dict[str, Any], **more: Any) -> dict[str, Any]:
    named = {f"S{n}": {"Type": "Task", "End": True, **state} for n, state in enumerate(states)}
    for n in range(len(states) - 1):
        del named[f"S{n}"]["End"]
        named[f"S{n}"]["Next"] = f"S{n + 1}"
    return {"StartAt": "S0", "States": named, **more}


def task(resource: str, arguments: Any = None, **more: Any) -> dict[str, Any]:
    given = {} if arguments is None else {"Parameters": arguments}
    return {
        "Resource": resource if resource.startswith("arn:") else f"arn:aws:states:::{resource}",
        **given,
        **more,
    }


def derived(*states: dict[str, Any], **more: Any) -> Derived:
    return derive(machine(*states), account=A, region=R, **more)


def told(found: Derived) -> Expected:
    """The statements in short."""
    return [
        (each["Action"], each["Resource"], each.get("Condition", {}).get("StringEquals"))
        for each in found.statements
    ]


def rule(name: str) -> tuple[Any, Any, None]:
    return RULES, f"arn:aws:events:{R}:{A}:rule/StepFunctionsGet{name}Rule", None


def passing(role: str = JOB_ROLE, service: str = "sagemaker") -> tuple[str, str, dict[str, str]]:
    return "iam:PassRole", role, {"iam:PassedToService": f"{service}.amazonaws.com"}


CASES: list[tuple[str, str, Any, Expected]] = [
    ("a function by its ARN", FUNCTION, {"x": 1}, [("lambda:InvokeFunction", FUNCTION, None)]),
    ("its alias", f"{FUNCTION}:live", None, [("lambda:InvokeFunction", f"{FUNCTION}:live", None)]),
    (
        "a function by name, ARN or partial ARN",
        "lambda:invoke",
        {"FunctionName": "f"},
        [("lambda:InvokeFunction", FUNCTION, None)],
    ),
    (
        "a qualifier in an argument",
        "lambda:invoke.waitForTaskToken",
        {"FunctionName": FUNCTION, "Qualifier": "live"},
        [("lambda:InvokeFunction", f"{FUNCTION}:live", None)],
    ),
    (
        "a qualifier that run time brings",
        "lambda:invoke",
        {"FunctionName": "f", "Qualifier.$": "$.q"},
        [("lambda:InvokeFunction", [FUNCTION, f"{FUNCTION}:*"], None)],
    ),
    (
        "a function that run time brings",
        "lambda:invoke",
        {"FunctionName.$": "$.f"},
        [("lambda:InvokeFunction", f"arn:aws:lambda:{R}:{A}:function:*", None)],
    ),
    (
        "a training job",
        "sagemaker:createTrainingJob",
        {"TrainingJobName": "j", "RoleArn": JOB_ROLE},
        [
            passing(),
            (["sagemaker:CreateTrainingJob", "sagemaker:ListTags"], f"{SM}:training-job/j", None),
        ],
    ),
    (
        "a training job to its end: looked at, stopped, tagged, with its managed rule",
        "sagemaker:createTrainingJob.sync",
        {"TrainingJobName.$": "States.Format('train-{}', $.id)", "RoleArn.$": "$.role"},
        [
            rule("EventsForSageMakerTrainingJobs"),
            passing(f"arn:aws:iam::{A}:role/*"),
            (
                [
                    "sagemaker:AddTags",
                    "sagemaker:CreateTrainingJob",
                    "sagemaker:DescribeTrainingJob",
                    "sagemaker:ListTags",
                    "sagemaker:StopTrainingJob",
                ],
                f"{SM}:training-job/train-*",
                None,
            ),
        ],
    ),
    (
        "a tuning job passes its training jobs' role",
        "sagemaker:createHyperParameterTuningJob",
        {"HyperParameterTuningJobName": "t", "TrainingJobDefinition": {"RoleArn": JOB_ROLE}},
        [
            passing(),
            (
                ["sagemaker:CreateHyperParameterTuningJob", "sagemaker:ListTags"],
                f"{SM}:hyper-parameter-tuning-job/t",
                None,
            ),
        ],
    ),
    (
        "a transform job passes no role",
        "sagemaker:createTransformJob",
        {"TransformJobName": "t", "ModelName": "m"},
        [(["sagemaker:CreateTransformJob", "sagemaker:ListTags"], f"{SM}:transform-job/t", None)],
    ),
    (
        "a model",
        "sagemaker:createModel",
        {"ModelName": "m", "ExecutionRoleArn": JOB_ROLE, "Tags": [{"Key": "k", "Value": "v"}]},
        [passing(), (["sagemaker:AddTags", "sagemaker:CreateModel"], f"{SM}:model/m", None)],
    ),
    (
        "an endpoint and its configuration",
        "sagemaker:updateEndpoint",
        {"EndpointName": "e", "EndpointConfigName.$": "$.config"},
        [("sagemaker:UpdateEndpoint", [f"{SM}:endpoint-config/*", f"{SM}:endpoint/e"], None)],
    ),
    (
        "another machine to its end",
        "states:startExecution.sync:2",
        {"StateMachineArn": MACHINE},
        [
            rule("EventsForStepFunctionsExecution"),
            (
                ["states:DescribeExecution", "states:StopExecution"],
                f"arn:aws:states:{R}:{A}:execution:child:*",
                None,
            ),
            ("states:StartExecution", MACHINE, None),
        ],
    ),
    (
        "another machine by an alias: AWS asks about the machine",
        "states:startExecution",
        {"StateMachineArn": f"{MACHINE}:PROD"},
        [("states:StartExecution", MACHINE, None)],
    ),
    (
        "events on buses, the default one where none is named",
        "events:putEvents",
        {"Entries": [{"EventBusName": "b", "Source": "x"}, {"Source": "x"}]},
        [
            (
                "events:PutEvents",
                [f"arn:aws:events:{R}:{A}:event-bus/b", f"arn:aws:events:{R}:{A}:event-bus/default"],
                None,
            )
        ],
    ),
    (
        "a queue by its URL",
        "sqs:sendMessage",
        {"QueueUrl": f"https://sqs.us-east-2.amazonaws.com/{A}/q", "MessageBody": "x"},
        [("sqs:SendMessage", f"arn:aws:sqs:us-east-2:{A}:q", None)],
    ),
    (
        "a topic that run time brings",
        "sns:publish",
        {"TopicArn.$": "$.t", "Message": "x"},
        [("sns:Publish", "*", None)],
    ),
    (
        "a table",
        "dynamodb:updateItem",
        {"TableName": "t"},
        [("dynamodb:UpdateItem", f"arn:aws:dynamodb:{R}:{A}:table/t", None)],
    ),
    (
        "a batch job to its end",
        "batch:submitJob.sync",
        {"JobName": "j"},
        [
            (["batch:DescribeJobs", "batch:SubmitJob", "batch:TerminateJob"], "*", None),
            rule("EventsForBatchJobs"),
        ],
    ),
    (
        "a Glue job is polled",
        "glue:startJobRun.sync",
        {"JobName": "j"},
        [
            (
                ["glue:BatchStopJobRun", "glue:GetJobRun", "glue:GetJobRuns", "glue:StartJobRun"],
                f"arn:aws:glue:{R}:{A}:job/j",
                None,
            )
        ],
    ),
    (
        "an HTTP call is bound to what it calls",
        "http:invoke",
        {
            "ApiEndpoint": "https://example.com/x",
            "Method": "GET",
            "Authentication": {"ConnectionArn": f"arn:aws:events:{R}:{A}:connection/c/1"},
        },
        [
            (
                ["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"],
                f"arn:aws:secretsmanager:{R}:{A}:secret:events!connection/*",
                None,
            ),
            ("events:RetrieveConnectionCredentials", f"arn:aws:events:{R}:{A}:connection/c/1", None),
            (
                "states:InvokeHTTPEndpoint",
                f"arn:aws:states:{R}:{A}:stateMachine:*",
                {"states:HTTPEndpoint": "https://example.com/x", "states:HTTPMethod": "GET"},
            ),
        ],
    ),
    (
        "an SDK call has the API's name",
        "aws-sdk:sagemaker:describeEndpoint",
        {"EndpointName": "e"},
        [("sagemaker:DescribeEndpoint", f"{SM}:endpoint/e", None)],
    ),
    (
        "an SDK call hands its role on",
        "aws-sdk:sagemaker:createTrainingJob",
        {"TrainingJobName.$": "$.n", "RoleArn": JOB_ROLE},
        [passing(), ("sagemaker:CreateTrainingJob", f"{SM}:training-job/*", None)],
    ),
    (
        "S3's rights are not its operations' names",
        "aws-sdk:s3:listObjectsV2",
        {"Bucket": "b", "Prefix": "p"},
        [("s3:ListBucket", "arn:aws:s3:::b", None)],
    ),
    (
        "an object of S3",
        "aws-sdk:s3:getObject",
        {"Bucket": "b", "Key.$": "States.Format('in/{}', $.k)"},
        [("s3:GetObject", "arn:aws:s3:::b/in/*", None)],
    ),
    (
        "a copy takes two rights",
        "aws-sdk:s3:copyObject",
        {"Bucket": "b", "Key": "k", "CopySource": "/a/k"},
        [("s3:GetObject", "arn:aws:s3:::a/k", None), ("s3:PutObject", "arn:aws:s3:::b/k", None)],
    ),
    (
        "a secret by its ARN",
        "aws-sdk:secretsmanager:getSecretValue",
        {"SecretId": f"arn:aws:secretsmanager:{R}:{A}:secret:s-AbCdEf"},
        [("secretsmanager:GetSecretValue", f"arn:aws:secretsmanager:{R}:{A}:secret:s-AbCdEf", None)],
    ),
    (
        "services have other prefixes in IAM",
        "aws-sdk:sfn:describeExecution",
        {"ExecutionArn.$": "$.e"},
        [("states:DescribeExecution", "*", None)],
    ),
    (
        "a parameter's leading slash is its ARN's",
        "aws-sdk:ssm:getParameter",
        {"Name": "/app/key"},
        [("ssm:GetParameter", f"arn:aws:ssm:{R}:{A}:parameter/app/key", None)],
    ),
    (
        "a service that no rule knows",
        "aws-sdk:rekognition:detectLabels",
        {"Image": {}},
        [("rekognition:DetectLabels", "*", None)],
    ),
    ("an activity takes nothing", f"arn:aws:states:{R}:{A}:activity:a", None, []),
]


@pytest.mark.parametrize(
    ("claim", "resource", "arguments", "expected"), CASES, ids=[case[0] for case in CASES]
)
def test_rights_of_a_task(claim: str, resource: str, arguments: Any, expected: Expected) -> None:
    found = derived(task(resource, arguments))
    assert sorted(told(found), key=str) == sorted(expected, key=str), claim
    if found.statements:
        policy.parse(found.policy)


def test_both_query_languages_say_the_same() -> None:
    path = derived(task("sagemaker:createModel", {"ModelName.$": "States.Format('m-{}', $.v)"}))
    formula = derive(
        machine(
            {
                "Resource": "arn:aws:states:::sagemaker:createModel",
                "Arguments": {"ModelName": "{% 'm-' & $v %}"},
            },
            QueryLanguage="JSONata",
        ),
        account=A,
        region=R,
    )
    assert told(path) == told(formula) == [("sagemaker:CreateModel", f"{SM}:model/m-*", None)]


def test_branches_and_processors_are_read_and_alike_tasks_share_a_statement() -> None:
    inner = machine(task("lambda:invoke", {"FunctionName": "g"}))
    found = derived(
        {"Type": "Parallel", "Branches": [machine(task("lambda:invoke", {"FunctionName": "f"})), inner]},
        {"Type": "Map", "ItemProcessor": inner},
        {"Type": "Map", "Iterator": machine(task("dynamodb:putItem", {"TableName": "t"}))},
    )
    functions = [f"arn:aws:lambda:{R}:{A}:function:{name}" for name in "fg"]
    assert told(found) == [
        ("dynamodb:PutItem", f"arn:aws:dynamodb:{R}:{A}:table/t", None),
        ("lambda:InvokeFunction", functions, None),
    ]


def test_a_wider_resource_covers_a_narrower_one() -> None:
    found = derived(
        task("sagemaker:createModel", {"ModelName": "m-1"}),
        task("sagemaker:createModel", {"ModelName.$": "States.Format('m-{}', $.v)"}),
    )
    assert told(found) == [("sagemaker:CreateModel", f"{SM}:model/m-*", None)]


def test_a_task_with_credentials_leaves_its_rights_to_the_role_that_it_takes_on() -> None:
    other = "arn:aws:iam::444455556666:role/other"
    found = derived(task("dynamodb:getItem", {"TableName": "t"}, Credentials={"RoleArn": other}))
    assert told(found) == [("sts:AssumeRole", other, None)]
    assert [need.action for need in found.assumed[other]] == ["dynamodb:GetItem"]
    dynamic = derived(task("dynamodb:getItem", {"TableName": "t"}, Credentials={"RoleArn.$": "$.r"}))
    assert told(dynamic) == [("sts:AssumeRole", f"arn:aws:iam::{A}:role/*", None)]


def test_a_distributed_map_starts_itself_reads_and_writes() -> None:
    found = derived(
        {
            "Type": "Map",
            "Label": "L",
            "ItemReader": {
                "Resource": "arn:aws:states:::s3:getObject",
                "Parameters": {"Bucket": "in", "Key": "items.csv"},
                "ReaderConfig": {"InputType": "CSV"},
            },
            "ItemProcessor": {
                "ProcessorConfig": {"Mode": "DISTRIBUTED"},
                **machine(task("lambda:invoke", {"FunctionName": "f"})),
            },
            "ResultWriter": {
                "Resource": "arn:aws:states:::s3:putObject",
                "Parameters": {"Bucket": "out", "Prefix": "runs"},
            },
        },
        name="me",
    )
    own = f"arn:aws:states:{R}:{A}"
    expected = [
        ("lambda:InvokeFunction", FUNCTION, None),
        ("s3:GetObject", ["arn:aws:s3:::in/items.csv", "arn:aws:s3:::out/runs/*"], None),
        (
            ["s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObject"],
            "arn:aws:s3:::out/runs/*",
            None,
        ),
        (["states:DescribeExecution", "states:StopExecution"], f"{own}:execution:me:*", None),
        ("states:RedriveExecution", f"{own}:execution:me/L:*", None),
        ("states:StartExecution", f"{own}:stateMachine:me", None),
    ]
    assert sorted(told(found), key=str) == sorted(expected, key=str)
    listing = {
        "Type": "Map",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:listObjectsV2",
            "Parameters": {"Bucket": "in", "Prefix": "p/"},
            "ReaderConfig": {"Transformation": "LOAD_AND_FLATTEN"},
        },
        "ItemProcessor": {"ProcessorConfig": {"Mode": "DISTRIBUTED"}, **machine(task(FUNCTION))},
    }
    assert {("s3:ListBucket", "arn:aws:s3:::in", None), ("s3:GetObject", "arn:aws:s3:::in/p/*", None)} <= {
        (str(action), str(resource), None) for action, resource, _ in told(derived(listing))
    }


def test_logging_and_tracing_are_the_machines_own_rights() -> None:
    plain, configured = derived(task(FUNCTION)), derived(task(FUNCTION), logging=True, tracing=True)
    more = {need.action for need in set(configured.needs) - set(plain.needs)}
    assert {"logs:CreateLogDelivery", "logs:DescribeLogGroups", "xray:PutTraceSegments"} <= more


def test_what_no_table_knows_is_named() -> None:
    assert derived(task("mediaconvert:createJob"), task(FUNCTION)).unknown == ("S0",)


def test_an_argument_that_is_no_json_is_known_at_run_time_only() -> None:
    found = derived(task("sagemaker:createModel", {"ModelName": object(), "ExecutionRoleArn": object()}))
    assert told(found) == [
        passing(f"arn:aws:iam::{A}:role/*"),
        ("sagemaker:CreateModel", f"{SM}:model/*", None),
    ]


def test_each_right_says_which_state_takes_it() -> None:
    found = derived(task(FUNCTION), task("dynamodb:getItem", {"TableName": "t"}))
    assert {(need.action, need.why) for need in found.needs} == {
        ("lambda:InvokeFunction", "S0"),
        ("dynamodb:GetItem", "S1"),
    }


def test_a_text_is_read_and_one_that_is_no_definition_refused() -> None:
    text = json.dumps(machine(task(FUNCTION)))
    assert told(derive(text, account=A, region=R)) == [("lambda:InvokeFunction", FUNCTION, None)]
    with pytest.raises(asl.DefinitionInvalid):
        derive('{"States": {}}', account=A, region=R)


def test_other_partitions_have_other_arns() -> None:
    found = derive(
        machine(task("dynamodb:getItem", {"TableName": "t"})),
        account=A,
        region="cn-north-1",
        partition="aws-cn",
    )
    assert told(found) == [("dynamodb:GetItem", f"arn:aws-cn:dynamodb:cn-north-1:{A}:table/t", None)]
