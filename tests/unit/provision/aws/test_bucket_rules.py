"""Rules without effect: kept by the endpoint, read back as declared, and told of."""

from __future__ import annotations

from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

RULE = {
    "id": "old",
    "status": "Enabled",
    "filter": {"and": {"prefix": "logs/", "tags": {"team": "a"}}},
    "expiration": {"days": 30},
    "noncurrentVersionTransitions": [{"noncurrentDays": 7, "storageClass": "GLACIER"}],
}
API_RULE = {
    "ID": "old",
    "Status": "Enabled",
    "Filter": {"And": {"Prefix": "logs/", "Tags": [{"Key": "team", "Value": "a"}]}},
    "Expiration": {"Days": 30},
    "NoncurrentVersionTransitions": [{"NoncurrentDays": 7, "StorageClass": "GLACIER"}],
}
CORS = {"id": "web", "allowedMethods": ["GET"], "allowedOrigins": ["*"], "maxAgeSeconds": 60}
API_CORS = {"ID": "web", "AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAgeSeconds": 60}
LOGGED = {"LoggingEnabled": {"TargetBucket": "logs", "TargetPrefix": "b/"}}


def _put(operation: str, field: str, value: Any) -> tuple[str, dict[str, Any]]:
    return operation, {"Bucket": "b", field: value}


LIVES = [
    Life(
        token="aws:s3/bucketCorsConfiguration:BucketCorsConfiguration",
        inputs={"bucket": "b", "corsRules": [CORS]},
        id="b",
        answers={"GetBucketCors": {"CORSRules": [API_CORS]}},
        creating=[_put("PutBucketCors", "CORSConfiguration", {"CORSRules": [API_CORS]})],
        reads={"bucket": "b", "corsRules": [CORS]},
        deleting=[("DeleteBucketCors", {"Bucket": "b"})],
        gone={"GetBucketCors": "NoSuchCORSConfiguration"},
    ),
    Life(
        token="aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        inputs={"bucket": "b", "rules": [RULE]},
        id="b",
        answers={"GetBucketLifecycleConfiguration": {"Rules": [API_RULE]}},
        creating=[_put("PutBucketLifecycleConfiguration", "LifecycleConfiguration", {"Rules": [API_RULE]})],
        reads={"bucket": "b", "rules": [RULE]},
        changed={"rules": [{"id": "x", "status": "Disabled"}]},
        updating=[
            _put(
                "PutBucketLifecycleConfiguration",
                "LifecycleConfiguration",
                {"Rules": [{"ID": "x", "Status": "Disabled", "Filter": {}}]},
            )
        ],
        deleting=[("DeleteBucketLifecycle", {"Bucket": "b"})],
        gone={"GetBucketLifecycleConfiguration": "NoSuchLifecycleConfiguration"},
    ),
    Life(
        token="aws:s3/bucketLogging:BucketLogging",
        inputs={"bucket": "b", "targetBucket": "logs", "targetPrefix": "b/"},
        id="b",
        answers={"GetBucketLogging": LOGGED},
        creating=[_put("PutBucketLogging", "BucketLoggingStatus", LOGGED)],
        reads={"bucket": "b", "targetBucket": "logs", "targetPrefix": "b/"},
        deleting=[_put("PutBucketLogging", "BucketLoggingStatus", {})],
        gone={"GetBucketLogging": {}, "PutBucketLogging": "NoSuchBucket"},
    ),
    Life(
        token="aws:s3/bucketRequestPaymentConfigurationV2:BucketRequestPaymentConfigurationV2",
        inputs={"bucket": "b", "payer": "Requester"},
        id="b",
        answers={"GetBucketRequestPayment": {"Payer": "Requester"}},
        creating=[_put("PutBucketRequestPayment", "RequestPaymentConfiguration", {"Payer": "Requester"})],
        reads={"bucket": "b", "payer": "Requester"},
        deleting=[_put("PutBucketRequestPayment", "RequestPaymentConfiguration", {"Payer": "BucketOwner"})],
        gone={"GetBucketRequestPayment": "NoSuchBucket"},
    ),
    Life(
        token="aws:s3/bucketAccelerateConfiguration:BucketAccelerateConfiguration",
        inputs={"bucket": "b", "status": "Enabled"},
        id="b",
        answers={"GetBucketAccelerateConfiguration": {"Status": "Enabled"}},
        creating=[_put("PutBucketAccelerateConfiguration", "AccelerateConfiguration", {"Status": "Enabled"})],
        reads={"bucket": "b", "status": "Enabled"},
        deleting=[
            _put("PutBucketAccelerateConfiguration", "AccelerateConfiguration", {"Status": "Suspended"})
        ],
        gone={"GetBucketAccelerateConfiguration": {}},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_rule_is_told_to_be_without_effect(life: Life) -> None:
    """All but the bucket is recorded, and can't be left out."""
    kind = TYPES[life.token]
    asked = set(life.inputs) - {"bucket"}
    assert set(schema.without_effect(kind, life.inputs)) == asked
    assert schema.check(kind, {"bucket": "b"}, "us-east-1") == [
        f"property {name} is missing" for name in sorted(asked)
    ]
