"""Groups: policies that several users share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging, users
from stepwell.services.iam.entities import GROUPS, PAGING, USERS, unique_id
from stepwell.services.iam.errors import DeleteConflict, NoSuchEntity, quota
from stepwell.services.iam.records import Attachment, Group, Membership

#: groups that one user may be in (IAM quotas)
GROUPS_OF_USER = 10


def shown(group: Group) -> dict[str, Any]:
    """AWS's Group structure."""
    return {
        "Path": group.path,
        "GroupName": group.name,
        "GroupId": group.id,
        "Arn": group.arn,
        "CreateDate": group.created,
    }


def create_group(call: Call, draft: Draft) -> dict[str, Any]:
    name, path = call.params["GroupName"], call.params.get("Path", "/")
    GROUPS.refuse_taken(draft, name)
    group = Group(
        name=name,
        path=path,
        id=unique_id(GROUPS.prefix, draft),
        arn=GROUPS.arn(draft.account, path, name),
        created=draft.now,
    )
    draft.put(group)
    return {"Group": shown(group)}


def get_group(call: Call, view: View) -> dict[str, Any]:
    """The group and a page of its users."""
    group = GROUPS.named(view, call.params)
    prefix = f"{group.key}|"
    members = view.scan(Membership, prefix=prefix, after=paging.start(call.params) or prefix)
    page = paging.page(
        call.params,
        "Users",
        members,
        lambda member: member.key,
        lambda member: users.shown(USERS.find(view, member.user), listed=True),
    )
    return {"Group": shown(group), **page}


def list_groups(call: Call, view: View) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    found = view.scan(Group, after=paging.start(call.params))
    matching = (group for group in found if group.path.startswith(prefix))
    return paging.page(call.params, "Groups", matching, lambda group: group.key, shown)


def list_groups_for_user(call: Call, view: View) -> dict[str, Any]:
    user = USERS.named(view, call.params)
    after = paging.start(call.params)
    found = (GROUPS.find(view, key) for key in sorted(user.groups) if key > after)
    return paging.page(call.params, "Groups", found, lambda group: group.key, shown)


def update_group(call: Call, draft: Draft) -> None:
    """Rename or move a group: the id, the users and the policies stay."""
    group = GROUPS.named(draft, call.params)
    name, path = call.params.get("NewGroupName", group.name), call.params.get("NewPath", group.path)
    if name.lower() != group.key:
        GROUPS.refuse_taken(draft, name)
    renamed = replace(group, name=name, path=path, arn=GROUPS.arn(draft.account, path, name))
    if renamed.key != group.key:
        _move(draft, group, renamed)
    draft.put(renamed)


def _move(draft: Draft, group: Group, renamed: Group) -> None:
    draft.delete(Group, group.key)
    for member in list(draft.scan(Membership, prefix=f"{group.key}|")):
        draft.delete(Membership, member.key)
        draft.put(Membership(group=renamed.key, user=member.user))
        user = USERS.find(draft, member.user)
        groups = tuple(renamed.key if key == group.key else key for key in user.groups)
        draft.put(replace(user, groups=groups))
    for arn in group.attached:
        draft.delete(Attachment, Attachment(policy=arn, kind=GROUPS.word, entity=group.key).key)
        draft.put(Attachment(policy=arn, kind=GROUPS.word, entity=renamed.key))


def delete_group(call: Call, draft: Draft) -> None:
    group = GROUPS.named(draft, call.params)
    for held, first in (
        (any(draft.scan(Membership, prefix=f"{group.key}|", limit=1)), "remove users from group"),
        (group.attached, "detach all policies"),
        (group.inline, "delete policies"),
    ):
        if held:
            raise DeleteConflict(f"Cannot delete entity, must {first} first.")
    draft.delete(Group, group.key)


def add_user_to_group(call: Call, draft: Draft) -> None:
    group, user = GROUPS.named(draft, call.params), USERS.named(draft, call.params)
    if group.key in user.groups:
        return
    if len(user.groups) >= GROUPS_OF_USER:
        raise quota("GroupsPerUser", GROUPS_OF_USER)
    draft.put(replace(user, groups=(*user.groups, group.key)))
    draft.put(Membership(group=group.key, user=user.key))


def remove_user_from_group(call: Call, draft: Draft) -> None:
    group, user = GROUPS.named(draft, call.params), USERS.named(draft, call.params)
    if group.key not in user.groups:
        raise NoSuchEntity(f"The user with name {user.name} cannot be found in the group {group.name}.")
    draft.put(replace(user, groups=tuple(key for key in user.groups if key != group.key)))
    draft.delete(Membership, Membership(group=group.key, user=user.key).key)


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    return GROUPS.arn(site.account, params.get("Path", "/"), params["GroupName"])


OPERATIONS = (
    Operation(
        name="CreateGroup",
        rights=(Right(action="iam:CreateGroup", resource=_new_arn),),
        honoured=words("Path GroupName"),
        decide=create_group,
    ),
    GROUPS.operation("GetGroup", PAGING, read=get_group),
    Operation(
        name="ListGroups",
        rights=(Right(action="iam:ListGroups", resource="arn:aws:iam::{account}:group/"),),
        honoured=words("PathPrefix" + PAGING),
        read=list_groups,
    ),
    USERS.operation("ListGroupsForUser", PAGING, read=list_groups_for_user),
    GROUPS.operation("UpdateGroup", "NewPath NewGroupName", decide=update_group),
    GROUPS.operation("DeleteGroup", decide=delete_group),
    GROUPS.operation("AddUserToGroup", "UserName", decide=add_user_to_group),
    GROUPS.operation("RemoveUserFromGroup", "UserName", decide=remove_user_from_group),
)
