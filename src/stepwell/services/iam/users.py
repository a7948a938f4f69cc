"""Users: names of their own, for people and programs that no role fits."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, Site, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.iam import paging
from stepwell.services.iam.boundaries import bound, release
from stepwell.services.iam.entities import PAGING, USERS, boundary_shown, tag_list, tags_of, unique_id
from stepwell.services.iam.errors import DeleteConflict
from stepwell.services.iam.records import AccessKey, Attachment, Bounding, Membership, User


def shown(user: User, *, listed: bool = False) -> dict[str, Any]:
    """AWS's User structure; lists leave tags and boundary out."""
    answer: dict[str, Any] = {
        "Path": user.path,
        "UserName": user.name,
        "UserId": user.id,
        "Arn": user.arn,
        "CreateDate": user.created,
    }
    if not listed:
        answer |= boundary_shown(user)
        if user.tags:
            answer["Tags"] = tag_list(user.tags)
    return answer


def user_name(params: Mapping[str, Any], call: Call) -> str:
    """The user that a call names, or the one who makes it."""
    name = params.get("UserName")
    return name if name is not None else call.caller.arn.rpartition("/")[2]


def create_user(call: Call, draft: Draft) -> dict[str, Any]:
    params = call.params
    name, path = params["UserName"], params.get("Path", "/")
    USERS.refuse_taken(draft, name)
    user = User(
        name=name,
        path=path,
        id=unique_id(USERS.prefix, draft),
        arn=USERS.arn(draft.account, path, name),
        created=draft.now,
        tags=tags_of(params),
    )
    bound(draft, USERS, user, params.get("PermissionsBoundary"))
    return {"User": shown(USERS.find(draft, name))}


def get_user(call: Call, view: View) -> dict[str, Any]:
    """The user named, or the caller; the account's root has an ARN and an id, and no name."""
    if "UserName" not in call.params and call.caller.kind == "root":
        return {"User": {"Path": "/", "UserId": call.caller.account, "Arn": call.caller.arn}}
    return {"User": shown(USERS.find(view, user_name(call.params, call)))}


def list_users(call: Call, view: View) -> dict[str, Any]:
    prefix = call.params.get("PathPrefix", "/")
    users = (
        user for user in view.scan(User, after=paging.start(call.params)) if user.path.startswith(prefix)
    )
    return paging.page(
        call.params, "Users", users, lambda user: user.key, lambda user: shown(user, listed=True)
    )


def update_user(call: Call, draft: Draft) -> None:
    """Rename or move a user: the id stays, and so does all that belongs to it."""
    user = USERS.named(draft, call.params)
    name, path = call.params.get("NewUserName", user.name), call.params.get("NewPath", user.path)
    if name.lower() != user.key:
        USERS.refuse_taken(draft, name)
    renamed = replace(user, name=name, path=path, arn=USERS.arn(draft.account, path, name))
    if renamed.key != user.key:
        _move(draft, user, renamed)
    draft.put(renamed)


def _move(draft: Draft, user: User, renamed: User) -> None:
    """Write everything that finds the user by its name anew."""
    draft.delete(User, user.key)
    for group in user.groups:
        draft.delete(Membership, Membership(group=group, user=user.key).key)
        draft.put(Membership(group=group, user=renamed.key))
    for arn in user.attached:
        draft.delete(Attachment, Attachment(policy=arn, kind=USERS.word, entity=user.key).key)
        draft.put(Attachment(policy=arn, kind=USERS.word, entity=renamed.key))
    if user.boundary is not None:
        release(draft, USERS, user)
        draft.put(Bounding(policy=user.boundary, kind=USERS.word, entity=renamed.key))
    for access_key in user.access_keys:
        record = draft.get(AccessKey, access_key)
        assert record is not None
        draft.put(replace(record, user=renamed.key))


def delete_user(call: Call, draft: Draft) -> None:
    user = USERS.named(draft, call.params)
    for held, first in (
        (user.groups, "remove users from group"),
        (user.attached, "detach all policies"),
        (user.inline, "delete policies"),
        (user.access_keys, "delete access keys"),
    ):
        if held:
            raise DeleteConflict(f"Cannot delete entity, must {first} first.")
    release(draft, USERS, user)
    draft.delete(User, user.key)


def _new_arn(params: Mapping[str, Any], site: Site) -> str:
    return USERS.arn(site.account, params.get("Path", "/"), params["UserName"])


OPERATIONS = (
    Operation(
        name="CreateUser",
        rights=(
            Right(
                action="iam:CreateUser",
                resource=_new_arn,
                keys={"iam:PermissionsBoundary": "PermissionsBoundary"},
            ),
        ),
        honoured=words("Path UserName PermissionsBoundary Tags"),
        decide=create_user,
    ),
    USERS.operation("GetUser", read=get_user),
    Operation(
        name="ListUsers",
        rights=(Right(action="iam:ListUsers", resource="arn:aws:iam::{account}:user/"),),
        honoured=words("PathPrefix" + PAGING),
        read=list_users,
    ),
    USERS.operation("UpdateUser", "NewPath NewUserName", decide=update_user),
    USERS.operation("DeleteUser", decide=delete_user),
)
