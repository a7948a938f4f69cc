"""Each resource type's life against an endpoint: made, read, changed, deleted, with the calls it takes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.values import Content

TRUST = json.dumps({"Version": "2012-10-17", "Statement": []})
OTHER = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny"}]})
ROLE_ARN = "arn:aws:iam::000000000000:role/r"
CODE = Content(archive=True, sha256="1", about="code", data=b"PK one")
CODE_2 = Content(archive=True, sha256="2", about="code", data=b"PK two")
VARIANT = {"variantName": "v", "modelName": "m", "instanceType": "ml.m5.large", "initialInstanceCount": 1}
CAPTURE = {
    "enableCapture": True,
    "initialSamplingPercentage": 20,
    "destinationS3Uri": "s3://b/capture",
    "captureOptions": [{"captureMode": "Input"}, {"captureMode": "Output"}],
    "captureContentTypeHeader": {"csvContentTypes": ["text/csv"], "jsonContentTypes": ["application/json"]},
    "kmsKeyId": "alias/key",
}
FUNCTION = {"name": "f", "role": ROLE_ARN, "runtime": "python3.11", "handler": "h.main", "code": CODE}
MACHINE = {"name": "m", "roleArn": ROLE_ARN, "definition": '{"StartAt": "A", "States": {}}'}
MACHINE_ARN = "arn:aws:states:us-east-1:000000000000:stateMachine:m"

#: type, inputs, the changed ones, id, computed properties, writes of create, update, delete
LIVES: list[
    tuple[str, dict[str, Any], dict[str, Any], str, dict[str, Any], list[str], list[str], list[str]]
] = [
    (
        "aws:s3/bucket:Bucket",
        {"bucket": "b", "tagsAll": {"team": "a"}},
        {"versioning": {"enabled": True}, "tagsAll": {}},
        "b",
        {"arn": "arn:aws:s3:::b", "bucketDomainName": "b.s3.amazonaws.com"},
        ["CreateBucket", "PutBucketTagging"],
        ["DeleteBucketTagging", "PutBucketVersioning"],
        ["DeleteBucket"],
    ),
    (
        "aws:iam/role:Role",
        {"name": "r", "assumeRolePolicy": TRUST, "inlinePolicies": [{"name": "p", "policy": TRUST}]},
        {"assumeRolePolicy": OTHER, "description": "new", "inlinePolicies": [{"name": "q", "policy": TRUST}]},
        "r",
        {"arn": ROLE_ARN, "uniqueId": "AROA", "path": "/"},
        ["CreateRole", "PutRolePolicy"],
        ["UpdateAssumeRolePolicy", "UpdateRole", "PutRolePolicy", "DeleteRolePolicy"],
        ["DeleteRolePolicy", "DeleteRole"],
    ),
    (
        "aws:iam/policy:Policy",
        {"name": "p", "policy": TRUST},
        {"policy": OTHER},
        "arn:aws:iam::000000000000:policy/p",
        {"arn": "arn:aws:iam::000000000000:policy/p"},
        ["CreatePolicy"],
        ["CreatePolicyVersion"],
        ["DeletePolicyVersion", "DeletePolicy"],
    ),
    (
        "aws:lambda/function:Function",
        FUNCTION,
        {"timeout": 60, "code": CODE_2},
        "f",
        {"version": "$LATEST", "qualifiedArn": "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"},
        ["CreateFunction"],
        ["UpdateFunctionConfiguration", "UpdateFunctionCode"],
        ["DeleteFunction"],
    ),
    (
        "aws:sfn/stateMachine:StateMachine",
        MACHINE,
        {"definition": '{"StartAt": "B", "States": {}}'},
        MACHINE_ARN,
        {"arn": MACHINE_ARN, "status": "ACTIVE"},
        ["CreateStateMachine"],
        ["UpdateStateMachine"],
        ["DeleteStateMachine"],
    ),
    (
        "aws:sagemaker/modelPackageGroup:ModelPackageGroup",
        {"modelPackageGroupName": "g"},
        {"tagsAll": {"a": "b"}},
        "g",
        {"arn": "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/g"},
        ["CreateModelPackageGroup"],
        ["AddTags"],
        ["DeleteModelPackageGroup"],
    ),
    (
        "aws:sagemaker/model:Model",
        {
            "name": "m",
            "executionRoleArn": ROLE_ARN,
            "primaryContainer": {"image": "i", "environment": {"aB": "c"}},
        },
        {"tagsAll": {"a": "b"}},
        "m",
        {
            "arn": "arn:aws:sagemaker:us-east-1:000000000000:model/m",
            "primaryContainer": {"image": "i", "environment": {"aB": "c"}},
        },
        ["CreateModel"],
        ["AddTags"],
        ["DeleteModel"],
    ),
    (
        "aws:sagemaker/endpointConfiguration:EndpointConfiguration",
        {
            "name": "c",
            "productionVariants": [{**VARIANT, "volumeSizeInGb": 5}],
            "dataCaptureConfig": CAPTURE,
        },
        {"tagsAll": {"a": "b"}},
        "c",
        {"productionVariants": [{**VARIANT, "volumeSizeInGb": 5}], "dataCaptureConfig": CAPTURE},
        ["CreateEndpointConfig"],
        ["AddTags"],
        ["DeleteEndpointConfig"],
    ),
    (
        "aws:sagemaker/endpoint:Endpoint",
        {"name": "e", "endpointConfigName": "c"},
        {"endpointConfigName": "d"},
        "e",
        {"arn": "arn:aws:sagemaker:us-east-1:000000000000:endpoint/e"},
        ["CreateEndpoint"],
        ["UpdateEndpoint"],
        ["DeleteEndpoint"],
    ),
    (
        "aws:cloudwatch/logGroup:LogGroup",
        {"name": "/aws/g", "retentionInDays": 7},
        {"retentionInDays": 0},
        "/aws/g",
        {"arn": "arn:aws:logs:us-east-1:000000000000:log-group:/aws/g", "retentionInDays": 7},
        ["CreateLogGroup", "PutRetentionPolicy"],
        ["DeleteRetentionPolicy"],
        ["DeleteLogGroup"],
    ),
]


@pytest.fixture
def cloud(aws: Any) -> Cloud:
    return Cloud(
        endpoint="http://127.0.0.1:9", account="000000000000", region="us-east-1", clients=aws.client
    )


def _make(cloud: Cloud, kind: schema.ResourceType, inputs: dict[str, Any]) -> str:
    id_ = kind.create(cloud, inputs)
    if kind.settle is not None:
        kind.settle(cloud, id_, inputs)
    return id_


@pytest.mark.parametrize(
    ("token", "inputs", "changed", "id_", "computed", "creating", "updating", "deleting"),
    LIVES,
    ids=[life[0] for life in LIVES],
)
def test_a_life_takes_these_calls(
    cloud: Cloud,
    aws: Any,
    token: str,
    inputs: dict[str, Any],
    changed: dict[str, Any],
    id_: str,
    computed: dict[str, Any],
    creating: list[str],
    updating: list[str],
    deleting: list[str],
) -> None:
    """Create, read, update and delete make the writes listed and no others; a second delete is no error."""
    kind = TYPES[token]
    first = schema.with_defaults(kind, inputs)
    assert kind.read(cloud, id_, first) is None
    assert kind.identify(cloud, first) == id_
    aws.calls.clear()
    assert _make(cloud, kind, first) == id_
    assert aws.writes() == creating
    found = kind.read(cloud, id_, first)
    assert found is not None
    assert {name: found[name] for name in computed} == computed
    aws.calls.clear()
    assert kind.update is not None
    kind.update(cloud, id_, first, {**first, **changed})
    assert aws.writes() == updating
    aws.calls.clear()
    kind.delete(cloud, id_, {**first, **changed})
    assert aws.writes() == deleting
    kind.delete(cloud, id_, {**first, **changed})


@pytest.mark.parametrize(
    ("token", "inputs", "changed", "id_"), [life[:4] for life in LIVES], ids=[life[0] for life in LIVES]
)
def test_all_settings_can_be_applied_again(
    cloud: Cloud, token: str, inputs: dict[str, Any], changed: dict[str, Any], id_: str
) -> None:
    """An update from nothing, as after a run that was cut off, brings a resource to what is declared."""
    kind = TYPES[token]
    first = schema.with_defaults(kind, inputs)
    kind.create(cloud, first)
    assert kind.update is not None
    kind.update(cloud, id_, {}, {**first, **changed})
    assert kind.read(cloud, id_, first) is not None


def test_a_role_is_only_emptied_of_what_it_declared(cloud: Cloud, aws: Any) -> None:
    """Foreign policies keep a role from being deleted, unless its force_detach_policies says otherwise."""
    kind = TYPES["aws:iam/role:Role"]
    role = schema.with_defaults(kind, {"name": "r", "assumeRolePolicy": TRUST})
    _make(cloud, kind, role)
    cloud.client("iam").attach_role_policy(
        RoleName="r", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess"
    )
    with pytest.raises(ResourceFailed, match="DeleteConflict"):
        kind.delete(cloud, "r", role)
    kind.delete(cloud, "r", {**role, "forceDetachPolicies": True})
    assert aws.table("role") == {}


def test_a_bucket_with_objects_goes_only_by_force(cloud: Cloud, aws: Any) -> None:
    """force_destroy empties it; without, the answer says so and what to do."""
    kind = TYPES["aws:s3/bucket:Bucket"]
    kind.create(cloud, {"bucket": "b"})
    cloud.client("s3").put_object(Bucket="b", Key="k", Body=b"x")
    with pytest.raises(ResourceFailed, match=r"BucketNotEmpty.*force_destroy=True"):
        kind.delete(cloud, "b", {})
    kind.delete(cloud, "b", {"forceDestroy": True})
    assert aws.table("bucket") == {}


def test_a_notification_is_read_back_as_declared(cloud: Cloud) -> None:
    """Filters and events survive the way through the API's spelling."""
    kind = TYPES["aws:s3/bucketNotification:BucketNotification"]
    TYPES["aws:s3/bucket:Bucket"].create(cloud, {"bucket": "b"})
    declared = {
        "lambdaFunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "events": ["s3:ObjectCreated:*"],
        "filterPrefix": "data/",
        "filterSuffix": ".csv",
    }
    assert kind.create(cloud, {"bucket": "b", "lambdaFunctions": [declared], "eventbridge": True}) == "b"
    found = kind.read(cloud, "b", {})
    assert found is not None
    assert (found["lambdaFunctions"], found["eventbridge"]) == ([declared], True)
    kind.delete(cloud, "b", {})
    assert kind.read(cloud, "b", {}) is None


