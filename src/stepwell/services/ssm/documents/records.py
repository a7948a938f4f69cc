"""Documents and their versions, as they are remembered."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from typing import ClassVar

from stepwell.durable import Record
from stepwell.services.ssm.documents.content import Content, read


class Document(Record, frozen=True, kw_only=True):
    """A document: which versions it has."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "document"

    name: str
    #: `Amazon`, or the account
    owner: str
    #: seconds since the epoch
    created: float
    #: the newest version that there is
    latest: int
    #: the version that is meant where none is named
    default: int
    #: the versions that there are, ascending
    numbers: list[int]
    #: as CreateDocument was told; without effect here
    target_type: str | None = None
    display_name: str | None = None
    #: the accounts that it is shared with; without effect here
    shared: list[str] = []
    #: the highest number that was ever given
    last: int = 1

    @property
    def key(self) -> str:
        return self.name


class Version(Record, frozen=True, kw_only=True):
    """One version of a document."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "document-version"

    name: str
    number: int
    content: str
    #: `JSON` or `YAML`
    format: str
    #: seconds since the epoch
    created: float
    #: hexadecimal hashes of the content
    sha256: str
    sha1: str
    #: a name that a person gave to the version
    version_name: str | None = None

    @property
    def key(self) -> str:
        return version_key(self.name, self.number)

    def read(self) -> Content:
        """What the content says. It was read when the version was made, so this raises nothing."""
        return _read(self.content, self.format)


_read = lru_cache(maxsize=64)(read)


def version_key(name: str, number: int) -> str:
    """The key of a version: versions of a document are listed in their order."""
    return f"{name}/{number:06d}"


def hashed(content: str) -> dict[str, str]:
    """The hashes of a content."""
    data = content.encode()
    return {
        "sha256": hashlib.sha256(data).hexdigest(),
        "sha1": hashlib.sha1(data, usedforsecurity=False).hexdigest(),
    }
