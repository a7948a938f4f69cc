"""Signature Version 4, checked: in the Authorization header and in presigned URLs.

botocore's signer works on its own request objects and trusts them; a verifier must work on what came
over the wire (the path as sent, the headers that the client lists), so the canonical form is built here
by the same published rules. What needs no content is checked before any is read.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote, unquote_to_bytes

from botocore.utils import normalize_url_path

from stepwell.gateway.http import Request
from stepwell.gateway.ports import Key
from stepwell.gateway.refusals import refusal

ALGORITHM = "AWS4-HMAC-SHA256"
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
#: how far the client's clock may be off, in seconds
SKEW = 900

_LONGEST_PRESIGN = 604_800
_TIMESTAMP = re.compile(r"\d{8}T\d{6}Z")
_PARTS = re.compile(r"(Credential|SignedHeaders|Signature)=([^,\s]*)")
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. "
    "Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """A signature as the client sent it."""

    #: which key pair signed
    access_key_id: str
    #: `20261120T120000Z`
    timestamp: str
    #: the scope's date: `20261120`
    date: str
    #: the scope's region
    region: str
    #: the scope's service
    service: str
    #: lower-case names in the client's order
    signed_headers: tuple[str, ...]
    #: 64 hexadecimal digits
    value: str
    #: the session token sent along
    token: str | None
    #: how long a presigned URL holds, in seconds; None for the header form
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential scope without the key's id."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"

    @property
    def presigned(self) -> bool:
        """Whether it stood in the query."""
        return self.expires is not None

    @property
    def moment(self) -> float:
        """When it was made, in seconds since the epoch."""
        text = self.timestamp
        day, time = (int(text[0:4]), int(text[4:6]), int(text[6:8])), (int(text[9:11]), int(text[11:13]))
        return datetime(*day, *time, int(text[13:15]), tzinfo=UTC).timestamp()


def is_presigned(request: Request) -> bool:
    """Whether the request carries its signature in the query."""
    return "X-Amz-Algorithm" in request.query_map or "X-Amz-Signature" in request.query_map


def read(request: Request, protocol: str) -> Signature:
    """The request's signature. Raises AwsError where there is none or it is not complete."""
    authorization = request.headers.get("authorization")
    if authorization is None:
        if is_presigned(request):
            return _from_query(request, protocol)
        words = {"rest-xml": "Access Denied: this server does not take anonymous requests"}
        raise refusal("unsigned", protocol, words.get(protocol, "Missing Authentication Token"))
    algorithm, _, rest = authorization.strip().partition(" ")
    if algorithm != ALGORITHM:
        message = f"The authorization mechanism {algorithm[:40]!r} is not supported. Please use {ALGORITHM}."
        raise refusal("mechanism", protocol, message)
    parts = dict(_PARTS.findall(rest))
    if missing := {"Credential", "SignedHeaders", "Signature"} - parts.keys():
        message = f"Authorization header requires {', '.join(sorted(missing))}"
        raise refusal("malformed", protocol, message)
    return _complete(
        request,
        protocol,
        credential=parts["Credential"],
        timestamp=_header_timestamp(request, protocol),
        signed_headers=parts["SignedHeaders"],
        value=parts["Signature"],
        token=request.headers.get("x-amz-security-token"),
    )


def _from_query(request: Request, protocol: str) -> Signature:
    query = request.query_map
    names = ("Algorithm", "Credential", "Date", "Expires", "SignedHeaders", "Signature")
    if missing := [name for name in names if not query.get(f"X-Amz-{name}")]:
        message = f"The presigned URL lacks X-Amz-{', X-Amz-'.join(missing)}"
        raise refusal("malformed-query", protocol, message)
    expires = query["X-Amz-Expires"]
    if query["X-Amz-Algorithm"] != ALGORITHM:
        raise refusal("malformed-query", protocol, f"X-Amz-Algorithm only supports {ALGORITHM!r}")
    if not re.fullmatch(r"[0-9]{1,6}", expires) or not 1 <= int(expires) <= _LONGEST_PRESIGN:
        raise refusal(
            "malformed-query", protocol, f"X-Amz-Expires must be a number of seconds up to {_LONGEST_PRESIGN}"
        )
    return _complete(
        request,
        protocol,
        credential=query["X-Amz-Credential"],
        timestamp=query["X-Amz-Date"],
        signed_headers=query["X-Amz-SignedHeaders"],
        value=query["X-Amz-Signature"],
        token=query.get("X-Amz-Security-Token"),
        expires=int(expires),
    )


