"""The account at a glance: counts beside quotas, and every entity with its policies."""

from __future__ import annotations

from typing import Any

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Record, View
from stepwell.services.iam import groups, keys, paging, policies, profiles, roles, users
from stepwell.services.iam.entities import GROUPS, KINDS, PAGING, ROLES, USERS, Kind
from stepwell.services.iam.records import (
    Entity,
    Group,
    InstanceProfile,
    ManagedPolicy,
    Role,
    User,
    encoded,
)

#: IAM's quotas as GetAccountSummary names them
QUOTAS = {
    "UsersQuota": 5000,
    "GroupsQuota": 300,
    "RolesQuota": 1000,
    "PoliciesQuota": 1500,
    "InstanceProfilesQuota": 1000,
    "UserPolicySizeQuota": USERS.inline_limit,
    "GroupPolicySizeQuota": GROUPS.inline_limit,
    "RolePolicySizeQuota": ROLES.inline_limit,
    "AssumeRolePolicySizeQuota": roles.TRUST_LIMIT,
    "PolicySizeQuota": policies.SIZE_LIMIT,
    "VersionsPerPolicyQuota": policies.VERSION_LIMIT,
    "GroupsPerUserQuota": groups.GROUPS_OF_USER,
    "AccessKeysPerUserQuota": keys.LIMIT,
    "AttachedPoliciesPerUserQuota": USERS.attached_limit,
    "AttachedPoliciesPerGroupQuota": GROUPS.attached_limit,
    "AttachedPoliciesPerRoleQuota": ROLES.attached_limit,
}
COUNTED: dict[str, type[Record]] = {
    "Users": User,
    "Groups": Group,
    "Roles": Role,
    "Policies": ManagedPolicy,
    "InstanceProfiles": InstanceProfile,
}


def get_account_summary(call: Call, view: View) -> dict[str, Any]:
    counts = {name: sum(1 for _ in view.scan(record)) for name, record in COUNTED.items()}
    versions = sum(len(policy.versions) for policy in view.scan(ManagedPolicy))
    return {"SummaryMap": {**counts, "PolicyVersionsInUse": versions, **QUOTAS}}


def _held(view: View, kind: Kind[Any], entity: Entity) -> dict[str, Any]:
    """The policies of an entity, as its detail shows them."""
    return {
        f"{kind.noun}PolicyList": [
            {"PolicyName": name, "PolicyDocument": encoded(text)}
            for name, text in sorted(entity.inline.items())
        ],
        "AttachedManagedPolicies": [
            {"PolicyName": policies.find_policy(view, arn).name, "PolicyArn": arn} for arn in entity.attached
        ],
    }


#: what GetRole shows of a role, and this list does not
ROLE_ALONE = frozenset({"Description", "MaxSessionDuration"})


def _detail(view: View, entity: Entity) -> dict[str, Any]:
    if isinstance(entity, Role):
        shown = roles.shown(view, entity)
        return {
            **{name: value for name, value in shown.items() if name not in ROLE_ALONE},
            "InstanceProfileList": [
                profiles.shown(view, each) for each in profiles.profiles_of(view, entity)
            ],
            **_held(view, ROLES, entity),
        }
    if isinstance(entity, User):
        return {
            **users.shown(entity),
            "GroupList": [GROUPS.find(view, key).name for key in entity.groups],
            **_held(view, USERS, entity),
        }
    assert isinstance(entity, Group)
    return {**groups.shown(entity), **_held(view, GROUPS, entity)}


def _policy_detail(view: View, policy: ManagedPolicy) -> dict[str, Any]:
    versions = [policies.version_shown(policy, version, document=True) for version in policy.versions]
    shown = policies.shown(view, policy)
    shown.pop("Tags", None)
    return {**shown, "PolicyVersionList": versions}


def get_account_authorization_details(call: Call, view: View) -> dict[str, Any]:
    """Users, groups, roles and policies in one list that is cut into pages."""
    wanted, after = call.params.get("Filter") or (), paging.start(call.params)
    found: list[tuple[str, str, Any]] = []
    for rank, kind in enumerate(KINDS):
        if not wanted or kind.noun in wanted:
            found += [
                (f"{rank}{entity.key}", f"{kind.noun}DetailList", _detail(view, entity))
                for entity in view.scan(kind.record)
            ]
    scopes = [
        scope
        for scope, name in (("Local", "LocalManagedPolicy"), ("AWS", "AWSManagedPolicy"))
        if not wanted or name in wanted
    ]
    attached = {arn for kind in KINDS for entity in view.scan(kind.record) for arn in entity.attached}
    chosen = list(view.scan(ManagedPolicy)) if "Local" in scopes else []
    if "AWS" in scopes:
        aws = sorted(arn for arn in attached if view.get(ManagedPolicy, arn) is None)
        chosen += [policies.find_policy(view, arn) for arn in aws]
    found += [(f"3{policy.arn}", "Policies", _policy_detail(view, policy)) for policy in chosen]
    behind = sorted((each for each in found if each[0] > after), key=lambda each: each[0])
    page = paging.page(call.params, "All", behind, lambda each: each[0], lambda each: each)
    lists: dict[str, list[Any]] = {
        name: [] for name in ("UserDetailList", "GroupDetailList", "RoleDetailList", "Policies")
    }
    for _, name, detail in page.pop("All"):
        lists[name].append(detail)
    return {**lists, **page}


OPERATIONS = (
    Operation(
        name="GetAccountSummary", rights=(Right(action="iam:GetAccountSummary"),), read=get_account_summary
    ),
    Operation(
        name="GetAccountAuthorizationDetails",
        rights=(Right(action="iam:GetAccountAuthorizationDetails"),),
        honoured=words("Filter" + PAGING),
        read=get_account_authorization_details,
    ),
)
