"""Roles: who may assume them, and what is written into them."""

from __future__ import annotations

from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.iam import paging
from stepwell.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    no_role,
)
from stepwell.services.iam.records import Role, encoded

ROLE_ARN = "arn:aws:iam::{account}:role/{RoleName}"
#: characters of all inline policies together (IAM quotas; white space is not counted there)
INLINE_LIMIT = 10_240
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def unique_id(prefix: str, draft: Draft) -> str:
    """`AROA` and the like with 17 characters behind."""
    return prefix + "".join(draft.random.choice(ALPHABET) for _ in range(17))


def tags_of(params: Any) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in params.get("Tags") or ()}


def tag_list(tags: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def find(view: View, name: str) -> Role:
    """The role. Raises NoSuchEntity."""
    role = view.get(Role, name.lower())
    if role is None:
        raise no_role(name)
    return role


def shown(role: Role, *, listed: bool = False) -> dict[str, Any]:
    """AWS's Role structure; lists leave tags and boundary out."""
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(role.trust),
        "MaxSessionDuration": role.max_session,
    }
    if role.description:
        answer["Description"] = role.description
    if not listed:
        if role.boundary:
            answer["PermissionsBoundary"] = {
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": role.boundary,
            }
        if role.tags:
            answer["Tags"] = tag_list(role.tags)
        answer["RoleLastUsed"] = {}
    return answer


