"""Tags of roles, users, managed policies and instance profiles."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Resource, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging
from stepwell.services.iam.entities import PAGING, ROLES, TAG_LIMIT, USERS, tags_of
from stepwell.services.iam.errors import quota
from stepwell.services.iam.policies import own_policy
from stepwell.services.iam.profiles import PROFILE_ARN, find_profile

#: finds what a call names; raises NoSuchEntity
Find = Callable[[View, str], Any]


def _operations(noun: str, parameter: str, arn: Resource, find: Find) -> tuple[Operation, ...]:
    def tag(call: Call, draft: Draft) -> None:
        found = find(draft, call.params[parameter])
        tags = {**found.tags, **tags_of(call.params)}
        if len(tags) > TAG_LIMIT:
            raise quota(f"TagsPer{noun}", TAG_LIMIT)
        draft.put(replace(found, tags=tags))

    def untag(call: Call, draft: Draft) -> None:
        found = find(draft, call.params[parameter])
        gone = set(call.params["TagKeys"])
        draft.put(replace(found, tags={key: value for key, value in found.tags.items() if key not in gone}))

    def listed(call: Call, view: View) -> dict[str, Any]:
        tags, after = find(view, call.params[parameter]).tags, paging.start(call.params)
        pairs = ((key, value) for key, value in sorted(tags.items()) if key > after)
        return paging.page(
            call.params, "Tags", pairs, lambda pair: pair[0], lambda pair: {"Key": pair[0], "Value": pair[1]}
        )

    def operation(name: str, fields: str, **handler: Any) -> Operation:
        rights = (Right(action=f"iam:{name}", resource=arn),)
        return Operation(name=name, rights=rights, honoured=words(f"{parameter} {fields}"), **handler)

    return (
        operation(f"Tag{noun}", "Tags", decide=tag),
        operation(f"Untag{noun}", "TagKeys", decide=untag),
        operation(f"List{noun}Tags", PAGING, read=listed),
    )


OPERATIONS = (
    *_operations("Role", "RoleName", ROLES.resource, ROLES.find),
    *_operations("User", "UserName", USERS.resource, USERS.find),
    *_operations("Policy", "PolicyArn", "{PolicyArn}", own_policy),
    *_operations("InstanceProfile", "InstanceProfileName", PROFILE_ARN, find_profile),
)
