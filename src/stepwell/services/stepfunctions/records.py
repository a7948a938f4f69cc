"""State machines, their versions and their aliases as records, and what an ARN means among them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, ClassVar

from msgspec import Struct, field

from stepwell.asl.definition import variable_references
from stepwell.durable import Draft, Record, View
from stepwell.services.stepfunctions import names
from stepwell.services.stepfunctions.errors import StateMachineDoesNotExist

#: subtracted from it, later version numbers sort first
_FAR = 9_999_999_999


class Configured(Record, frozen=True, kw_only=True):
    """What a machine and a version of it have in common: all that an execution begins with."""

    role: str
    #: the digest of the definition's text
    definition: str
    updated: float
    #: empty until the machine's first change
    revision: str = ""
    logging: dict[str, Any] = field(default_factory=dict)
    tracing: dict[str, Any] = field(default_factory=dict)
    encryption: dict[str, Any] = field(default_factory=dict)


class StateMachine(Configured, frozen=True, kw_only=True):
    """A state machine as it is now; executions keep what they began with."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "state-machine"

    name: str
    arn: str
    created: float
    tags: dict[str, str] = field(default_factory=dict)
    #: the number of the version that was published last; numbers are never used again
    versions: int = 0
    #: what creation said of publishing: a repeat must say the same
    publishing: dict[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> str:
        return self.name


class StateMachineVersion(Configured, frozen=True, kw_only=True):
    """A state machine as it was when it was published: never changed again."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "state-machine-version"

    #: the machine's name and ARN
    machine: str
    machine_arn: str
    number: int
    created: float
    description: str | None = None

    @property
    def key(self) -> str:
        return version_key(self.machine, self.number)

    @property
    def arn(self) -> str:
        return f"{self.machine_arn}:{self.number}"


class Route(Struct, frozen=True, kw_only=True):
    """One of the versions that an alias leads to."""

    version: int
    #: percent
    weight: int


class StateMachineAlias(Record, frozen=True, kw_only=True):
    """A name for one or two versions of a machine."""

    SERVICE: ClassVar[str] = "stepfunctions"
    KIND: ClassVar[str] = "state-machine-alias"

    #: the machine's name and ARN
    machine: str
    machine_arn: str
    name: str
    routes: tuple[Route, ...]
    created: float
    updated: float
    description: str | None = None

    @property
    def key(self) -> str:
        return f"{self.machine}:{self.name}"

    @property
    def arn(self) -> str:
        return f"{self.machine_arn}:{self.name}"


class Target(Struct, frozen=True, kw_only=True):
    """What an ARN names: a machine, perhaps one of its versions, perhaps by way of an alias."""

    machine: StateMachine
    version: StateMachineVersion | None = None
    alias: StateMachineAlias | None = None

    @property
    def configured(self) -> Configured:
        """What an execution of it begins with."""
        return self.version or self.machine

    @property
    def arn(self) -> str:
        return self.machine.arn if self.version is None else self.version.arn

    @property
    def qualifier(self) -> str:
        """The ARN's last part: an alias, a version's number, or empty."""
        if self.alias is not None:
            return self.alias.name
        return "" if self.version is None else str(self.version.number)


def version_key(machine: str, number: int) -> str:
    """Keys sort the latest version first."""
    return f"{machine}/{_FAR - number:010d}"


def find(view: View, arn: str) -> StateMachine:
    """The machine with this ARN, which has no qualifier. Raises InvalidArn, StateMachineDoesNotExist."""
    name = names.machine_name(arn)
    found = None if name is None else view.get(StateMachine, name)
    if found is None or found.arn != arn:
        raise StateMachineDoesNotExist(arn)
    return found


def find_version(view: View, arn: str) -> StateMachineVersion | None:
    """The version with this ARN. Raises InvalidArn."""
    name, qualifier = names.qualified(arn)
    found = (
        view.get(StateMachineVersion, version_key(name, int(qualifier))) if qualifier.isdecimal() else None
    )
    return found if found is not None and found.arn == arn else None


def find_alias(view: View, arn: str) -> StateMachineAlias | None:
    """The alias with this ARN. Raises InvalidArn."""
    found = view.get(StateMachineAlias, ":".join(names.qualified(arn)))
    return found if found is not None and found.arn == arn else None


def target(view: View, arn: str, random: Random | None = None) -> Target:
    """What an ARN of any of the three kinds means.

    An alias leads to its versions by their weights, or, where there is no `random`, to the first.
    Raises InvalidArn, StateMachineDoesNotExist.
    """
    name, qualifier = names.qualified(arn)
    if not qualifier:
        return Target(machine=find(view, arn))
    machine = view.get(StateMachine, name)
    alias = find_alias(view, arn)
    version = find_version(view, arn) if alias is None else _routed(view, alias, random)
    if machine is None or version is None:
        raise StateMachineDoesNotExist(arn)
    return Target(machine=machine, version=version, alias=alias)


def _routed(view: View, alias: StateMachineAlias, random: Random | None) -> StateMachineVersion | None:
    drawn = 0.0 if random is None else random.random() * 100
    for route in alias.routes:
        drawn -= route.weight
        if drawn < 0:
            return view.get(StateMachineVersion, version_key(alias.machine, route.version))
    return None


def versions_of(view: View, machine: str, *, after: str = "") -> Iterator[StateMachineVersion]:
    """A machine's versions, the latest first; those behind the key `after`."""
    return view.scan(StateMachineVersion, prefix=f"{machine}/", after=after)


def aliases_of(view: View, machine: str) -> list[StateMachineAlias]:
    """A machine's aliases, in the order in which they were created."""
    found = view.scan(StateMachineAlias, prefix=f"{machine}:")
    return sorted(found, key=lambda alias: (alias.created, alias.name))


def definition_of(view: View, digest: str) -> str:
    """A definition's text."""
    data = view.small_blob(digest)
    assert data is not None, "a definition lives as long as a record needs it"
    return data.decode()


def shown_definition(view: View, digest: str) -> dict[str, Any]:
    """A definition as descriptions show it: its text, and which variables its states read."""
    text = definition_of(view, digest)
    found = variable_references(text) if '"Assign"' in text else {}
    return {"definition": text, **({"variableReferences": found} if found else {})}


def save(draft: Draft, record: Configured) -> None:
    """Write a machine or a version; its definition lives as long as it does."""
    draft.put(record, blobs=[record.definition])


#: what AWS shows where nobody has said anything
OWN_KEY: Mapping[str, Any] = {"type": "AWS_OWNED_KEY"}
_NO_LOGGING: Mapping[str, Any] = {"level": "OFF", "includeExecutionData": False}
_NO_TRACING: Mapping[str, Any] = {"enabled": False}


def configuration(configured: Configured) -> dict[str, Any]:
    """Logging, tracing and encryption as AWS shows them, and the revision where there is one."""
    shown: dict[str, Any] = {
        "loggingConfiguration": {**_NO_LOGGING, **configured.logging},
        "tracingConfiguration": {**_NO_TRACING, **configured.tracing},
        "encryptionConfiguration": configured.encryption or OWN_KEY,
    }
    if configured.revision:
        shown["revisionId"] = configured.revision
    return shown
