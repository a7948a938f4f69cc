"""IAM: instance profiles, which hand a role to a machine."""

from __future__ import annotations

from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.answers import moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("iam").create_instance_profile(
            **given(
                InstanceProfileName=inputs["name"],
                Path=inputs["path"],
                Tags=tags.pairs(tags.of(inputs)) or None,
            )
        )
    return str(inputs["name"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _set_role(cloud, id_, inputs.get("role"))


def _set_role(cloud: Cloud, id_: str, role: str | None) -> None:
    """A profile holds one role at most: another has to go first."""
    iam = cloud.client("iam")
    with calling(cloud):
        profile = iam.get_instance_profile(InstanceProfileName=id_)["InstanceProfile"]
        present = [entry["RoleName"] for entry in profile["Roles"]]
        for other in present:
            if other != role:
                iam.remove_role_from_instance_profile(InstanceProfileName=id_, RoleName=other)
        if role and role not in present:
            iam.add_role_to_instance_profile(InstanceProfileName=id_, RoleName=role)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    iam = cloud.client("iam")
    if not old or old.get("role") != new.get("role"):
        _set_role(cloud, id_, new.get("role"))
    with calling(cloud):
        if tags.added(old, new):
            iam.tag_instance_profile(InstanceProfileName=id_, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            iam.untag_instance_profile(InstanceProfileName=id_, TagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("iam").get_instance_profile, InstanceProfileName=id_)
    if answer is None:
        return None
    profile = answer["InstanceProfile"]
    return given(
        name=id_,
        arn=profile["Arn"],
        path=profile.get("Path", "/"),
        role=profile["Roles"][0]["RoleName"] if profile["Roles"] else None,
        uniqueId=profile["InstanceProfileId"],
        createDate=moment(profile.get("CreateDate")),
        tagsAll=tags.mapping(profile["Tags"]) if "Tags" in profile else tags.of(inputs),
    )


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    iam = cloud.client("iam")
    if inputs.get("role"):
        attempt(
            cloud, iam.remove_role_from_instance_profile, InstanceProfileName=id_, RoleName=inputs["role"]
        )
    attempt(cloud, iam.delete_instance_profile, InstanceProfileName=id_)


INSTANCE_PROFILE = ResourceType(
    token="aws:iam/instanceProfile:InstanceProfile",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "path": honoured(replaces=True, default="/"),
        "role": honoured(),
        "tags": honoured(),
    },
    computed=frozenset({"arn", "createDate", "tagsAll", "uniqueId"}),
    naming=Naming(prefix="namePrefix", longest=128),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["name"]),
)

TYPES = (INSTANCE_PROFILE,)
