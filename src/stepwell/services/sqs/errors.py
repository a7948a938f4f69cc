"""SQS's errors, in AWS's words, with the codes of its former query protocol, which clients compare."""

from __future__ import annotations

from stepwell.errors import AwsError


class QueueDoesNotExist(AwsError):
    """There is no such queue."""

    code = "QueueDoesNotExist"
    former = "AWS.SimpleQueueService.NonExistentQueue"


class QueueNameExists(AwsError):
    """A queue of that name has other attributes."""

    code = "QueueNameExists"
    former = "QueueAlreadyExists"


class InvalidAddress(AwsError):
    """What is given as a queue's URL is none."""

    code = "InvalidAddress"
    former = "InvalidAddress"


class InvalidAttributeName(AwsError):
    """There is no such attribute, or it cannot be set."""

    code = "InvalidAttributeName"
    former = "InvalidAttributeName"


class InvalidAttributeValue(AwsError):
    """An attribute's value is out of its range."""

    code = "InvalidAttributeValue"
    former = "InvalidAttributeValue"


class InvalidParameterValue(AwsError):
    """A parameter is out of its range, or makes no sense for this queue."""

    code = "InvalidParameterValueException"
    former = "InvalidParameterValue"


class MissingParameter(AwsError):
    """A parameter is missing that this queue needs."""

    code = "MissingParameterException"
    former = "MissingParameter"


class InvalidMessageContents(AwsError):
    """The body has characters that no message may have."""

    code = "InvalidMessageContents"
    former = "InvalidMessageContents"


class ReceiptHandleIsInvalid(AwsError):
    """This queue never gave that receipt handle."""

    code = "ReceiptHandleIsInvalid"
    former = "ReceiptHandleIsInvalid"


class MessageNotInflight(AwsError):
    """The message is not in flight."""

    code = "MessageNotInflight"
    former = "AWS.SimpleQueueService.MessageNotInflight"


class PurgeQueueInProgress(AwsError):
    """The queue was purged within the last minute."""

    code = "PurgeQueueInProgress"
    former = "AWS.SimpleQueueService.PurgeQueueInProgress"


class EmptyBatchRequest(AwsError):
    """A batch has no entries."""

    code = "EmptyBatchRequest"
    former = "AWS.SimpleQueueService.EmptyBatchRequest"


class TooManyEntriesInBatchRequest(AwsError):
    """A batch has more than ten entries."""

    code = "TooManyEntriesInBatchRequest"
    former = "AWS.SimpleQueueService.TooManyEntriesInBatchRequest"


class BatchEntryIdsNotDistinct(AwsError):
    """Two entries of a batch have one id."""

    code = "BatchEntryIdsNotDistinct"
    former = "AWS.SimpleQueueService.BatchEntryIdsNotDistinct"


class InvalidBatchEntryId(AwsError):
    """An entry's id has characters that it may not have."""

    code = "InvalidBatchEntryId"
    former = "AWS.SimpleQueueService.InvalidBatchEntryId"


class BatchRequestTooLong(AwsError):
    """The messages of a batch are too long together."""

    code = "BatchRequestTooLong"
    former = "AWS.SimpleQueueService.BatchRequestTooLong"


class OverLimit(AwsError):
    """More of something than one queue may have."""

    code = "OverLimit"
    former = "OverLimit"


class ResourceNotFoundException(AwsError):
    """The queue, or the task, that a message move names does not exist."""

    code = "ResourceNotFoundException"
    former = "ResourceNotFoundException"


class UnsupportedOperation(AwsError):
    """What is asked for makes no sense in the resource's state."""

    code = "UnsupportedOperation"
    former = "AWS.SimpleQueueService.UnsupportedOperation"


def no_queue() -> QueueDoesNotExist:
    return QueueDoesNotExist("The specified queue does not exist.")


def missing(parameter: str) -> MissingParameter:
    return MissingParameter(f"The request must contain the parameter {parameter}.")
