"""What a run is asked for and what came of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stepwell.provision.problems import Problem
from stepwell.provision.progress import Operation, PropertyChange

Command = Literal["up", "preview", "destroy", "refresh"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One run of a program against one endpoint. Nothing else is read: no environment, no `~/.aws`."""

    #: what to do
    command: Command
    #: the folder with `Pulumi.yaml`, or with `__main__.py` alone
    program: Path
    #: the stack's name
    stack: str
    #: the endpoint's URL
    endpoint: str
    #: the caller's access key id
    access_key: str
    #: its secret
    secret_key: str = field(repr=False)
    #: the region that the endpoint serves
    region: str
    #: the account that the endpoint serves, twelve digits
    account: str
    #: where the state files lie, `<data>/stacks`
    state: Path
    #: the server's own id, to notice another server behind the same address; empty: not compared
    server: str = ""
    #: URNs or logical names to confine the run to; empty: all
    targets: tuple[str, ...] = ()
    #: whether what depends on a target is one, too
    target_dependents: bool = False
    #: URNs or logical names to leave as they are
    excludes: tuple[str, ...] = ()
    #: URNs or logical names to replace, whatever differs
    replaces: tuple[str, ...] = ()
    #: how many resources are worked on at once
    parallel: int = 16
    #: configuration values that go before those of the stack's file, `name` or `namespace:name`
    config: Mapping[str, Any] = field(default_factory=dict, repr=False)
    #: the passphrase of the stack's secrets; None: there is none (an empty one is one)
    passphrase: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """A stack output."""

    #: the value, JSON-like
    value: Any
    #: not to be shown without being asked
    secret: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What was done, or would be done, with one resource."""

    #: the resource's URN
    urn: str
    #: its type token
    type: str
    #: its logical name
    name: str
    #: the operation
    operation: Operation
    #: what differs
    properties: tuple[PropertyChange, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Remaining:
    """One thing that is left."""

    #: what it is, in AWS's words
    kind: str
    #: its name, or its ARN where it has no name
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of a run."""

    #: whether all that was asked for was done
    ok: bool
    #: the stack's outputs; after a preview only those known already
    outputs: Mapping[str, Output]
    #: how many resources each operation touched
    counts: Mapping[Operation, int]
    #: what was done with each resource, without `same`
    changes: tuple[Change, ...]
    #: everything that went wrong
    errors: tuple[Problem, ...]
    #: after a destroy: what workflows made at run time, which no stack declares
    remains: tuple[Remaining, ...] = ()
