"""Uploads in parts: the object is its parts in order, and its entity tag says how many."""

from __future__ import annotations

import base64
import hashlib
import zlib

import pytest

from stepwell.services.s3 import uploads

MB = 1024 * 1024


@pytest.fixture
def small_parts(monkeypatch):
    """Parts of a few bytes: what is claimed does not depend on their size."""
    monkeypatch.setattr(uploads, "PART_FLOOR", 5)


def begin(s3, key="k", **params):
    return s3("CreateMultipartUpload", Bucket="data", Key=key, **params)["UploadId"]


def part(s3, upload, number, body, key="k", **params):
    return s3("UploadPart", Bucket="data", Key=key, UploadId=upload, PartNumber=number, Body=body, **params)


def finish(s3, upload, parts, key="k", **params):
    listed = {"Parts": [{"PartNumber": number, **each} for number, each in parts]}
    return s3(
        "CompleteMultipartUpload", Bucket="data", Key=key, UploadId=upload, MultipartUpload=listed, **params
    )


def test_the_object_is_its_parts_in_order(s3):
    bodies = {1: b"a" * 5 * MB, 3: b"b" * 5 * MB, 7: b"end"}
    upload = begin(s3, ContentType="text/csv", Metadata={"a": "b"}, Tagging="x=y")
    etags = {number: part(s3, upload, number, bodies[number])["ETag"] for number in (7, 1, 3)}
    assert s3.listed() == []
    output = finish(s3, upload, [(number, {"ETag": etags[number]}) for number in (1, 3, 7)])
    digests = b"".join(hashlib.md5(bodies[number]).digest() for number in (1, 3, 7))
    assert output["ETag"] == f'"{hashlib.md5(digests).hexdigest()}-3"'
    got = s3("GetObject", Bucket="data", Key="k")
    assert (got["ContentType"], got["Metadata"], got["TagCount"]) == ("text/csv", {"a": "b"}, 1)
    assert s3.bytes_of("k") == b"".join(bodies[number] for number in (1, 3, 7))
    second = s3("GetObject", Bucket="data", Key="k", PartNumber=2)
    assert second["PartsCount"] == 3
    assert second["ContentRange"] == f"bytes {5 * MB}-{10 * MB - 1}/{10 * MB + 3}"
    assert s3.bytes_of("k", PartNumber=3) == b"end"
    assert s3.fails("HeadObject", Bucket="data", Key="k", PartNumber=4).error_code == "InvalidPartNumber"
    assert s3.fails("ListParts", Bucket="data", Key="k", UploadId=upload).error_code == "NoSuchUpload"


def test_an_object_put_whole_is_its_own_only_part(s3):
    s3.put("k", b"abc")
    assert s3.bytes_of("k", PartNumber=1) == b"abc"
    assert s3.fails("GetObject", Bucket="data", Key="k", PartNumber=2).http_status == 416


def test_only_listed_parts_count_and_all_are_let_go(s3, small_parts):
    upload = begin(s3)
    first = part(s3, upload, 1, b"first part")
    part(s3, upload, 2, b"unused")
    finish(s3, upload, [(1, {"ETag": first["ETag"]})])
    assert s3.bytes_of("k") == b"first part"
    assert not s3.server.store.referenced(hashlib.sha256(b"unused").hexdigest())


def test_a_part_may_be_sent_again(s3, small_parts):
    upload = begin(s3)
    stale = part(s3, upload, 1, b"old bytes")
    fresh = part(s3, upload, 1, b"new bytes")
    name, params = complete_call(upload, stale)
    assert s3.fails(*name, **params).error_code == "InvalidPart"
    finish(s3, upload, [(1, {"ETag": fresh["ETag"].strip('"')})])
    assert s3.bytes_of("k") == b"new bytes"


def complete_call(upload, *parts, **params):
    listed = [{"PartNumber": number, "ETag": each["ETag"]} for number, each in enumerate(parts, 1)]
    return ("CompleteMultipartUpload",), {
        "Bucket": "data",
        "Key": "k",
        "UploadId": upload,
        "MultipartUpload": {"Parts": listed},
        **params,
    }


