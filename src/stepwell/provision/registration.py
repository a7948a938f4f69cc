"""What the SDK asks of the engine, and is answered, as values: the protocol's messages without gRPC."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from stepwell.provision.problems import ProvisionError
from stepwell.provision.values import Properties


@dataclass(frozen=True, slots=True, kw_only=True)
class Alias:
    """Another identity that a resource had: a URN, or the parts that differ."""

    #: the whole URN; empty: the parts below
    urn: str = ""
    #: the former logical name; empty: the same
    name: str = ""
    #: the former type; empty: the same
    type: str = ""
    #: the former stack; empty: the same
    stack: str = ""
    #: the former project; empty: the same
    project: str = ""
    #: the former parent's URN; empty: the same parent
    parent: str = ""
    #: whether it had no parent
    no_parent: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Registration:
    """A resource that the program declares."""

    #: the type token
    type: str
    #: the logical name
    name: str
    #: whether the endpoint is to have it
    custom: bool
    #: the declared properties
    values: Properties
    #: the parent's URN
    parent: str = ""
    #: the explicit provider, `urn::id`, or empty
    provider: str = ""
    #: URNs that it depends on
    dependencies: tuple[str, ...] = ()
    #: URNs by the property that mentions them
    property_dependencies: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    #: other identities that it had
    aliases: tuple[Alias, ...] = ()
    #: whether deleting it is refused
    protect: bool = False
    #: whether deleting it only forgets it
    retain: bool = False
    #: whether its old one goes before the new one comes; None: as the type needs
    delete_first: bool | None = None
    #: property paths whose changes don't count
    ignore_changes: tuple[str, ...] = ()
    #: properties whose change replaces
    replace_on_changes: tuple[str, ...] = ()
    #: outputs to treat as secrets
    additional_secrets: tuple[str, ...] = ()
    #: properties whose changes are not shown
    hide_diffs: tuple[str, ...] = ()
    #: the id of an existing resource to take over; empty: it is to be made
    import_id: str = ""
    #: the URN of what takes it along when it is deleted
    deleted_with: str = ""
    #: how long its operations may take, by operation, in Go's notation
    timeouts: Mapping[str, str] = field(default_factory=dict)
    #: the hash of a value whose change replaces it; empty: there is none, or it is not known yet
    trigger: str = ""
    #: URNs whose replacement replaces it
    replace_with: tuple[str, ...] = ()
    #: what it asks for that is not supported, by name
    unsupported: tuple[str, ...] = ()
    #: where the program declares it, `FILE:LINE`; empty: the SDK doesn't say
    place: str = ""
    #: the program's lines that led there, the innermost first; empty: the SDK doesn't say
    stack: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The answer."""

    #: the resource's URN
    urn: str
    #: its id; empty when not known yet
    id: str = ""
    #: its properties, JSON-like, as far as they are known
    outputs: dict[str, Any] = field(default_factory=dict)
    #: the names of secret ones
    secrets: tuple[str, ...] = ()
    #: whether it couldn't be made
    failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """A resource that exists and that the program wants to know (`get`)."""

    #: the type token
    type: str
    #: the logical name
    name: str
    #: the endpoint's id
    id: str
    #: properties that help to find it
    values: Properties
    #: the parent's URN
    parent: str = ""
    #: URNs that it depends on
    dependencies: tuple[str, ...] = ()
    #: outputs to treat as secrets
    additional_secrets: tuple[str, ...] = ()
    #: where the program asks for it, `FILE:LINE`; empty: the SDK doesn't say
    place: str = ""


class Registrar(Protocol):
    """What takes a program's registrations, from as many threads as the SDK sends them on."""

    @property
    def dry_run(self) -> bool:
        """Whether nothing is made."""

    def register(self, asked: Registration) -> Registered:
        """A resource that the program declares."""

    def refuse(self, asked: Registration, error: ProvisionError) -> Registered:
        """A resource that could not even be declared."""

    def read(self, asked: Reading) -> Registered:
        """A resource that exists already."""

    def invoke(self, token: str, arguments: Properties) -> dict[str, Any]:
        """What a function of the package answers. Raises ProvisionError."""

    def set_outputs(self, urn: str, outputs: Properties) -> None:
        """The outputs of a component, or of the stack."""


def secret_names(asked: Registration | Reading) -> set[str]:
    """The names of secret properties; what holds all tags holds secret ones, too."""
    names = {*asked.values.secrets, *asked.additional_secrets}
    return {*names, "tagsAll"} if "tags" in names else names
