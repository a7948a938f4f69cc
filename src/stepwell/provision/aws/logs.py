"""CloudWatch Logs: log groups, their streams, and the policies that let services write to them."""

from __future__ import annotations

from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import Cloud, attempt, calling
from stepwell.provision.schema import Inputs, Naming, ResourceType, honoured, refused


def _create(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("logs").create_log_group(
            **given(
                logGroupName=inputs["name"],
                kmsKeyId=inputs.get("kmsKeyId"),
                logGroupClass=inputs.get("logGroupClass"),
                tags=tags.of(inputs) or None,
            )
        )
    return str(inputs["name"])


def _settle(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update(cloud, id_, {"tagsAll": inputs.get("tagsAll")}, inputs)


def _update(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    logs = cloud.client("logs")
    before, after = old.get("retentionInDays") or 0, new.get("retentionInDays") or 0
    with calling(cloud):
        if after and after != before:
            logs.put_retention_policy(logGroupName=id_, retentionInDays=after)
        if before and not after:
            logs.delete_retention_policy(logGroupName=id_)
        if tags.added(old, new):
            logs.tag_resource(resourceArn=_arn(cloud, id_), tags=tags.added(old, new))
        if tags.removed(old, new):
            logs.untag_resource(resourceArn=_arn(cloud, id_), tagKeys=tags.removed(old, new))


def _read(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    with calling(cloud):
        pages = cloud.client("logs").get_paginator("describe_log_groups").paginate(logGroupNamePrefix=id_)
        group = next((g for page in pages for g in page["logGroups"] if g["logGroupName"] == id_), None)
    if group is None:
        return None
    return given(
        name=id_,
        arn=_arn(cloud, id_),
        retentionInDays=group.get("retentionInDays", 0),
        kmsKeyId=group.get("kmsKeyId"),
        logGroupClass=group.get("logGroupClass"),
        tagsAll=_tags(cloud, id_, inputs),
    )


def _tags(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, str]:
    if not tags.asked(inputs):
        return {}
    with calling(cloud):
        return dict(cloud.client("logs").list_tags_for_resource(resourceArn=_arn(cloud, id_)).get("tags", {}))


def _delete(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    if not inputs.get("skipDestroy"):
        attempt(cloud, cloud.client("logs").delete_log_group, logGroupName=id_)


def _arn(cloud: Cloud, name: str) -> str:
    return cloud.arn("logs", f"log-group:{name}")


LOG_GROUP = ResourceType(
    token="aws:cloudwatch/logGroup:LogGroup",
    properties={
        "name": honoured(replaces=True),
        "namePrefix": honoured(replaces=True),
        "retentionInDays": honoured(default=0),
        "kmsKeyId": honoured(replaces=True),
        "logGroupClass": honoured(replaces=True),
        "skipDestroy": honoured(),
        "tags": honoured(),
        "region": honoured(replaces=True),
        "deletionProtectionEnabled": refused("use Pulumi's own protect option"),
    },
    computed=frozenset({"arn", "tagsAll"}),
    naming=Naming(prefix="namePrefix", longest=512),
    create=_create,
    settle=_settle,
    update=_update,
    read=_read,
    delete=_delete,
    identify=lambda cloud, inputs: str(inputs["name"]),
)


def _stream_id(cloud: Cloud, inputs: Inputs) -> str:
    """`GROUP:STREAM`: neither may contain a colon."""
    return f"{inputs['logGroupName']}:{inputs['name']}"


def _create_stream(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("logs").create_log_stream(
            logGroupName=inputs["logGroupName"], logStreamName=inputs["name"]
        )
    return _stream_id(cloud, inputs)


def _read_stream(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    group, _, name = id_.partition(":")
    listing = cloud.client("logs").describe_log_streams
    # The streams that begin with a name come in order: that name itself is the first.
    answer = attempt(cloud, listing, logGroupName=group, logStreamNamePrefix=name, limit=1)
    found = next(iter((answer or {}).get("logStreams", ())), None)
    if found is None or found["logStreamName"] != name:
        return None
    return {
        "logGroupName": group,
        "name": name,
        "arn": cloud.arn("logs", f"log-group:{group}:log-stream:{name}"),
    }


def _delete_stream(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    group, _, name = id_.partition(":")
    attempt(cloud, cloud.client("logs").delete_log_stream, logGroupName=group, logStreamName=name)


LOG_STREAM = ResourceType(
    token="aws:cloudwatch/logStream:LogStream",
    properties={
        "name": honoured(replaces=True),
        "logGroupName": honoured(required=True, replaces=True),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"arn"}),
    naming=Naming(longest=512),
    create=_create_stream,
    read=_read_stream,
    delete=_delete_stream,
    identify=_stream_id,
)


def _put_policy(cloud: Cloud, inputs: Inputs) -> str:
    with calling(cloud):
        cloud.client("logs").put_resource_policy(
            policyName=inputs["policyName"], policyDocument=inputs["policyDocument"]
        )
    return str(inputs["policyName"])


def _read_policy(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    with calling(cloud):
        pages = cloud.client("logs").get_paginator("describe_resource_policies").paginate()
        found = next((p for page in pages for p in page["resourcePolicies"] if p["policyName"] == id_), None)
    if found is None:
        return None
    return given(
        policyName=id_,
        policyDocument=found["policyDocument"],
        policyScope="ACCOUNT",
        # only policies of single resources have one
        revisionId=found.get("revisionId"),
    )


def _update_policy(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_policy(cloud, new)


def _delete_policy(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(cloud, cloud.client("logs").delete_resource_policy, policyName=id_)


LOG_RESOURCE_POLICY = ResourceType(
    token="aws:cloudwatch/logResourcePolicy:LogResourcePolicy",
    properties={
        "policyName": honoured(required=True, replaces=True),
        "policyDocument": honoured(required=True, document=True),
        "resourceArn": refused("policies are the account's: name the log groups in the document"),
        "region": honoured(replaces=True),
    },
    computed=frozenset({"policyScope", "revisionId"}),
    create=_put_policy,
    update=_update_policy,
    read=_read_policy,
    delete=_delete_policy,
    identify=lambda cloud, inputs: str(inputs["policyName"]),
)

TYPES = (LOG_GROUP, LOG_STREAM, LOG_RESOURCE_POLICY)
