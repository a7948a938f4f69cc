"""Managed policies, the account's and AWS's own, and their versions."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.identity import managed
from stepwell.identity import policy as policy_language
from stepwell.services.iam import paging
from stepwell.services.iam.entities import PAGING, size, tag_list, tags_of, unique_id
from stepwell.services.iam.errors import (
    DeleteConflict,
    EntityAlreadyExists,
    LimitExceeded,
    NoSuchEntity,
    quota,
)
from stepwell.services.iam.records import Attachment, Bounding, ManagedPolicy, encoded

#: characters of one version (IAM quotas)
SIZE_LIMIT = 6_144
#: versions of one policy (IAM quotas)
VERSION_LIMIT = 5
#: AWS's names of what a managed policy may be to an entity
USES: dict[str, type[Attachment]] = {"PermissionsPolicy": Attachment, "PermissionsBoundary": Bounding}


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
        versions={aws.version_id: json.dumps(aws.document, indent=2)},
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
        "PermissionsBoundaryUsageCount": sum(1 for _ in view.scan(Bounding, prefix=policy.arn + "|")),
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


def check(text: str, name: str) -> None:
    """Raises MalformedPolicyDocument, LimitExceeded."""
    policy_language.parse(text, kind="managed", name=name)
    if size([text]) > SIZE_LIMIT:
        raise quota("PolicySize", SIZE_LIMIT)


def create_policy(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    name, path = params["PolicyName"], params.get("Path", "/")
    arn = f"arn:aws:iam::{draft.account}:policy{path}{name}"
    if draft.get(ManagedPolicy, arn) is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    check(params["PolicyDocument"], name)
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
    only_attached, usage = params.get("OnlyAttached", False), params.get("PolicyUsageFilter")
    uses = [use for name, use in USES.items() if usage in (None, name)]
    matching = (
        policy
        for policy in found
        if policy.arn > after
        and policy.path.startswith(prefix)
        and (
            not (only_attached or usage)
            or any(any(view.scan(use, prefix=policy.arn + "|", limit=1)) for use in uses)
        )
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
    if any(any(draft.scan(use, prefix=policy.arn + "|", limit=1)) for use in (Attachment, Bounding)):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict("This policy has more than one version. Delete all other versions first.")
    draft.delete(ManagedPolicy, policy.arn)


def create_policy_version(call: Call, draft: Draft) -> dict[str, Any]:
    policy = own_policy(draft, call.params["PolicyArn"])
    text = call.params["PolicyDocument"]
    check(text, policy.name)
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


def _policy(name: str, fields: str, **handler: Any) -> Operation:
    rights = (Right(action=f"iam:{name}", resource="{PolicyArn}"),)
    return Operation(name=name, rights=rights, honoured=words(fields), **handler)


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    return f"arn:aws:iam::{site.account}:policy{params.get('Path', '/')}{params['PolicyName']}"


OPERATIONS = (
    Operation(
        name="CreatePolicy",
        rights=(Right(action="iam:CreatePolicy", resource=_new_arn),),
        honoured=words("PolicyName Path PolicyDocument Description Tags"),
        decide=create_policy,
    ),
    Operation(
        name="ListPolicies",
        rights=(Right(action="iam:ListPolicies"),),
        honoured=words("Scope OnlyAttached PathPrefix PolicyUsageFilter" + PAGING),
        read=list_policies,
    ),
    _policy("GetPolicy", "PolicyArn", read=get_policy),
    _policy("DeletePolicy", "PolicyArn", decide=delete_policy),
    _policy("CreatePolicyVersion", "PolicyArn PolicyDocument SetAsDefault", decide=create_policy_version),
    _policy("GetPolicyVersion", "PolicyArn VersionId", read=get_policy_version),
    _policy("ListPolicyVersions", "PolicyArn" + PAGING, read=list_policy_versions),
    _policy("DeletePolicyVersion", "PolicyArn VersionId", decide=delete_policy_version),
    _policy("SetDefaultPolicyVersion", "PolicyArn VersionId", decide=set_default_policy_version),
)
