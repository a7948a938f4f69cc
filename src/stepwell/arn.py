"""Amazon Resource Names: `arn:partition:service:region:account:resource`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Arn:
    """A parsed ARN. `resource` is everything behind the fifth colon, unparsed."""

    #: `aws`, `aws-cn`, ...
    partition: str
    #: the service's IAM prefix: `states`, `lambda`, `s3`, ...
    service: str
    #: empty for global services
    region: str
    #: twelve digits; empty for S3 buckets and AWS's own policies
    account: str
    #: `function:name`, `role/path/name`, `bucket/key`, ...
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account}:{self.resource}"


def parse(text: str) -> Arn | None:
    """The parts of `text`, or None when it is no ARN."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
        return None
    return Arn(partition=parts[1], service=parts[2], region=parts[3], account=parts[4], resource=parts[5])


def build(service: str, region: str, account: str, resource: str) -> str:
    """The ARN's text in the `aws` partition."""
    return f"arn:aws:{service}:{region}:{account}:{resource}"
