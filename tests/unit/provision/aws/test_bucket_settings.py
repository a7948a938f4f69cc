"""What is set on a bucket: put whole, read back as declared, taken away without the bucket."""

from __future__ import annotations

import json
from typing import Any

import pytest
from provision.aws.lives import Life, play

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud

POLICY = json.dumps({"Version": "2012-10-17", "Statement": []})
OTHER = json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "a"}]})
KMS = {"sseAlgorithm": "aws:kms", "kmsMasterKeyId": "k"}
API_KMS = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": "k"}
BLOCKED = {
    "BlockPublicAcls": True,
    "BlockPublicPolicy": False,
    "IgnorePublicAcls": False,
    "RestrictPublicBuckets": False,
}
OWNERS = {
    "Owner": {"ID": "o"},
    "Grants": [{"Grantee": {"ID": "o", "Type": "CanonicalUser"}, "Permission": "READ"}],
}


def _versioning(token: str) -> Life:
    return Life(
        token=token,
        inputs={"bucket": "b", "versioningConfiguration": {"status": "Enabled"}},
        id="b",
        answers={"GetBucketVersioning": {"Status": "Enabled"}},
        creating=[("PutBucketVersioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Enabled"}})],
        reads={"bucket": "b", "versioningConfiguration": {"status": "Enabled"}},
        changed={"versioningConfiguration": {"status": "Suspended"}},
        updating=[
            ("PutBucketVersioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Suspended"}})
        ],
        deleting=[
            ("PutBucketVersioning", {"Bucket": "b", "VersioningConfiguration": {"Status": "Suspended"}})
        ],
        gone={"GetBucketVersioning": {}},
    )


def _encryption(token: str) -> Life:
    api = {"Rules": [{"ApplyServerSideEncryptionByDefault": API_KMS, "BucketKeyEnabled": True}]}
    put = {"Bucket": "b", "ExpectedBucketOwner": "111122223333", "ServerSideEncryptionConfiguration": api}
    rule = {"applyServerSideEncryptionByDefault": KMS, "bucketKeyEnabled": True}
    where = {"Bucket": "b", "ExpectedBucketOwner": "111122223333"}
    return Life(
        token=token,
        inputs={"bucket": "b", "expectedBucketOwner": "111122223333", "rules": [rule]},
        id="b,111122223333",
        answers={"GetBucketEncryption": {"ServerSideEncryptionConfiguration": api}},
        creating=[("PutBucketEncryption", put)],
        reads={"bucket": "b", "expectedBucketOwner": "111122223333", "rules": [rule]},
        deleting=[("DeleteBucketEncryption", where)],
        gone={"GetBucketEncryption": "ServerSideEncryptionConfigurationNotFoundError"},
    )


LIVES = [
    Life(
        token="aws:s3/bucketPolicy:BucketPolicy",
        inputs={"bucket": "b", "policy": POLICY},
        id="b",
        answers={"GetBucketPolicy": {"Policy": POLICY}},
        creating=[("PutBucketPolicy", {"Bucket": "b", "Policy": POLICY})],
        reads={"bucket": "b", "policy": POLICY},
        changed={"policy": OTHER},
        updating=[("PutBucketPolicy", {"Bucket": "b", "Policy": OTHER})],
        deleting=[("DeleteBucketPolicy", {"Bucket": "b"})],
        gone={"GetBucketPolicy": "NoSuchBucketPolicy", "DeleteBucketPolicy": "NoSuchBucket"},
    ),
    Life(
        token="aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        inputs={"bucket": "b", "blockPublicAcls": True},
        id="b",
        answers={"GetPublicAccessBlock": {"PublicAccessBlockConfiguration": BLOCKED}},
        creating=[("PutPublicAccessBlock", {"Bucket": "b", "PublicAccessBlockConfiguration": BLOCKED})],
        reads={
            "bucket": "b",
            "blockPublicAcls": True,
            "blockPublicPolicy": False,
            "ignorePublicAcls": False,
            "restrictPublicBuckets": False,
        },
        changed={"blockPublicPolicy": True},
        updating=[
            (
                "PutPublicAccessBlock",
                {"Bucket": "b", "PublicAccessBlockConfiguration": {**BLOCKED, "BlockPublicPolicy": True}},
            )
        ],
        deleting=[("DeletePublicAccessBlock", {"Bucket": "b"})],
        gone={"GetPublicAccessBlock": "NoSuchPublicAccessBlockConfiguration"},
    ),
    Life(
        token="aws:s3/bucketOwnershipControls:BucketOwnershipControls",
        inputs={"bucket": "b", "rule": {"objectOwnership": "ObjectWriter"}},
        id="b",
        answers={
            "GetBucketOwnershipControls": {
                "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
            }
        },
        creating=[
            (
                "PutBucketOwnershipControls",
                {"Bucket": "b", "OwnershipControls": {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}},
            )
        ],
        reads={"bucket": "b", "rule": {"objectOwnership": "ObjectWriter"}},
        deleting=[("DeleteBucketOwnershipControls", {"Bucket": "b"})],
        gone={"GetBucketOwnershipControls": "OwnershipControlsNotFoundError"},
    ),
    _versioning("aws:s3/bucketVersioning:BucketVersioning"),
    _versioning("aws:s3/bucketVersioningV2:BucketVersioningV2"),
    _encryption("aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration"),
    _encryption("aws:s3/bucketServerSideEncryptionConfigurationV2:BucketServerSideEncryptionConfigurationV2"),
    Life(
        token="aws:s3/bucketAcl:BucketAcl",
        inputs={"bucket": "b", "acl": "private"},
        id="b,private",
        answers={"GetBucketAcl": OWNERS},
        creating=[("PutBucketAcl", {"Bucket": "b", "ACL": "private"})],
        reads={
            "bucket": "b",
            "acl": "private",
            "accessControlPolicy": {
                "owner": {"id": "o"},
                "grants": [{"grantee": {"id": "o", "type": "CanonicalUser"}, "permission": "READ"}],
            },
        },
        deleting=[],
        gone={"GetBucketAcl": "NoSuchBucket"},
    ),
]


