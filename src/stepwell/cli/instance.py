"""`instance`: the server's machine as Systems Manager knows it, and what programs may call it."""

from __future__ import annotations

from pathlib import Path

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.output import print_json, print_table
from stepwell.errors import UsageError


@click.command(short_help="This machine as Run Command's target: its id, aliases, tags, role.")
@data_option
@click.option("--alias", metavar="i-ID", multiple=True, help="Let programs name the machine so, too.")
@click.option("--remove-alias", metavar="i-ID", multiple=True, help="Take an alias away.")
@click.option("--tag", metavar="KEY=VALUE", multiple=True, help="Set a tag, which targets may name.")
@click.option("--remove-tag", metavar="KEY", multiple=True, help="Take a tag away.")
@click.option("--role", metavar="NAME", help="The role whose credentials commands get, with its path.")
@json_option
def instance(
    data: Path,
    alias: tuple[str, ...],
    remove_alias: tuple[str, ...],
    tag: tuple[str, ...],
    remove_tag: tuple[str, ...],
    role: str | None,
    as_json: bool,
) -> None:
    """Show the server's machine as a managed instance; change its aliases, tags and role.

    A program that is to run on AWS names its instances by EC2 ids or tags. An alias makes such an id mean
    this machine, here only; the program stays as it is.
    """
    connection = connect(data)
    own, ssm = connection.owner("stepwell"), connection.owner("ssm")
    wanted = []
    for pair in tag:
        key, equals, value = pair.partition("=")
        if not equals or not key:
            raise UsageError(f"--tag takes KEY=VALUE, not {pair!r}")
        wanted.append({"Key": key, "Value": value})
    for id in alias:
        own.put_instance_alias(InstanceId=id)
    for id in remove_alias:
        own.delete_instance_alias(InstanceId=id)
    [here] = [
        each
        for each in ssm.describe_instance_information()["InstanceInformationList"]
        if each["ResourceType"] == "ManagedInstance"
    ]
    place = {"ResourceType": "ManagedInstance", "ResourceId": here["InstanceId"]}
    if wanted:
        ssm.add_tags_to_resource(**place, Tags=wanted)
    if remove_tag:
        ssm.remove_tags_from_resource(**place, TagKeys=list(remove_tag))
    if role is not None:
        ssm.update_managed_instance_role(InstanceId=here["InstanceId"], IamRole=role)
    tags = {each["Key"]: each["Value"] for each in ssm.list_tags_for_resource(**place)["TagList"]}
    found = {
        "id": here["InstanceId"],
        "aliases": own.list_instance_aliases()["Aliases"],
        "tags": tags,
        "role": role.rpartition("/")[2] if role is not None else here.get("IamRole"),
        "platform": f"{here['PlatformName']} {here['PlatformVersion']}",
        "computer": here["ComputerName"],
    }
    if as_json:
        print_json(found)
        return
    rows = [
        ("id", found["id"]),
        ("aliases", " ".join(found["aliases"]) or "none"),
        ("tags", " ".join(f"{key}={value}" for key, value in tags.items()) or "none"),
        ("role", found["role"] or "none: commands have no credentials"),
        ("platform", found["platform"]),
        ("computer", found["computer"]),
    ]
    print_table(("", ""), rows)
