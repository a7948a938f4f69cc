"""Checksums that clients send with content: `x-amz-checksum-*` and Content-MD5.

Algorithms are named here as the headers end: in lower case.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping

from stepwell.checksums import ALGORITHMS, Digest
from stepwell.errors import AwsError

_PREFIX = "x-amz-checksum-"
_NOT_CHECKSUMS = ("algorithm", "type", "mode")


def declared(headers: Mapping[str, str], *, flexible: bool) -> dict[str, bytes]:
    """Algorithm → the checksum that the headers promise.

    `flexible` says whether `x-amz-checksum-*` speak of this content (for CompleteMultipartUpload they
    speak of the whole object). Raises AwsError for values that are no checksums, and for algorithms
    that are not known here.
    """
    found: dict[str, bytes] = {}
    if (text := headers.get("content-md5")) is not None:
        found["md5"] = _decoded(
            "md5", text, AwsError("The Content-MD5 you specified is not valid.", code="InvalidDigest")
        )
    if flexible:
        for name, text in headers.items():
            algorithm = name.removeprefix(_PREFIX)
            if algorithm != name and algorithm not in _NOT_CHECKSUMS:
                found[algorithm] = decoded(known(algorithm), text)
    return found


def new(algorithm: str) -> Digest:
    """A fresh checksum by a known algorithm."""
    return ALGORITHMS[algorithm.upper()]()


def known(algorithm: str) -> str:
    """`algorithm` where it can be checked here. Raises AwsError."""
    if algorithm.upper() not in ALGORITHMS:
        offered = ", ".join(name for name in ALGORITHMS if name != "MD5")
        message = f"The checksum algorithm {algorithm[:40]!r} is not supported here. Use one of {offered}."
        raise AwsError(message, code="InvalidRequest")
    return algorithm


def decoded(algorithm: str, text: str) -> bytes:
    """The checksum that a header or trailer spells in Base64. Raises AwsError."""
    fault = AwsError(f"Value for {_PREFIX}{algorithm} header is invalid.", code="InvalidRequest")
    return _decoded(algorithm, text, fault)


def _decoded(algorithm: str, text: str, fault: AwsError) -> bytes:
    try:
        value = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError) as error:
        raise fault from error
    if len(value) != len(new(algorithm).digest()):
        raise fault
    return value


def trailer_algorithm(trailer: str) -> str | None:
    """The algorithm whose checksum the `X-Amz-Trailer` header announces."""
    names = (name.strip().lower() for name in trailer.split(","))
    found = [name.removeprefix(_PREFIX) for name in names if name.startswith(_PREFIX)]
    return known(found[0]) if found else None
