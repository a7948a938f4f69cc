"""S3: rules of a bucket that the server keeps and answers, and that nothing here comes of.

They are recorded: a program that is meant for AWS as well goes up with them, and is told so.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from stepwell.provision.aws import tags
from stepwell.provision.aws.blocks import camel, given, pascal
from stepwell.provision.aws.bucket_settings import OWNER, Setting, setting_type
from stepwell.provision.schema import Inputs, Property, ResourceType, recorded

_ID = {"id": "ID", "uri": "URI"}


def _both(kind: ResourceType) -> tuple[ResourceType, ResourceType]:
    """The type, and the same under its older name."""
    return kind, replace(kind, token=kind.token.replace(":Bucket", "V2:Bucket") + "V2")


def _needing(kind: ResourceType, *names: str) -> ResourceType:
    """The type with further conditions: recorded properties that can't be left out."""

    def check(inputs: Inputs) -> Iterator[str]:
        yield from (f"property {name} is missing" for name in names if name not in inputs)

    return replace(kind, check=check)


def _recorded(names: str) -> dict[str, Property]:
    return {name: recorded() for name in names.split()}


def _lifecycle(rule: Inputs) -> dict[str, Any]:
    """A rule as the API spells it: tags are a list there."""
    written: dict[str, Any] = pascal(rule, _ID)
    both = written.get("Filter", {}).get("And", {})
    if "Tags" in both:
        both["Tags"] = tags.pairs(rule["filter"]["and"]["tags"])
    return {"Filter": {}, **written} if "Prefix" not in written else written


def _declared(rule: Inputs) -> dict[str, Any]:
    """The reverse of `_lifecycle`."""
    shown: dict[str, Any] = camel(rule, _ID)
    both = shown.get("filter", {}).get("and", {})
    if "tags" in both:
        both["tags"] = tags.mapping(rule["Filter"]["And"]["Tags"])
    return shown if shown.get("filter") else {k: v for k, v in shown.items() if k != "filter"}


def _logging(inputs: Inputs) -> dict[str, Any]:
    grants = inputs.get("targetGrants")
    return {
        "LoggingEnabled": given(
            TargetBucket=inputs["targetBucket"],
            TargetPrefix=inputs["targetPrefix"],
            TargetGrants=pascal(grants, _ID) if grants else None,
            TargetObjectKeyFormat=pascal(inputs.get("targetObjectKeyFormat")),
        )
    }


CORS = _needing(
    setting_type(
        "aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
        {**OWNER, **_recorded("corsRules")},
        Setting(
            noun="bucket_cors",
            field="CORSConfiguration",
            member="CORSRules",
            write=lambda inputs: {"CORSRules": pascal(inputs["corsRules"], _ID)},
            show=lambda rules: {"corsRules": camel(rules, _ID)},
        ),
    ),
    "corsRules",
)

LIFECYCLE = _needing(
    setting_type(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        {
            **OWNER,
            **_recorded("rules timeouts"),
            "transitionDefaultMinimumObjectSize": recorded(choices=("all_storage_classes_128K",)),
        },
        Setting(
            noun="bucket_lifecycle_configuration",
            field="LifecycleConfiguration",
            member="Rules",
            write=lambda inputs: {"Rules": [_lifecycle(rule) for rule in inputs["rules"]]},
            show=lambda rules: {"rules": [_declared(rule) for rule in rules]},
            removal="delete_bucket_lifecycle",
        ),
    ),
    "rules",
)

LOGGING = _needing(
    setting_type(
        "aws:s3/bucketLogging:BucketLogging",
        {**OWNER, **_recorded("targetBucket targetGrants targetObjectKeyFormat targetPrefix")},
        Setting(
            noun="bucket_logging",
            field="BucketLoggingStatus",
            member="LoggingEnabled",
            write=_logging,
            show=lambda answered: camel(answered, _ID),
            removal={},
        ),
    ),
    "targetBucket",
    "targetPrefix",
)

REQUEST_PAYMENT = _needing(
    setting_type(
        "aws:s3/bucketRequestPaymentConfiguration:BucketRequestPaymentConfiguration",
        {**OWNER, "payer": recorded(choices=("BucketOwner", "Requester"))},
        Setting(
            noun="bucket_request_payment",
            field="RequestPaymentConfiguration",
            member="",
            write=lambda inputs: {"Payer": inputs["payer"]},
            show=camel,
            removal={"Payer": "BucketOwner"},
        ),
    ),
    "payer",
)

ACCELERATE = _needing(
    setting_type(
        "aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration",
        {**OWNER, "status": recorded(choices=("Enabled", "Suspended"))},
        Setting(
            noun="bucket_accelerate_configuration",
            field="AccelerateConfiguration",
            member="",
            write=lambda inputs: {"Status": inputs["status"]},
            show=camel,
            removal={"Status": "Suspended"},
        ),
    ),
    "status",
)

TYPES = tuple(
    kind for each in (CORS, LIFECYCLE, LOGGING, REQUEST_PAYMENT, ACCELERATE) for kind in _both(each)
)
