"""SNS's errors, with the codes and statuses that AWS answers."""

from __future__ import annotations

from stepwell.errors import AwsError


class InvalidParameter(AwsError):
    """A parameter is out of its range, or makes no sense for this topic."""

    code = "InvalidParameter"


class ParameterValueInvalid(AwsError):
    """A message attribute is none."""

    code = "ParameterValueInvalid"


class NotFound(AwsError):
    """There is no such topic or subscription."""

    code = "NotFound"
    status = 404


class ResourceNotFound(AwsError):
    """There is no such topic to tag."""

    code = "ResourceNotFound"
    status = 404


class TagLimitExceeded(AwsError):
    """More tags than a topic may have."""

    code = "TagLimitExceeded"


class SubscriptionLimitExceeded(AwsError):
    """More subscriptions than a topic may have."""

    code = "SubscriptionLimitExceeded"
    status = 403


class BatchEntryIdsNotDistinct(AwsError):
    """Two entries have the same id."""

    code = "BatchEntryIdsNotDistinct"


class BatchRequestTooLong(AwsError):
    """The messages of a batch are too long together."""

    code = "BatchRequestTooLong"


class EmptyBatchRequest(AwsError):
    """A batch without entries."""

    code = "EmptyBatchRequest"


class InvalidBatchEntryId(AwsError):
    """An entry's id has characters that it may not have."""

    code = "InvalidBatchEntryId"


class TooManyEntriesInBatchRequest(AwsError):
    """More entries than a batch may have."""

    code = "TooManyEntriesInBatchRequest"


def invalid(what: str) -> InvalidParameter:
    return InvalidParameter(f"Invalid parameter: {what}")


def no_topic() -> NotFound:
    return NotFound("Topic does not exist")


def no_subscription() -> NotFound:
    return NotFound("Subscription does not exist")
