"""Amazon S3: buckets, objects, versions, uploads in parts, notifications.

Bytes are written as blobs before a decision, which only names them; a change and the deliveries that it
causes are one commit.
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.services.s3.buckets import Bucket
from stepwell.services.s3.configurations import policy_of
from stepwell.services.s3.table import OPERATIONS
from stepwell.services.s3.tagging import tags_of

__all__ = ["Bucket", "policy_of", "service", "tags_of"]


def service() -> Service:
    """S3's operations."""
    return Service("s3", OPERATIONS)