@pytest.mark.parametrize(
    ("listed", "code"),
    [
        ([], "MalformedXML"),
        ([(2, "two"), (1, "one")], "InvalidPartOrder"),
        ([(1, "one"), (1, "one")], "InvalidPartOrder"),
        ([(1, "one"), (3, "one")], "InvalidPart"),
        ([(1, "two")], "InvalidPart"),
        ([(1, "one"), (2, "two")], "EntityTooSmall"),
    ],
)
def test_a_wrong_list_of_parts_changes_nothing(s3, listed, code):
    upload = begin(s3)
    etags = {"one": part(s3, upload, 1, b"1")["ETag"], "two": part(s3, upload, 2, b"2")["ETag"]}
    parts = [{"PartNumber": number, "ETag": etags[name]} for number, name in listed]
    error = s3.fails(
        "CompleteMultipartUpload", Bucket="data", Key="k", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    assert error.error_code == code
    assert s3.listed() == []
    assert len(s3("ListParts", Bucket="data", Key="k", UploadId=upload)["Parts"]) == 2


@pytest.mark.parametrize("meanwhile", ["another part", "abort"])
def test_an_upload_that_changes_while_its_parts_are_joined_is_not_completed(s3, small_parts, meanwhile):
    upload = begin(s3)
    sent = part(s3, upload, 1, b"bytes")
    blobs = s3.server.blobs
    write = blobs.write

    async def change_first(body, **more):
        blobs.write = write
        common = {"Bucket": "data", "Key": "k", "UploadId": upload}
        if meanwhile == "abort":
            await s3.server.dispatch("s3", "AbortMultipartUpload", **common)
        else:
            await s3.server.dispatch("s3", "UploadPart", PartNumber=1, Body=b"other", **common)
        return await write(body, **more)

    blobs.write = change_first
    name, params = complete_call(upload, sent)
    error = s3.fails(*name, **params)
    assert error.error_code == ("NoSuchUpload" if meanwhile == "abort" else "OperationAborted")
    assert s3.listed() == []


def test_completion_may_be_conditional(s3, small_parts):
    s3.put("k", b"there")
    upload = begin(s3)
    sent = part(s3, upload, 1, b"bytes")
    name, params = complete_call(upload, sent, IfNoneMatch="*")
    assert s3.fails(*name, **params).error_code == "PreconditionFailed"
    name, params = complete_call(upload, sent, MpuObjectSize=6)
    assert s3.fails(*name, **params).error_code == "InvalidRequest"
    s3("CompleteMultipartUpload", **complete_call(upload, sent, MpuObjectSize=5)[1])


def test_a_composite_checksum_is_the_checksum_of_the_parts(s3, small_parts):
    upload = begin(s3, ChecksumAlgorithm="SHA256")
    sent = [part(s3, upload, number, b"part %d" % number) for number in (1, 2)]
    digests = b"".join(hashlib.sha256(b"part %d" % number).digest() for number in (1, 2))
    parts = [
        (number, {name: each[name] for name in ("ETag", "ChecksumSHA256")})
        for number, each in enumerate(sent, 1)
    ]
    output = finish(s3, upload, parts)
    expected = base64.b64encode(hashlib.sha256(digests).digest()).decode() + "-2"
    assert (output["ChecksumSHA256"], output["ChecksumType"]) == (expected, "COMPOSITE")


def test_a_composite_upload_wants_every_parts_checksum(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32")
    sent = part(s3, upload, 1, b"1")
    name, params = complete_call(upload, sent)
    assert "It was missing for part 1" in s3.fails(*name, **params).message


def test_a_whole_objects_checksum_is_verified(s3, small_parts):
    upload = begin(s3, ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")
    sent = [part(s3, upload, number, b"part %d" % number) for number in (1, 2)]
    right = base64.b64encode(zlib.crc32(b"part 1part 2").to_bytes(4, "big")).decode()
    name, params = complete_call(upload, *sent, ChecksumCRC32="AAAAAA==")
    assert s3.fails(*name, **params).error_code == "BadDigest"
    name, params = complete_call(upload, *sent, ChecksumType="COMPOSITE")
    assert s3.fails(*name, **params).error_code == "InvalidRequest"
    output = s3(*complete_call(upload, *sent)[0], **complete_call(upload, *sent, ChecksumCRC32=right)[1])
    assert (output["ChecksumCRC32"], output["ChecksumType"]) == (right, "FULL_OBJECT")


def test_a_whole_objects_checksum_of_another_algorithm_is_refused(s3, small_parts):
    for algorithm, expected in ((None, "null"), ("CRC64NVME", "crc64nvme")):
        upload = begin(s3, **({"ChecksumAlgorithm": algorithm} if algorithm else {}))
        sent = part(s3, upload, 1, b"1")
        name, params = complete_call(upload, sent, ChecksumCRC32="AAAAAA==")
        message = s3.fails(*name, **params).message
        assert f"expected checksum Type: {expected}, actual checksum Type: crc32" in message


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("SHA256", "FULL_OBJECT"), ("CRC64NVME", "COMPOSITE"), (None, "FULL_OBJECT")]
)
def test_checksum_types_that_do_not_exist_are_refused(s3, algorithm, kind):
    params = {"ChecksumType": kind} | ({"ChecksumAlgorithm": algorithm} if algorithm else {})
    error = s3.fails("CreateMultipartUpload", Bucket="data", Key="k", **params)
    assert error.error_code == "InvalidRequest"


def test_a_part_with_another_algorithm_is_refused(s3):
    upload = begin(s3, ChecksumAlgorithm="SHA256")
    error = s3.fails(
        "UploadPart",
        Bucket="data",
        Key="k",
        UploadId=upload,
        PartNumber=1,
        Body=b"1",
        ChecksumAlgorithm="CRC32",
    )
    assert error.message == (
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type: crc32"
    )


@pytest.mark.parametrize("number", [0, 10_001])
def test_part_numbers_have_bounds(s3, number):
    upload = begin(s3)
    params = {"Bucket": "data", "Key": "k", "UploadId": upload, "PartNumber": number}
    assert s3.fails("UploadPart", **params).error_code == "InvalidArgument"


def test_an_aborted_upload_is_gone(s3):
    upload = begin(s3)
    part(s3, upload, 1, b"1")
    s3("AbortMultipartUpload", Bucket="data", Key="k", UploadId=upload)
    for operation, params in (
        ("UploadPart", {"PartNumber": 2}),
        ("AbortMultipartUpload", {}),
        ("ListParts", {}),
    ):
        error = s3.fails(operation, Bucket="data", Key="k", UploadId=upload, **params)
        assert (error.error_code, error.http_status) == ("NoSuchUpload", 404)
    assert not s3.server.store.referenced(hashlib.sha256(b"1").hexdigest())


def test_parts_are_listed_in_pages(s3):
    upload = begin(s3, ChecksumAlgorithm="CRC32")
    for number in (3, 1, 10, 2):
        part(s3, upload, number, b"%d" % number)
    params = {"Bucket": "data", "Key": "k", "UploadId": upload, "MaxParts": 3}
    first = s3("ListParts", **params)
    assert [each["PartNumber"] for each in first["Parts"]] == [1, 2, 3]
    assert (first["IsTruncated"], first["ChecksumAlgorithm"]) == (True, "CRC32")
    second = s3("ListParts", **params, PartNumberMarker=first["NextPartNumberMarker"])
    assert ([each["PartNumber"] for each in second["Parts"]], second["IsTruncated"]) == ([10], False)


def test_uploads_are_listed_by_key_then_time_in_pages(s3):
    begun = [(key, begin(s3, key)) for key in ("b", "a", "a", "dir/1", "dir/2")]
    expected = sorted(begun, key=lambda each: each[0])
    found, more = [], {}
    while True:
        page = s3("ListMultipartUploads", Bucket="data", MaxUploads=2, **more)
        found += [(each["Key"], each["UploadId"]) for each in page["Uploads"]]
        if not page["IsTruncated"]:
            break
        more = {"KeyMarker": page["NextKeyMarker"], "UploadIdMarker": page["NextUploadIdMarker"]}
    assert found == expected
    rolled = s3("ListMultipartUploads", Bucket="data", Delimiter="/", Prefix="d")
    assert [each["Prefix"] for each in rolled["CommonPrefixes"]] == ["dir/"]
    assert [each["Key"] for each in s3("ListMultipartUploads", Bucket="data", KeyMarker="b")["Uploads"]] == [
        "dir/1",
        "dir/2",
    ]
