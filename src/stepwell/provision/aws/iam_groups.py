"""IAM: groups, and who is in them."""

from __future__ import annotations

from typing import Any

from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling, gone
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured


def _create_group(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("iam").create_group(GroupName=inputs["name"], Path=inputs["path"])
    return str(inputs["name"])


def _update_group(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> str:
    name = str(new["name"])
    # A group that is gone under its old name was renamed by a run that was cut off.
    attempt(cloud, cloud.client("iam").update_group, GroupName=id_, NewGroupName=name, NewPath=new["path"])
    return name


def _read_group(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("iam").get_group, GroupName=id_)
    if answer is None:
        return None
    group = answer["Group"]
    return given(
        name=group["GroupName"], arn=group["Arn"], path=group.get("Path", "/"), uniqueId=group["GroupId"]
    )


def _delete_group(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("iam").delete_group, GroupName=id_)


GROUP = ResourceType(
    token="aws:iam/group:Group",
    properties={"name": honoured(), "path": honoured(default="/")},
    computed=frozenset({"arn", "uniqueId"}),
    volatile=frozenset({"arn"}),
    naming=Naming(longest=128),
    create=_create_group,
    update=_update_group,
    read=_read_group,
    delete=_delete_group,
    identify=lambda cloud, inputs: str(inputs["name"]),
)

# --- memberships: seen from the group, and from the user --------------------------------------------------


def _pages(cloud: Cloud, operation: str, **parameters: str) -> list[dict[str, Any]] | None:
    try:
        with calling(cloud):
            return list(cloud.client("iam").get_paginator(operation).paginate(**parameters))
    except ResourceFailed as error:
        if gone(error):
            return None
        raise


def _join(cloud: Cloud, group: str, user: str) -> None:
    with calling(cloud):
        cloud.client("iam").add_user_to_group(GroupName=group, UserName=user)


def _leave(cloud: Cloud, group: str, user: str) -> None:
    attempt(cloud, cloud.client("iam").remove_user_from_group, GroupName=group, UserName=user)


def _settle_members(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_members(cloud, id_, {}, inputs)


def _update_members(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    before, after = set(old.get("users") or ()), set(new["users"])
    for user in sorted(after - before):
        _join(cloud, new["group"], user)
    for user in sorted(before - after):
        _leave(cloud, new["group"], user)


def _read_members(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    group = inputs.get("group")
    if group is None:
        raise ResourceFailed("a membership can't be read by its id alone", advice="Give `group` as well")
    pages = _pages(cloud, "get_group", GroupName=group)
    if pages is None:
        return None
    users = [user["UserName"] for page in pages for user in page["Users"]]
    return {"name": id_, "group": group, "users": users}


def _delete_members(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    for user in inputs["users"]:
        _leave(cloud, inputs["group"], user)


GROUP_MEMBERSHIP = ResourceType(
    token="aws:iam/groupMembership:GroupMembership",
    properties={
        "name": honoured(replaces=True),
        "group": honoured(required=True, replaces=True),
        "users": honoured(required=True, unordered=True),
    },
    computed=frozenset(),
    naming=Naming(longest=128),
    create=lambda cloud, inputs: str(inputs["name"]),
    settle=_settle_members,
    update=_update_members,
    read=_read_members,
    delete=_delete_members,
    identify=lambda cloud, inputs: str(inputs["name"]),
)


def _identify_groups(cloud: Cloud, inputs: Inputs) -> str:
    """`USER/GROUP/GROUP`, as an import names it; it stays when the groups change."""
    return "/".join([str(inputs["user"]), *sorted(inputs["groups"])])


def _settle_groups(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_groups(cloud, id_, {}, inputs)


def _update_groups(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    before, after = set(old.get("groups") or ()), set(new["groups"])
    for group in sorted(after - before):
        _join(cloud, group, new["user"])
    for group in sorted(before - after):
        _leave(cloud, group, new["user"])


def _read_groups(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    user, *named = id_.split("/")
    pages = _pages(cloud, "list_groups_for_user", UserName=user)
    if pages is None:
        return None
    present = {group["GroupName"] for page in pages for group in page["Groups"]}
    return {"user": user, "groups": [group for group in inputs.get("groups", named) if group in present]}


def _delete_groups(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    for group in inputs["groups"]:
        _leave(cloud, group, inputs["user"])


USER_GROUP_MEMBERSHIP = ResourceType(
    token="aws:iam/userGroupMembership:UserGroupMembership",
    properties={
        "user": honoured(required=True, replaces=True),
        "groups": honoured(required=True, unordered=True),
    },
    computed=frozenset(),
    create=_identify_groups,
    settle=_settle_groups,
    update=_update_groups,
    read=_read_groups,
    delete=_delete_groups,
    identify=_identify_groups,
)

TYPES = (GROUP, GROUP_MEMBERSHIP, USER_GROUP_MEMBERSHIP)
