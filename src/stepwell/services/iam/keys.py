"""Access keys of users: pairs that sign requests, at most two each so that one can replace the other."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging
from stepwell.services.iam.entities import ALPHABET, PAGING, USERS
from stepwell.services.iam.errors import NoSuchEntity, quota
from stepwell.services.iam.records import AccessKey, User
from stepwell.services.iam.users import user_name

#: access keys of one user (IAM quotas)
LIMIT = 2
#: random bytes of a secret, 40 characters in base64
SECRET_BYTES = 30


def shown(view: View, access_key: AccessKey) -> dict[str, Any]:
    """AWS's AccessKeyMetadata structure; the secret is shown once, when it is made."""
    return {
        "UserName": USERS.find(view, access_key.user).name,
        "AccessKeyId": access_key.id,
        "Status": access_key.status,
        "CreateDate": access_key.created,
    }


def create_access_key(call: Call, draft: Draft) -> dict[str, Any]:
    user = USERS.find(draft, user_name(call.params, call))
    if len(user.access_keys) >= LIMIT:
        raise quota("AccessKeysPerUser", LIMIT)
    random = draft.random
    access_key = AccessKey(
        id="AKIA" + "".join(random.choice(ALPHABET) for _ in range(16)),
        secret=base64.b64encode(random.getrandbits(SECRET_BYTES * 8).to_bytes(SECRET_BYTES, "big")).decode(),
        user=user.key,
        created=draft.now,
    )
    draft.put(access_key)
    draft.put(replace(user, access_keys=(*user.access_keys, access_key.id)))
    return {"AccessKey": {**shown(draft, access_key), "SecretAccessKey": access_key.secret}}


def list_access_keys(call: Call, view: View) -> dict[str, Any]:
    user = USERS.find(view, user_name(call.params, call))
    after = paging.start(call.params)
    found = (view.get(AccessKey, each) for each in sorted(user.access_keys) if each > after)
    return paging.page(
        call.params,
        "AccessKeyMetadata",
        (access_key for access_key in found if access_key is not None),
        lambda access_key: access_key.id,
        lambda access_key: shown(view, access_key),
    )


def _find(view: View, access_key_id: str, user: User | None = None) -> AccessKey:
    """The key, of that user where one is named. Raises NoSuchEntity."""
    found = view.get(AccessKey, access_key_id)
    if found is None or (user is not None and found.user != user.key):
        raise NoSuchEntity(f"The Access Key with id {access_key_id} cannot be found.")
    return found


def _of(call: Call, params: Mapping[str, Any], view: View) -> tuple[User, AccessKey]:
    user = USERS.find(view, user_name(params, call))
    return user, _find(view, params["AccessKeyId"], user)


def update_access_key(call: Call, draft: Draft) -> None:
    _, access_key = _of(call, call.params, draft)
    draft.put(replace(access_key, status=call.params["Status"]))


def delete_access_key(call: Call, draft: Draft) -> None:
    user, access_key = _of(call, call.params, draft)
    draft.put(replace(user, access_keys=tuple(each for each in user.access_keys if each != access_key.id)))
    draft.delete(AccessKey, access_key.id)


def get_access_key_last_used(call: Call, view: View) -> dict[str, Any]:
    access_key = _find(view, call.params["AccessKeyId"])
    used: dict[str, Any] = {"ServiceName": "N/A", "Region": "N/A"}
    if access_key.last_used is not None:
        used = {
            "LastUsedDate": access_key.last_used,
            "ServiceName": access_key.last_service,
            "Region": view.region,
        }
    return {"UserName": USERS.find(view, access_key.user).name, "AccessKeyLastUsed": used}


def note_use(access_key_id: str, service: str, draft: Draft) -> None:
    """Remember that a key signed a call to `service` just now; one that is gone by now is let be."""
    found = draft.get(AccessKey, access_key_id)
    if found is not None:
        draft.put(replace(found, last_used=draft.now, last_service=service))


OPERATIONS: tuple[Operation, ...] = (
    USERS.operation("CreateAccessKey", decide=create_access_key),
    USERS.operation("ListAccessKeys", PAGING, read=list_access_keys),
    USERS.operation("UpdateAccessKey", "AccessKeyId Status", decide=update_access_key),
    USERS.operation("DeleteAccessKey", "AccessKeyId", decide=delete_access_key),
    Operation(
        name="GetAccessKeyLastUsed",
        rights=(Right(action="iam:GetAccessKeyLastUsed", resource="arn:aws:iam::{account}:user/*"),),
        honoured=("AccessKeyId",),
        read=get_access_key_last_used,
    ),
)
