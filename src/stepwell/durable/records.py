"""Records: what a service remembers about one resource."""

from __future__ import annotations

from typing import ClassVar, TypeVar

import msgspec


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A versioned JSON value under (service, kind, key).

    A service subclasses it once per noun (`class Role(Record, frozen=True, kw_only=True)`), sets
    `SERVICE` and `KIND`, and says what the key is.
    Values are frozen: a change is `msgspec.structs.replace(record, ...)` and a `put`.
    New fields need a default, so that folders of older releases still decode.
    """

    SERVICE: ClassVar[str]
    KIND: ClassVar[str]

    @property
    def key(self) -> str:
        """The name under which the record is found; records are listed in the order of their keys."""
        raise TypeError(f"{type(self).__name__} does not say what its key is")


R = TypeVar("R", bound=Record)


def encode(record: Record) -> bytes:
    """The record's JSON."""
    return msgspec.json.encode(record)


def decode(kind: type[R], data: bytes) -> R:
    """The record of `data`; raises msgspec.ValidationError when it is not of that kind."""
    return msgspec.json.decode(data, type=kind)
