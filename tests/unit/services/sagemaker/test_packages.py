"""The registry: versions are numbered, approved, found again, and only approved ones are deployed."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.api.callers import role_session
from stepwell.errors import AwsError

GROUP = "arn:aws:sagemaker:us-east-1:000000000000:model-package-group/digits"
VERSION = "arn:aws:sagemaker:us-east-1:000000000000:model-package/digits"


def register(world: Any, **changes: Any) -> str:
    specification = {
        "Containers": [{"Image": world.image, "ModelDataUrl": "s3://bucket/m.tar.gz"}],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    params = {"ModelPackageGroupName": "digits", "InferenceSpecification": specification}
    chosen = {name: value for name, value in {**params, **changes}.items() if value is not None}
    return str(world("CreateModelPackage", **chosen)["ModelPackageArn"])


@pytest.fixture
def group(world: Any) -> str:
    made = world("CreateModelPackageGroup", ModelPackageGroupName="digits", ModelPackageGroupDescription="d")
    return str(made["ModelPackageGroupArn"])


@pytest.mark.usefixtures("group")
def test_versions_are_numbered_and_wait_for_approval(world: Any) -> None:
    assert [register(world), register(world)] == [f"{VERSION}/1", f"{VERSION}/2"]
    shown = world("DescribeModelPackage", ModelPackageName=f"{VERSION}/2")
    assert shown["ModelApprovalStatus"] == "PendingManualApproval"
    assert shown["ModelPackageStatus"] == "Completed"
    assert (shown["ModelPackageGroupName"], shown["ModelPackageVersion"]) == ("digits", 2)


@pytest.mark.usefixtures("group")
def test_numbers_are_never_used_again(world: Any) -> None:
    register(world)
    world("DeleteModelPackage", ModelPackageName=f"{VERSION}/1")
    assert register(world) == f"{VERSION}/2"


@pytest.mark.usefixtures("group")
def test_the_latest_approved_version_is_found(world: Any) -> None:
    for number in range(12):
        status = "Approved" if number % 2 == 0 else "Rejected"
        register(world, ModelApprovalStatus=status)
    found = world(
        "ListModelPackages",
        ModelPackageGroupName=GROUP,
        ModelApprovalStatus="Approved",
        SortBy="CreationTime",
        SortOrder="Descending",
        MaxResults=1,
    )
    assert [package["ModelPackageArn"] for package in found["ModelPackageSummaryList"]] == [f"{VERSION}/11"]
    assert "ModelPackageName" not in found["ModelPackageSummaryList"][0]


@pytest.mark.usefixtures("group")
def test_creation_and_approval_are_told(world: Any) -> None:
    register(world)
    world("UpdateModelPackage", ModelPackageArn=f"{VERSION}/1", ApprovalDescription="looks good")
    world("UpdateModelPackage", ModelPackageArn=f"{VERSION}/1", ModelApprovalStatus="Approved")
    world.server.decide(lambda draft: None)
    told = [(event["detail-type"], event["detail"]["ModelApprovalStatus"]) for event in world.events]
    kind = "SageMaker Model Package State Change"
    assert told == [(kind, "PendingManualApproval"), (kind, "Approved")]
    shown = world("DescribeModelPackage", ModelPackageName=f"{VERSION}/1")
    assert shown["ApprovalDescription"] == "looks good"


@pytest.mark.usefixtures("group")
def test_who_made_and_who_changed_a_version_is_told_with_times(world: Any) -> None:
    """CreatedBy and LastModifiedBy are the callers as GetCallerIdentity names them, in the event as well."""
    world.server.caller = role_session(world.role, "run-7", "AROATRAIN")
    register(world)
    made = world.server.clock.now()
    world.server.clock.advance(60)
    world.server.caller = role_session("arn:aws:iam::000000000000:role/team/approver", "ada", "AROAADA")
    world(
        "UpdateModelPackage",
        ModelPackageArn=f"{VERSION}/1",
        ModelApprovalStatus="Rejected",
        ApprovalDescription="the labels of one scanner are wrong",
    )
    shown = world("DescribeModelPackage", ModelPackageName=f"{VERSION}/1")
    created = {
        "Arn": "arn:aws:sts::000000000000:assumed-role/train/run-7",
        "PrincipalId": "AROATRAIN:run-7",
    }
    changed = {
        "Arn": "arn:aws:sts::000000000000:assumed-role/approver/ada",
        "PrincipalId": "AROAADA:ada",
    }
    assert (shown["CreatedBy"], shown["CreationTime"]) == ({"IamIdentity": created}, made)
    assert (shown["LastModifiedBy"], shown["LastModifiedTime"]) == ({"IamIdentity": changed}, made + 60)
    world.server.decide(lambda draft: None)
    event = world.events[-1]
    assert event["resources"] == [f"{VERSION}/1"]
    milliseconds = {"CreationTime": round(made * 1000), "LastModifiedTime": round((made + 60) * 1000)}
    assert event["detail"] == {**shown, **milliseconds, "Tags": {}}
    assert event["detail"]["ApprovalDescription"] == "the labels of one scanner are wrong"


def test_who_made_a_group_is_told(world: Any, group: str) -> None:
    shown = world("DescribeModelPackageGroup", ModelPackageGroupName=group)
    assert shown["CreatedBy"]["IamIdentity"]["Arn"] == world.server.caller.arn


@pytest.mark.parametrize("member", ["PrimaryContainer", "Containers"])
@pytest.mark.usefixtures("group")
def test_a_model_of_a_package_runs_with_the_packages_environment(world: Any, member: str) -> None:
    """What CreateModel's container says beside it wins."""
    packaged = {"SAGEMAKER_PROGRAM": "serve.py", "LEVEL": "20"}
    container = {
        "Image": world.image,
        "ModelDataUrl": world.archive("bucket/m.tar.gz", weights=b"w"),
        "Environment": packaged,
    }
    register(world, ModelApprovalStatus="Approved", InferenceSpecification={"Containers": [container]})
    asked = {"ModelPackageName": f"{VERSION}/1", "Environment": {"LEVEL": "10"}}
    containers = asked if member == "PrimaryContainer" else [asked]
    world("CreateModel", ModelName="m", ExecutionRoleArn=world.role, **{member: containers})
    world.config("config", "m")
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="config")
    world.settle("Endpoint", "digits", "InService")
    (spec,) = world.jobs.specs.values()
    assert {name: spec.variables[name] for name in packaged} == {**packaged, "LEVEL": "10"}


