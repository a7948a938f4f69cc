"""Buckets: names, places, owners, emptiness."""

from __future__ import annotations

from pathlib import Path

import pytest
from harness import Harness

from stepwell.errors import AwsError
from stepwell.services import s3 as service


@pytest.mark.parametrize(
    "name",
    ["ab", "a" * 64, "Upper", "under_score", "a..b", "-a1", "a1-", "192.168.5.4", "xn--abc", "abc-s3alias"],
)
def test_a_name_that_breaks_the_rules_is_refused(s3, name):
    error = s3.fails("CreateBucket", Bucket=name)
    assert (error.error_code, error.fields) == ("InvalidBucketName", {"BucketName": name})


def test_in_us_east_1_the_owner_may_create_a_bucket_again_and_loses_nothing(s3):
    s3.put("kept", b"1")
    assert s3("CreateBucket", Bucket="data")["Location"] == "/data"
    assert s3.bytes_of("kept") == b"1"


def test_elsewhere_creating_it_again_is_an_error_and_the_constraint_must_name_the_region(tmp_path: Path):
    with Harness(tmp_path, region="eu-central-1") as server:
        server.serve([service.service()])
        settings = {"LocationConstraint": "eu-central-1"}
        server.call("s3", "CreateBucket", Bucket="data", CreateBucketConfiguration=settings)
        assert server.call("s3", "GetBucketLocation", Bucket="data") == settings
        for params, code in (
            ({"Bucket": "data", "CreateBucketConfiguration": settings}, "BucketAlreadyOwnedByYou"),
            ({"Bucket": "other"}, "IllegalLocationConstraintException"),
            (
                {"Bucket": "other", "CreateBucketConfiguration": {"LocationConstraint": "us-west-2"}},
                "IllegalLocationConstraintException",
            ),
        ):
            with pytest.raises(AwsError) as caught:
                server.call("s3", "CreateBucket", **params)
            assert caught.value.error_code == code


def test_a_foreign_constraint_is_refused_in_us_east_1(s3):
    settings = {"LocationConstraint": "eu-west-1"}
    error = s3.fails("CreateBucket", Bucket="other", CreateBucketConfiguration=settings)
    assert error.error_code == "IllegalLocationConstraintException"
    assert s3("GetBucketLocation", Bucket="data") == {"LocationConstraint": None}


@pytest.mark.parametrize("location", ["us-east-1", "mars-north-1"])
def test_us_east_1_is_asked_for_by_saying_nothing_and_regions_must_exist(s3, location):
    error = s3.fails(
        "CreateBucket", Bucket="other", CreateBucketConfiguration={"LocationConstraint": location}
    )
    assert error.error_code == "InvalidLocationConstraint"


def test_only_an_empty_bucket_can_be_deleted(s3):
    s3.put("a")
    error = s3.fails("DeleteBucket", Bucket="data")
    assert (error.error_code, error.http_status) == ("BucketNotEmpty", 409)
    s3("DeleteObject", Bucket="data", Key="a")
    s3("DeleteBucket", Bucket="data")
    error = s3.fails("HeadBucket", Bucket="data")
    assert (error.error_code, error.http_status) == ("NoSuchBucket", 404)
    assert error.fields == {"BucketName": "data"}


def test_a_bucket_created_again_has_nothing_of_the_one_before(s3):
    s3("PutBucketTagging", Bucket="data", Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    upload = s3("CreateMultipartUpload", Bucket="data", Key="k")["UploadId"]
    s3("DeleteBucket", Bucket="data")
    s3("CreateBucket", Bucket="data")
    assert s3.fails("GetBucketTagging", Bucket="data").error_code == "NoSuchTagSet"
    assert s3.fails("ListParts", Bucket="data", Key="k", UploadId=upload).error_code == "NoSuchUpload"


def test_buckets_are_listed_by_name_in_pages(s3):
    for name in ("zoo", "abc", "abd"):
        s3("CreateBucket", Bucket=name)
    assert [each["Name"] for each in s3("ListBuckets")["Buckets"]] == ["abc", "abd", "data", "zoo"]
    first = s3("ListBuckets", MaxBuckets=1, Prefix="ab")
    second = s3("ListBuckets", MaxBuckets=1, Prefix="ab", ContinuationToken=first["ContinuationToken"])
    assert [each["Name"] for page in (first, second) for each in page["Buckets"]] == ["abc", "abd"]
    assert "ContinuationToken" not in second


def test_another_expected_owner_is_denied(s3):
    assert s3("HeadBucket", Bucket="data", ExpectedBucketOwner="000000000000")["BucketRegion"] == "us-east-1"
    error = s3.fails("HeadBucket", Bucket="data", ExpectedBucketOwner="111111111111")
    assert error.error_code == "AccessDeniedException"


@pytest.mark.parametrize("acl", ["public-read", "authenticated-read"])
def test_lists_that_would_let_others_in_are_refused(s3, acl):
    assert s3.fails("CreateBucket", Bucket="open", ACL=acl).error_code == "AccessControlListNotSupported"
    assert s3.fails("PutBucketAcl", Bucket="data", ACL=acl).error_code == "AccessControlListNotSupported"


def test_object_lock_is_refused_by_name(s3):
    error = s3.fails("CreateBucket", Bucket="locked", ObjectLockEnabledForBucket=True)
    assert "Object Lock" in error.message
    s3("CreateBucket", Bucket="free", ObjectLockEnabledForBucket=False)