def test_attachments_and_inline_policies_are_found_by_their_ids(cloud: Cloud) -> None:
    """Their ids carry the role, so that a `get` or a refresh needs nothing else."""
    role, policy = TYPES["aws:iam/role:Role"], TYPES["aws:iam/rolePolicy:RolePolicy"]
    attachment = TYPES["aws:iam/rolePolicyAttachment:RolePolicyAttachment"]
    role.create(cloud, schema.with_defaults(role, {"name": "r", "assumeRolePolicy": TRUST}))
    inline = policy.create(cloud, {"role": "r", "name": "p", "policy": TRUST})
    attached = attachment.create(cloud, {"role": "r", "policyArn": "arn:aws:iam::aws:policy/X"})
    assert policy.read(cloud, inline, {}) == {"role": "r", "name": "p", "policy": TRUST}
    assert attachment.read(cloud, attached, {}) == {"role": "r", "policyArn": "arn:aws:iam::aws:policy/X"}
    policy.delete(cloud, inline, {})
    attachment.delete(cloud, attached, {})
    assert policy.read(cloud, inline, {}) is None
    assert attachment.read(cloud, attached, {}) is None


def test_a_permission_is_a_statement_of_the_functions_policy(cloud: Cloud) -> None:
    """It is read from the policy by its statement id, and is gone with it."""
    kind = TYPES["aws:lambda/permission:Permission"]
    TYPES["aws:lambda/function:Function"].create(
        cloud, schema.with_defaults(TYPES["aws:lambda/function:Function"], FUNCTION)
    )
    inputs = {
        "function": "f",
        "statementId": "s",
        "action": "lambda:InvokeFunction",
        "principal": "s3.amazonaws.com",
        "sourceArn": "arn:aws:s3:::b",
    }
    assert kind.create(cloud, inputs) == "s"
    assert kind.read(cloud, "s", inputs) is not None
    kind.delete(cloud, "s", inputs)
    assert kind.read(cloud, "s", inputs) is None


