"""Sub-resources: what is put comes back; what is absent has its own error."""

from __future__ import annotations

import json

import pytest

from stepwell.services.s3 import policy_of

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": "s3:GetObject",
            "Resource": "arn:aws:s3:::data/*",
        }
    ],
}

#: operation noun, parameter, value
PUTS = [
    (
        "PublicAccessBlock",
        "PublicAccessBlockConfiguration",
        {"BlockPublicAcls": True, "RestrictPublicBuckets": False},
    ),
    ("BucketOwnershipControls", "OwnershipControls", {"Rules": [{"ObjectOwnership": "ObjectWriter"}]}),
    (
        "BucketEncryption",
        "ServerSideEncryptionConfiguration",
        {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]},
    ),
    ("BucketPolicy", "Policy", json.dumps(POLICY)),
]

#: operation, the code while it is absent
ABSENT = [
    ("GetBucketPolicy", "NoSuchBucketPolicy"),
    ("GetBucketTagging", "NoSuchTagSet"),
    ("GetBucketCors", "NoSuchCORSConfiguration"),
    ("GetBucketWebsite", "NoSuchWebsiteConfiguration"),
    ("GetBucketLifecycleConfiguration", "NoSuchLifecycleConfiguration"),
    ("GetBucketReplication", "ReplicationConfigurationNotFoundError"),
    ("GetObjectLockConfiguration", "ObjectLockConfigurationNotFoundError"),
]


@pytest.mark.parametrize(("operation", "code"), ABSENT)
def test_what_was_never_set_has_a_code_of_its_own(s3, operation, code):
    error = s3.fails(operation, Bucket="data")
    assert (error.error_code, error.http_status, error.fields) == (code, 404, {"BucketName": "data"})
    assert s3.fails(operation, Bucket="none").error_code == "NoSuchBucket"


@pytest.mark.parametrize(
    ("operation", "answer"),
    [
        ("GetBucketAccelerateConfiguration", {}),
        ("GetBucketLogging", {}),
        ("GetBucketRequestPayment", {"Payer": "BucketOwner"}),
        ("ListBucketInventoryConfigurations", {"IsTruncated": False}),
        ("ListBucketAnalyticsConfigurations", {"IsTruncated": False}),
        ("ListBucketMetricsConfigurations", {"IsTruncated": False}),
        ("ListBucketIntelligentTieringConfigurations", {"IsTruncated": False}),
        ("GetBucketAbac", {"AbacStatus": {"Status": "Disabled"}}),
    ],
)
def test_what_cannot_be_set_has_s3s_initial_answer(s3, operation, answer):
    assert s3(operation, Bucket="data") == answer


@pytest.mark.parametrize(("noun", "field", "value"), PUTS)
def test_what_is_put_comes_back_until_it_is_deleted(s3, noun, field, value):
    s3(f"Put{noun}", Bucket="data", **{field: value})
    assert s3(f"Get{noun}", Bucket="data") == {field: value}
    s3(f"Delete{noun}", Bucket="data")
    s3(f"Delete{noun}", Bucket="data")
    if noun == "BucketEncryption":
        rules = s3("GetBucketEncryption", Bucket="data")[field]["Rules"]
        assert rules[0]["ApplyServerSideEncryptionByDefault"] == {"SSEAlgorithm": "AES256"}
    else:
        assert s3.fails(f"Get{noun}", Bucket="data").http_status == 404


#: operation noun, parameter, value, what is answered, the operation that removes it
INERT = [
    (
        "BucketCors",
        "CORSConfiguration",
        {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]},
        {},
        "DeleteBucketCors",
    ),
    (
        "BucketLifecycleConfiguration",
        "LifecycleConfiguration",
        {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}}]},
        {"TransitionDefaultMinimumObjectSize": "all_storage_classes_128K"},
        "DeleteBucketLifecycle",
    ),
    (
        "BucketLogging",
        "BucketLoggingStatus",
        {"LoggingEnabled": {"TargetBucket": "data", "TargetPrefix": "logs/"}},
        {},
        None,
    ),
    ("BucketRequestPayment", "RequestPaymentConfiguration", {"Payer": "Requester"}, {}, None),
    ("BucketAccelerateConfiguration", "AccelerateConfiguration", {"Status": "Enabled"}, {}, None),
]


