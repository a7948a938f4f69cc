"""What a bucket tells others: one record per change, for functions, topics and EventBridge.

Sources: the S3 user guide, "Event message structure" and "EventBridge event message structure".
Sent in the decision that makes the change, so that neither is ever without the other.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote_plus

from stepwell.calls import Call
from stepwell.clock import iso
from stepwell.durable import Draft
from stepwell.services.s3.buckets import Bucket
from stepwell.services.s3.destinations import PRINCIPAL, of_arn

#: consumers are to compare the part before the point
EVENT_VERSION = "2.1"
#: of messages to topics
_SUBJECT = "Amazon S3 Notification"

#: event → EventBridge's detail type, and further members of its detail
_BRIDGE: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "ObjectCreated:Put": ("Object Created", {"reason": "PutObject"}),
    "ObjectCreated:Post": ("Object Created", {"reason": "POST Object"}),
    "ObjectCreated:Copy": ("Object Created", {"reason": "CopyObject"}),
    "ObjectCreated:CompleteMultipartUpload": ("Object Created", {"reason": "CompleteMultipartUpload"}),
    "ObjectRemoved:Delete": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Permanently Deleted"},
    ),
    "ObjectRemoved:DeleteMarkerCreated": (
        "Object Deleted",
        {"reason": "DeleteObject", "deletion-type": "Delete Marker Created"},
    ),
    "ObjectTagging:Put": ("Object Tags Added", {}),
    "ObjectTagging:Delete": ("Object Tags Deleted", {}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What happened to one object."""

    #: without `s3:`: `ObjectCreated:Put`
    event: str
    #: the object's key
    name: str
    #: None where the event has none: deletions, tagging
    size: int | None = None
    #: without quotes
    etag: str | None = None
    #: only in buckets where versioning is, or was, on
    version: str | None = None
    #: grows with every change of the bucket
    order: int | None = None

    @property
    def sequencer(self) -> str | None:
        """The order as S3 prints it: 18 hexadecimal digits, so that text compares as numbers do."""
        return None if self.order is None else f"{self.order:018X}"


def announce(call: Call, draft: Draft, bucket: Bucket, change: Change) -> None:
    """Send the change to all functions and topics that want it, and to EventBridge if that is switched on."""
    for target in bucket.notifications:
        if wants(target.events, change.event) and _fits(target.edge("Prefix"), target.edge("Suffix"), change):
            record = _record(call, draft, bucket, change, target.id)
            draft.send("delivery", delivery(draft, bucket, target.target, {"Records": [record]}))
    if bucket.eventbridge and change.event in _BRIDGE:
        draft.send("event", _bridged(call, draft, bucket, change))


def delivery(draft: Draft, bucket: Bucket, target: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    """The delivery of what a bucket has to say (`triggers.deliveries`)."""
    return {
        "id": draft.uuid(),
        "target": target,
        "payload": dict(payload),
        "source_arn": bucket.arn,
        "principal": PRINCIPAL,
        **({"subject": _SUBJECT} if of_arn(target).service == "sns" else {}),
    }


def host_id(call: Call) -> str:
    """The second id of a request."""
    return base64.b64encode(call.request_id.encode()).decode()


def wants(patterns: tuple[str, ...], event: str) -> bool:
    """Whether any of `s3:ObjectCreated:*`, `s3:ObjectCreated:Put`, ... covers the event."""
    return any(
        pattern == f"s3:{event}" or (pattern.endswith("*") and f"s3:{event}".startswith(pattern[:-1]))
        for pattern in patterns
    )


def _fits(prefix: str, suffix: str, change: Change) -> bool:
    return change.name.startswith(prefix) and change.name.endswith(suffix)


def _record(call: Call, draft: Draft, bucket: Bucket, change: Change, configuration: str) -> dict[str, Any]:
    members = {
        "key": quote_plus(change.name, safe="/"),
        "size": change.size,
        "eTag": change.etag,
        "versionId": change.version,
        "sequencer": change.sequencer,
    }
    return {
        "eventVersion": EVENT_VERSION,
        "eventSource": "aws:s3",
        "awsRegion": draft.region,
        "eventTime": iso(draft.now),
        "eventName": change.event,
        "userIdentity": {"principalId": f"AWS:{call.caller.user_id or call.caller.account}"},
        "requestParameters": {"sourceIPAddress": call.origin.source_ip},
        "responseElements": {
            "x-amz-request-id": call.request_id,
            "x-amz-id-2": host_id(call),
        },
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": configuration,
            "bucket": {
                "name": bucket.name,
                "ownerIdentity": {"principalId": _customer(draft.account)},
                "arn": bucket.arn,
            },
            "object": {name: value for name, value in members.items() if value is not None},
        },
    }


def _bridged(call: Call, draft: Draft, bucket: Bucket, change: Change) -> dict[str, Any]:
    kind, more = _BRIDGE[change.event]
    members = {
        "key": change.name,
        "size": change.size,
        "etag": change.etag,
        "version-id": change.version,
        "sequencer": change.sequencer,
    }
    return {
        "source": "aws.s3",
        "detail-type": kind,
        "resources": [bucket.arn],
        "detail": {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": {name: value for name, value in members.items() if value is not None},
            "request-id": call.request_id,
            "requester": call.caller.arn if call.caller.kind == "service" else call.caller.account,
            "source-ip-address": call.origin.source_ip,
            **more,
        },
    }


def _customer(account: str) -> str:
    """The bucket owner's customer id: 14 capital letters and digits."""
    return "A" + base64.b32encode(hashlib.sha256(account.encode()).digest()).decode()[:13]
