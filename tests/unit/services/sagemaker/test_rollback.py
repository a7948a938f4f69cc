"""An endpoint's history tells who had what served and why, and a rollback goes back in it, step by step."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stepwell.api.callers import role_session
from stepwell.api.operations import Site
from stepwell.calls import Call
from stepwell.errors import AwsError
from stepwell.services import sagemaker
from stepwell.services.sagemaker import deployments as history

ROLE = "arn:aws:iam::000000000000:role/train"
PACKAGE = "arn:aws:sagemaker:us-east-1:000000000000:model-package/digits"


def roll_back(world: Any, **params: Any) -> dict[str, Any]:
    """A rollback of the endpoint `digits`, waited for."""
    begun: dict[str, Any] = world.server.call(
        "stepwell", "RollbackEndpoint", **{"EndpointName": "digits", **params}
    )
    world.settle("Endpoint", "digits", "InService")
    return begun


def refused(world: Any, **params: Any) -> str:
    with pytest.raises(AwsError) as error:
        roll_back(world, **params)
    assert error.value.error_code == "ValidationException"
    return str(error.value)


def deployments(world: Any, endpoint: str = "digits") -> list[dict[str, Any]]:
    """The history, the first deployment first."""
    listed = world.server.call("stepwell", "ListDeployments", EndpointName=endpoint)["Deployments"]
    return listed[::-1]


def config_of(world: Any) -> str:
    return str(world("DescribeEndpoint", EndpointName="digits")["EndpointConfigName"])


def update(world: Any, *names: str) -> None:
    """Have the endpoint serve models of these names in turn, by configurations of their names."""
    for name in names:
        world.model(name)
        world.config(name, name)
        world("UpdateEndpoint", EndpointName="digits", EndpointConfigName=name)
        world.settle("Endpoint", "digits", "InService")


def register(world: Any, text: str, group: str = "digits", status: str = "Approved") -> str:
    """A model package whose model answers `text`; its ARN."""
    url = world.archive(f"bucket/{group}-{text}.tar.gz", weights=text.encode())
    made = world(
        "CreateModelPackage",
        ModelPackageGroupName=group,
        ModelApprovalStatus=status,
        InferenceSpecification={
            "Containers": [{"Image": world.image, "ModelDataUrl": url}],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )
    return str(made["ModelPackageArn"])


def serve_package(world: Any, package: str, name: str) -> None:
    """Have the endpoint `digits` serve a package, by a model and a configuration of that name."""
    world(
        "CreateModel", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": package}
    )
    world.config(name, name)
    if world("ListEndpoints")["Endpoints"]:
        world("UpdateEndpoint", EndpointName="digits", EndpointConfigName=name)
    else:
        world("CreateEndpoint", EndpointName="digits", EndpointConfigName=name)
    world.settle("Endpoint", "digits", "InService")


@pytest.fixture
def packaged(world: Any) -> Any:
    """An endpoint that has served versions 1 and 2 of `digits`; version 3 is Approved, 4 is not."""
    world("CreateModelPackageGroup", ModelPackageGroupName="digits")
    for number in (1, 2):
        serve_package(world, register(world, f"v{number}"), f"model-{number}")
    register(world, "v3")
    register(world, "v4", status="PendingManualApproval")
    return world


def test_a_history_tells_who_had_what_served_since_when(world: Any) -> None:
    world.endpoint("digits", "one")
    world.server.caller = role_session("arn:aws:iam::000000000000:role/machine", "run-7")
    world.server.clock.advance(60)
    update(world, "two")
    first, second = deployments(world)
    assert (first["Number"], first["Status"], first["Action"]) == (1, "Replaced", "create")
    assert first["RequestedBy"] == "arn:aws:iam::000000000000:root"
    assert first["EndTime"] == second["InServiceTime"]
    assert (second["Number"], second["Status"], second["Action"]) == (2, "InService", "update")
    assert second["RequestedBy"] == "arn:aws:sts::000000000000:assumed-role/machine/run-7"
    assert second["Models"] == [{"VariantName": "variant-two", "ModelName": "two"}]
    assert second["CreationTime"] - first["CreationTime"] >= 60


def test_an_update_that_fails_is_in_the_history_and_changes_nothing_else(world: Any) -> None:
    world.endpoint("digits", "one")
    world.model("bad", broken=b"")
    world.config("bad", "bad")
    world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="bad")
    world.settle("Endpoint", "digits", "InService")
    first, second = deployments(world)
    assert (first["Status"], second["Status"]) == ("InService", "Failed")
    assert "ping health check" in second["FailureReason"]


def test_a_rollback_brings_back_what_served_before_with_who_and_why(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    world.server.caller = role_session("arn:aws:iam::000000000000:role/on-call", "ann")
    begun = roll_back(world, Reason="sevens are read as ones")
    assert (begun["From"]["Number"], begun["To"]["Number"]) == (2, 3)
    assert (begun["From"]["EndpointConfigName"], begun["To"]["EndpointConfigName"]) == (
        "two",
        "digits-config",
    )
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    newest = deployments(world)[-1]
    assert (newest["Action"], newest["RestoredNumber"], newest["Status"]) == ("rollback", 1, "InService")
    assert newest["Reason"] == "sevens are read as ones"
    assert newest["RequestedBy"].endswith(":assumed-role/on-call/ann")


def test_rolling_back_again_goes_one_further_back_and_never_forward(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two", "three")
    roll_back(world)
    assert config_of(world) == "two"
    roll_back(world)
    assert config_of(world) == "digits-config"
    assert "has no previous deployment to roll back to" in refused(world)


def test_after_a_rollback_and_an_update_the_rolled_back_one_is_the_previous(world: Any) -> None:
    """What was rolled back from is left out for good."""
    world.endpoint("digits", "one")
    update(world, "two")
    roll_back(world)
    update(world, "three")
    roll_back(world)
    assert config_of(world) == "digits-config"
    assert "no previous deployment" in refused(world)


def test_a_deployment_that_never_served_is_no_previous_one(world: Any) -> None:
    world.endpoint("digits", "one")
    world.model("bad", broken=b"")
    world.config("bad", "bad")
    world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="bad")
    world.settle("Endpoint", "digits", "InService")
    assert "no previous deployment" in refused(world)
    update(world, "two")
    roll_back(world)
    assert config_of(world) == "digits-config"


def test_deployments_whose_model_is_gone_are_passed_over(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two", "three")
    world("DeleteModel", ModelName="two")
    roll_back(world)
    assert config_of(world) == "digits-config"


def test_a_model_of_the_same_name_is_not_the_one_that_served(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    world("DeleteModel", ModelName="one")
    url = world.archive("bucket/other.tar.gz", weights=b"other")
    container = {"Image": world.image, "ModelDataUrl": url}
    world("CreateModel", ModelName="one", PrimaryContainer=container, ExecutionRoleArn=ROLE)
    assert 'Deployment 1 (digits-config): the model "one" is not the one that served.' in refused(world)


def test_a_deleted_configuration_is_made_anew(world: Any) -> None:
    world.endpoint("digits", "one", count=2)
    update(world, "two")
    world("DeleteEndpointConfig", EndpointConfigName="digits-config")
    roll_back(world)
    assert config_of(world) == "digits-config"
    shown = world("DescribeEndpointConfig", EndpointConfigName="digits-config")
    assert shown["ProductionVariants"][0]["InitialInstanceCount"] == 2


def test_a_configuration_of_the_same_name_is_left_alone(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    world("DeleteEndpointConfig", EndpointConfigName="digits-config")
    world.config("digits-config", "two")
    roll_back(world)
    assert config_of(world) == "digits-config-2"
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"


def test_an_artefact_that_is_gone_is_refused_before_anything_changes(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    del world.s3.objects["bucket/one.tar.gz"]
    assert "Could not find model data at s3://bucket/one.tar.gz" in refused(world)
    assert len(deployments(world)) == 2


def test_an_endpoint_that_changes_or_is_not_there_is_refused_in_aws_s_words(world: Any) -> None:
    assert refused(world, EndpointName="none").startswith('Could not find endpoint "arn:aws:sagemaker:')
    world.endpoint("digits", "one")
    update(world, "two")
    world.model("three")
    world.config("three", "three")
    world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="three")
    assert refused(world).startswith("Cannot update in-progress endpoint")


def test_a_repeated_request_rolls_back_once(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two", "three")
    first = roll_back(world, ClientToken="token-1")
    again = roll_back(world, ClientToken="token-1")
    assert (first["From"]["Number"], first["To"]["Number"]) == (3, 4)
    assert (again["From"]["Number"], again["To"]["Number"]) == (3, 4)
    assert config_of(world) == "two"


def test_what_changes_between_looking_and_committing_is_a_conflict(world: Any) -> None:
    """Two at once: one of them rolls back, and nobody goes back two steps unasked."""
    world.endpoint("digits", "one")
    update(world, "two", "three")

    async def both() -> list[Any]:
        calls = [world.server.dispatch("stepwell", "RollbackEndpoint", EndpointName="digits") for _ in "12"]
        return await asyncio.gather(*calls, return_exceptions=True)

    answers = world.server.run(both())
    world.settle("Endpoint", "digits", "InService")
    assert sorted(isinstance(each, AwsError) for each in answers) == [False, True]
    assert config_of(world) == "two"


def test_a_plan_that_no_longer_holds_is_refused(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    keeper = sagemaker.Rollbacks(environments=world.environments)
    call = Call(
        service="stepwell",
        operation="RollbackEndpoint",
        params={"EndpointName": "digits"},
        caller=world.server.caller,
    )
    prepared = world.server.run(keeper.prepare(call, world.server.context))
    update(world, "three")
    with pytest.raises(AwsError, match="has just changed") as error:
        world.server.decide(lambda draft: keeper.roll_back(call, draft, prepared))
    assert error.value.error_code == "ConflictException"
    assert config_of(world) == "three"


def test_a_history_keeps_the_newest_and_always_what_serves(
    world: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "KEPT", 3)
    world.endpoint("digits", "one")
    world.model("bad", broken=b"")
    for number in range(4):
        world.config(f"bad-{number}", "bad")
        world("UpdateEndpoint", EndpointName="digits", EndpointConfigName=f"bad-{number}")
        world.settle("Endpoint", "digits", "InService")
    assert [(each["Number"], each["Status"]) for each in deployments(world)] == [
        (1, "InService"),
        (4, "Failed"),
        (5, "Failed"),
    ]


def test_a_rollback_goes_on_after_the_server_dies_in_its_middle(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    world.server.call("stepwell", "RollbackEndpoint", EndpointName="digits", Reason="why")
    world.kill()
    world.start()
    world.settle("Endpoint", "digits", "InService")
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    assert [each["Status"] for each in deployments(world)] == ["Replaced", "Replaced", "InService"]


def test_a_deleted_endpoint_takes_its_history_along(world: Any) -> None:
    world.endpoint("digits", "one")
    update(world, "two")
    world("DeleteEndpoint", EndpointName="digits")
    world.wait_for_no_endpoint()
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="two")
    world.settle("Endpoint", "digits", "InService")
    assert [each["Number"] for each in deployments(world)] == [1]


def test_a_package_that_served_comes_back_by_its_own_configuration(packaged: Any) -> None:
    begun = roll_back(packaged, ModelPackageArn=f"{PACKAGE}/1")
    assert begun["To"]["Models"] == [
        {"VariantName": "variant-model-1", "ModelName": "model-1", "ModelPackageArn": f"{PACKAGE}/1"}
    ]
    assert (begun["To"]["EndpointConfigName"], begun["To"]["RestoredNumber"]) == ("model-1", 1)
    assert packaged.invoke("digits", Body=b"x")["Body"] == b"v1"


def test_a_package_that_never_served_gets_a_model_like_the_one_that_serves(packaged: Any) -> None:
    begun = roll_back(packaged, ModelPackageVersion=3)
    assert begun["To"]["EndpointConfigName"] == "digits-3"
    assert packaged.invoke("digits", Body=b"x")["Body"] == b"v3"
    made = packaged("DescribeModel", ModelName="digits-3")
    assert made["PrimaryContainer"] == {"ModelPackageName": f"{PACKAGE}/3"}
    assert made["ExecutionRoleArn"] == ROLE
    roll_back(packaged)
    assert config_of(packaged) == "model-2"


def test_what_was_rolled_back_from_comes_back_when_it_is_named(packaged: Any) -> None:
    roll_back(packaged)
    roll_back(packaged, ModelPackageVersion=2)
    assert config_of(packaged) == "model-2"
    roll_back(packaged)
    assert config_of(packaged) == "model-1"


def test_a_previous_package_that_was_rejected_is_passed_over(packaged: Any) -> None:
    packaged("UpdateModelPackage", ModelPackageArn=f"{PACKAGE}/1", ModelApprovalStatus="Rejected")
    assert f"model package {PACKAGE}/1 is Rejected" in refused(packaged)


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"ModelPackageVersion": 2}, f"serves model package {PACKAGE}/2 already"),
        ({"ModelPackageVersion": 4}, "its ModelApprovalStatus is PendingManualApproval"),
        ({"ModelPackageVersion": 9}, f"ModelPackage {PACKAGE}/9 does not exist"),
        ({"ModelPackageArn": "nobodys/1"}, "does not exist"),
        ({"ModelPackageArn": f"{PACKAGE}/1", "ModelPackageVersion": 1}, "give one of them"),
    ],
)
def test_a_package_that_must_not_serve_is_refused(packaged: Any, params: dict[str, Any], says: str) -> None:
    assert says in refused(packaged, **params)
    assert len(deployments(packaged)) == 2


def test_a_package_of_another_group_is_refused(packaged: Any) -> None:
    packaged("CreateModelPackageGroup", ModelPackageGroupName="letters")
    other = register(packaged, "a", group="letters")
    assert "is not of the group digits" in refused(packaged, ModelPackageArn=other)


def test_an_endpoint_without_packages_takes_no_bare_version(world: Any) -> None:
    world.endpoint("digits", "one")
    assert "never served a model package" in refused(world, ModelPackageVersion=1)


def touched(world: Any, **params: Any) -> set[tuple[str, str]]:
    """The actions and resources of the rights that a rollback takes, by the last parts of their ARNs."""

    def look(view: Any) -> set[tuple[str, str]]:
        site = Site(account=view.account, region=view.region, view=view)
        found = set()
        for right in sagemaker.rollback_rights():
            named = right.resource({"EndpointName": "digits", **params}, site)  # type: ignore[operator]
            found |= {(right.action, arn) for arn in ([named] if isinstance(named, str) else named)}
        return {(action, arn.rpartition(":")[2]) for action, arn in found}

    return world.server.run(world.server.dispatcher.read(look))  # type: ignore[no-any-return]


def test_a_rollback_takes_the_rights_to_all_that_it_does(packaged: Any) -> None:
    update_both = {("sagemaker:UpdateEndpoint", "endpoint/digits")}
    assert touched(packaged) == update_both | {("sagemaker:UpdateEndpoint", "endpoint-config/model-1")}
    assert touched(packaged, ModelPackageVersion=3) == update_both | {
        ("sagemaker:UpdateEndpoint", "endpoint-config/digits-3"),
        ("sagemaker:CreateEndpointConfig", "endpoint-config/digits-3"),
        ("sagemaker:CreateModel", "model/digits-3"),
        ("iam:PassRole", "role/train"),
    }
    packaged("DeleteEndpointConfig", EndpointConfigName="model-1")
    assert ("sagemaker:CreateEndpointConfig", "endpoint-config/model-1") in touched(packaged)