def _complete(
    request: Request,
    protocol: str,
    *,
    credential: str,
    timestamp: str,
    signed_headers: str,
    value: str,
    token: str | None,
    expires: int | None = None,
) -> Signature:
    reason = "malformed" if expires is None else "malformed-query"
    parts = credential.split("/")
    if len(parts) != 5 or parts[4] != "aws4_request":
        expected = "KEY/YYYYMMDD/REGION/SERVICE/aws4_request"
        message = f"The Credential is malformed; expecting {expected}, not {credential[:120]!r}"
        raise refusal(reason, protocol, message)
    if not _TIMESTAMP.fullmatch(timestamp):
        raise refusal(reason, protocol, "X-Amz-Date must be in the format YYYYMMDD'T'HHMMSS'Z'")
    signature = Signature(
        access_key_id=parts[0],
        timestamp=timestamp,
        date=parts[1],
        region=parts[2],
        service=parts[3],
        signed_headers=tuple(signed_headers.lower().split(";")),
        value=value,
        token=token,
        expires=expires,
    )
    try:
        made_on = datetime.fromtimestamp(signature.moment, UTC).strftime("%Y%m%d")
    except ValueError as error:
        raise refusal(reason, protocol, "X-Amz-Date is not a date") from error
    if made_on != signature.date:
        raise refusal(reason, protocol, "The Credential's date is not the date of X-Amz-Date")
    if "host" not in signature.signed_headers:
        raise refusal(reason, protocol, "'Host' must be a 'SignedHeader' in the AWS Authorization")
    unsigned = [
        name for name in request.headers if name.startswith("x-amz-") and name not in signature.signed_headers
    ]
    if unsigned:
        message = "There were headers present in the request which were not signed"
        raise refusal(
            "headers-not-signed", protocol, message, {"HeadersNotSigned": ", ".join(sorted(unsigned))}
        )
    return signature


def _header_timestamp(request: Request, protocol: str) -> str:
    if stamp := request.headers.get("x-amz-date"):
        return stamp
    date = request.headers.get("date", "")
    if _TIMESTAMP.fullmatch(date):
        return date
    try:
        return parsedate_to_datetime(date).astimezone(UTC).strftime("%Y%m%dT%H%M%SZ")
    except (ValueError, TypeError) as error:
        message = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header"
        raise refusal("malformed", protocol, message) from error


def check_scope(signature: Signature, protocol: str, signing_name: str, regions: tuple[str, ...]) -> None:
    """Refuse a signature for another service, or for a region that is none of `regions`."""
    reason = "malformed-query" if signature.presigned and protocol == "rest-xml" else "scope"
    if signature.service != signing_name:
        message = f"Credential should be scoped to correct service: {signing_name!r}"
        raise refusal(reason, protocol, message)
    if signature.region in regions:
        return
    if protocol == "rest-xml":
        message = (
            f"The authorization header is malformed; the region {signature.region!r} is wrong; "
            f"expecting {regions[0]!r}"
        )
        raise refusal(reason, protocol, message, {"Region": regions[0]})
    message = (
        f"Credential should be scoped to a valid region, not {signature.region!r}. "
        f"This server serves {regions[0]}."
    )
    raise refusal(reason, protocol, message)


