"""Instance profiles: what hands a role to a machine. They are remembered; no machine here reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging
from stepwell.services.iam.entities import PAGING, ROLES, refuse_linked, tag_list, tags_of, unique_id
from stepwell.services.iam.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity, quota
from stepwell.services.iam.pins import trust_of
from stepwell.services.iam.records import InstanceProfile, Role, encoded

PROFILE_ARN = "arn:aws:iam::{account}:instance-profile/{InstanceProfileName}"


def find_profile(view: View, name: str) -> InstanceProfile:
    """The profile. Raises NoSuchEntity."""
    found = view.get(InstanceProfile, name.lower())
    if found is None:
        raise NoSuchEntity(f"Instance Profile {name} cannot be found.")
    return found


def profiles_of(view: View, role: Role) -> list[InstanceProfile]:
    """The profiles that the role is in."""
    return [profile for profile in view.scan(InstanceProfile) if profile.role == role.key]


def shown(view: View, profile: InstanceProfile) -> dict[str, Any]:
    """AWS's InstanceProfile structure."""
    roles = []
    if profile.role:
        role = ROLES.find(view, profile.role)
        roles.append(
            {
                "Path": role.path,
                "RoleName": role.name,
                "RoleId": role.id,
                "Arn": role.arn,
                "CreateDate": role.created,
                "AssumeRolePolicyDocument": encoded(trust_of(view, role)),
            }
        )
    answer: dict[str, Any] = {
        "Path": profile.path,
        "InstanceProfileName": profile.name,
        "InstanceProfileId": profile.id,
        "Arn": profile.arn,
        "CreateDate": profile.created,
        "Roles": roles,
    }
    if profile.tags:
        answer["Tags"] = tag_list(profile.tags)
    return answer


def create(call: Call, draft: Draft) -> dict[str, Any]:
    name, path = call.params["InstanceProfileName"], call.params.get("Path", "/")
    if draft.get(InstanceProfile, name.lower()) is not None:
        raise EntityAlreadyExists(f"Instance Profile {name} already exists.")
    profile = InstanceProfile(
        name=name,
        path=path,
        id=unique_id("AIPA", draft),
        arn=f"arn:aws:iam::{draft.account}:instance-profile{path}{name}",
        created=draft.now,
        tags=tags_of(call.params),
    )
    draft.put(profile)
    return {"InstanceProfile": shown(draft, profile)}


def get(call: Call, view: View) -> dict[str, Any]:
    return {"InstanceProfile": shown(view, find_profile(view, call.params["InstanceProfileName"]))}


def listed(call: Call, view: View) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    found = view.scan(InstanceProfile, after=paging.start(call.params))
    matching = (profile for profile in found if profile.path.startswith(prefix))
    return _page(call, view, matching)


def listed_for_role(call: Call, view: View) -> dict[str, Any]:
    after = paging.start(call.params)
    found = profiles_of(view, ROLES.named(view, call.params))
    return _page(call, view, (profile for profile in found if profile.key > after))


def _page(call: Call, view: View, profiles: Any) -> dict[str, Any]:
    return paging.page(
        call.params,
        "InstanceProfiles",
        profiles,
        lambda profile: profile.key,
        lambda profile: shown(view, profile),
    )


def delete(call: Call, draft: Draft) -> None:
    profile = find_profile(draft, call.params["InstanceProfileName"])
    if profile.role:
        raise DeleteConflict("Cannot delete entity, must remove roles from instance profile first.")
    draft.delete(InstanceProfile, profile.key)


def add_role(call: Call, draft: Draft) -> None:
    profile = find_profile(draft, call.params["InstanceProfileName"])
    role = ROLES.changeable(draft, call.params)
    if profile.role:
        raise quota("InstanceSessionsPerInstanceProfile", 1)
    draft.put(replace(profile, role=role.key))


def remove_role(call: Call, draft: Draft) -> None:
    profile = find_profile(draft, call.params["InstanceProfileName"])
    role = ROLES.named(draft, call.params)
    refuse_linked(role)
    if profile.role != role.key:
        raise NoSuchEntity(f"The role with name {role.name} cannot be found.")
    draft.put(replace(profile, role=""))


def _operation(name: str, fields: str = "", **handler: Any) -> Operation:
    rights = (Right(action=f"iam:{name}", resource=PROFILE_ARN),)
    return Operation(name=name, rights=rights, honoured=words(f"InstanceProfileName {fields}"), **handler)


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    path, name = params.get("Path", "/"), params["InstanceProfileName"]
    return f"arn:aws:iam::{site.account}:instance-profile{path}{name}"


OPERATIONS = (
    Operation(
        name="CreateInstanceProfile",
        rights=(Right(action="iam:CreateInstanceProfile", resource=_new_arn),),
        honoured=words("InstanceProfileName Path Tags"),
        decide=create,
    ),
    _operation("GetInstanceProfile", read=get),
    _operation("DeleteInstanceProfile", decide=delete),
    Operation(
        name="AddRoleToInstanceProfile",
        rights=(
            Right(action="iam:AddRoleToInstanceProfile", resource=PROFILE_ARN),
            Right(
                action="iam:PassRole",
                resource=ROLES.resource,
                keys={"iam:PassedToService": "=ec2.amazonaws.com"},
            ),
        ),
        honoured=words("InstanceProfileName RoleName"),
        decide=add_role,
    ),
    _operation("RemoveRoleFromInstanceProfile", "RoleName", decide=remove_role),
    Operation(
        name="ListInstanceProfiles",
        rights=(
            Right(action="iam:ListInstanceProfiles", resource="arn:aws:iam::{account}:instance-profile/"),
        ),
        honoured=words("PathPrefix" + PAGING),
        read=listed,
    ),
    ROLES.operation("ListInstanceProfilesForRole", PAGING, read=listed_for_role),
)