def create_role(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    name, path = params["RoleName"], params.get("Path", "/")
    if draft.get(Role, name.lower()) is not None:
        raise EntityAlreadyExists(f"Role with name {name} already exists.")
    policy.parse(params["AssumeRolePolicyDocument"], kind="trust", name=name)
    role = Role(
        name=name,
        path=path,
        id=unique_id("AROA", draft),
        arn=f"arn:aws:iam::{draft.account}:role{path}{name}",
        created=draft.now,
        trust=params["AssumeRolePolicyDocument"],
        description=params.get("Description", ""),
        max_session=params.get("MaxSessionDuration", 3600),
        boundary=params.get("PermissionsBoundary"),
        tags=tags_of(params),
    )
    draft.put(role)
    return {"Role": shown(role)}


def get_role(call: Call, view: View) -> dict[str, Any]:
    return {"Role": shown(find(view, call.params["RoleName"]))}


def list_roles(call: Call, view: View) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    roles = (
        role for role in view.scan(Role, after=paging.start(call.params)) if role.path.startswith(prefix)
    )
    return paging.page(
        call.params, "Roles", roles, lambda role: role.key, lambda role: shown(role, listed=True)
    )


def update_role(call: Call, draft: Draft) -> dict[str, Any]:
    role = find(draft, call.params["RoleName"])
    role = replace(
        role,
        description=call.params.get("Description", role.description),
        max_session=call.params.get("MaxSessionDuration", role.max_session),
    )
    draft.put(role)
    return {}


def update_role_description(call: Call, draft: Draft) -> dict[str, Any]:
    role = replace(find(draft, call.params["RoleName"]), description=call.params["Description"])
    draft.put(role)
    return {"Role": shown(role)}


def update_assume_role_policy(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    policy.parse(call.params["PolicyDocument"], kind="trust", name=role.name)
    draft.put(replace(role, trust=call.params["PolicyDocument"]))


def delete_role(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    if role.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    draft.delete(Role, role.key)


def put_role_permissions_boundary(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    draft.put(replace(role, boundary=call.params["PermissionsBoundary"]))


def delete_role_permissions_boundary(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    if role.boundary is None:
        raise NoSuchEntity(f"The role with name {role.name} does not have a permissions boundary.")
    draft.put(replace(role, boundary=None))


def put_role_policy(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    name, text = call.params["PolicyName"], call.params["PolicyDocument"]
    policy.parse(text, kind="inline", name=name)
    inline = {**role.inline, name: text}
    if sum(len("".join(each.split())) for each in inline.values()) > INLINE_LIMIT:
        raise LimitExceeded(f"Maximum policy size of {INLINE_LIMIT} bytes exceeded for role {role.name}")
    draft.put(replace(role, inline=inline))


def get_role_policy(call: Call, view: View) -> dict[str, Any]:
    role = find(view, call.params["RoleName"])
    name = call.params["PolicyName"]
    return {"RoleName": role.name, "PolicyName": name, "PolicyDocument": encoded(inline_text(role, name))}


def inline_text(role: Role, name: str) -> str:
    """The inline policy. Raises NoSuchEntity."""
    try:
        return role.inline[name]
    except KeyError:
        raise NoSuchEntity(f"The role policy with name {name} cannot be found.") from None


def list_role_policies(call: Call, view: View) -> dict[str, Any]:
    role = find(view, call.params["RoleName"])
    after = paging.start(call.params)
    names = (name for name in sorted(role.inline) if name > after)
    return paging.page(call.params, "PolicyNames", names, str, str)


def delete_role_policy(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    inline_text(role, call.params["PolicyName"])
    left = {name: text for name, text in role.inline.items() if name != call.params["PolicyName"]}
    draft.put(replace(role, inline=left))


def tag_role(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    draft.put(replace(role, tags={**role.tags, **tags_of(call.params)}))


def untag_role(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    gone = set(call.params["TagKeys"])
    draft.put(replace(role, tags={key: value for key, value in role.tags.items() if key not in gone}))


def list_role_tags(call: Call, view: View) -> dict[str, Any]:
    role = find(view, call.params["RoleName"])
    after = paging.start(call.params)
    tags = ((key, value) for key, value in sorted(role.tags.items()) if key > after)
    return paging.page(
        call.params, "Tags", tags, lambda tag: tag[0], lambda tag: {"Key": tag[0], "Value": tag[1]}
    )


def list_instance_profiles_for_role(call: Call, view: View) -> dict[str, Any]:
    """Instance profiles belong to machines, which this server has none of: no role is in any."""
    find(view, call.params["RoleName"])
    return {"InstanceProfiles": [], "IsTruncated": False}


def right(action: str) -> tuple[Right, ...]:
    return (Right(action=f"iam:{action}", resource=ROLE_ARN),)


PAGING = " Marker MaxItems"

OPERATIONS = (
    Operation(
        name="CreateRole",
        rights=right("CreateRole"),
        honoured=words(
            "Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration PermissionsBoundary Tags"
        ),
        decide=create_role,
    ),
    Operation(name="GetRole", rights=right("GetRole"), honoured=words("RoleName"), read=get_role),
    Operation(
        name="ListRoles",
        rights=(Right(action="iam:ListRoles", resource="arn:aws:iam::{account}:role/*"),),
        honoured=words("PathPrefix" + PAGING),
        read=list_roles,
    ),
    Operation(
        name="UpdateRole",
        rights=right("UpdateRole"),
        honoured=words("RoleName Description MaxSessionDuration"),
        decide=update_role,
    ),
    Operation(
        name="UpdateRoleDescription",
        rights=right("UpdateRoleDescription"),
        honoured=words("RoleName Description"),
        decide=update_role_description,
    ),
    Operation(
        name="UpdateAssumeRolePolicy",
        rights=right("UpdateAssumeRolePolicy"),
        honoured=words("RoleName PolicyDocument"),
        decide=update_assume_role_policy,
    ),
    Operation(name="DeleteRole", rights=right("DeleteRole"), honoured=words("RoleName"), decide=delete_role),
    Operation(
        name="PutRolePermissionsBoundary",
        rights=right("PutRolePermissionsBoundary"),
        honoured=words("RoleName PermissionsBoundary"),
        decide=put_role_permissions_boundary,
    ),
    Operation(
        name="DeleteRolePermissionsBoundary",
        rights=right("DeleteRolePermissionsBoundary"),
        honoured=words("RoleName"),
        decide=delete_role_permissions_boundary,
    ),
    Operation(
        name="PutRolePolicy",
        rights=right("PutRolePolicy"),
        honoured=words("RoleName PolicyName PolicyDocument"),
        decide=put_role_policy,
    ),
    Operation(
        name="GetRolePolicy",
        rights=right("GetRolePolicy"),
        honoured=words("RoleName PolicyName"),
        read=get_role_policy,
    ),
    Operation(
        name="ListRolePolicies",
        rights=right("ListRolePolicies"),
        honoured=words("RoleName" + PAGING),
        read=list_role_policies,
    ),
    Operation(
        name="DeleteRolePolicy",
        rights=right("DeleteRolePolicy"),
        honoured=words("RoleName PolicyName"),
        decide=delete_role_policy,
    ),
    Operation(name="TagRole", rights=right("TagRole"), honoured=words("RoleName Tags"), decide=tag_role),
    Operation(
        name="UntagRole", rights=right("UntagRole"), honoured=words("RoleName TagKeys"), decide=untag_role
    ),
    Operation(
        name="ListRoleTags",
        rights=right("ListRoleTags"),
        honoured=words("RoleName" + PAGING),
        read=list_role_tags,
    ),
    Operation(
        name="ListInstanceProfilesForRole",
        rights=right("ListInstanceProfilesForRole"),
        honoured=words("RoleName" + PAGING),
        read=list_instance_profiles_for_role,
    ),
)