@pytest.mark.parametrize("life", LIVES, ids=lambda life: life.token)
def test_a_life_takes_these_calls(life: Life, cloud: Cloud, script: Any) -> None:
    """Create, read, update and delete make the calls listed; what is gone is no error."""
    play(life, cloud, script)


def test_versioning_that_was_never_on_is_asked_nothing(cloud: Cloud, script: Any) -> None:
    """S3 can't be told `Disabled`: it is how a bucket begins."""
    kind = TYPES["aws:s3/bucketVersioning:BucketVersioning"]
    inputs = {"bucket": "b", "versioningConfiguration": {"status": "Disabled"}}
    id_ = kind.create(cloud, inputs)
    assert kind.read(cloud, str(id_), inputs) == inputs
    kind.delete(cloud, str(id_), inputs)
    assert script.writes() == []


def test_a_list_for_others_is_refused_before_anything_is_made() -> None:
    """There is nobody else on this server to let in."""
    kind = TYPES["aws:s3/bucketAcl:BucketAcl"]
    (fault,) = schema.check(kind, {"bucket": "b", "acl": "public-read"}, "us-east-1")
    assert fault == "property acl is 'public-read'; it can be 'private', 'bucket-owner-full-control'"
    assert schema.check(kind, {"bucket": "b"}, "us-east-1") == [
        "exactly one of acl and accessControlPolicy has to be given"
    ]


@pytest.mark.parametrize(
    ("token", "declared"),
    [
        (
            "aws:s3/bucket:Bucket",
            {"serverSideEncryptionConfiguration": {"rule": {"applyServerSideEncryptionByDefault": KMS}}},
        ),
        (
            "aws:s3/bucketV2:BucketV2",
            {
                "serverSideEncryptionConfigurations": [
                    {"rules": [{"applyServerSideEncryptionByDefaults": [KMS]}]}
                ]
            },
        ),
    ],
)
def test_a_buckets_own_encryption_block_is_put_read_and_removed(
    token: str, declared: dict[str, Any], cloud: Cloud, script: Any
) -> None:
    """Both spellings come to the same calls; a bucket that has other rules than declared has drifted."""
    kind = TYPES[token]
    assert kind.settle is not None
    assert kind.update is not None
    inputs = {"bucket": "b", **declared}
    assert schema.check(kind, inputs, "us-east-1") == []
    api = {"Rules": [{"ApplyServerSideEncryptionByDefault": API_KMS}]}
    kind.settle(cloud, "b", inputs)
    assert script.writes() == [
        ("PutBucketEncryption", {"Bucket": "b", "ServerSideEncryptionConfiguration": api})
    ]
    (name,) = declared
    default = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}
    for rules, expected in ((api, declared[name]), (default, None)):
        script.answers = {"GetBucketEncryption": {"ServerSideEncryptionConfiguration": rules}}
        found = kind.read(cloud, "b", inputs)
        assert found is not None
        assert found[name] == expected
    script.calls.clear()
    kind.update(cloud, "b", inputs, {"bucket": "b"})
    assert script.writes() == [("DeleteBucketEncryption", {"Bucket": "b"})]
