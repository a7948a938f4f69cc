"""Amazon SNS: standard and FIFO topics, and their subscriptions: queues, functions, HTTP endpoints.

service(parts)    the operations

Messages leave as deliveries (`triggers.deliveries`).
"""

from __future__ import annotations

from stepwell.api.operations import Service
from stepwell.services.sns import permissions, publishing, subscriptions, tagging, topics
from stepwell.services.sns.parts import Parts
from stepwell.services.sns.permissions import policy_of
from stepwell.services.sns.records import Topic, tags_of

__all__ = ["Parts", "Topic", "policy_of", "service", "tags_of"]


def service(parts: Parts) -> Service:
    """The service's operations."""
    return Service(
        "sns",
        (
            *permissions.OPERATIONS,
            *publishing.operations(parts),
            *subscriptions.operations(parts),
            *tagging.OPERATIONS,
            *topics.OPERATIONS,
        ),
        invalid="InvalidParameter",
    )
