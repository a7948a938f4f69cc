"""Log groups: created, listed, their retention, their tags."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec.structs import replace

from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View
from stepwell.services.logs import paging, removal
from stepwell.services.logs.errors import (
    InvalidParameterException,
    ResourceAlreadyExistsException,
    ResourceNotFoundException,
    TooManyTagsException,
)
from stepwell.services.logs.records import LogGroup, find_group, group_arn, group_name, rights
from stepwell.services.logs.segments import Segments

#: days that a retention policy may name (API reference, PutRetentionPolicy)
RETENTIONS = (
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
)  # fmt: skip
TAGS_LIMIT = 50


def create_log_group(call: Call, draft: Draft) -> None:
    params = call.params
    name = params["logGroupName"]
    removal.refuse_during(draft, name)
    if draft.get(LogGroup, name) is not None:
        raise ResourceAlreadyExistsException("The specified log group already exists")
    draft.put(
        LogGroup(
            name=name,
            created=draft.now,
            log_class=params.get("logGroupClass", "STANDARD"),
            kms_key=params.get("kmsKeyId"),
            protected=params.get("deletionProtectionEnabled", False),
            tags=dict(params.get("tags") or {}),
        )
    )


def put_retention_policy(call: Call, draft: Draft) -> None:
    days = call.params["retentionInDays"]
    if days not in RETENTIONS:
        allowed = ", ".join(str(each) for each in RETENTIONS)
        raise InvalidParameterException(
            f"1 validation error detected: Value '{days}' at 'retentionInDays' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{allowed}]"
        )
    draft.put(replace(find_group(draft, call.params["logGroupName"]), retention=days))


def delete_retention_policy(call: Call, draft: Draft) -> None:
    draft.put(replace(find_group(draft, call.params["logGroupName"]), retention=None))


def _tagged(view: View, resource: str) -> LogGroup:
    """The group of an ARN. Raises ResourceNotFoundException."""
    name = group_name(resource)
    group = view.get(LogGroup, name)
    if group is None or resource.removesuffix(":*") != group_arn(view, name):
        raise ResourceNotFoundException("The specified resource does not exist.")
    return group


def _add_tags(draft: Draft, group: LogGroup, tags: Mapping[str, str]) -> None:
    merged = {**group.tags, **tags}
    if len(merged) > TAGS_LIMIT:
        raise TooManyTagsException(f"A log group has {TAGS_LIMIT} tags at most.")
    draft.put(replace(group, tags=merged))


def _remove_tags(draft: Draft, group: LogGroup, keys: list[str]) -> None:
    draft.put(replace(group, tags={key: value for key, value in group.tags.items() if key not in keys}))


def tag_resource(call: Call, draft: Draft) -> None:
    _add_tags(draft, _tagged(draft, call.params["resourceArn"]), call.params["tags"])


def untag_resource(call: Call, draft: Draft) -> None:
    _remove_tags(draft, _tagged(draft, call.params["resourceArn"]), call.params["tagKeys"])


def list_tags_for_resource(call: Call, view: View) -> dict[str, Any]:
    return {"tags": dict(_tagged(view, call.params["resourceArn"]).tags)}


def tag_log_group(call: Call, draft: Draft) -> None:
    _add_tags(draft, find_group(draft, call.params["logGroupName"]), call.params["tags"])


def untag_log_group(call: Call, draft: Draft) -> None:
    _remove_tags(draft, find_group(draft, call.params["logGroupName"]), call.params["tags"])


def list_tags_log_group(call: Call, view: View) -> dict[str, Any]:
    return {"tags": dict(find_group(view, call.params["logGroupName"]).tags)}


class Groups:
    """What needs the segment files: sizes, and removal."""

    def __init__(self, segments: Segments, remover: removal.Remover) -> None:
        self._segments = segments
        self._remover = remover

    def describe_log_groups(self, call: Call, view: View) -> dict[str, Any]:
        params = call.params
        prefix, part = params.get("logGroupNamePrefix", ""), params.get("logGroupNamePattern", "")
        if prefix and part:
            raise InvalidParameterException(
                "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            )
        names = {group_name(each) for each in params.get("logGroupIdentifiers") or ()}
        log_class = params.get("logGroupClass")
        groups = (
            group
            for group in view.scan(LogGroup, prefix=prefix, after=paging.start(params))
            if part.lower() in group.name.lower()
            and (not names or group.name in names)
            and log_class in (None, group.log_class)
        )
        return paging.page(
            params, "logGroups", groups, lambda group: group.name, lambda group: self._shown(view, group)
        )

    def _shown(self, view: View, group: LogGroup) -> dict[str, Any]:
        arn = group_arn(view, group.name)
        shown: dict[str, Any] = {
            "logGroupName": group.name,
            "creationTime": round(group.created * 1000),
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "storedBytes": self._segments.stored_bytes(group.name),
            "logGroupClass": group.log_class,
            "logGroupArn": arn,
            "deletionProtectionEnabled": group.protected,
        }
        if group.retention is not None:
            shown["retentionInDays"] = group.retention
        if group.kms_key is not None:
            shown["kmsKeyId"] = group.kms_key
        return shown

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                name="CreateLogGroup",
                rights=(
                    *rights("CreateLogGroup"),
                    Right(
                        action="logs:TagResource",
                        resource="arn:aws:logs:{region}:{account}:log-group:{logGroupName}",
                        when=lambda params: bool(params.get("tags")),
                    ),
                ),
                honoured=words("logGroupName tags deletionProtectionEnabled"),
                recorded=words("kmsKeyId logGroupClass"),
                decide=create_log_group,
            ),
            Operation(
                name="DeleteLogGroup",
                rights=rights("DeleteLogGroup"),
                honoured=words("logGroupName"),
                act=self._remover.delete_group,
            ),
            Operation(
                name="DescribeLogGroups",
                rights=rights("DescribeLogGroups"),
                honoured=words(
                    "logGroupNamePrefix logGroupNamePattern logGroupIdentifiers logGroupClass nextToken limit"
                ),
                read=self.describe_log_groups,
            ),
            Operation(
                name="PutRetentionPolicy",
                rights=rights("PutRetentionPolicy"),
                honoured=words("logGroupName retentionInDays"),
                decide=put_retention_policy,
            ),
            Operation(
                name="DeleteRetentionPolicy",
                rights=rights("DeleteRetentionPolicy"),
                honoured=words("logGroupName"),
                decide=delete_retention_policy,
            ),
            *TAG_OPERATIONS,
        )


def _on_resource(action: str) -> tuple[Right, ...]:
    return (Right(action=f"logs:{action}", resource="{resourceArn}"),)


TAG_OPERATIONS = (
    Operation(
        name="TagResource",
        rights=_on_resource("TagResource"),
        honoured=words("resourceArn tags"),
        decide=tag_resource,
    ),
    Operation(
        name="UntagResource",
        rights=_on_resource("UntagResource"),
        honoured=words("resourceArn tagKeys"),
        decide=untag_resource,
    ),
    Operation(
        name="ListTagsForResource",
        rights=_on_resource("ListTagsForResource"),
        honoured=words("resourceArn"),
        read=list_tags_for_resource,
    ),
    Operation(
        name="TagLogGroup",
        rights=rights("TagLogGroup"),
        honoured=words("logGroupName tags"),
        decide=tag_log_group,
    ),
    Operation(
        name="UntagLogGroup",
        rights=rights("UntagLogGroup"),
        honoured=words("logGroupName tags"),
        decide=untag_log_group,
    ),
    Operation(
        name="ListTagsLogGroup",
        rights=rights("ListTagsLogGroup"),
        honoured=words("logGroupName"),
        read=list_tags_log_group,
    ),
)
