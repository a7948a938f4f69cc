"""Managed policies, the account's and AWS's own, and their attachments to roles."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import managed
from stepwell.identity import policy as policy_language
from stepwell.services.iam import paging
from stepwell.services.iam.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from stepwell.services.iam.records import Attachment, ManagedPolicy, encoded
from stepwell.services.iam.roles import PAGING, ROLE_ARN, find, tag_list, tags_of, unique_id

#: policies attached to one role (IAM quotas)
ATTACHED_LIMIT = 20
#: versions of one policy (IAM quotas)
VERSION_LIMIT = 5


def find_policy(view: View, arn: str) -> ManagedPolicy:
    """The policy, the account's or AWS's own. Raises NoSuchEntity."""
    own = view.get(ManagedPolicy, arn)
    if own is not None:
        return own
    aws = managed.find(arn)
    if aws is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    return ManagedPolicy(
        name=aws.name,
        path=aws.path,
        id="ANPA" + hashlib.sha256(arn.encode()).hexdigest()[:17].upper(),
        arn=arn,
        created=datetime.fromisoformat(aws.create_date).timestamp(),
        updated=datetime.fromisoformat(aws.create_date).timestamp(),
        versions={aws.version_id: json.dumps(aws.document)},
        version_dates={aws.version_id: datetime.fromisoformat(aws.create_date).timestamp()},
        default_version=aws.version_id,
    )


def own_policy(view: View, arn: str) -> ManagedPolicy:
    """A policy that may be changed. Raises NoSuchEntity."""
    policy = view.get(ManagedPolicy, arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def shown(view: View, policy: ManagedPolicy, *, listed: bool = False) -> dict[str, Any]:
    """AWS's Policy structure."""
    answer: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default_version,
        "AttachmentCount": sum(1 for _ in view.scan(Attachment, prefix=policy.arn + "|")),
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if not listed:
        if policy.description:
            answer["Description"] = policy.description
        answer["Tags"] = tag_list(policy.tags)
    return answer


