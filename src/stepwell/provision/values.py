"""Property values: between Pulumi's wire form and plain Python.

On the wire, secrets, assets and archives are objects with a signature key, and a value that is not known yet
is a sentinel string. Inside, a secret is a plain value whose property's name is remembered (the SDK raises
secretness to the property as well), and the other three are values of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

SIGNATURE: Final = "4dabf18193072939515e22adb298388d"
ASSET: Final = "c44067f5952c0a294b673a41bacd8c17"
ARCHIVE: Final = "0def7320c3a5731c473e5ecbe6d01bc7"
SECRET: Final = "1b47061264138c4ac30d75fd1eb44270"
RESOURCE: Final = "5cf8f73096256a8f31e491e813e4eb8e"
OUTPUT: Final = "d0e6a833031e9bbcd3f4e8bde6ca49a4"
UNKNOWN_TEXT: Final = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


class Unknown(Enum):
    """A value that only the apply will know."""

    UNKNOWN = "unknown"


UNKNOWN: Final = Unknown.UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An asset or archive as the program named it; exactly one of `path`, `text`, `uri`, `members` is set."""

    #: whether it is a bundle of files
    archive: bool
    #: a file or a folder, relative to the program's folder
    path: str | None = None
    #: the bytes themselves, as text
    text: str | None = None
    #: an address to fetch
    uri: str | None = None
    #: an archive put together from assets and archives, by name
    members: Mapping[str, Source] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """What a source holds: the bytes to upload, and the hash that a later run compares."""

    #: whether `data` is a zip
    archive: bool
    #: SHA-256 of what is inside, hexadecimal; the same for the same files
    sha256: str
    #: where it came from, for people
    about: str
    #: the bytes
    data: bytes

    def plain(self) -> dict[str, Any]:
        """How the state file remembers it."""
        return {SIGNATURE: ARCHIVE if self.archive else ASSET, "hash": self.sha256, "about": self.about}


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """Decoded properties."""

    #: by name; values may hold `UNKNOWN` and `Source`
    values: dict[str, Any]
    #: the names whose value is, or holds, a secret
    secrets: frozenset[str]


def decode(struct: Any) -> Properties:
    """A `google.protobuf.Struct` of properties in Python values. Integral numbers become integers."""
    values: dict[str, Any] = {}
    secrets: set[str] = set()
    for name, field in struct.fields.items():
        found: list[bool] = []
        value = _decode(field, found)
        if value is not None:
            values[name] = value
        if found:
            secrets.add(name)
    return Properties(values=values, secrets=frozenset(secrets))


def _decode(field: Any, secret: list[bool]) -> Any:
    kind = field.WhichOneof("kind")
    if kind == "struct_value":
        return _decode_object(field.struct_value.fields, secret)
    if kind == "list_value":
        return [_decode(item, secret) for item in field.list_value.values]
    if kind == "number_value":
        number = field.number_value
        return int(number) if number.is_integer() else number
    if kind == "string_value":
        return UNKNOWN if field.string_value == UNKNOWN_TEXT else field.string_value
    return field.bool_value if kind == "bool_value" else None


def _decode_object(fields: Any, secret: list[bool]) -> Any:
    signature = fields[SIGNATURE].string_value if SIGNATURE in fields else ""
    if signature == SECRET:
        secret.append(True)
        return _decode(fields["value"], secret)
    if signature in (ASSET, ARCHIVE):
        text = {key: fields[key].string_value for key in ("path", "text", "uri") if key in fields}
        members = _decode(fields["assets"], secret) if "assets" in fields else None
        return Source(archive=signature == ARCHIVE, members=members, **text)
    if signature == OUTPUT:
        if "secret" in fields and fields["secret"].bool_value:
            secret.append(True)
        return _decode(fields["value"], secret) if "value" in fields else UNKNOWN
    if signature == RESOURCE:
        return fields["id"].string_value if "id" in fields else fields["urn"].string_value
    decoded = {key: _decode(value, secret) for key, value in fields.items()}
    return {key: value for key, value in decoded.items() if value is not None}


def encode(values: Mapping[str, Any], secrets: Iterable[str] = ()) -> dict[str, Any]:
    """A JSON-like object to put in a Struct. Unknown values and contents are left out, at any depth.

    The SDK takes a property that is left out of a preview's answer as unknown, and otherwise as its own
    input.
    """
    hidden = frozenset(secrets)
    encoded: dict[str, Any] = {}
    for name, value in values.items():
        if value is None or contains_unknown(value) or _contains_content(value):
            continue
        encoded[name] = {SIGNATURE: SECRET, "value": value} if name in hidden else value
    return encoded


def contains_unknown(value: Any) -> bool:
    """Whether `value` is, or holds, a value that is not known yet."""
    if isinstance(value, Mapping):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list | tuple):
        return any(contains_unknown(item) for item in value)
    return value is UNKNOWN


def _contains_content(value: Any) -> bool:
    if isinstance(value, Mapping):
        return value.get(SIGNATURE) in (ASSET, ARCHIVE) or any(map(_contains_content, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_contains_content, value))
    return isinstance(value, Content)


def plain(value: Any) -> Any:
    """`value` as the state file holds it: contents become their hash, unknown values go."""
    if isinstance(value, Content):
        return value.plain()
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items() if item is not UNKNOWN}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value if item is not UNKNOWN]
    return value
