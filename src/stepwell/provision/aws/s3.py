"""S3: buckets and their notifications."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from stepwell.provision.aws import bucket_settings, tags
from stepwell.provision.aws.blocks import given
from stepwell.provision.cloud import ADVICE, Cloud, attempt, calling
from stepwell.provision.problems import ResourceFailed
from stepwell.provision.schema import Inputs, Naming, ResourceType, block, honoured, recorded, refused

# Route 53's zones of S3, by region (AWS General Reference, "Amazon S3 endpoints and quotas").
_ZONES = {
    "us-east-1": "Z3AQBSTGFJSTF",
    "us-east-2": "Z2O1EMRO9K5GLX",
    "us-west-1": "Z2F56UZL2M1ACD",
    "us-west-2": "Z3BJ6K6RIION7M",
    "eu-west-1": "Z1BKCTXD74EZPE",
    "eu-central-1": "Z21DNDUVLTQW6Q",
}


def _create_bucket(cloud: Cloud, inputs: Inputs) -> str:
    """Raises ResourceFailed for a bucket that is there; CreateBucket in us-east-1 would take it."""
    where = None if cloud.region == "us-east-1" else {"LocationConstraint": cloud.region}
    head = cloud.client("s3").head_bucket
    if where is None and attempt(cloud, head, Bucket=inputs["bucket"]) is not None:
        code, told = "BucketAlreadyOwnedByYou", f"the bucket {inputs['bucket']} is there already"
        raise ResourceFailed(told, advice=ADVICE[code], code=code)
    with calling(cloud):
        cloud.client("s3").create_bucket(**given(Bucket=inputs["bucket"], CreateBucketConfiguration=where))
    return str(inputs["bucket"])


def _settle_bucket(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    _update_bucket(cloud, id_, {}, inputs)


def _update_bucket(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    s3 = cloud.client("s3")
    with calling(cloud):
        if tags.of(old) != tags.of(new):
            if tags.of(new):
                s3.put_bucket_tagging(Bucket=id_, Tagging={"TagSet": tags.pairs(tags.of(new))})
            else:
                s3.delete_bucket_tagging(Bucket=id_)
        versioned, was = _versioning(new), _versioning(old)
        if versioned != was and (versioned or was):
            status = "Enabled" if versioned.get("enabled") else "Suspended"
            s3.put_bucket_versioning(Bucket=id_, VersioningConfiguration={"Status": status})
        rules = _encryption(new)
        if rules and rules != _encryption(old):
            asked = bucket_settings.encryption(rules)
            s3.put_bucket_encryption(Bucket=id_, ServerSideEncryptionConfiguration=asked)
        if not rules and _encryption(old):
            s3.delete_bucket_encryption(Bucket=id_)
        policy = new.get("policy")
        if policy and policy != old.get("policy"):
            s3.put_bucket_policy(Bucket=id_, Policy=policy)
        if not policy and old.get("policy"):
            s3.delete_bucket_policy(Bucket=id_)


def _versioning(inputs: Inputs) -> dict[str, Any]:
    """The block of either spelling: `versioning`, or the older type's list of at most one."""
    listed = inputs.get("versionings") or [inputs.get("versioning") or {}]
    return dict(listed[0])


def _encryption(inputs: Inputs) -> list[dict[str, Any]]:
    """The rules of either spelling, as the resource type of their own has them."""
    if inputs.get("serverSideEncryptionConfiguration"):
        return [dict(inputs["serverSideEncryptionConfiguration"]["rule"])]
    listed = inputs.get("serverSideEncryptionConfigurations") or [{"rules": []}]
    return [
        given(
            applyServerSideEncryptionByDefault=rule["applyServerSideEncryptionByDefaults"][0],
            bucketKeyEnabled=rule.get("bucketKeyEnabled"),
        )
        for rule in listed[0]["rules"]
    ]


def _read_encryption(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any]:
    """What is declared, if it is so; otherwise nothing is."""
    answer = attempt(cloud, cloud.client("s3").get_bucket_encryption, Bucket=id_) or {}
    present = answer.get("ServerSideEncryptionConfiguration", {"Rules": []})["Rules"]
    asked = bucket_settings.encryption(_encryption(inputs))["Rules"]
    same = len(present) == len(asked) and all(
        rule.items() <= there.items() for rule, there in zip(asked, present, strict=True)
    )
    names = [name for name in inputs if name.startswith("serverSideEncryptionConfiguration")]
    return {name: inputs[name] if same else None for name in names}


