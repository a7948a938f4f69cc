"""Resources: which there are, what they call, and how their errors are named."""

from __future__ import annotations

import pytest

from stepwell.api.models import operation_model
from stepwell.engine import integrations, shapes
from stepwell.engine.integrations import INTEGRATIONS
from stepwell.errors import AccessDenied, AwsError

PREFIX = "arn:aws:states:::"


@pytest.mark.parametrize(
    ("kind", "label", "service", "operation"),
    [
        ("lambda", "invoke.waitForTaskToken", "lambda", "Invoke"),
        ("states", "startExecution.sync:2", "stepfunctions", "StartExecution"),
        ("sagemaker", "createProcessingJob.sync", "sagemaker", "CreateProcessingJob"),
        ("events", "putEvents.waitForTaskToken", "events", "PutEvents"),
        ("sns", "publish.waitForTaskToken", "sns", "Publish"),
        ("sqs", "sendMessage", "sqs", "SendMessage"),
        ("aws-sdk:sns", "createTopic", "sns", "CreateTopic"),
        ("aws-sdk:sfn", "describeExecution", "stepfunctions", "DescribeExecution"),
        ("aws-sdk:sagemakerruntime", "invokeEndpoint", "sagemaker-runtime", "InvokeEndpoint"),
        ("aws-sdk:cloudwatchlogs", "putLogEvents", "logs", "PutLogEvents"),
        ("aws-sdk:iam", "getRole.waitForTaskToken", "iam", "GetRole"),
    ],
)
def test_a_resource_says_what_it_calls(kind: str, label: str, service: str, operation: str) -> None:
    """Type and label as the history shows them, and botocore's names of the operation."""
    resource = integrations.parse(f"{PREFIX}{kind}:{label}")
    assert resource is not None
    assert (resource.type, resource.label) == (kind, label)
    assert integrations.operation(resource) == (service, operation)


@pytest.mark.parametrize(
    "arn",
    [
        "nonsense",
        PREFIX + "lambda",
        PREFIX + "lambda:invoke.sync",
        PREFIX + "sagemaker:createEndpoint.sync",
        PREFIX + "sagemaker:createTrainingJob.waitForTaskToken",
        PREFIX + "aws-sdk:s3:putObject.sync",
        PREFIX + "states:startExecution.sync:3",
    ],
)
def test_what_is_no_resource(arn: str) -> None:
    """AWS has no such service, action or pattern."""
    assert integrations.parse(arn) is None


@pytest.mark.parametrize(("service", "action"), INTEGRATIONS)
def test_every_row_names_operations_that_aws_has(service: str, action: str) -> None:
    """The operation, and what a job is asked and stopped by, with the members that the row names."""
    row = INTEGRATIONS[service, action]
    model = operation_model(row.service, row.operation)
    if row.job is None:
        return
    assert any(name.casefold() == row.job.arn.casefold() for name in model.output_shape.members)
    for operation in (row.job.describe, row.job.stop):
        assert row.job.key in operation_model(row.job.service, operation).input_shape.members
    assert row.job.status in operation_model(row.job.service, row.job.describe).output_shape.members


def test_nested_shapes_are_spelled_as_the_api_spells_them() -> None:
    """PascalCase in, the API's own names out, at every depth; null is absence."""
    model = operation_model("stepfunctions", "CreateStateMachine")
    given = {
        "Name": "m",
        "Definition": "{}",
        "RoleArn": "r",
        "Tags": [{"Key": "k", "Value": "v"}],
        "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True},
        "Publish": None,
    }
    assert shapes.request(model, given) == {
        "name": "m",
        "definition": "{}",
        "roleArn": "r",
        "tags": [{"key": "k", "value": "v"}],
        "loggingConfiguration": {"level": "ALL", "includeExecutionData": True},
    }


@pytest.mark.parametrize(
    ("parameters", "why"),
    [
        ([], "The Parameters must be a JSON object"),
        ({"Nonsense": 1}, "The field 'Nonsense' is not supported by Step Functions"),
        ({"Name": 1}, "The value for the field 'Name' must be a STRING"),
        ({"Tags": {}}, "The value for the field 'Tags' must be an array"),
        ({"Tags": [1]}, "The value for the field 'Tags' must be an object"),
    ],
)
def test_parameters_that_fit_no_shape(parameters: object, why: str) -> None:
    """The reason names the field."""
    with pytest.raises(shapes.ParametersInvalid) as caught:
        shapes.request(operation_model("stepfunctions", "CreateStateMachine"), parameters)
    assert str(caught.value) == why


def test_times_are_taken_as_text_or_numbers() -> None:
    """RFC 3339 or seconds since the epoch."""
    model = operation_model("sagemaker", "ListTrainingJobs")
    for given in ("2023-11-14T22:13:20Z", 1_700_000_000):
        assert shapes.request(model, {"CreationTimeAfter": given}) == {"CreationTimeAfter": 1_700_000_000.0}
    with pytest.raises(shapes.ParametersInvalid):
        shapes.request(model, {"CreationTimeAfter": "yesterday"})


def test_a_streamed_body_is_text_and_has_a_checksum() -> None:
    """As the SDK within Step Functions sends it; what the state says comes first."""
    model = operation_model("s3", "PutObject")
    sent = shapes.request(model, {"Bucket": "b", "Key": "k", "Body": {"a": 1}})
    assert sent.pop("Body").data == b'{"a":1}'
    assert sent == {
        "Bucket": "b",
        "Key": "k",
        "ContentType": "text/plain; charset=UTF-8",
        "ChecksumAlgorithm": "CRC32",
    }
    for said in ({"ContentType": "text/csv", "ChecksumAlgorithm": "SHA256"}, {"ChecksumSHA256": "digest"}):
        sent = shapes.request(model, {"Bucket": "b", "Key": "k", "Body": "", **said})
        assert {**sent, **said} == sent
        assert sent.get("ChecksumAlgorithm") != "CRC32"
    invoke = operation_model("sagemaker-runtime", "InvokeEndpoint")
    assert shapes.request(invoke, {"EndpointName": "e", "Body": [1]}).keys() == {"EndpointName", "Body"}


class Missing(AwsError):
    """An error of a service that changed its protocol."""

    code = "MissingParameterException"
    former = "MissingParameter"


@pytest.mark.parametrize(
    ("action", "error", "name", "code"),
    [
        ("sqs:sendMessage", Missing("m"), "SQS.AmazonSQSException", "MissingParameter"),
        ("sqs:sendMessage", AccessDenied("m"), "SQS.AmazonSQSException", "AccessDenied"),
        ("sns:publish", AwsError("m", code="NotFound"), "SNS.NotFoundException", "NotFound"),
        (
            "sns:publish",
            AwsError("m", code="AuthorizationError", status=403),
            "SNS.AuthorizationErrorException",
            "AuthorizationError",
        ),
        ("aws-sdk:sns:publish", AwsError("m", code="NotFound"), "Sns.NotFoundException", None),
    ],
)
def test_an_error_is_named_as_its_service_names_it(
    action: str, error: AwsError, name: str, code: str | None
) -> None:
    """SQS's are named by the protocol that it had, which the optimised integration still speaks."""
    resource = integrations.parse(f"{PREFIX}{action}")
    assert resource is not None
    found, cause = integrations.failure(resource, error, "r")
    assert found == name
    assert cause.startswith("m (Service: ")
    assert code is None or f"Error Code: {code};" in cause
    assert not isinstance(error, AccessDenied) or "Status Code: 403;" in cause
