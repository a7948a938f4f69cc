"""S3's presigned URLs in the old form (`AWSAccessKeyId`, `Signature`, `Expires`).

boto3 still makes these by default in us-east-1 and with custom endpoints, so a bare
`generate_presigned_url` depends on them. SHA-1 inside HMAC is what the form prescribes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from urllib.parse import unquote

from botocore.auth import HmacV1Auth

from stepwell.errors import AwsError
from stepwell.gateway.http import Request
from stepwell.gateway.ports import Key, Keys
from stepwell.gateway.refusals import refusal
from stepwell.gateway.sigv4 import usable_key

_PROTOCOL = "rest-xml"
_SUBRESOURCES = frozenset(HmacV1Auth.QSAOfInterest)


def is_presigned(request: Request) -> bool:
    """Whether the request carries a signature of the old form in its query."""
    return "AWSAccessKeyId" in request.query_map and "Signature" in request.query_map


def verify(request: Request, path: str, keys: Keys, now: float) -> Key:
    """The key pair that signed. `path` has the bucket in front, encoded. Raises AwsError."""
    query = request.query_map
    expires = query.get("Expires", "")
    if not re.fullmatch(r"[0-9]{1,12}", expires):
        raise AwsError(
            "Query-string authentication requires the Expires parameter", code="AccessDenied", status=403
        )
    access_key_id = query["AWSAccessKeyId"]
    token = query.get("x-amz-security-token") or request.headers.get("x-amz-security-token")
    key = usable_key(keys.find(access_key_id), access_key_id, token, _PROTOCOL, now)
    if now > int(expires):
        raise refusal("expired-url", _PROTOCOL, "Request has expired", {"Expires": expires})
    text = string_to_sign(request, path)
    digest = hmac.new(key.secret_access_key.encode(), text.encode(), hashlib.sha1).digest()
    if not hmac.compare_digest(base64.b64encode(digest), query["Signature"].encode()):
        message = (
            "The request signature we calculated does not match the signature you provided. "
            "Check your key and signing method."
        )
        fields = {
            "AWSAccessKeyId": access_key_id,
            "StringToSign": text,
            "SignatureProvided": query["Signature"],
            "StringToSignBytes": text.encode().hex(" "),
        }
        raise refusal("mismatch", _PROTOCOL, message, fields)
    return key


def string_to_sign(request: Request, path: str) -> str:
    """What the key signs. boto3 moves the headers that it signed into the query, so both places count."""
    moved = {key.lower(): value for key, value in request.query}
    amazon = {
        name: value for name, value in {**moved, **request.headers}.items() if name.startswith("x-amz-")
    }
    named = {
        name: request.headers.get(name) or moved.get(name, "") for name in ("content-md5", "content-type")
    }
    parts = (pair.split("=", 1) for pair in request.raw_query.split("&"))
    chosen = sorted((part for part in parts if part[0] in _SUBRESOURCES), key=lambda part: part[0])
    resource = "&".join("=".join((part[0], *map(unquote, part[1:]))) for part in chosen)
    return "\n".join(
        (
            request.method,
            named["content-md5"],
            named["content-type"],
            request.query_map.get("Expires", ""),
            *(f"{name}:{amazon[name].strip()}" for name in sorted(amazon)),
            f"{path}?{resource}" if resource else path,
        )
    )
