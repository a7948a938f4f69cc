"""SageMaker's modelled errors. Everything else it answers as `ValidationException`."""

from __future__ import annotations

from stepwell.errors import AwsError


class ResourceInUse(AwsError):
    """The name is taken."""

    code = "ResourceInUse"


class ConflictException(AwsError):
    """The resource is in a state that does not allow the change."""

    code = "ConflictException"


class RunFailed(AwsError):
    """A job or a deployment cannot go on; the message is its FailureReason, never an API's answer."""

    code = "RunFailed"
