"""STS's errors."""

from __future__ import annotations

from stepwell.errors import AwsError


class AssumeRoleDenied(AwsError):
    """The trust policy does not let the caller in, or there is no such role: AWS tells no difference."""

    code = "AccessDenied"
    status = 403


class PackedPolicyTooLarge(AwsError):
    """The session's policies are too long together."""

    code = "PackedPolicyTooLarge"

    def __init__(self, percent: int) -> None:
        super().__init__(f"Packed policy consumes {percent}% of allotted space, please use smaller policy.")
