"""Copies: the same bytes elsewhere, with the headers and tags that the directives choose."""

from __future__ import annotations

import hashlib

import pytest

from stepwell.services.s3 import uploads


def copy(s3, source, key="copy", **params):
    return s3("CopyObject", Bucket="data", Key=key, CopySource=source, **params)


@pytest.mark.parametrize("source", ["data/a b/ü+", "/data/a b/ü+", "data/a%20b/%C3%BC%2B"])
def test_sources_may_be_encoded_and_begin_with_a_slash(s3, source):
    s3.put("a b/ü+", b"bytes" * 10_000, ContentType="text/csv", Metadata={"a": "1"}, Tagging="t=1")
    output = copy(s3, source)
    assert output["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(b"bytes" * 10_000).hexdigest() + '"'
    got = s3("GetObject", Bucket="data", Key="copy")
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/csv", {"a": "1"}, 1)
    s3("DeleteObject", Bucket="data", Key="a b/ü+")
    assert s3.bytes_of("copy") == b"bytes" * 10_000


def test_directives_replace(s3):
    s3.put("k", b"1", ContentType="text/csv", Metadata={"a": "1"}, Tagging="t=1")
    copy(
        s3,
        "data/k",
        MetadataDirective="REPLACE",
        Metadata={"b": "2"},
        TaggingDirective="REPLACE",
        Tagging="u=2",
        StorageClass="STANDARD_IA",
    )
    got = s3("GetObject", Bucket="data", Key="copy")
    assert (got["ContentType"], got["Metadata"]) == ("binary/octet-stream", {"b": "2"})
    assert got["StorageClass"] == "STANDARD_IA"
    assert s3("GetObjectTagging", Bucket="data", Key="copy")["TagSet"] == [{"Key": "u", "Value": "2"}]


def test_headers_without_their_directive_change_nothing(s3):
    s3.put("k", b"1", Metadata={"a": "1"}, Tagging="t=1")
    copy(s3, "data/k", Metadata={"b": "2"}, Tagging="u=2")
    assert s3("HeadObject", Bucket="data", Key="copy")["Metadata"] == {"a": "1"}
    assert s3("GetObjectTagging", Bucket="data", Key="copy")["TagSet"] == [{"Key": "t", "Value": "1"}]


def test_a_copy_onto_itself_must_change_something(s3):
    s3.put("k", b"1")
    error = s3.fails("CopyObject", Bucket="data", Key="k", CopySource="data/k")
    assert error.error_code == "InvalidRequest"
    copy(s3, "data/k", "k", MetadataDirective="REPLACE", Metadata={"a": "1"})
    assert s3("HeadObject", Bucket="data", Key="k")["Metadata"] == {"a": "1"}


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"CopySourceIfMatch": "ETAG"}, True),
        ({"CopySourceIfMatch": '"no"'}, False),
        ({"CopySourceIfNoneMatch": "ETAG"}, False),
        ({"CopySourceIfModifiedSince": 5e9}, False),
        ({"CopySourceIfUnmodifiedSince": 0.0}, False),
        ({"IfNoneMatch": "*"}, True),
        ({"IfMatch": '"no"'}, None),
    ],
)
def test_conditions_of_a_copy(s3, condition, holds):
    etag = s3.put("k", b"1")["ETag"]
    params = {name: etag if value == "ETAG" else value for name, value in condition.items()}
    if holds:
        copy(s3, "data/k", **params)
    else:
        error = s3.fails("CopyObject", Bucket="data", Key="copy", CopySource="data/k", **params)
        assert error.error_code == ("PreconditionFailed" if holds is False else "NoSuchKey")


@pytest.mark.parametrize(
    ("source", "code"),
    [
        ("data/none", "NoSuchKey"),
        ("none/k", "NoSuchBucket"),
        ("data", "ValidationException"),
        ("//k", "InvalidArgument"),
        ("arn:aws:s3:us-east-1:000000000000:accesspoint/a/object/k", "InvalidArgument"),
    ],
)
def test_sources_that_are_not_there(s3, source, code):
    error = s3.fails("CopyObject", Bucket="data", Key="copy", CopySource=source)
    assert error.error_code == code


def test_a_version_may_be_copied(s3):
    s3("PutBucketVersioning", Bucket="data", VersioningConfiguration={"Status": "Enabled"})
    first = s3.put("k", b"first")["VersionId"]
    s3.put("k", b"second")
    output = copy(s3, f"data/k?versionId={first}", "k")
    assert output["CopySourceVersionId"] == first
    assert s3.bytes_of("k") == b"first"


def test_a_copy_of_parts_has_a_plain_entity_tag_and_one_checksum(s3, monkeypatch):
    monkeypatch.setattr(uploads, "PART_FLOOR", 1)
    upload = s3("CreateMultipartUpload", Bucket="data", Key="k", ChecksumAlgorithm="SHA256")["UploadId"]
    parts = []
    for number in (1, 2):
        common = {"Bucket": "data", "Key": "k", "UploadId": upload}
        sent = s3("UploadPart", PartNumber=number, Body=b"x%d" % number, **common)
        parts.append({"PartNumber": number, "ETag": sent["ETag"], "ChecksumSHA256": sent["ChecksumSHA256"]})
    s3(
        "CompleteMultipartUpload",
        Bucket="data",
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": parts},
    )
    result = copy(s3, "data/k")["CopyObjectResult"]
    assert result["ETag"] == '"' + hashlib.md5(b"x1x2").hexdigest() + '"'
    assert result["ChecksumType"] == "FULL_OBJECT"
    assert copy(s3, "data/k", ChecksumAlgorithm="CRC32")["CopyObjectResult"].keys() >= {"ChecksumCRC32"}


def test_a_source_that_changes_while_it_is_read_aborts_the_copy(s3):
    s3.put("k", b"first")
    blobs = s3.server.blobs
    opened = blobs.open

    async def change_meanwhile(digest, **span):
        blobs.open = opened
        await s3.server.dispatch("s3", "PutObject", Bucket="data", Key="k", Body=b"second")
        return await opened(digest, **span)

    blobs.open = change_meanwhile
    params = {"Bucket": "data", "Key": "copy", "CopySource": "data/k", "ChecksumAlgorithm": "SHA1"}
    error = s3.fails("CopyObject", **params)
    assert (error.error_code, error.http_status) == ("OperationAborted", 409)
    assert s3.listed() == ["k"]
    s3("CopyObject", **params)
    assert s3.bytes_of("copy") == b"second"


def test_parts_may_be_copied_from_ranges(s3, monkeypatch):
    monkeypatch.setattr(uploads, "PART_FLOOR", 1)
    s3.put("source", b"0123456789" * 5000)
    upload = s3("CreateMultipartUpload", Bucket="data", Key="k")["UploadId"]
    common = {"Bucket": "data", "Key": "k", "UploadId": upload, "CopySource": "data/source"}
    for asked in ("bytes=0-50000", "bytes=-3", "bytes=5-1"):
        error = s3.fails("UploadPartCopy", PartNumber=1, CopySourceRange=asked, **common)
        assert error.error_code == "InvalidArgument"
    parts = []
    for number, asked in ((1, "bytes=1-3"), (2, "bytes=40000-49999")):
        result = s3("UploadPartCopy", PartNumber=number, CopySourceRange=asked, **common)["CopyPartResult"]
        parts.append({"PartNumber": number, "ETag": result["ETag"]})
    s3(
        "CompleteMultipartUpload",
        Bucket="data",
        Key="k",
        UploadId=upload,
        MultipartUpload={"Parts": parts},
    )
    assert s3.bytes_of("k") == b"123" + b"0123456789" * 1000
