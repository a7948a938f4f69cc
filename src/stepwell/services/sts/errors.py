"""STS's errors."""

from __future__ import annotations

from stepwell.errors import AwsError


class AssumeRoleDenied(AwsError):
    """The trust policy does not let the caller in, or there is no such role: AWS tells no difference."""

    code = "AccessDenied"
    status = 403
