"""What IAM remembers: roles with their inline policies and attachments, and managed policies."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from stepwell.durable.records import Record


class Role(Record, frozen=True, kw_only=True):
    """A role. Its inline policies and attachments belong to it and change with it."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "role"

    name: str
    #: `/` or `/path/`
    path: str
    #: `AROA...`
    id: str
    arn: str
    created: float
    #: the trust policy's text
    trust: str
    description: str = ""
    #: seconds
    max_session: int = 3600
    #: the ARN of the policy that bounds it
    boundary: str | None = None
    tags: dict[str, str] = {}
    #: inline policies' texts by name
    inline: dict[str, str] = {}
    #: ARNs of attached managed policies, in the order of their attachment
    attached: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name.lower()


class ManagedPolicy(Record, frozen=True, kw_only=True):
    """A managed policy of the account."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "policy"

    name: str
    path: str
    #: `ANPA...`
    id: str
    arn: str
    created: float
    updated: float
    description: str = ""
    tags: dict[str, str] = {}
    #: the policy's texts by version: `v1`
    versions: dict[str, str] = {}
    #: when each version was made
    version_dates: dict[str, float] = {}
    default_version: str = "v1"
    #: the number of the next version; numbers are never used again
    next_version: int = 2

    @property
    def key(self) -> str:
        return self.arn

    @property
    def document(self) -> str:
        """The text that counts."""
        return self.versions[self.default_version]


class Attachment(Record, frozen=True, kw_only=True):
    """Finds the roles that a managed policy is attached to."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "attachment"

    policy: str
    role: str

    @property
    def key(self) -> str:
        return f"{self.policy}|{self.role.lower()}"


def encoded(document: str) -> str:
    """A policy's text as IAM answers it: URL-encoded (RFC 3986)."""
    return quote(document, safe="")
