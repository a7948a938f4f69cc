"""Lambda's errors, in AWS's words."""

from __future__ import annotations

from stepwell.errors import AwsError


class ResourceNotFoundException(AwsError):
    """The function, version or policy does not exist."""

    code = "ResourceNotFoundException"
    status = 404

    def __init__(self, message: str) -> None:
        super().__init__(message, fields={"Type": "User"})


class ResourceConflictException(AwsError):
    """It exists already, or is being changed."""

    code = "ResourceConflictException"
    status = 409


class InvalidParameterValueException(AwsError):
    """A parameter makes no sense."""

    code = "InvalidParameterValueException"


class InvalidRequestContentException(AwsError):
    """A payload is not JSON."""

    code = "InvalidRequestContentException"


class RequestTooLargeException(AwsError):
    """A payload is too long."""

    code = "RequestTooLargeException"
    status = 413


class RequestEntityTooLargeException(AwsError):
    """A package is too long to be sent directly."""

    code = "RequestEntityTooLargeException"
    status = 413


class PreconditionFailedException(AwsError):
    """The revision is not the one that the caller knows."""

    code = "PreconditionFailedException"
    status = 412


class PolicyLengthExceededException(AwsError):
    """A resource policy would be longer than 20 KB."""

    code = "PolicyLengthExceededException"


class RoleNotAssumable(AwsError):
    """An invocation's role is gone, or does not trust Lambda any more."""

    code = "AccessDeniedException"
    status = 403


class ServiceException(AwsError):
    """No process can be started."""

    code = "ServiceException"
    status = 500


class TooManyRequestsException(AwsError):
    """The function's reserved concurrency is used up."""

    code = "TooManyRequestsException"
    status = 429

    def __init__(self) -> None:
        super().__init__(
            "Rate Exceeded.",
            fields={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"},
        )


NOT_ASSUMABLE = "The role defined for the function cannot be assumed by Lambda."


def too_large(limit: int) -> RequestTooLargeException:
    return RequestTooLargeException(
        f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
    )