@pytest.mark.parametrize(("noun", "field", "value", "more", "removing"), INERT)
def test_what_has_no_effect_here_is_kept_and_answered(s3, noun, field, value, more, removing):
    """A program that sets it reads it back as it would on AWS, and it goes with its bucket."""
    s3(f"Put{noun}", Bucket="data", **{field: value})
    assert s3(f"Get{noun}", Bucket="data") == {**value, **more}
    if removing is not None:
        s3(removing, Bucket="data")
        assert s3.fails(f"Get{noun}", Bucket="data").http_status == 404
        s3(f"Put{noun}", Bucket="data", **{field: value})
    s3("DeleteBucket", Bucket="data")
    s3("CreateBucket", Bucket="data")
    if removing is None:
        assert s3(f"Get{noun}", Bucket="data") in ({}, {"Payer": "BucketOwner"})
    else:
        assert s3.fails(f"Get{noun}", Bucket="data").http_status == 404


def test_a_new_bucket_is_closed_to_the_public_and_owned_by_its_owner(s3):
    block = s3("GetPublicAccessBlock", Bucket="data")["PublicAccessBlockConfiguration"]
    assert len(block) == 4
    assert all(block.values())
    rules = s3("GetBucketOwnershipControls", Bucket="data")["OwnershipControls"]["Rules"]
    assert rules == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    s3("DeletePublicAccessBlock", Bucket="data")
    s3("DeleteBucketOwnershipControls", Bucket="data")
    error = s3.fails("GetPublicAccessBlock", Bucket="data")
    assert error.error_code == "NoSuchPublicAccessBlockConfiguration"
    error = s3.fails("GetBucketOwnershipControls", Bucket="data")
    assert error.error_code == "OwnershipControlsNotFoundError"


def test_tags_of_a_bucket(s3):
    tags = [{"Key": "team", "Value": "ml"}]
    s3("PutBucketTagging", Bucket="data", Tagging={"TagSet": tags})
    assert s3("GetBucketTagging", Bucket="data") == {"TagSet": tags}
    s3("DeleteBucketTagging", Bucket="data")
    assert s3.fails("GetBucketTagging", Bucket="data").error_code == "NoSuchTagSet"
    s3("CreateBucket", Bucket="tagged", CreateBucketConfiguration={"Tags": tags})
    assert s3("GetBucketTagging", Bucket="tagged") == {"TagSet": tags}


def test_the_policy_is_there_for_whoever_authorises(s3):
    assert s3.server.read(lambda view: policy_of(view, "data")) is None
    s3("PutBucketPolicy", Bucket="data", Policy=json.dumps(POLICY))
    compiled = s3.server.read(lambda view: policy_of(view, "data"))
    assert [len(compiled.allows), len(compiled.denies)] == [1, 0]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("no json", "valid JSON"),
        ("{}", ""),
        ("[]", ""),
        (chr(34) + "x" + chr(34), ""),
        (json.dumps(POLICY).replace(":::data", ":::other"), "Policy has invalid resource"),
        (json.dumps(POLICY).replace("arn:aws:s3:::data/*", "*"), "Policy has invalid resource"),
    ],
)
def test_a_policy_that_is_none_or_speaks_of_others_is_refused(s3, document, message):
    error = s3.fails("PutBucketPolicy", Bucket="data", Policy=document)
    assert error.error_code == "MalformedPolicy"
    assert message in error.message


def test_a_list_may_be_put_once_ownership_allows_lists(s3):
    controls = {"Rules": [{"ObjectOwnership": "BucketOwnerPreferred"}]}
    s3("PutBucketOwnershipControls", Bucket="data", OwnershipControls=controls)
    s3("PutBucketAcl", Bucket="data", ACL="private")
    error = s3.fails("PutBucketAcl", Bucket="data", ACL="public-read")
    assert "PutBucketAcl" in error.message


@pytest.mark.parametrize(
    "operation",
    ["PutBucketWebsite", "PutBucketReplication", "SelectObjectContent", "RestoreObject"],
)
def test_what_is_not_there_is_refused_by_name(s3, operation):
    error = s3.fails(operation, Bucket="data")
    assert (error.error_code, error.http_status) == ("UnsupportedOperation", 400)
    assert operation in error.message
