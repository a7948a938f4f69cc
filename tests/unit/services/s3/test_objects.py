"""Objects: what is put is what is read, wholly, partly, or under conditions."""

from __future__ import annotations

import asyncio
import hashlib

import pytest

from stepwell.calls import BytesBody

LARGE = bytes(range(256)) * 400
DAY = 86_400.0


@pytest.mark.parametrize("body", [b"", b"small", LARGE], ids=["empty", "in the database", "in a file"])
def test_bytes_come_back_with_their_md5(s3, body):
    etag = '"' + hashlib.md5(body).hexdigest() + '"'
    assert s3.put("k", body)["ETag"] == etag
    head = s3("HeadObject", Bucket="data", Key="k")
    assert (head["ContentLength"], head["ETag"], head["ContentType"]) == (
        len(body),
        etag,
        "binary/octet-stream",
    )
    assert s3.bytes_of("k") == body


def test_a_body_may_be_a_stream_or_absent(s3):
    s3("PutObject", Bucket="data", Key="stream", Body=BytesBody(b"abc"))
    s3("PutObject", Bucket="data", Key="none")
    assert (s3.bytes_of("stream"), s3.bytes_of("none")) == (b"abc", b"")


def test_what_is_said_of_an_object_comes_back(s3):
    said = {
        "ContentType": "text/csv",
        "CacheControl": "no-cache",
        "ContentDisposition": "inline",
        "ContentEncoding": "gzip",
        "ContentLanguage": "de",
        "StorageClass": "STANDARD_IA",
        "ServerSideEncryption": "aws:kms",
        "SSEKMSKeyId": "key",
        "Expires": 1_800_000_000.0,
    }
    s3.put("k", b"1", Metadata={"Batch": "A", "x": "ü"}, Tagging="stage=raw&empty=", **said)
    got = s3("GetObject", Bucket="data", Key="k")
    assert said.items() <= got.items()
    assert got["Metadata"] == {"batch": "A", "x": "ü"}
    assert got["TagCount"] == 2
    assert got["LastModified"] == s3.server.clock.now()


def test_a_read_may_replace_headers_of_the_answer(s3):
    s3.put("k", b"1", ContentType="text/csv")
    got = s3("GetObject", Bucket="data", Key="k", ResponseContentType="text/plain")
    assert got["ContentType"] == "text/plain"


def test_the_last_put_wins_and_the_first_bytes_are_let_go(s3):
    s3.put("k", b"first")
    s3.put("k", b"second")
    assert s3.bytes_of("k") == b"second"
    digest = hashlib.sha256(b"first").hexdigest()
    assert s3.server.store.referenced(digest) is False
    assert s3.server.store.referenced(hashlib.sha256(b"second").hexdigest()) is True


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-5", 2, 6),
        ("bytes=4-", 4, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-99", 0, 10),
        ("bytes=5-99", 5, 10),
    ],
)
def test_a_range_is_answered_with_206(s3, asked, start, end):
    body = b"0123456789"
    s3.put("k", body)
    reply = s3.server.reply("s3", "GetObject", Bucket="data", Key="k", Range=asked)
    assert reply.status == 206
    assert reply.output["ContentRange"] == f"bytes {start}-{end - 1}/10"
    assert s3.bytes_of("k", Range=asked) == body[start:end]
    assert s3("HeadObject", Bucket="data", Key="k", Range=asked)["ContentLength"] == end - start


@pytest.mark.parametrize("asked", ["bytes=10-", "bytes=10-12", "bytes=-0"])
def test_a_range_outside_the_object_is_416(s3, asked):
    s3.put("k", b"0123456789")
    error = s3.fails("GetObject", Bucket="data", Key="k", Range=asked)
    assert (error.error_code, error.http_status) == ("InvalidRange", 416)
    assert error.fields == {"RangeRequested": asked, "ActualObjectSize": 10}


