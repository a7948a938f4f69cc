"""The champion: what serves, or what is approved, however it came there."""

from __future__ import annotations

from typing import Any

import pytest
from retrain.ledger.world import APPROVED, PENDING, Serving, World, endpoint, released

from stepwell.retrain.ledger import champion
from stepwell.retrain.ledger.champion import Champion
from stepwell.retrain.ledger.settings import Settings

DATA = "s3://b/models/m/model.tar.gz"
SERVED = {"EndpointStatus": "InService", "EndpointConfigName": "c"}
FOUND = {"endpoint": "digits", "config": "c", "model": "m"}


def found(world: World, sagemaker: Any) -> Champion | None:
    settings = Settings.from_json({**world.settings, "endpoint": "digits"})
    other = world.with_(sagemaker=sagemaker).workflow
    other.__dict__["settings"] = settings
    return champion.find(other)


def serving(*variants: dict[str, Any], model: dict[str, Any] | None, **more: Any) -> Serving:
    known = {"digits": {**SERVED, **more}, "c": {"ProductionVariants": list(variants)}}
    return Serving(**known, **({} if model is None else {"m": model}))


def variant(name: str, model: str | None, weight: float = 1.0) -> dict[str, Any]:
    named = {} if model is None else {"ModelName": model}
    return {"VariantName": name, "InitialVariantWeight": weight, **named}


ONE = variant("one", "m")


@pytest.mark.parametrize(
    ("sagemaker", "expected"),
    [
        pytest.param(Serving(), None, id="no endpoint"),
        pytest.param(endpoint(DATA, status="Failed"), None, id="it never served"),
        pytest.param(endpoint(DATA, status="Deleting"), None, id="it is being deleted"),
        pytest.param(
            endpoint(DATA, status="Updating", config="c"),
            {"config": "c", "model": "model-1", "model_data": DATA},
            id="it serves while it is updated",
        ),
        pytest.param(
            serving(ONE, model={"PrimaryContainer": {"ModelDataUrl": DATA}}),
            {"model_data": DATA},
            id="a model",
        ),
        pytest.param(
            serving(ONE, model={"Containers": [{"ModelDataUrl": DATA}, {"ModelDataUrl": "s3://other"}]}),
            {"model_data": DATA},
            id="the first of several containers",
        ),
        pytest.param(
            serving(ONE, model={"PrimaryContainer": {"ModelDataSource": {"S3DataSource": {"S3Uri": DATA}}}}),
            {"model_data": DATA},
            id="a model data source",
        ),
        pytest.param(serving(ONE, model=None), {}, id="its model was deleted"),
        pytest.param(serving(ONE, model={}), {}, id="a model without containers"),
        pytest.param(Serving(digits=SERVED), {"model": None}, id="its configuration was deleted"),
        pytest.param(serving(variant("one", None), model=None), {"model": None}, id="inference components"),
        pytest.param(
            serving(
                variant("one", "other", 0.1),
                variant("two", "m", 0.9),
                model={"PrimaryContainer": {"ModelDataUrl": DATA}},
            ),
            {"model_data": DATA},
            id="the variant with the most traffic",
        ),
        pytest.param(
            serving(
                variant("one", "other", 0.9),
                variant("two", "m", 0.1),
                model={"PrimaryContainer": {"ModelDataUrl": DATA}},
                ProductionVariants=[
                    {"VariantName": "one", "CurrentWeight": 0.0},
                    {"VariantName": "two", "CurrentWeight": 1.0},
                ],
            ),
            {"model_data": DATA},
            id="the traffic of now, not of the beginning",
        ),
        pytest.param(
            serving(
                variant("one", "m"),
                variant("two", "other"),
                model={"PrimaryContainer": {"ModelDataUrl": DATA}},
            ),
            {"model_data": DATA},
            id="of equals the first",
        ),
    ],
)
def test_what_serves_is_the_champion(
    world: World, sagemaker: Serving, expected: dict[str, Any] | None
) -> None:
    known = None if expected is None else Champion(**{**FOUND, **expected})
    assert found(world, sagemaker) == known


def test_a_model_of_a_package_has_the_package_s_artefact(world: World) -> None:
    package = "arn:aws:sagemaker:us-east-1:000000000000:model-package/digits/3"
    described = {"InferenceSpecification": {"Containers": [{"ModelDataUrl": DATA}]}}
    model = {"PrimaryContainer": {"ModelPackageName": package}}
    known = Serving(digits=SERVED, c={"ProductionVariants": [ONE]}, m=model, **{package: described})
    assert found(world, known) == Champion(**FOUND, package=package, model_data=DATA)
    gone = Serving(digits=SERVED, c={"ProductionVariants": [ONE]}, m=model)
    assert found(world, gone) == Champion(**FOUND, package=package)


def test_without_an_endpoint_the_newest_approved_package_is_it(world: World) -> None:
    assert champion.find(world.workflow) is None
    world.package(model_data=world.uri("models/1/model.tar.gz"))
    world.stepwell.advance(1)
    newest = world.package(model_data=world.uri("models/2/model.tar.gz"))
    world.stepwell.advance(1)
    world.package(PENDING)
    expected = Champion(package=newest, model_data=world.uri("models/2/model.tar.gz"))
    assert champion.find(world.workflow) == expected


@pytest.mark.parametrize("asks", ["release", "approve"])
def test_a_package_that_a_run_has_in_hand_is_no_champion(world: World, asks: str) -> None:
    """A person releases a batch by approving its package: the gate has not judged it again yet."""
    first = world.package()
    world.stepwell.advance(1)
    execution, run = world.parked(asks)
    package = run["package"]["ModelPackageArn"]
    world.decide(package, APPROVED)
    artefact = world.uri("models/m/output/model.tar.gz")
    assert champion.find(world.workflow) == Champion(package=first, model_data=artefact)
    world.ask("close", execution, run={**run, "approval": released(asks)}, outcome="REGISTERED")
    assert champion.find(world.workflow) == Champion(package=package, model_data=artefact)