def version_shown(policy: ManagedPolicy, version: str, *, document: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {
        "VersionId": version,
        "IsDefaultVersion": version == policy.default_version,
        "CreateDate": policy.version_dates[version],
    }
    if document:
        answer["Document"] = encoded(policy.versions[version])
    return answer


def create_policy(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    name, path = params["PolicyName"], params.get("Path", "/")
    arn = f"arn:aws:iam::{draft.account}:policy{path}{name}"
    if draft.get(ManagedPolicy, arn) is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    policy_language.parse(params["PolicyDocument"], kind="managed", name=name)
    policy = ManagedPolicy(
        name=name,
        path=path,
        id=unique_id("ANPA", draft),
        arn=arn,
        created=draft.now,
        updated=draft.now,
        description=params.get("Description", ""),
        tags=tags_of(params),
        versions={"v1": params["PolicyDocument"]},
        version_dates={"v1": draft.now},
    )
    draft.put(policy)
    return {"Policy": shown(draft, policy)}


def get_policy(call: Call, view: View) -> dict[str, Any]:
    return {"Policy": shown(view, find_policy(view, call.params["PolicyArn"]))}


def list_policies(call: Call, view: View) -> dict[str, Any]:
    params = call.params
    scope, prefix = params.get("Scope", "All"), params.get("PathPrefix", "/")
    after = paging.start(params)
    own = view.scan(ManagedPolicy) if scope in ("All", "Local") else ()
    aws = (find_policy(view, arn) for arn in managed.arns()) if scope in ("All", "AWS") else ()
    found = sorted((policy for group in (aws, own) for policy in group), key=lambda policy: policy.arn)
    only_attached = params.get("OnlyAttached", False)
    matching = (
        policy
        for policy in found
        if policy.arn > after
        and policy.path.startswith(prefix)
        and (not only_attached or any(view.scan(Attachment, prefix=policy.arn + "|", limit=1)))
    )
    return paging.page(
        params,
        "Policies",
        matching,
        lambda policy: policy.arn,
        lambda policy: shown(view, policy, listed=True),
    )


def delete_policy(call: Call, draft: Draft) -> None:
    policy = own_policy(draft, call.params["PolicyArn"])
    if any(draft.scan(Attachment, prefix=policy.arn + "|", limit=1)):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict("This policy has more than one version. Delete all other versions first.")
    draft.delete(ManagedPolicy, policy.arn)


def create_policy_version(call: Call, draft: Draft) -> dict[str, Any]:
    policy = own_policy(draft, call.params["PolicyArn"])
    text = call.params["PolicyDocument"]
    policy_language.parse(text, kind="managed", name=policy.name)
    if len(policy.versions) >= VERSION_LIMIT:
        raise LimitExceeded(
            f"A managed policy can have up to {VERSION_LIMIT} versions. "
            "Before you create a new version, you must delete an existing version."
        )
    version = f"v{policy.next_version}"
    policy = replace(
        policy,
        versions={**policy.versions, version: text},
        version_dates={**policy.version_dates, version: draft.now},
        default_version=version if call.params.get("SetAsDefault") else policy.default_version,
        next_version=policy.next_version + 1,
        updated=draft.now,
    )
    draft.put(policy)
    return {"PolicyVersion": version_shown(policy, version, document=False)}


def version_of(policy: ManagedPolicy, version: str) -> str:
    """The version's name. Raises NoSuchEntity."""
    if version not in policy.versions:
        raise NoSuchEntity(f"Policy {policy.arn} version {version} does not exist or is not attachable.")
    return version


def get_policy_version(call: Call, view: View) -> dict[str, Any]:
    policy = find_policy(view, call.params["PolicyArn"])
    version = version_of(policy, call.params["VersionId"])
    return {"PolicyVersion": version_shown(policy, version, document=True)}


def list_policy_versions(call: Call, view: View) -> dict[str, Any]:
    policy = find_policy(view, call.params["PolicyArn"])
    after = paging.start(call.params)
    versions = (version for version in sorted(policy.versions) if version > after)
    return paging.page(
        call.params, "Versions", versions, str, lambda version: version_shown(policy, version, document=False)
    )


def delete_policy_version(call: Call, draft: Draft) -> None:
    policy = own_policy(draft, call.params["PolicyArn"])
    version = version_of(policy, call.params["VersionId"])
    if version == policy.default_version:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    draft.put(
        replace(
            policy,
            versions={name: text for name, text in policy.versions.items() if name != version},
            version_dates={name: date for name, date in policy.version_dates.items() if name != version},
        )
    )


def set_default_policy_version(call: Call, draft: Draft) -> None:
    policy = own_policy(draft, call.params["PolicyArn"])
    version = version_of(policy, call.params["VersionId"])
    draft.put(replace(policy, default_version=version, updated=draft.now))


def attach_role_policy(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    arn = find_policy(draft, call.params["PolicyArn"]).arn
    if arn in role.attached:
        return
    if len(role.attached) >= ATTACHED_LIMIT:
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPerRole: {ATTACHED_LIMIT}")
    draft.put(replace(role, attached=(*role.attached, arn)))
    draft.put(Attachment(policy=arn, role=role.name))


def detach_role_policy(call: Call, draft: Draft) -> None:
    role = find(draft, call.params["RoleName"])
    arn = call.params["PolicyArn"]
    if arn not in role.attached:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    draft.put(replace(role, attached=tuple(each for each in role.attached if each != arn)))
    draft.delete(Attachment, f"{arn}|{role.key}")


def list_attached_role_policies(call: Call, view: View) -> dict[str, Any]:
    role = find(view, call.params["RoleName"])
    prefix, after = call.params.get("PathPrefix", "/"), paging.start(call.params)
    policies = (find_policy(view, arn) for arn in sorted(role.attached) if arn > after)
    matching = (policy for policy in policies if policy.path.startswith(prefix))
    return paging.page(
        call.params,
        "AttachedPolicies",
        matching,
        lambda policy: policy.arn,
        lambda policy: {"PolicyName": policy.name, "PolicyArn": policy.arn},
    )


def list_entities_for_policy(call: Call, view: View) -> dict[str, Any]:
    policy = find_policy(view, call.params["PolicyArn"])
    after = paging.start(call.params)
    wanted = call.params.get("EntityFilter", "Role") in ("Role", "LocalManagedPolicy", "AWSManagedPolicy")
    prefix = policy.arn + "|"
    found = view.scan(Attachment, prefix=prefix, after=after or prefix) if wanted else ()
    answer = paging.page(
        call.params,
        "PolicyRoles",
        found,
        lambda attachment: attachment.key,
        lambda attachment: {
            "RoleName": attachment.role,
            "RoleId": find(view, attachment.role).id,
        },
    )
    return {**answer, "PolicyGroups": [], "PolicyUsers": []}


def tag_policy(call: Call, draft: Draft) -> None:
    policy = own_policy(draft, call.params["PolicyArn"])
    draft.put(replace(policy, tags={**policy.tags, **tags_of(call.params)}))


def untag_policy(call: Call, draft: Draft) -> None:
    policy = own_policy(draft, call.params["PolicyArn"])
    gone = set(call.params["TagKeys"])
    draft.put(replace(policy, tags={key: value for key, value in policy.tags.items() if key not in gone}))


def list_policy_tags(call: Call, view: View) -> dict[str, Any]:
    policy = find_policy(view, call.params["PolicyArn"])
    after = paging.start(call.params)
    tags = ((key, value) for key, value in sorted(policy.tags.items()) if key > after)
    return paging.page(
        call.params, "Tags", tags, lambda tag: tag[0], lambda tag: {"Key": tag[0], "Value": tag[1]}
    )


def _policy(name: str, fields: str, **handler: Any) -> Operation:
    rights = (Right(action=f"iam:{name}", resource="{PolicyArn}"),)
    return Operation(name=name, rights=rights, honoured=words(fields), **handler)


def _attachment(name: str, fields: str, **handler: Any) -> Operation:
    keys = {"iam:PolicyARN": "PolicyArn"} if "PolicyArn" in fields.split() else {}
    rights = (Right(action=f"iam:{name}", resource=ROLE_ARN, keys=keys),)
    return Operation(name=name, rights=rights, honoured=words(fields), **handler)


OPERATIONS = (
    Operation(
        name="CreatePolicy",
        rights=(Right(action="iam:CreatePolicy", resource="arn:aws:iam::{account}:policy/{PolicyName}"),),
        honoured=words("PolicyName Path PolicyDocument Description Tags"),
        decide=create_policy,
    ),
    Operation(
        name="ListPolicies",
        rights=(Right(action="iam:ListPolicies"),),
        honoured=words("Scope OnlyAttached PathPrefix" + PAGING),
        read=list_policies,
    ),
    _policy("GetPolicy", "PolicyArn", read=get_policy),
    _policy("DeletePolicy", "PolicyArn", decide=delete_policy),
    _policy("CreatePolicyVersion", "PolicyArn PolicyDocument SetAsDefault", decide=create_policy_version),
    _policy("GetPolicyVersion", "PolicyArn VersionId", read=get_policy_version),
    _policy("ListPolicyVersions", "PolicyArn" + PAGING, read=list_policy_versions),
    _policy("DeletePolicyVersion", "PolicyArn VersionId", decide=delete_policy_version),
    _policy("SetDefaultPolicyVersion", "PolicyArn VersionId", decide=set_default_policy_version),
    _policy("ListEntitiesForPolicy", "PolicyArn EntityFilter" + PAGING, read=list_entities_for_policy),
    _policy("TagPolicy", "PolicyArn Tags", decide=tag_policy),
    _policy("UntagPolicy", "PolicyArn TagKeys", decide=untag_policy),
    _policy("ListPolicyTags", "PolicyArn" + PAGING, read=list_policy_tags),
    _attachment("AttachRolePolicy", "RoleName PolicyArn", decide=attach_role_policy),
    _attachment("DetachRolePolicy", "RoleName PolicyArn", decide=detach_role_policy),
    _attachment("ListAttachedRolePolicies", "RoleName PathPrefix" + PAGING, read=list_attached_role_policies),
)
