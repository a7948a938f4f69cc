"""Roles: who may assume them, and for how long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import policy
from stepwell.services.iam import paging
from stepwell.services.iam.boundaries import bound, release
from stepwell.services.iam.entities import (
    LINKED_PATH,
    PAGING,
    ROLES,
    boundary_shown,
    size,
    tag_list,
    tags_of,
    unique_id,
)
from stepwell.services.iam.errors import DeleteConflict, InvalidInput, quota
from stepwell.services.iam.pins import pin, trust_of
from stepwell.services.iam.profiles import profiles_of
from stepwell.services.iam.records import Role, encoded

#: characters of a trust policy (IAM quotas)
TRUST_LIMIT = 2_048


def shown(view: View, role: Role, *, listed: bool = False) -> dict[str, Any]:
    """AWS's Role structure; lists leave tags and boundary out."""
    answer: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": encoded(trust_of(view, role)),
        "MaxSessionDuration": role.max_session,
    }
    if role.description:
        answer["Description"] = role.description
    if not listed:
        answer |= boundary_shown(role)
        if role.tags:
            answer["Tags"] = tag_list(role.tags)
        answer["RoleLastUsed"] = {}
    return answer


def checked_trust(view: View, text: str, name: str) -> dict[str, str]:
    """The ids that a new trust policy pins. Raises MalformedPolicyDocument, LimitExceeded."""
    policy.parse(text, kind="trust", name=name)
    if size([text]) > TRUST_LIMIT:
        raise quota("ACLSizePerRole", TRUST_LIMIT)
    return pin(view, text)


def create_role(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    name, path = params["RoleName"], params.get("Path", "/")
    ROLES.refuse_taken(draft, name)
    if path.startswith(LINKED_PATH):
        raise InvalidInput("Path cannot start with /aws-service-role/.")
    text = params["AssumeRolePolicyDocument"]
    role = Role(
        name=name,
        path=path,
        id=unique_id(ROLES.prefix, draft),
        arn=ROLES.arn(draft.account, path, name),
        created=draft.now,
        trust=text,
        pinned=checked_trust(draft, text, name),
        description=params.get("Description", ""),
        max_session=params.get("MaxSessionDuration", 3600),
        tags=tags_of(params),
    )
    bound(draft, ROLES, role, params.get("PermissionsBoundary"))
    return {"Role": shown(draft, ROLES.find(draft, name))}


def get_role(call: Call, view: View) -> dict[str, Any]:
    return {"Role": shown(view, ROLES.named(view, call.params))}


def list_roles(call: Call, view: View) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    roles = (
        role for role in view.scan(Role, after=paging.start(call.params)) if role.path.startswith(prefix)
    )
    return paging.page(
        call.params, "Roles", roles, lambda role: role.key, lambda role: shown(view, role, listed=True)
    )


def update_role(call: Call, draft: Draft) -> dict[str, Any]:
    role = ROLES.changeable(draft, call.params)
    role = replace(
        role,
        description=call.params.get("Description", role.description),
        max_session=call.params.get("MaxSessionDuration", role.max_session),
    )
    draft.put(role)
    return {}


def update_role_description(call: Call, draft: Draft) -> dict[str, Any]:
    role = replace(ROLES.changeable(draft, call.params), description=call.params["Description"])
    draft.put(role)
    return {"Role": shown(draft, role)}


def update_assume_role_policy(call: Call, draft: Draft) -> None:
    role = ROLES.changeable(draft, call.params)
    text = call.params["PolicyDocument"]
    draft.put(replace(role, trust=text, pinned=checked_trust(draft, text, role.name)))


def delete_role(call: Call, draft: Draft) -> None:
    role = ROLES.changeable(draft, call.params)
    if profiles_of(draft, role):
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    if role.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    release(draft, ROLES, role)
    draft.delete(Role, role.key)


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    return ROLES.arn(site.account, params.get("Path", "/"), params["RoleName"])


OPERATIONS = (
    Operation(
        name="CreateRole",
        rights=(
            Right(
                action="iam:CreateRole",
                resource=_new_arn,
                keys={"iam:PermissionsBoundary": "PermissionsBoundary"},
            ),
        ),
        honoured=words(
            "Path RoleName AssumeRolePolicyDocument Description MaxSessionDuration PermissionsBoundary Tags"
        ),
        decide=create_role,
    ),
    ROLES.operation("GetRole", read=get_role),
    Operation(
        name="ListRoles",
        rights=(Right(action="iam:ListRoles", resource="arn:aws:iam::{account}:role/"),),
        honoured=words("PathPrefix" + PAGING),
        read=list_roles,
    ),
    ROLES.operation("UpdateRole", "Description MaxSessionDuration", decide=update_role),
    ROLES.operation("UpdateRoleDescription", "Description", decide=update_role_description),
    ROLES.operation("UpdateAssumeRolePolicy", "PolicyDocument", decide=update_assume_role_policy),
    ROLES.operation("DeleteRole", decide=delete_role),
)
