"""Checksums: right values of every algorithm, and bytes that don't match theirs are refused."""

from __future__ import annotations

import base64
import hashlib

import pytest

#: the check values that the algorithms' definitions publish for "123456789"
CHECK = {
    "CRC32": "cbf43926",
    "CRC32C": "e3069283",
    "CRC64NVME": "ae8b14860a799888",
    "SHA1": "f7c3bc1d808e04732adf679965ccc34ca7ae3441",
    "SHA256": "15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225",
    "MD5": "25f9e794323b453885f5181f1b624d0b",
}


def encoded(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


@pytest.mark.parametrize("algorithm", CHECK)
def test_a_right_value_is_kept_and_answered_when_asked(s3, algorithm):
    field, value = f"Checksum{algorithm}", encoded(CHECK[algorithm])
    assert s3.put("k", b"123456789", **{field: value})[field] == value
    assert field not in s3("GetObject", Bucket="data", Key="k")
    got = s3("GetObject", Bucket="data", Key="k", ChecksumMode="ENABLED")
    assert (got[field], got["ChecksumType"]) == (value, "FULL_OBJECT")
    ranged = s3("GetObject", Bucket="data", Key="k", ChecksumMode="ENABLED", Range="bytes=0-1")
    assert field not in ranged
    listed = s3("ListObjectsV2", Bucket="data")["Contents"][0]
    assert listed["ChecksumAlgorithm"] == [algorithm]


@pytest.mark.parametrize("algorithm", CHECK)
def test_a_wrong_value_is_a_bad_digest(s3, algorithm):
    size = len(CHECK[algorithm]) // 2
    error = s3.fails(
        "PutObject",
        Bucket="data",
        Key="k",
        Body=b"123456789",
        **{f"Checksum{algorithm}": encoded("00" * size)},
    )
    assert error.error_code == "BadDigest"
    assert error.message == f"The {algorithm} you specified did not match the calculated checksum."
    assert s3.listed() == []


def test_a_named_algorithm_is_computed(s3):
    output = s3.put("k", b"123456789", ChecksumAlgorithm="SHA256")
    assert output["ChecksumSHA256"] == encoded(CHECK["SHA256"])


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ChecksumCRC32": "###"}, "InvalidRequest"),
        ({"ChecksumCRC32": "AAAAAAAA"}, "InvalidRequest"),
        ({"ChecksumCRC32": "AAAAAA==", "ChecksumCRC32C": "AAAAAA=="}, "InvalidRequest"),
        ({"ChecksumCRC32": "AAAAAA==", "ChecksumAlgorithm": "SHA1"}, "InvalidRequest"),
        ({"ContentMD5": "no"}, "InvalidDigest"),
        ({"ContentMD5": encoded(hashlib.md5(b"other").hexdigest())}, "BadDigest"),
        ({"ChecksumAlgorithm": "XXHASH3"}, "ValidationException"),
    ],
)
def test_what_makes_no_sense_is_refused(s3, params, code):
    assert s3.fails("PutObject", Bucket="data", Key="k", Body=b"1", **params).error_code == code


def test_a_right_md5_is_accepted(s3):
    s3.put("k", b"1", ContentMD5=encoded(hashlib.md5(b"1").hexdigest()))
    assert s3.bytes_of("k") == b"1"