@pytest.mark.parametrize("asked", ["lines=1-2", "bytes=1-2,4-5", "bytes=5-2", "bytes=-", "nonsense"])
def test_what_is_no_single_range_is_answered_whole(s3, asked):
    s3.put("k", b"0123456789")
    reply = s3.server.reply("s3", "GetObject", Bucket="data", Key="k", Range=asked)
    assert (reply.status, reply.output["ContentLength"]) == (None, 10)


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ({"IfMatch": "ETAG"}, None),
        ({"IfMatch": '"other", "ETAG"'}, None),
        ({"IfMatch": "*"}, None),
        ({"IfMatch": '"other"'}, "PreconditionFailed"),
        ({"IfNoneMatch": '"ETAG"'}, "NotModified"),
        ({"IfNoneMatch": '"other"'}, None),
        ({"IfModifiedSince": 0}, "NotModified"),
        ({"IfModifiedSince": -DAY}, None),
        ({"IfUnmodifiedSince": -DAY}, "PreconditionFailed"),
        ({"IfUnmodifiedSince": 0}, None),
        ({"IfMatch": '"ETAG"', "IfUnmodifiedSince": -DAY}, None),
        ({"IfNoneMatch": '"other"', "IfModifiedSince": DAY}, None),
    ],
)
@pytest.mark.parametrize("operation", ["GetObject", "HeadObject"])
def test_conditions_of_a_read(s3, operation, condition, code):
    etag = s3.put("k", b"1")["ETag"].strip('"')
    now = float(s3.server.clock.now())
    params = {
        name: value.replace("ETAG", etag) if isinstance(value, str) else now + value
        for name, value in condition.items()
    }
    if code is None:
        assert s3(operation, Bucket="data", Key="k", **params)["ContentLength"] == 1
    else:
        assert s3.fails(operation, Bucket="data", Key="k", **params).error_code == code


def test_a_write_may_ask_that_there_is_nothing_yet(s3):
    s3.put("k", b"1", IfNoneMatch="*")
    error = s3.fails("PutObject", Bucket="data", Key="k", Body=b"2", IfNoneMatch="*")
    assert (error.error_code, error.http_status) == ("PreconditionFailed", 412)
    assert s3.bytes_of("k") == b"1"
    assert s3.fails("PutObject", Bucket="data", Key="k", IfNoneMatch='"x"').error_code == "NotImplemented"


def test_a_write_may_ask_what_it_replaces(s3):
    etag = s3.put("k", b"1")["ETag"]
    etag = s3.put("k", b"2", IfMatch=etag)["ETag"]
    stale = '"' + hashlib.md5(b"1").hexdigest() + '"'
    assert s3.fails("PutObject", Bucket="data", Key="k", IfMatch=stale).error_code == "PreconditionFailed"
    assert s3.fails("PutObject", Bucket="data", Key="new", IfMatch=etag).error_code == "NoSuchKey"
    assert s3.fails("DeleteObject", Bucket="data", Key="k", IfMatch=stale).error_code == "PreconditionFailed"
    s3("DeleteObject", Bucket="data", Key="k", IfMatch=etag)


def test_of_many_first_writes_exactly_one_succeeds(s3):
    async def race():
        puts = [
            s3.server.dispatch("s3", "PutObject", Bucket="data", Key="k", Body=b"%d" % n, IfNoneMatch="*")
            for n in range(20)
        ]
        return await asyncio.gather(*puts, return_exceptions=True)

    outcomes = s3.server.run(race())
    won = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Exception)]
    assert len(won) == 1
    assert s3.bytes_of("k") == b"%d" % won[0]


def test_a_missing_key_is_named(s3):
    error = s3.fails("GetObject", Bucket="data", Key="no/such")
    assert (error.error_code, error.http_status, error.fields) == ("NoSuchKey", 404, {"Key": "no/such"})


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"Key": "ü" * 513}, "KeyTooLongError"),
        ({"Key": "a\0b"}, "InvalidArgument"),
        ({"Key": "k", "Metadata": {"a": "b" * 2048}}, "MetadataTooLarge"),
        ({"Key": "k", "ACL": "public-read"}, "AccessControlListNotSupported"),
        ({"Key": "k", "Tagging": "&".join(f"k{n}=v" for n in range(11))}, "BadRequest"),
        ({"Key": "k", "Tagging": "a=1&a=2"}, "InvalidArgument"),
        ({"Key": "k", "Tagging": "aws:x=1"}, "InvalidTag"),
        ({"Key": "k", "ContentLength": 7, "Body": b"123"}, "IncompleteBody"),
        ({"Key": "k", "Bucket": "none"}, "NoSuchBucket"),
        ({"Key": "k", "SSECustomerKey": "secret"}, "ValidationException"),
        ({"Key": "k", "ObjectLockMode": "GOVERNANCE"}, "ValidationException"),
    ],
)
def test_a_put_that_breaks_a_rule_changes_nothing(s3, params, code):
    error = s3.fails("PutObject", **{"Bucket": "data", "Body": b"", **params})
    assert error.error_code == code
    assert s3.listed() == []


