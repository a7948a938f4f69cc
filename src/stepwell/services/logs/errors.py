"""CloudWatch Logs' errors, in AWS's words."""

from __future__ import annotations

from stepwell.errors import AwsError


class ResourceNotFoundException(AwsError):
    """The log group or stream does not exist."""

    code = "ResourceNotFoundException"


class ResourceAlreadyExistsException(AwsError):
    """A log group or stream of that name exists."""

    code = "ResourceAlreadyExistsException"


class InvalidParameterException(AwsError):
    """A parameter makes no sense."""

    code = "InvalidParameterException"


class LimitExceededException(AwsError):
    """More resource policies than an account may have."""

    code = "LimitExceededException"


class OperationAbortedException(AwsError):
    """The log group is being changed by another request."""

    code = "OperationAbortedException"


class TooManyTagsException(AwsError):
    """More than 50 tags."""

    code = "TooManyTagsException"


def no_group() -> ResourceNotFoundException:
    return ResourceNotFoundException("The specified log group does not exist.")


def no_stream() -> ResourceNotFoundException:
    return ResourceNotFoundException("The specified log stream does not exist.")
