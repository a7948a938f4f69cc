"""Every error that Stepwell raises on purpose.

    StepwellError
    ├── AwsError                      an answer in AWS's terms: code, message, HTTP status
    │   ├── ValidationException       a parameter is missing, of the wrong type or out of range
    │   ├── UnsupportedOperation      the operation exists on AWS, not here
    │   ├── UnsupportedParameter      the parameter exists on AWS, is not supported here
    │   ├── AccessDenied              the caller's policies do not allow the call
    │   └── InternalFailure           our fault: 500
    ├── StoreError                    the data folder cannot be used
    │   ├── FolderInUse               another server holds it
    │   ├── FolderDamaged             its content is not what this server wrote
    │   ├── FolderTooNew              a newer version wrote it
    │   └── FolderTooOld              an earlier version wrote it, in a form that is read no more
    └── UsageError                    a command or a configuration makes no sense

A service adds its own subclasses of `AwsError` beside its handlers, with AWS's codes and statuses; a package
whose callers must tell its failures apart adds subclasses of `StepwellError` beside what raises them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


class StepwellError(Exception):
    """The root of all errors below."""


class AwsError(StepwellError):
    """An error answered in AWS's terms.

    Subclasses set `code` (and `status` where it is not 400); one-off errors pass `code=`.
    `fields` are extra members of the error body (S3's `BucketName`, `Key`, ...).
    """

    code: ClassVar[str] = "ValidationException"
    status: ClassVar[int] = 400
    #: the code that the service's former query protocol had, where clients still compare that one
    former: ClassVar[str | None] = None

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        fields: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.error_code = code if code is not None else type(self).code
        self.http_status = status if status is not None else type(self).status
        self.fields: Mapping[str, Any] = fields or {}


class ValidationException(AwsError):
    """A parameter is missing, of the wrong type or out of range."""


class UnsupportedOperation(AwsError):
    """The operation exists on AWS, not here. 4xx: SDKs retry 5xx for minutes."""

    code = "UnsupportedOperation"


class UnsupportedParameter(AwsError):
    """The parameter exists on AWS and is not supported here; the message names it."""

    code = "ValidationException"


class AccessDenied(AwsError):
    """The caller's policies do not allow the call. Protocols spell the code their own way."""

    code = "AccessDeniedException"
    former = "AccessDenied"


class InternalFailure(AwsError):
    """A fault of this server."""

    code = "InternalFailure"
    status = 500


class StoreError(StepwellError):
    """The data folder cannot be used."""


class FolderInUse(StoreError):
    """Another server holds the data folder."""


class FolderDamaged(StoreError):
    """The data folder's content is not what this server wrote."""


class FolderTooNew(StoreError):
    """A newer version of Stepwell wrote the data folder."""


class FolderTooOld(StoreError):
    """An earlier version of Stepwell wrote the data folder, in a form that is read no more."""


class UsageError(StepwellError):
    """A command or a configuration makes no sense; the message says what to do."""