def _read_bucket(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    s3 = cloud.client("s3")
    if attempt(cloud, s3.head_bucket, Bucket=id_) is None:
        return None
    read = given(
        bucket=id_,
        arn=f"arn:aws:s3:::{id_}",
        bucketDomainName=f"{id_}.s3.amazonaws.com",
        bucketRegionalDomainName=f"{id_}.s3.{cloud.region}.amazonaws.com",
        bucketRegion=cloud.region,
        hostedZoneId=_ZONES.get(cloud.region),
        requestPayer="BucketOwner",
        tagsAll={},
    )
    if tags.of(inputs):
        answer = attempt(cloud, s3.get_bucket_tagging, Bucket=id_) or {}
        read["tagsAll"] = tags.mapping(answer.get("TagSet"))
    if _versioning(inputs):
        with calling(cloud):
            block = {"enabled": s3.get_bucket_versioning(Bucket=id_).get("Status") == "Enabled"}
        read.update({"versionings": [block]} if "versionings" in inputs else {"versioning": block})
    if _encryption(inputs):
        read.update(_read_encryption(cloud, id_, inputs))
    if inputs.get("policy"):
        read["policy"] = (attempt(cloud, s3.get_bucket_policy, Bucket=id_) or {}).get("Policy", "")
    return read


def _delete_bucket(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    s3 = cloud.client("s3")
    if attempt(cloud, s3.head_bucket, Bucket=id_) is None:
        return
    if inputs.get("forceDestroy"):
        _empty(cloud, id_)
    attempt(cloud, s3.delete_bucket, Bucket=id_)


def _empty(cloud: Cloud, bucket: str) -> None:
    s3 = cloud.client("s3")
    with calling(cloud):
        versioned = bool(s3.get_bucket_versioning(Bucket=bucket).get("Status"))
        pages = s3.get_paginator("list_object_versions" if versioned else "list_objects_v2")
        for page in pages.paginate(Bucket=bucket):
            found = [
                given(Key=entry["Key"], VersionId=entry.get("VersionId"))
                for kind in ("Contents", "Versions", "DeleteMarkers")
                for entry in page.get(kind, ())
            ]
            if found:
                s3.delete_objects(Bucket=bucket, Delete={"Objects": found, "Quiet": True})


_VERSIONING = {"enabled": honoured(), "mfaDelete": refused("there are no such devices here")}
_BY_DEFAULT = honoured(
    required=True, fields={"sseAlgorithm": honoured(required=True), "kmsMasterKeyId": honoured()}
)
_RULE = {
    "applyServerSideEncryptionByDefault": _BY_DEFAULT,
    **block("blockedEncryptionTypes bucketKeyEnabled"),
}
_RULES = {"applyServerSideEncryptionByDefaults": _BY_DEFAULT, "bucketKeyEnabled": honoured()}
_ENCRYPTION = {
    "serverSideEncryptionConfiguration": honoured(
        fields={"rule": honoured(required=True, fields=_RULE)},
    )
}
_ENCRYPTIONS = {
    "serverSideEncryptionConfigurations": honoured(
        fields={"rules": honoured(required=True, fields=_RULES)},
    )
}

BUCKET = ResourceType(
    token="aws:s3/bucket:Bucket",
    properties={
        "bucket": honoured(replaces=True),
        "bucketPrefix": honoured(replaces=True),
        "forceDestroy": honoured(),
        "tags": honoured(),
        "versioning": honoured(fields=_VERSIONING),
        "policy": honoured(document=True),
        "region": honoured(replaces=True),
        "acl": recorded(choices=("private",)),
        "accelerationStatus": recorded(),
        "logging": recorded(),
        "requestPayer": recorded(choices=("BucketOwner",)),
        **_ENCRYPTION,
        "bucketNamespace": refused("there is one namespace of buckets"),
        "corsRules": refused("use aws.s3.BucketCorsConfiguration"),
        "grants": refused("access is by policies"),
        "lifecycleRules": refused("use aws.s3.BucketLifecycleConfiguration"),
        "objectLockConfiguration": refused("objects can't be locked here"),
        "objectLockEnabled": refused("objects can't be locked here"),
        "replicationConfiguration": refused("there is no second region to replicate to"),
        "website": refused("buckets are not served as web sites"),
    },
    computed=frozenset(
        [
            "arn",
            "bucketDomainName",
            "bucketRegion",
            "bucketRegionalDomainName",
            "hostedZoneId",
            "tagsAll",
            "websiteDomain",
            "websiteEndpoint",
        ]
    ),
    naming=Naming(property="bucket", prefix="bucketPrefix", longest=63, lower=True),
    create=_create_bucket,
    settle=_settle_bucket,
    update=_update_bucket,
    read=_read_bucket,
    delete=_delete_bucket,
    identify=lambda cloud, inputs: str(inputs["bucket"]),
)

_SPELLED = {
    "logging": "loggings",
    "replicationConfiguration": "replicationConfigurations",
    "versioning": "versionings",
    "website": "websites",
}

#: the same under its older name, with lists for blocks
BUCKET_V2 = replace(
    BUCKET,
    token="aws:s3/bucketV2:BucketV2",
    properties={
        **{_SPELLED.get(name, name): r for name, r in BUCKET.properties.items() if name not in _ENCRYPTION},
        **_ENCRYPTIONS,
        "tagsAll": recorded(),
    },
)

# property, API's list, API's target, ours
_TARGETS = (
    ("lambdaFunctions", "LambdaFunctionConfigurations", "LambdaFunctionArn", "lambdaFunctionArn"),
    ("queues", "QueueConfigurations", "QueueArn", "queueArn"),
    ("topics", "TopicConfigurations", "TopicArn", "topicArn"),
)


def _put_notification(cloud: Cloud, inputs: Inputs) -> str:
    configuration: dict[str, Any] = {}
    for ours, theirs, api_target, target in _TARGETS:
        rules = [_rule(entry, api_target, target) for entry in inputs.get(ours) or ()]
        if rules:
            configuration[theirs] = rules
    if inputs.get("eventbridge"):
        configuration["EventBridgeConfiguration"] = {}
    with calling(cloud):
        cloud.client("s3").put_bucket_notification_configuration(
            Bucket=inputs["bucket"], NotificationConfiguration=configuration
        )
    return str(inputs["bucket"])


def _rule(entry: Inputs, api_target: str, target: str) -> dict[str, Any]:
    named = (("prefix", entry.get("filterPrefix")), ("suffix", entry.get("filterSuffix")))
    rules = [{"Name": name, "Value": value} for name, value in named if value]
    return given(
        **{api_target: entry[target]},
        Events=entry["events"],
        Id=entry.get("id"),
        Filter={"Key": {"FilterRules": rules}} if rules else None,
    )


def _update_notification(cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> None:
    _put_notification(cloud, new)


def _read_notification(cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
    answer = attempt(cloud, cloud.client("s3").get_bucket_notification_configuration, Bucket=id_)
    if answer is None:
        return None
    read: dict[str, Any] = {"bucket": id_, "eventbridge": "EventBridgeConfiguration" in answer}
    for ours, theirs, api_target, target in _TARGETS:
        read[ours] = [_entry(rule, api_target, target) for rule in answer.get(theirs, ())]
    configured = read["eventbridge"] or any(read[ours] for ours, *_ in _TARGETS)
    return read if configured else None


def _entry(rule: Inputs, api_target: str, target: str) -> dict[str, Any]:
    filters = {
        f["Name"].lower(): f["Value"] for f in rule.get("Filter", {}).get("Key", {}).get("FilterRules", ())
    }
    return given(
        **{target: rule[api_target]},
        events=rule["Events"],
        id=rule.get("Id"),
        filterPrefix=filters.get("prefix"),
        filterSuffix=filters.get("suffix"),
    )


def _delete_notification(cloud: Cloud, id_: str, inputs: Inputs) -> None:
    attempt(
        cloud,
        cloud.client("s3").put_bucket_notification_configuration,
        Bucket=id_,
        NotificationConfiguration={},
    )


def _rules_of(target: str) -> dict[str, Any]:
    return {
        "events": honoured(required=True, unordered=True),
        target: honoured(required=True),
        "filterPrefix": honoured(),
        "filterSuffix": honoured(),
        "id": honoured(),
    }


NOTIFICATION = ResourceType(
    token="aws:s3/bucketNotification:BucketNotification",
    properties={
        "bucket": honoured(required=True, replaces=True),
        "eventbridge": honoured(),
        "lambdaFunctions": honoured(fields=_rules_of("lambdaFunctionArn")),
        "queues": honoured(fields=_rules_of("queueArn")),
        "topics": honoured(fields=_rules_of("topicArn")),
        "region": honoured(replaces=True),
    },
    computed=frozenset(),
    create=_put_notification,
    update=_update_notification,
    read=_read_notification,
    delete=_delete_notification,
    identify=lambda cloud, inputs: str(inputs["bucket"]),
)

TYPES = (BUCKET, BUCKET_V2, NOTIFICATION)