@pytest.mark.usefixtures("group")
def test_only_an_approved_version_becomes_a_model(world: Any) -> None:
    register(world)

    def create() -> None:
        container = {"ModelPackageName": f"{VERSION}/1", "Environment": {"A": "1"}}
        world("CreateModel", ModelName="m", PrimaryContainer=container, ExecutionRoleArn=world.role)

    with pytest.raises(AwsError, match="ModelApprovalStatus is PendingManualApproval, it must be Approved"):
        create()
    world("UpdateModelPackage", ModelPackageArn=f"{VERSION}/1", ModelApprovalStatus="Approved")
    create()
    world.archive("bucket/m.tar.gz", weights=b"packaged")
    world.config("config", "m")
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="config")
    world.settle("Endpoint", "digits", "InService")
    assert world.invoke("digits", Body=b"x")["Body"] == b"packaged"


@pytest.mark.usefixtures("group")
def test_a_client_token_registers_once(world: Any) -> None:
    first = register(world, ClientToken="token-1")
    assert register(world, ClientToken="token-1") == first
    assert register(world, ClientToken="token-2") != first


def test_a_group_is_deleted_when_it_is_empty(world: Any, group: str) -> None:
    assert group == GROUP
    register(world)
    with pytest.raises(AwsError, match="still contains 1 Model Packages") as refused:
        world("DeleteModelPackageGroup", ModelPackageGroupName="digits")
    assert refused.value.error_code == "ConflictException"
    world("DeleteModelPackage", ModelPackageName=f"{VERSION}/1")
    world("DeleteModelPackageGroup", ModelPackageGroupName="digits")
    assert world("ListModelPackageGroups")["ModelPackageGroupSummaryList"] == []


def test_a_package_by_itself_has_a_name(world: Any) -> None:
    arn = register(world, ModelPackageName="alone", ModelPackageGroupName=None)
    assert arn.endswith(":model-package/alone")
    assert world("DescribeModelPackage", ModelPackageName="alone")["ModelPackageArn"] == arn
    listed = world("ListModelPackages")["ModelPackageSummaryList"]
    assert [package["ModelPackageName"] for package in listed] == ["alone"]


@pytest.mark.parametrize(
    ("operation", "params", "message"),
    [
        ("DescribeModelPackageGroup", {"ModelPackageGroupName": "none"}, "group/none does not exist"),
        ("DescribeModelPackage", {"ModelPackageName": f"{VERSION}/9"}, "digits/9 does not exist"),
        ("CreateModelPackageGroup", {"ModelPackageGroupName": "digits"}, "already exists"),
        ("CreateModelPackage", {}, "Missing ARN"),
        (
            "CreateModelPackage",
            {"ModelPackageName": "a", "ModelPackageGroupName": "digits"},
            "Cannot determine which one to use",
        ),
        ("ListModelPackages", {"ModelPackageGroupName": "none"}, "does not exist"),
    ],
)
@pytest.mark.usefixtures("group")
def test_faults_are_said(world: Any, operation: str, params: dict[str, Any], message: str) -> None:
    with pytest.raises(AwsError, match=message):
        world(operation, **params)


@pytest.mark.usefixtures("group")
def test_tags_of_every_kind_of_resource(world: Any) -> None:
    world.endpoint("e", "m")
    world.train()
    register(world, ModelPackageName="alone", ModelPackageGroupName=None)
    start = "arn:aws:sagemaker:us-east-1:000000000000:"
    for resource in (
        "training-job/job",
        "model/m",
        "endpoint-config/e-config",
        "endpoint/e",
        "model-package-group/digits",
        "model-package/alone",
    ):
        arn = start + resource
        tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
        assert world("AddTags", ResourceArn=arn, Tags=tags)["Tags"] == tags
        world("DeleteTags", ResourceArn=arn, TagKeys=["a", "absent"])
        assert world("ListTags", ResourceArn=arn)["Tags"] == tags[1:]
    with pytest.raises(AwsError, match="Could not find resource"):
        world("AddTags", ResourceArn=f"{start}endpoint/none", Tags=tags)
    register(world)
    with pytest.raises(AwsError, match="versioned model package cannot have tags"):
        world("AddTags", ResourceArn=f"{VERSION}/1", Tags=tags)


@pytest.mark.usefixtures("group")
def test_tags_are_paged(world: Any) -> None:
    tags = [{"Key": f"k{number:02}", "Value": "v"} for number in range(5)]
    world("AddTags", ResourceArn=GROUP, Tags=tags)
    first = world("ListTags", ResourceArn=GROUP, MaxResults=50)
    assert first["Tags"] == tags and "NextToken" not in first
    many = [{"Key": f"m{number:02}", "Value": "v"} for number in range(46)]
    with pytest.raises(AwsError, match="at most 50 tags"):
        world("AddTags", ResourceArn=GROUP, Tags=many)
