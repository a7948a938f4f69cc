"""What is remembered of a parameter: which versions there are, and each of them whole."""

from __future__ import annotations

from typing import ClassVar, Literal

from stepwell.durable import Record

Type = Literal["String", "StringList", "SecureString"]
Tier = Literal["Standard", "Advanced"]


class Parameter(Record, frozen=True, kw_only=True):
    """A parameter: the pointer to its versions."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "parameter"

    name: str
    #: the newest version's number
    version: int
    #: the oldest that is still kept
    oldest: int = 1

    @property
    def key(self) -> str:
        return self.name


class ParameterVersion(Record, frozen=True, kw_only=True):
    """One version of a parameter. Listed by name, then by number."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "parameter-version"

    name: str
    version: int
    type: Type
    #: the text; sealed for a SecureString
    value: str
    tier: Tier = "Standard"
    data_type: str = "text"
    key_id: str | None = None
    description: str | None = None
    allowed_pattern: str | None = None
    labels: tuple[str, ...] = ()
    #: seconds since the epoch
    modified: float
    #: the ARN of who wrote it
    modified_by: str

    @property
    def key(self) -> str:
        return version_key(self.name, self.version)


def version_key(name: str, version: int) -> str:
    """Where a version is found. A name holds no colon, so that names don't mix."""
    return f"{name}:{version:06d}"
