"""SageMaker Runtime's modelled errors."""

from __future__ import annotations

from stepwell.errors import AwsError

#: bytes of a request's body
BODY_LIMIT = 6_291_456


class ValidationError(AwsError):
    """The endpoint or variant does not exist, or the request is too large."""

    code = "ValidationError"


class ModelError(AwsError):
    """The model server answered with an error, or not in time."""

    code = "ModelError"
    status = 424


class ServiceUnavailable(AwsError):
    """No model server takes the request."""

    code = "ServiceUnavailable"
    status = 503
