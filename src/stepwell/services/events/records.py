"""What EventBridge remembers: buses, and rules with their targets."""

from __future__ import annotations

from typing import Any, ClassVar

from msgspec import field
from msgspec.structs import replace

from stepwell.durable import Draft, Record, View
from stepwell.services.events import names
from stepwell.services.events.errors import no_bus, no_rule


class Bus(Record, frozen=True, kw_only=True):
    """An event bus."""

    SERVICE: ClassVar[str] = "events"
    KIND: ClassVar[str] = "bus"

    name: str
    description: str | None = None
    #: parameters that are kept and shown
    recorded: dict[str, Any] = field(default_factory=dict)
    #: the policy's statements
    statements: list[dict[str, Any]] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    #: seconds since the epoch; 0 for the default bus, which is not created
    created: float = 0.0
    updated: float = 0.0
    #: another after each change of the bus's rules: compiled rules are kept for as long as it stays
    revision: str = ""

    @property
    def key(self) -> str:
        return self.name


class Rule(Record, frozen=True, kw_only=True):
    """A rule, with its targets as they were given."""

    SERVICE: ClassVar[str] = "events"
    KIND: ClassVar[str] = "rule"

    name: str
    bus: str
    arn: str
    #: JSON text
    pattern: str | None = None
    schedule: str | None = None
    #: when the schedule began to count, in seconds since the epoch
    since: float = 0.0
    #: `ENABLED`, `DISABLED` or `ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS`
    state: str = "ENABLED"
    description: str | None = None
    role: str | None = None
    tags: dict[str, str] = field(default_factory=dict)
    #: in the order of their ids
    targets: list[dict[str, Any]] = field(default_factory=list)

    @property
    def key(self) -> str:
        return f"{self.bus}/{self.name}"

    @property
    def enabled(self) -> bool:
        return self.state != "DISABLED"


def find_bus(view: View, name: str) -> Bus:
    """The bus; the default one is always there. Raises ResourceNotFoundException."""
    found = view.get(Bus, name)
    if found is None:
        if name != names.DEFAULT:
            raise no_bus(name)
        return Bus(name=name)
    return found


def find_rule(view: View, bus: str, name: str) -> Rule:
    """The rule of an existing bus. Raises ResourceNotFoundException."""
    find_bus(view, bus)
    found = view.get(Rule, f"{bus}/{name}")
    if found is None:
        raise no_rule(name, bus)
    return found


def save(draft: Draft, rule: Rule) -> None:
    """Write a rule, and note on its bus that the rules changed."""
    draft.put(rule)
    touch(draft, rule.bus)


def touch(draft: Draft, bus: str) -> None:
    """Note that the bus's rules changed."""
    draft.put(replace(find_bus(draft, bus), revision=draft.unique()))
