"""EventBridge's errors, in AWS's words."""

from __future__ import annotations

from stepwell.errors import AwsError


class ResourceNotFoundException(AwsError):
    """There is no such bus, rule or resource."""

    code = "ResourceNotFoundException"


class ResourceAlreadyExistsException(AwsError):
    """A bus of that name exists."""

    code = "ResourceAlreadyExistsException"


class InvalidEventPatternException(AwsError):
    """The event pattern is not valid; the message gives the reason."""

    code = "InvalidEventPatternException"


class LimitExceededException(AwsError):
    """More rules, targets or tags than one resource may have."""

    code = "LimitExceededException"


class PolicyLengthExceededException(AwsError):
    """The bus's policy is too long."""

    code = "PolicyLengthExceededException"


def no_bus(name: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"Event bus {name} does not exist.")


def no_rule(name: str, bus: str) -> ResourceNotFoundException:
    return ResourceNotFoundException(f"Rule {name} does not exist on EventBus {bus}.")


def too_many() -> LimitExceededException:
    return LimitExceededException("The requested resource exceeds the maximum number allowed.")
