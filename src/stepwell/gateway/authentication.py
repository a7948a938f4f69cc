"""Who sends a request: the signature's checks in their order, those first that need no content.

S3 and whoever sends `x-amz-content-sha256` signs a hash that stands in the headers, so the signature is
settled before a content byte is read. The other services sign the content itself: there the key, the
scope and the time are settled first, and the value once the (limited) content is in memory.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace

from stepwell.calls import Caller
from stepwell.clock import Clock
from stepwell.errors import AwsError
from stepwell.gateway import sigv2, sigv4
from stepwell.gateway.chunked import ChunkKey
from stepwell.gateway.http import Request
from stepwell.gateway.ports import Key, Keys
from stepwell.gateway.refusals import refusal
from stepwell.gateway.route import Route, s3_path

#: services that AWS runs once for all regions, under us-east-1
_GLOBAL = ("iam", "sts")
_GLOBAL_REGION = "us-east-1"
_HASH = "x-amz-content-sha256"
# What a presigned URL may carry in its query and is no header of the operation.
_SIGNATURE_QUERY = frozenset(
    f"x-amz-{name}"
    for name in ("algorithm", "credential", "date", "expires", "signedheaders", "signature", "security-token")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who signed, and what is left to check."""

    #: who signed
    caller: Caller
    #: the request; S3's presigned ones with the headers that clients move into the query
    request: Request
    #: the payload hash that was signed; None where the content's own hash is still to be compared
    payload_hash: str | None
    #: what signed chunks are checked with
    chunk_key: ChunkKey | None = None
    #: the signature that waits for the content
    pending: tuple[sigv4.Signature, Key] | None = None


class Authenticator:
    """Checks signatures against the server's keys, region and clock."""

    def __init__(self, keys: Keys, clock: Clock, region: str) -> None:
        self._keys = keys
        self._clock = clock
        self._region = region

    def identify(self, request: Request, route: Route) -> Identity:
        """Everything that can be checked without the content. Raises AwsError."""
        now = self._clock.now()
        if route.service == "s3" and sigv2.is_presigned(request):
            key = sigv2.verify(request, s3_path(request), self._keys, now)
            caller = replace(key.caller, access_key_id=request.query_map["AWSAccessKeyId"])
            return Identity(
                caller=caller, request=_with_moved_headers(request), payload_hash=sigv4.UNSIGNED_PAYLOAD
            )
        signature = sigv4.read(request, route.protocol)
        is_global = route.service in _GLOBAL
        regions = (self._region, _GLOBAL_REGION) if is_global else (self._region,)
        sigv4.check_scope(signature, route.protocol, route.signing_name, regions)
        found = self._keys.find(signature.access_key_id)
        key = sigv4.usable_key(found, signature.access_key_id, signature.token, route.protocol, now)
        sigv4.check_time(signature, route.protocol, now)
        caller = key.caller
        if caller.access_key_id != signature.access_key_id:
            caller = replace(caller, access_key_id=signature.access_key_id)
        payload_hash = _signed_hash(request, route, signature)
        if payload_hash is None:
            return Identity(caller=caller, request=request, payload_hash=None, pending=(signature, key))
        sigv4.check_value(signature, route.protocol, request, key, payload_hash)
        moved = signature.presigned and route.service == "s3"
        return Identity(
            caller=caller,
            request=_with_moved_headers(request) if moved else request,
            payload_hash=payload_hash,
            chunk_key=None if signature.presigned else _chunk_key(signature, key),
        )

    def confirm(self, identity: Identity, route: Route, content: bytes) -> None:
        """Compare a signature that waited for the content. Raises AwsError."""
        if identity.pending is not None:
            signature, key = identity.pending
            digest = hashlib.sha256(content).hexdigest()
            sigv4.check_value(signature, route.protocol, identity.request, key, digest)


def _signed_hash(request: Request, route: Route, signature: sigv4.Signature) -> str | None:
    declared = request.headers.get(_HASH)
    if route.service == "s3":
        if declared is None and not signature.presigned:
            raise AwsError(f"Missing required header for this request: {_HASH}", code="InvalidRequest")
        return declared or sigv4.UNSIGNED_PAYLOAD
    if declared is not None and len(declared) != 64:
        raise refusal("mismatch", route.protocol, f"Only S3 takes {_HASH}: {declared[:60]}")
    return declared


def _chunk_key(signature: sigv4.Signature, key: Key) -> ChunkKey:
    return ChunkKey(
        key=sigv4.signing_key(key, signature),
        timestamp=signature.timestamp,
        scope=signature.scope,
        seed=signature.value,
    )


def _with_moved_headers(request: Request) -> Request:
    moved = {key.lower(): value for key, value in request.query if key.lower().startswith("x-amz-")}
    headers = {name: value for name, value in moved.items() if name not in _SIGNATURE_QUERY}
    return replace(request, headers={**headers, **request.headers})
