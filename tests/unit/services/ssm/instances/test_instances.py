"""The machine under its own id and its aliases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from services.ssm.machine import ALIASES, World

from stepwell.errors import AwsError
from stepwell.services.ssm.instances import aliases, find, register, this_machine
from stepwell.services.ssm.instances.aliases import LIMIT


def rows(machine: World, *filters: tuple[str, list[str]]) -> list[str]:
    wish = [{"Key": key, "Values": values} for key, values in filters]
    found = machine.call("DescribeInstanceInformation", Filters=wish)["InstanceInformationList"]
    return [each["InstanceId"] for each in found]


def test_the_machine_keeps_its_id_and_tells_what_it_is_now(machine: World) -> None:
    before = machine.server.read(find)
    assert before is not None
    changed = replace(before.machine, computer_name="renamed")
    machine.server.decide(lambda draft: register(draft, changed))
    [here] = [
        each
        for each in machine.call("DescribeInstanceInformation")["InstanceInformationList"]
        if each["ResourceType"] == "ManagedInstance"
    ]
    assert (here["InstanceId"], here["ComputerName"]) == (before.id, "renamed")
    assert here["PingStatus"] == "Online"
    assert here["LastPingDateTime"] == machine.server.clock.now()


def test_this_machine_says_what_it_is() -> None:
    found = this_machine()
    assert found.platform_type in ("Linux", "MacOS")
    assert all((found.platform_name, found.platform_version, found.computer_name, found.ip_address))


def test_aliases_are_listed_as_the_instances_that_programs_name(machine: World) -> None:
    assert rows(machine) == [machine.id, *ALIASES]
    assert rows(machine, ("InstanceIds", [ALIASES[1]])) == [ALIASES[1]]
    assert rows(machine, ("ResourceType", ["EC2Instance"])) == ALIASES
    assert rows(machine, ("PingStatus", ["Online"]), ("PlatformTypes", ["Windows"])) == []
    with pytest.raises(AwsError) as raised:
        rows(machine, ("Colour", ["red"]))
    assert raised.value.error_code == "InvalidFilterKey"


@pytest.mark.parametrize("id", ["mi-0123456789abcdef0", "i-123", "i-0123456789abcdef", "x", "i-0123-4567"])
def test_an_alias_is_an_ec2_instances_id(machine: World, id: str) -> None:
    with pytest.raises(AwsError, match="no instance id"):
        machine.server.decide(lambda draft: aliases.put(draft, id))


def test_an_alias_may_be_taken_away(machine: World) -> None:
    machine.server.decide(lambda draft: aliases.put(draft, ALIASES[0]))
    machine.server.decide(lambda draft: aliases.delete(draft, ALIASES[0]))
    assert rows(machine) == [machine.id, *ALIASES[1:]]
    with pytest.raises(AwsError, match="no alias"):
        machine.server.decide(lambda draft: aliases.delete(draft, ALIASES[0]))


def test_aliases_are_not_without_end(machine: World) -> None:
    for number in range(LIMIT - len(ALIASES)):
        id = f"i-{number:08d}"
        machine.server.decide(lambda draft, id=id: aliases.put(draft, id))
    with pytest.raises(AwsError, match="at most 50"):
        machine.server.decide(lambda draft: aliases.put(draft, "i-ffffffff"))


def test_the_machine_has_tags_and_an_alias_has_none(machine: World) -> None:
    place = {"ResourceType": "ManagedInstance", "ResourceId": machine.id}
    machine.call("AddTagsToResource", **place, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    machine.call("RemoveTagsFromResource", **place, TagKeys=["a", "none"])
    assert machine.call("ListTagsForResource", **place)["TagList"] == [{"Key": "b", "Value": "2"}]
    assert rows(machine, ("tag:b", ["2"])) == [machine.id]
    assert rows(machine, ("tag-key", ["a"])) == []
    for wish, code in (
        ({"ResourceId": ALIASES[0]}, "InvalidResourceId"),
        ({"ResourceType": "PatchBaseline"}, "InvalidResourceType"),
        ({"Tags": [{"Key": "aws:x", "Value": ""}]}, "ValidationException"),
        ({"Tags": [{"Key": str(n), "Value": ""} for n in range(51)]}, "TooManyTagsError"),
    ):
        with pytest.raises(AwsError) as raised:
            machine.call("AddTagsToResource", **{**place, "Tags": [{"Key": "c", "Value": ""}], **wish})
        assert raised.value.error_code == code


def test_a_role_must_exist_and_trust_systems_manager(machine: World) -> None:
    with pytest.raises(AwsError, match="no role ghost"):
        machine.call("UpdateManagedInstanceRole", InstanceId=machine.id, IamRole="ghost")
    trust = {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}
    machine.server.call(
        "iam",
        "CreateRole",
        RoleName="Strong",
        Path="/power/",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [trust]}),
    )
    # PassRole is asked for the ARN that the name spells: no other spelling may pass that role
    for name in ("Strong", "power/strong", "other/power/Strong"):
        with pytest.raises(AwsError, match=f"no role {name}"):
            machine.call("UpdateManagedInstanceRole", InstanceId=machine.id, IamRole=name)
    machine.call("UpdateManagedInstanceRole", InstanceId=machine.id, IamRole="power/Strong")
    with pytest.raises(AwsError) as raised:
        machine.call("UpdateManagedInstanceRole", InstanceId="mi-0123456789abcdef0", IamRole="ghost")
    assert raised.value.error_code == "InvalidInstanceId"


def test_properties_compare_as_their_filters_say(machine: World) -> None:
    def found(operator: str, value: str) -> list[str]:
        wish: list[dict[str, Any]] = [{"Key": "InstanceIds", "Values": [value], "Operator": operator}]
        shown = machine.call("DescribeInstanceProperties", FiltersWithOperator=wish)["InstanceProperties"]
        return [each["InstanceId"] for each in shown]

    assert found("BeginWith", "mi-") == [machine.id]
    assert found("NotEqual", machine.id) == ALIASES
    assert found("Equal", ALIASES[0]) == [ALIASES[0]]


def test_the_inventory_has_the_machines_own_item(machine: World) -> None:
    kind = "AWS:InstanceInformation"
    shown = machine.call("ListInventoryEntries", InstanceId=ALIASES[0], TypeName=kind)
    assert shown["Entries"][0]["ComputerName"] == "box"
    wish = [{"Key": f"{kind}.PlatformType", "Values": ["Linux"], "Type": "Equal"}]
    assert len(machine.call("GetInventory", Filters=wish)["Entities"]) == 1 + len(ALIASES)
    wish[0]["Values"] = ["Windows"]
    assert machine.call("GetInventory", Filters=wish)["Entities"] == []
    with pytest.raises(AwsError, match="AWS:Application"):
        machine.call("ListInventoryEntries", InstanceId=machine.id, TypeName="AWS:Application")
    with pytest.raises(AwsError, match="Colour"):
        machine.call("GetInventory", Filters=[{"Key": "Colour", "Values": ["red"]}])
