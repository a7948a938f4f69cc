"""IAM: roles and managed policies."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.provision.aws import iam_policies, tags
from stepwell.provision.aws.answers import document, moment
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, recorded

_NAMES = {"name": honoured(replaces=True), "namePrefix": honoured(replaces=True)}


def _create_role(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("iam").create_role(
            **given(
                RoleName=inputs["name"],
                AssumeRolePolicyDocument=inputs["assumeRolePolicy"],
                Path=inputs.get("path"),
                Description=inputs.get("description"),
                MaxSessionDuration=inputs.get("maxSessionDuration"),
                PermissionsBoundary=inputs.get("permissionsBoundary"),
                Tags=tags.pairs(tags.of(inputs)) or None,
            )
        )
    return str(inputs["name"])


def _settle_role(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_policies(cloud, id_, {}, inputs)


def _update_role(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    iam = cloud.client("iam")
    with calling(cloud):
        if old.get("assumeRolePolicy") != new["assumeRolePolicy"]:
            iam.update_assume_role_policy(RoleName=id_, PolicyDocument=new["assumeRolePolicy"])
        if any(old.get(name) != new.get(name) for name in ("description", "maxSessionDuration")):
            iam.update_role(
                RoleName=id_,
                Description=new.get("description", ""),
                MaxSessionDuration=new["maxSessionDuration"],
            )
        boundary = new.get("permissionsBoundary")
        if boundary and boundary != old.get("permissionsBoundary"):
            iam.put_role_permissions_boundary(RoleName=id_, PermissionsBoundary=boundary)
        if not boundary and old.get("permissionsBoundary"):
            iam.delete_role_permissions_boundary(RoleName=id_)
        if tags.added(old, new):
            iam.tag_role(RoleName=id_, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            iam.untag_role(RoleName=id_, TagKeys=tags.removed(old, new))
    _update_policies(cloud, id_, old, new)


def _update_policies(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    iam = cloud.client("iam")
    before, after = _inline(old), _inline(new)
    arns_before, arns_after = set(old.get("managedPolicyArns") or ()), set(new.get("managedPolicyArns") or ())
    with calling(cloud):
        for name, policy in after.items():
            if before.get(name) != policy:
                iam.put_role_policy(RoleName=id_, PolicyName=name, PolicyDocument=policy)
        for name in before.keys() - after.keys():
            iam.delete_role_policy(RoleName=id_, PolicyName=name)
        for arn in sorted(arns_after - arns_before):
            iam.attach_role_policy(RoleName=id_, PolicyArn=arn)
        for arn in sorted(arns_before - arns_after):
            iam.detach_role_policy(RoleName=id_, PolicyArn=arn)


def _inline(inputs: Inputs) -> dict[str, str]:
    return {
        entry["name"]: entry["policy"] for entry in inputs.get("inlinePolicies") or () if entry.get("policy")
    }


def _read_role(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    iam = cloud.client("iam")
    answer = attempt(cloud, iam.get_role, RoleName=id_)
    if answer is None:
        return None
    role = answer["Role"]
    read = given(
        name=id_,
        arn=role["Arn"],
        uniqueId=role.get("RoleId"),
        path=role.get("Path", "/"),
        createDate=moment(role.get("CreateDate")),
        assumeRolePolicy=document(role["AssumeRolePolicyDocument"]),
        description=role.get("Description", ""),
        maxSessionDuration=role.get("MaxSessionDuration", 3600),
        permissionsBoundary=role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn"),
        tagsAll=tags.mapping(role["Tags"]) if "Tags" in role else tags.of(inputs),
    )
    if inputs.get("inlinePolicies"):
        read["inlinePolicies"] = _read_inline(cloud, id_, inputs)
    if inputs.get("managedPolicyArns"):
        present = iam_policies.ROLE.attached(cloud, id_) or ()
        read["managedPolicyArns"] = [arn for arn in inputs["managedPolicyArns"] if arn in present]
    return read


def _read_inline(cloud: Cloud, id_: str, inputs: Inputs) -> list[dict[str, str]]:
    found = []
    for name in _inline(inputs):
        answer = attempt(cloud, cloud.client("iam").get_role_policy, RoleName=id_, PolicyName=name)
        if answer is not None:
            found.append({"name": name, "policy": document(answer["PolicyDocument"])})
    return found


def _delete_role(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    iam = cloud.client("iam")
    forced = inputs.get("forceDetachPolicies")
    attached = iam_policies.ROLE.attached(cloud, id_)
    if attached is None:
        return
    for arn in sorted(attached):
        if forced or arn in (inputs.get("managedPolicyArns") or ()):
            iam_policies.ROLE.detach(cloud, id_, arn)
    with calling(cloud):
        pages = iam.get_paginator("list_role_policies").paginate(RoleName=id_)
        names = [name for page in pages for name in page["PolicyNames"]]
    for name in names:
        if forced or name in _inline(inputs):
            attempt(cloud, iam.delete_role_policy, RoleName=id_, PolicyName=name)
    attempt(cloud, iam.delete_role, RoleName=id_)


def _check_role(inputs: Inputs) -> Iterator[str]:
    for index, entry in enumerate(inputs.get("inlinePolicies") or ()):
        if entry.get("policy") and not entry.get("name"):
            yield f"property inlinePolicies[{index}].name is missing"


ROLE = ResourceType(
    token="aws:iam/role:Role",
    properties={
        **_NAMES,
        "assumeRolePolicy": honoured(required=True, document=True),
        "description": honoured(),
        "forceDetachPolicies": honoured(),
        "inlinePolicies": honoured(
            unordered=True, fields={"name": honoured(), "policy": honoured(document=True)}
        ),
        "managedPolicyArns": honoured(unordered=True),
        "maxSessionDuration": honoured(default=3600),
        "path": honoured(replaces=True, default="/"),
        "permissionsBoundary": honoured(),
        "tags": honoured(),
    },
    computed=frozenset({"arn", "createDate", "uniqueId", "tagsAll"}),
    naming=Naming(prefix="namePrefix"),
    create=_create_role,
    settle=_settle_role,
    update=_update_role,
    read=_read_role,
    delete=_delete_role,
    identify=lambda cloud, inputs: str(inputs["name"]),
    check=_check_role,
)


def _policy_arn(cloud: Cloud, inputs: Inputs) -> str:
    return cloud.global_arn("iam", f"policy{inputs['path']}{inputs['name']}")


def _create_policy(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        answer = cloud.client("iam").create_policy(
            **given(
                PolicyName=inputs["name"],
                PolicyDocument=inputs["policy"],
                Path=inputs["path"],
                Description=inputs.get("description"),
                Tags=tags.pairs(tags.of(inputs)) or None,
            )
        )
    return str(answer["Policy"]["Arn"])


def _update_policy(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    iam = cloud.client("iam")
    with calling(cloud):
        if old.get("policy") != new["policy"]:
            _make_room(cloud, id_)
            iam.create_policy_version(PolicyArn=id_, PolicyDocument=new["policy"], SetAsDefault=True)
        if tags.added(old, new):
            iam.tag_policy(PolicyArn=id_, Tags=tags.pairs(tags.added(old, new)))
        if tags.removed(old, new):
            iam.untag_policy(PolicyArn=id_, TagKeys=tags.removed(old, new))


def _make_room(cloud: Cloud, arn: str) -> None:
    """IAM keeps five versions of a policy: the oldest goes before a sixth comes."""
    versions = cloud.client("iam").list_policy_versions(PolicyArn=arn)["Versions"]
    spare = sorted((v for v in versions if not v["IsDefaultVersion"]), key=lambda v: int(v["VersionId"][1:]))
    if len(versions) >= 5:
        cloud.client("iam").delete_policy_version(PolicyArn=arn, VersionId=spare[0]["VersionId"])


def _read_policy(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    iam = cloud.client("iam")
    answer = attempt(cloud, iam.get_policy, PolicyArn=id_)
    if answer is None:
        return None
    policy = answer["Policy"]
    with calling(cloud):
        version = iam.get_policy_version(PolicyArn=id_, VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    return given(
        arn=id_,
        name=policy["PolicyName"],
        path=policy.get("Path", "/"),
        policyId=policy.get("PolicyId"),
        attachmentCount=policy.get("AttachmentCount", 0),
        description=policy.get("Description"),
        policy=document(version["Document"]),
        tagsAll=tags.mapping(policy["Tags"]) if "Tags" in policy else tags.of(inputs),
    )


def _delete_policy(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    iam = cloud.client("iam")
    answer = attempt(cloud, iam.list_policy_versions, PolicyArn=id_)
    if answer is None:
        return
    for version in answer["Versions"]:
        if not version["IsDefaultVersion"]:
            attempt(cloud, iam.delete_policy_version, PolicyArn=id_, VersionId=version["VersionId"])
    attempt(cloud, iam.delete_policy, PolicyArn=id_)


POLICY = ResourceType(
    token="aws:iam/policy:Policy",
    properties={
        **_NAMES,
        "policy": honoured(required=True, document=True),
        "path": honoured(replaces=True, default="/"),
        "description": honoured(replaces=True),
        "tags": honoured(),
        "delayAfterPolicyCreationInMs": recorded(),
    },
    computed=frozenset({"arn", "attachmentCount", "policyId", "tagsAll"}),
    naming=Naming(prefix="namePrefix", longest=128),
    volatile=frozenset({"attachmentCount"}),
    create=_create_policy,
    update=_update_policy,
    read=_read_policy,
    delete=_delete_policy,
    identify=_policy_arn,
)


TYPES = (ROLE, POLICY)
