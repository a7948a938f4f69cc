"""What IAM remembers: entities with the policies that they hold, keys, profiles, managed policies."""

from __future__ import annotations

from typing import ClassVar
from urllib.parse import quote

from stepwell.durable.records import Record


class Entity(Record, frozen=True, kw_only=True):
    """What roles, users and groups share. Inline policies and attachments belong to them."""

    SERVICE: ClassVar[str] = "iam"

    name: str
    #: `/` or `/path/`
    path: str
    #: `AROA...`, `AIDA...` or `AGPA...`
    id: str
    arn: str
    created: float
    #: inline policies' texts by name
    inline: dict[str, str] = {}
    #: ARNs of attached managed policies, in the order of their attachment
    attached: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        return self.name.lower()


class Role(Entity, frozen=True, kw_only=True):
    """A role."""

    KIND: ClassVar[str] = "role"

    #: the trust policy's text
    trust: str
    #: unique ids of the users and roles that the trust policy names, by the ARN that names them
    pinned: dict[str, str] = {}
    description: str = ""
    #: seconds
    max_session: int = 3600
    #: the ARN of the policy that bounds it
    boundary: str | None = None
    tags: dict[str, str] = {}


class User(Entity, frozen=True, kw_only=True):
    """A user."""

    KIND: ClassVar[str] = "user"

    #: the ARN of the policy that bounds it
    boundary: str | None = None
    tags: dict[str, str] = {}
    #: keys of the groups that it is in
    groups: tuple[str, ...] = ()
    #: ids of its access keys, oldest first
    access_keys: tuple[str, ...] = ()


class Group(Entity, frozen=True, kw_only=True):
    """A group of users, who have its policies beside their own."""

    KIND: ClassVar[str] = "group"


class Membership(Record, frozen=True, kw_only=True):
    """Finds the users of a group."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "membership"

    #: the group's key
    group: str
    #: the user's key
    user: str

    @property
    def key(self) -> str:
        return f"{self.group}|{self.user}"


class AccessKey(Record, frozen=True, kw_only=True):
    """A user's key pair. The secret is kept as it is: a signature can only be checked with it."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "access-key"

    id: str
    secret: str
    #: the user's key
    user: str
    created: float
    #: `Active` or `Inactive`
    status: str = "Active"
    #: when it last signed a call, as far as was noted; None when never
    last_used: float | None = None
    #: the service of that call
    last_service: str = ""

    @property
    def key(self) -> str:
        return self.id


class InstanceProfile(Record, frozen=True, kw_only=True):
    """What hands a role to a machine."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "instance-profile"

    name: str
    path: str
    #: `AIPA...`
    id: str
    arn: str
    created: float
    tags: dict[str, str] = {}
    #: the role's key; empty while there is none
    role: str = ""

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
    """Finds the entities that a managed policy is attached to."""

    SERVICE: ClassVar[str] = "iam"
    KIND: ClassVar[str] = "attachment"

    #: the policy's ARN
    policy: str
    #: `role`, `user` or `group`
    kind: str
    #: the entity's key
    entity: str

    @property
    def key(self) -> str:
        return f"{self.policy}|{self.kind}|{self.entity}"


class Bounding(Attachment, frozen=True, kw_only=True):
    """Finds the entities whose permissions boundary a managed policy is."""

    KIND: ClassVar[str] = "bounding"


def encoded(document: str) -> str:
    """A policy's text as IAM answers it: URL-encoded (RFC 3986)."""
    return quote(document, safe="")
