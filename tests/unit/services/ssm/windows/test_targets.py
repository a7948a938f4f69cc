"""Targets that are registered with windows."""

from __future__ import annotations

from typing import Any

import pytest
from services.ssm.windows.world import IDS, World, refusal

BY_ID = [{"Key": "InstanceIds", "Values": IDS[:1]}]


@pytest.fixture
def window(world: World) -> str:
    return world.window(AllowUnassociatedTargets=False)


def register(world: World, window: str, **params: Any) -> str:
    said = {"ResourceType": "INSTANCE", "Targets": BY_ID, **params}
    found: str = world.call("RegisterTargetWithMaintenanceWindow", WindowId=window, **said)["WindowTargetId"]
    return found


def described(world: World, window: str, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = world.call("DescribeMaintenanceWindowTargets", WindowId=window, **params)[
        "Targets"
    ]
    return found


def test_a_target_is_shown_as_it_was_registered_and_updated(world: World, window: str) -> None:
    target = register(world, window, Name="trainers", OwnerInformation="ml", Description="all")
    whole = {
        "WindowId": window,
        "WindowTargetId": target,
        "ResourceType": "INSTANCE",
        "Targets": BY_ID,
        "OwnerInformation": "ml",
        "Name": "trainers",
        "Description": "all",
    }
    assert described(world, window) == [whole]
    named = {"WindowId": window, "WindowTargetId": target}
    by_tag = [{"Key": "tag:Role", "Values": ["trainer"]}]
    answer = world.call("UpdateMaintenanceWindowTarget", **named, Targets=by_tag)
    assert answer["Targets"] == by_tag and answer["Name"] == "trainers"
    world.call("UpdateMaintenanceWindowTarget", **named, Targets=BY_ID, Replace=True)
    assert described(world, window) == [{**named, "ResourceType": "INSTANCE", "Targets": BY_ID}]
    assert world.call("DeregisterTargetFromMaintenanceWindow", **named) == named
    assert described(world, window) == []
    error = refusal(world, "DeregisterTargetFromMaintenanceWindow", **named)
    assert error.error_code == "DoesNotExistException"


@pytest.mark.parametrize(
    ("params", "says"),
    [
        ({"ResourceType": "RESOURCE_GROUP"}, "does not support the resource type RESOURCE_GROUP"),
        ({"Targets": [{"Key": "resource-groups:Name", "Values": ["g"]}]}, "resource-groups:Name"),
        ({"Targets": [{"Key": "instanceids", "Values": IDS}]}, "one of the following formats"),
        ({"Targets": [*BY_ID, {"Key": "tag-key", "Values": ["a"]}]}, "one of the following formats"),
        ({"Targets": [{"Key": "tag:a", "Values": list("123456")}]}, "up to 5 unique"),
        ({"Targets": [{"Key": "tag:a", "Values": []}]}, "Filter values can't be null and tag:a is."),
        ({"Targets": []}, "at least one target"),
    ],
)
def test_targets_in_no_format_of_aws_are_refused(
    world: World, window: str, params: dict[str, Any], says: str
) -> None:
    said = {"ResourceType": "INSTANCE", "Targets": BY_ID, **params}
    error = refusal(world, "RegisterTargetWithMaintenanceWindow", WindowId=window, **said)
    assert error.error_code == "ValidationException" and says in error.message


def test_a_target_that_a_task_names_is_deregistered_only_without_safe(world: World, window: str) -> None:
    target = register(world, window)
    world.task(window, Targets=[{"Key": "WindowTargetIds", "Values": [target]}])
    named = {"WindowId": window, "WindowTargetId": target}
    error = refusal(world, "DeregisterTargetFromMaintenanceWindow", **named, Safe=True)
    assert error.error_code == "TargetInUseException"
    world.call("DeregisterTargetFromMaintenanceWindow", **named, Safe=False)
    assert described(world, window) == []


def test_targets_are_filtered_and_counted_in_their_window(world: World, window: str) -> None:
    one, two = register(world, window, OwnerInformation="ml"), register(world, window)
    chosen = described(world, window, Filters=[{"Key": "OwnerInformation", "Values": ["ml"]}])
    assert [target["WindowTargetId"] for target in chosen] == [one]
    chosen = described(world, window, Filters=[{"Key": "WindowTargetId", "Values": [two]}])
    assert [target["WindowTargetId"] for target in chosen] == [two]
    assert described(world, world.window(Name="other")) == []


def test_a_repeated_client_token_registers_once(world: World, window: str) -> None:
    assert register(world, window, ClientToken="t") == register(world, window, ClientToken="t")
    assert len(described(world, window)) == 1
