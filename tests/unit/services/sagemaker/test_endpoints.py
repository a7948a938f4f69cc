"""Endpoints always serve the last fleet that reached InService, and a swap drops no request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from stepwell.errors import AwsError
from stepwell.services import sagemaker
from stepwell.workers.connections import Broken, Response
from stepwell.workers.servers import ModelUnavailable


def servers_of(world: Any) -> list[str]:
    return [name for name in world.jobs.specs if name not in world.jobs.exits]


def states(world: Any) -> list[str]:
    world.server.decide(lambda draft: None)
    kind = "SageMaker Endpoint State Change"
    return [event["detail"]["EndpointStatus"] for event in world.events if event["detail-type"] == kind]


def update(world: Any, endpoint: str, config: str, *models: str, **files: bytes) -> None:
    for model in models:
        world.model(model, **files)
    world.config(config, *models)
    world("UpdateEndpoint", EndpointName=endpoint, EndpointConfigName=config)


def test_an_endpoint_serves_its_model(world: Any) -> None:
    shown = world.endpoint("digits", "one")
    assert shown["EndpointArn"] == "arn:aws:sagemaker:us-east-1:000000000000:endpoint/digits"
    variant = shown["ProductionVariants"][0]
    assert variant["CurrentInstanceCount"] == 1 and variant["CurrentWeight"] == 1.0
    answer = world.invoke("digits", Body=b"1,2", ContentType="text/csv")
    assert answer == {
        "Body": b"one",
        "ContentType": "text/plain",
        "InvokedProductionVariant": "variant-one",
    }
    assert states(world) == ["CREATING", "IN_SERVICE"]


def test_an_update_switches_to_the_new_model_and_stops_the_old(world: Any) -> None:
    world.endpoint("digits", "one")
    old = servers_of(world)
    update(world, "digits", "second", "two")
    shown = world.settle("Endpoint", "digits", "InService")
    assert shown["EndpointConfigName"] == "second"
    assert world.invoke("digits", Body=b"x")["Body"] == b"two"
    world.until(lambda: world.servers.drained == old)
    world.until(lambda: len(servers_of(world)) == 1)
    assert servers_of(world) != old
    assert states(world) == ["CREATING", "IN_SERVICE", "UPDATING", "IN_SERVICE"]


def test_a_request_under_way_ends_on_the_old_model_before_it_is_stopped(world: Any) -> None:
    world.endpoint("digits", "one")
    old = servers_of(world)
    world.servers.gate = asyncio.Event()
    call = world.server.dispatch("sagemaker-runtime", "InvokeEndpoint", EndpointName="digits", Body=b"x")

    async def begin() -> Any:
        task = asyncio.ensure_future(call)
        while not world.router.in_flight(old[0]):
            await asyncio.sleep(0)
        return [task]

    (under_way,) = world.server.run(begin())
    update(world, "digits", "second", "two")
    world.settle("Endpoint", "digits", "InService")
    assert world.servers.drained == []
    world.servers.gate.set()
    assert world.server.run(under_way).output["Body"] == b"one"
    world.until(lambda: world.servers.drained == old)


def test_a_failed_update_leaves_the_old_model_serving_and_says_why(world: Any) -> None:
    world.endpoint("digits", "one")
    old = servers_of(world)
    update(world, "digits", "second", "two", broken=b"")
    shown = world.settle("Endpoint", "digits", "InService", "Failed")
    assert shown["EndpointStatus"] == "InService"
    assert shown["EndpointConfigName"] == "digits-config"
    assert "variant-two did not pass the ping health check" in shown["FailureReason"]
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    world.until(lambda: servers_of(world) == old)
    lines = [(group, text) for group, _, text in world.lines]
    assert ("/aws/sagemaker/Endpoints/digits", "Traceback: broken") in lines
    world.config("third", "one")
    world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="third")
    assert "FailureReason" not in world.settle("Endpoint", "digits", "InService")


def test_an_endpoint_that_never_came_up_failed_and_can_only_be_deleted(world: Any) -> None:
    world.model("bad", broken=b"")
    world.config("config", "bad")
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="config")
    assert "ping health check" in world.settle("Endpoint", "digits", "Failed")["FailureReason"]
    with pytest.raises(AwsError, match="Cannot update failed endpoint"):
        world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="config")
    with pytest.raises(AwsError, match="Endpoint digits of account 000000000000 not found"):
        world.invoke("digits", Body=b"x")
    world("DeleteEndpoint", EndpointName="digits")
    world.wait_for_no_endpoint()


def test_a_model_that_is_not_in_s3_fails_the_endpoint(world: Any) -> None:
    world.model("gone")
    world.s3.objects.clear()
    world.config("config", "gone")
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="config")
    reason = world.settle("Endpoint", "digits", "Failed")["FailureReason"]
    assert reason.startswith("Failed to download model data for variant variant-gone")
    assert "NoSuchKey" in reason


def test_servers_go_on_without_the_server_and_are_found_again(world: Any) -> None:
    world.endpoint("digits", "one")
    before = list(world.jobs.began)
    world.kill()
    world.start()
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    assert world.jobs.began == before


def test_a_server_that_died_meanwhile_is_started_again(world: Any) -> None:
    world.endpoint("digits", "one")
    (server,) = servers_of(world)
    world.kill()
    world.jobs.end(server, 1)
    world.start()
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    assert world.jobs.began == [server, server]


def test_an_update_under_way_when_the_server_dies_is_finished(world: Any) -> None:
    world.endpoint("digits", "one")
    world.environments.gate = asyncio.Event()
    update(world, "digits", "second", "two")
    world.kill()
    world.environments.gate = None
    world.start()
    assert world.settle("Endpoint", "digits", "InService")["EndpointConfigName"] == "second"
    assert world.invoke("digits", Body=b"x")["Body"] == b"two"
    world.until(lambda: len(servers_of(world)) == 1)


def test_a_server_that_dies_is_started_again_with_growing_pauses(world: Any) -> None:
    world.endpoint("digits", "one")
    (server,) = servers_of(world)
    for count in (1, 2, 3):
        world.jobs.end(server, None, "memory", "held 9 bytes")
        world.until(lambda count=count: len(world.jobs.began) == count + 1)
        assert world.invoke("digits", Body=b"x")["Body"] == b"one"
    assert world.pauses == [0.5, 1.0, 2.0]


def test_one_of_two_servers_dies_and_no_request_fails(world: Any) -> None:
    world.endpoint("digits", "one", count=2)
    world.jobs.end(servers_of(world)[0], 1)
    assert [world.invoke("digits", Body=b"x")["Body"] for _ in range(4)] == [b"one"] * 4


def test_a_server_that_broke_one_request_off_but_is_well_serves_on(world: Any) -> None:
    world.endpoint("digits", "one")
    before = list(world.jobs.began)
    broken = iter([True])

    def answer(worker_id: str, headers: Any, body: bytes) -> Response:
        if next(broken, False):
            raise ModelUnavailable(worker_id) from Broken(begun=False)
        return Response(status=200, headers={}, body=b"well")

    world.servers.answer = answer
    assert [world.invoke("digits", Body=b"x")["Body"] for _ in range(3)] == [b"well"] * 3
    assert world.jobs.began == before


def test_deleting_stops_the_servers_and_forgets_the_name(world: Any) -> None:
    world.endpoint("digits", "one", count=3)
    world("DeleteEndpoint", EndpointName="digits")
    world.wait_for_no_endpoint()
    assert servers_of(world) == []
    with pytest.raises(AwsError, match=r'Could not find endpoint "arn:.*:endpoint/digits"'):
        world("DescribeEndpoint", EndpointName="digits")
    with pytest.raises(AwsError) as refused:
        world.invoke("digits", Body=b"x")
    assert refused.value.error_code == "ValidationError"
    assert states(world)[-1] == "DELETING"
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="digits-config")
    assert world.settle("Endpoint", "digits", "InService")


def test_an_endpoint_under_construction_cannot_be_updated_but_deleted(world: Any) -> None:
    world.environments.gate = asyncio.Event()
    world.model("one")
    world.config("config", "one")
    world("CreateEndpoint", EndpointName="digits", EndpointConfigName="config")
    with pytest.raises(AwsError, match="Cannot update in-progress endpoint"):
        world("UpdateEndpoint", EndpointName="digits", EndpointConfigName="config")
    world("DeleteEndpoint", EndpointName="digits")
    world.wait_for_no_endpoint()
    assert world.jobs.began == []


def test_weights_change_at_once_and_numbers_of_servers_by_a_deployment(world: Any) -> None:
    world.endpoint("digits", "one", "two")
    wanted = [{"VariantName": "variant-one", "DesiredWeight": 0.0}]
    world("UpdateEndpointWeightsAndCapacities", EndpointName="digits", DesiredWeightsAndCapacities=wanted)
    assert world.status("Endpoint", "digits") == "InService"
    world.until(lambda: world.router.choose("digits").variant == "variant-two")
    assert {world.invoke("digits", Body=b"x")["Body"] for _ in range(8)} == {b"two"}
    assert world.invoke("digits", Body=b"x", TargetVariant="variant-one")["Body"] == b"one"
    more = [{"VariantName": "variant-two", "DesiredInstanceCount": 3}]
    world("UpdateEndpointWeightsAndCapacities", EndpointName="digits", DesiredWeightsAndCapacities=more)
    shown = world.settle("Endpoint", "digits", "InService")
    assert [each["CurrentInstanceCount"] for each in shown["ProductionVariants"]] == [1, 3]
    with pytest.raises(AwsError, match='Variant "none" does not exist'):
        world(
            "UpdateEndpointWeightsAndCapacities",
            EndpointName="digits",
            DesiredWeightsAndCapacities=[{"VariantName": "none", "DesiredWeight": 1.0}],
        )


def test_an_update_keeps_variant_properties_when_asked_to(world: Any) -> None:
    world.endpoint("digits", "one", count=2)
    world.config("second", "one")
    world(
        "UpdateEndpoint",
        EndpointName="digits",
        EndpointConfigName="second",
        RetainAllVariantProperties=True,
    )
    shown = world.settle("Endpoint", "digits", "InService")
    assert shown["ProductionVariants"][0]["CurrentInstanceCount"] == 2


def test_what_serves_does_not_need_its_model_and_configuration_any_more(world: Any) -> None:
    world.endpoint("digits", "one")
    world("DeleteModel", ModelName="one")
    world("DeleteEndpointConfig", EndpointConfigName="digits-config")
    world.kill()
    world.start()
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"


def test_names_are_one_whatever_their_case_but_requests_must_match(world: Any) -> None:
    world.endpoint("Digits", "one")
    with pytest.raises(AwsError, match='Cannot create already existing endpoint "'):
        world("CreateEndpoint", EndpointName="digits", EndpointConfigName="Digits-config")
    assert world("DescribeEndpoint", EndpointName="DIGITS")["EndpointName"] == "Digits"
    with pytest.raises(AwsError, match="Endpoint digits of account"):
        world.invoke("digits", Body=b"x")


def test_stop_all_ends_every_worker(world: Any) -> None:
    world.endpoint("digits", "one", count=2)
    world.train()
    world.until(lambda: "training-job-job" in world.jobs.began)
    world.server.run(world.server._performers.close())
    world.server.run(sagemaker.stop_all(world.parts))
    assert servers_of(world) == []
    world.kill()
    world.start()
    assert world.settle("TrainingJob", "job", "Stopped")
    assert world.invoke("digits", Body=b"x")["Body"] == b"one"


def test_what_does_not_exist_or_exists_already_is_said_in_awss_words(world: Any) -> None:
    world.model("one")
    world.config("config", "one")
    with pytest.raises(AwsError, match=r'Cannot create already existing model "arn:.*:model/one"'):
        world.model("one")
    with pytest.raises(AwsError, match='Cannot create already existing endpoint configuration "arn:'):
        world.config("config", "one")
    with pytest.raises(AwsError, match=r'Could not find model "arn:.*:model/none"'):
        world.config("other", "none")
    with pytest.raises(AwsError, match='Could not find endpoint configuration "arn:'):
        world("CreateEndpoint", EndpointName="e", EndpointConfigName="none")
    with pytest.raises(AwsError, match="at most 16"):
        world.config("many", "one", count=17)
    names = [model["ModelName"] for model in world("ListModels")["Models"]]
    configs = [item["EndpointConfigName"] for item in world("ListEndpointConfigs")["EndpointConfigs"]]
    assert (names, configs) == (["one"], ["config"])