def test_the_longest_key_has_1024_bytes(s3):
    s3.put("ü" * 512, b"1")
    assert s3.bytes_of("ü" * 512) == b"1"


def test_more_than_5_gib_is_refused_before_a_byte_is_read(s3):
    class Huge:
        size = 5 * 1024**3 + 1

        async def chunks(self):
            yield b""
            raise AssertionError("the body was read")

    error = s3.fails("PutObject", Bucket="data", Key="k", Body=Huge())
    assert error.error_code == "EntityTooLarge"


def test_a_body_that_breaks_off_leaves_nothing(s3):
    class Broken:
        size = None

        async def chunks(self):
            yield b"x" * 100_000
            raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        s3("PutObject", Bucket="data", Key="k", Body=Broken())
    assert s3.listed() == []
    left = [path for path in s3.server.config.data.rglob("*") if path.is_file()]
    assert [path for path in left if not path.name.startswith("stepwell.db")] == []


def test_deleting_is_done_whether_or_not_there_was_one(s3):
    s3.put("k")
    assert s3("DeleteObject", Bucket="data", Key="k") == {}
    assert s3("DeleteObject", Bucket="data", Key="k") == {}


def test_many_are_deleted_at_once_each_by_itself(s3):
    for key in ("a", "b", "c"):
        s3.put(key, b"1")
    wanted = [{"Key": "a"}, {"Key": "missing"}, {"Key": "b", "ETag": '"stale"'}]
    output = s3("DeleteObjects", Bucket="data", Delete={"Objects": wanted})
    assert output["Deleted"] == [{"Key": "a"}, {"Key": "missing"}]
    assert [(each["Key"], each["Code"]) for each in output["Errors"]] == [("b", "PreconditionFailed")]
    assert s3("DeleteObjects", Bucket="data", Delete={"Objects": [{"Key": "c"}], "Quiet": True}) == {}
    assert s3.listed() == ["b"]
    many = [{"Key": str(number)} for number in range(1001)]
    assert s3.fails("DeleteObjects", Bucket="data", Delete={"Objects": many}).error_code == "MalformedXML"


def test_tags_are_replaced_read_and_removed(s3):
    s3.put("k", b"1", Tagging="a=1")
    tags = [{"Key": "b", "Value": "2"}, {"Key": "c", "Value": ""}]
    s3("PutObjectTagging", Bucket="data", Key="k", Tagging={"TagSet": tags})
    assert s3("GetObjectTagging", Bucket="data", Key="k") == {"TagSet": tags}
    assert s3.bytes_of("k") == b"1"
    s3("DeleteObjectTagging", Bucket="data", Key="k")
    assert s3("GetObjectTagging", Bucket="data", Key="k") == {"TagSet": []}
    double = {"TagSet": [tags[0], tags[0]]}
    assert s3.fails("PutObjectTagging", Bucket="data", Key="k", Tagging=double).error_code == "InvalidTag"


def test_attributes_are_those_asked_for(s3):
    s3.put("k", b"hello", ChecksumAlgorithm="SHA256")
    output = s3("GetObjectAttributes", Bucket="data", Key="k", ObjectAttributes=["ETag", "ObjectSize"])
    assert output.keys() == {"ETag", "ObjectSize", "LastModified"}
    assert output["ETag"] == hashlib.md5(b"hello").hexdigest()
    output = s3("GetObjectAttributes", Bucket="data", Key="k", ObjectAttributes=["Checksum", "ObjectParts"])
    assert output["Checksum"]["ChecksumType"] == "FULL_OBJECT"
    assert "ObjectParts" not in output


def test_the_owner_has_full_control(s3):
    s3.put("k")
    for operation, params in (("GetBucketAcl", {}), ("GetObjectAcl", {"Key": "k"})):
        output = s3(operation, Bucket="data", **params)
        assert [grant["Permission"] for grant in output["Grants"]] == ["FULL_CONTROL"]
        assert output["Grants"][0]["Grantee"]["ID"] == output["Owner"]["ID"]