@pytest.mark.parametrize(
    ("body", "stored"),
    [
        ({"content": "text"}, b"text"),
        ({"contentBase64": "AAE="}, b"\x00\x01"),
        ({"source": Content(archive=False, sha256="x", about="f", data=b"file")}, b"file"),
    ],
)
def test_an_object_takes_its_bytes_from_any_of_three_places(
    cloud: Cloud, aws: Any, body: dict[str, Any], stored: bytes
) -> None:
    """Text, base64 text and assets all end as the object's bytes."""
    TYPES["aws:s3/bucket:Bucket"].create(cloud, {"bucket": "b"})
    kind = TYPES["aws:s3/bucketObjectv2:BucketObjectv2"]
    assert kind.create(cloud, {"bucket": "b", "key": "k/l", **body}) == "b/k/l"
    assert aws.table("bucket")["b"]["objects"]["k/l"]["Body"] == stored
    kind.delete(cloud, "b/k/l", {})
    assert kind.read(cloud, "b/k/l", {}) is None


def test_a_sixth_version_of_a_policy_makes_room(cloud: Cloud, aws: Any) -> None:
    """IAM keeps five versions: the oldest that is not in force goes."""
    kind = TYPES["aws:iam/policy:Policy"]
    first = {"name": "p", "path": "/", "policy": TRUST}
    id_ = kind.create(cloud, first)
    assert kind.update is not None
    for number in range(6):
        kind.update(cloud, id_, first, {**first, "policy": json.dumps({"Version": str(number)})})
    assert len(aws.table("policy")[id_]["versions"]) == 5


def test_an_endpoint_that_fails_says_why(cloud: Cloud, aws: Any) -> None:
    """The reason of the failure is the error."""
    kind = TYPES["aws:sagemaker/endpoint:Endpoint"]
    kind.create(cloud, {"name": "e", "endpointConfigName": "c"})
    aws.table("endpoint")["e"].update(EndpointStatus="Failed", FailureReason="no ping")
    assert kind.settle is not None
    with pytest.raises(ResourceFailed, match="endpoint e is Failed: no ping"):
        kind.settle(cloud, "e", {})


def test_settings_that_are_no_longer_declared_are_taken_back(cloud: Cloud, aws: Any) -> None:
    """A function's environment goes when the program drops it."""
    kind = TYPES["aws:lambda/function:Function"]
    first = schema.with_defaults(kind, {**FUNCTION, "environment": {"variables": {"A": "1"}}})
    kind.create(cloud, first)
    assert kind.update is not None
    kind.update(cloud, "f", first, schema.with_defaults(kind, FUNCTION))
    assert aws.table("function")["f"]["Environment"] == {"Variables": {}}