def check_time(signature: Signature, protocol: str, now: float) -> None:
    """Refuse a signature made more than 15 minutes before or after `now`, or a URL whose time is over."""
    late = now - signature.moment
    if signature.expires is not None:
        if late > signature.expires:
            fields = {"Expires": _spelled(signature.moment + signature.expires), "ServerTime": _spelled(now)}
            raise refusal("expired-url", protocol, "Request has expired", fields)
        if late < -SKEW:
            raise refusal("skew", protocol, "Request is not yet valid")
    elif abs(late) > SKEW:
        if protocol == "rest-xml":
            fields = {
                "RequestTime": signature.timestamp,
                "ServerTime": _spelled(now),
                "MaxAllowedSkewMilliseconds": str(SKEW * 1000),
            }
            message = "The difference between the request time and the current time is too large."
            raise refusal("skew", protocol, message, fields)
        word = "expired" if late > 0 else "not yet current"
        message = (
            f"Signature {word}: {signature.timestamp} is more than 15 min from the server's {_basic(now)}"
        )
        raise refusal("skew", protocol, message)


def usable_key(key: Key | None, access_key_id: str, token: str | None, protocol: str, now: float) -> Key:
    """`key`, unless it is unknown, expired, or `token` is not the one that belongs to it."""
    if key is None:
        message = (
            "The AWS Access Key Id you provided does not exist in our records."
            if protocol == "rest-xml"
            else "The security token included in the request is invalid."
        )
        raise refusal("unknown-key", protocol, message, {"AWSAccessKeyId": access_key_id})
    sent, expected = (token or "").encode(), (key.session_token or "").encode()
    if not hmac.compare_digest(sent, expected):
        message = "The security token included in the request is invalid"
        if not sent:
            message += ": temporary credentials need their session token"
        raise refusal("wrong-token", protocol, message)
    if key.expires_at is not None and key.expires_at <= now:
        raise refusal("expired-key", protocol, "The security token included in the request is expired")
    return key


def check_value(signature: Signature, protocol: str, request: Request, key: Key, payload_hash: str) -> None:
    """Compare the signature with our own in constant time. `payload_hash` ends the canonical form."""
    canonical = canonical_request(request, signature, payload_hash)
    to_sign = string_to_sign(signature, canonical)
    mine = hmac.new(signing_key(key, signature), to_sign.encode(), hashlib.sha256).hexdigest()
    if not hmac.compare_digest(mine.encode(), signature.value.encode()):
        fields = {
            "AWSAccessKeyId": signature.access_key_id,
            "StringToSign": to_sign,
            "SignatureProvided": signature.value,
            "StringToSignBytes": to_sign.encode().hex(" "),
            "CanonicalRequest": canonical,
            "CanonicalRequestBytes": canonical.encode().hex(" "),
        }
        raise refusal("mismatch", protocol, _MISMATCH, fields)


def canonical_request(request: Request, signature: Signature, payload_hash: str) -> str:
    """The request in the form that is signed: S3's path encoded once and kept, others' twice and tidied."""
    if signature.service == "s3":
        path = "/".join(quote(unquote_to_bytes(part), safe="~") for part in request.raw_path.split("/"))
    else:
        path = quote(normalize_url_path(request.raw_path), safe="/~")
    pairs = sorted(
        # a plus is read as a space (`Request.query`), so it is signed as one
        (quote(unquote_to_bytes(key), safe="~"), quote(unquote_to_bytes(value.replace("+", " ")), safe="~"))
        for key, _, value in (pair.partition("=") for pair in request.raw_query.split("&") if pair)
        if key != "X-Amz-Signature"
    )
    names = sorted(signature.signed_headers)
    return "\n".join(
        (
            request.method,
            path or "/",
            "&".join(f"{key}={value}" for key, value in pairs),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            ";".join(names),
            payload_hash,
        )
    )


def string_to_sign(signature: Signature, canonical: str) -> str:
    """What the key signs: the canonical request's hash under its time and scope."""
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    return f"{ALGORITHM}\n{signature.timestamp}\n{signature.scope}\n{digest}"


def signing_key(key: Key, signature: Signature) -> bytes:
    """The key derived for the signature's date, region and service."""
    return _derive(key.secret_access_key, signature.date, signature.region, signature.service)


@lru_cache(maxsize=256)
def _derive(secret: str, date: str, region: str, service: str) -> bytes:
    derived = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        derived = hmac.new(derived, part.encode(), hashlib.sha256).digest()
    return derived


def _spelled(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _basic(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y%m%dT%H%M%SZ")
