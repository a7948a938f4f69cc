"""Why a request's signature is refused, in each protocol's own codes.

SDKs act on these codes: an expired token makes them fetch new credentials, a skewed clock makes them
correct theirs, so one code for all would break clients.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.errors import AwsError

_MISMATCH = {
    "json": ("InvalidSignatureException", 400),
    "rest-json": ("InvalidSignatureException", 403),
    "query": ("SignatureDoesNotMatch", 403),
    "rest-xml": ("SignatureDoesNotMatch", 403),
}
_INCOMPLETE = {
    "json": ("IncompleteSignatureException", 400),
    "rest-json": ("IncompleteSignatureException", 403),
    "query": ("IncompleteSignature", 400),
}
_UNRECOGNISED = {
    "json": ("UnrecognizedClientException", 400),
    "rest-json": ("UnrecognizedClientException", 403),
    "query": ("InvalidClientTokenId", 403),
}

#: reason → protocol → (code, HTTP status)
CODES: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "unsigned": {
        "json": ("MissingAuthenticationTokenException", 400),
        "rest-json": ("MissingAuthenticationTokenException", 403),
        "query": ("MissingAuthenticationToken", 403),
        "rest-xml": ("AccessDenied", 403),
    },
    "malformed": {**_INCOMPLETE, "rest-xml": ("AuthorizationHeaderMalformed", 400)},
    "mechanism": {**_INCOMPLETE, "rest-xml": ("InvalidRequest", 400)},
    "malformed-query": {**_INCOMPLETE, "rest-xml": ("AuthorizationQueryParametersError", 400)},
    "scope": {**_MISMATCH, "rest-xml": ("AuthorizationHeaderMalformed", 400)},
    "unknown-key": {**_UNRECOGNISED, "rest-xml": ("InvalidAccessKeyId", 403)},
    "wrong-token": {**_UNRECOGNISED, "rest-xml": ("InvalidToken", 400)},
    "expired-key": {
        "json": ("ExpiredTokenException", 400),
        "rest-json": ("ExpiredTokenException", 403),
        "query": ("ExpiredToken", 403),
        "rest-xml": ("ExpiredToken", 400),
    },
    "skew": {**_MISMATCH, "rest-xml": ("RequestTimeTooSkewed", 403)},
    "expired-url": {**_MISMATCH, "rest-xml": ("AccessDenied", 403)},
    "headers-not-signed": {**_MISMATCH, "rest-xml": ("AccessDenied", 403)},
    "mismatch": _MISMATCH,
}


def refusal(reason: str, protocol: str, message: str, fields: Mapping[str, Any] | None = None) -> AwsError:
    """The error for `reason`, a key of `CODES`. Only rest-xml's errors carry `fields`."""
    code, status = CODES[reason][protocol]
    return AwsError(message, code=code, status=status, fields=fields if protocol == "rest-xml" else None)
