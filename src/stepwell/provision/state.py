"""What a stack consists of, as remembered between runs: one JSON file per stack, one lock beside it.

The file is written whole, synced and renamed into place after every operation on a resource, and an intent
is written before each create, so that a run that is killed at any instant loses nothing: the next one finds
either the resource, or an intent whose resource it looks up by name. The file is readable by its owner only,
and the values of secret properties and outputs are encrypted in it; in memory they are plain.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import msgspec

from stepwell.provision import lock
from stepwell.provision.problems import StateDamaged, StateForeign, StateTooNew
from stepwell.provision.vault import Vault, written

#: 1: secrets are plain; 2: secrets are encrypted
VERSION = 2

#: creating: a create was about to be called; unsettled: it was, its settings may be incomplete;
#: condemned: replaced, yet to be deleted
ResourceStatus = Literal["creating", "unsettled", "ready", "condemned"]


@dataclass(frozen=True, kw_only=True)
class Resource:
    """One resource of a stack. `inputs` and `outputs` are plain JSON."""

    #: its URN
    urn: str
    #: its type token
    type: str
    #: whether the endpoint has it; components, providers and the stack itself are the program's alone
    custom: bool
    #: the endpoint's id; while `creating`, the id it will have; empty for components
    id: str = ""
    #: its parent's URN
    parent: str = ""
    #: the checked inputs, with defaults and its name
    inputs: dict[str, Any] = field(default_factory=dict)
    #: all properties as last read
    outputs: dict[str, Any] = field(default_factory=dict)
    #: the names of secret properties
    secrets: list[str] = field(default_factory=list)
    #: URNs that it depends on
    dependencies: list[str] = field(default_factory=list)
    #: URNs by the input that mentions them
    property_dependencies: dict[str, list[str]] = field(default_factory=dict)
    #: the provider resource's URN, or empty
    provider: str = ""
    #: whether deleting it is refused
    protect: bool = False
    #: whether deleting it only forgets it
    retain: bool = False
    #: the URN of what takes it along when it is deleted, or empty
    deleted_with: str = ""
    #: seconds that its operations may take, by operation, where the program says so
    timeouts: dict[str, float] = field(default_factory=dict)
    #: the hash of a value whose change replaces it, or empty
    trigger: str = ""
    #: whether its name was given automatically
    autonamed: bool = False
    #: how often it was replaced
    generation: int = 0
    #: how far its making is
    status: ResourceStatus = "ready"
    #: whether it was read and not made: never changed, never deleted
    external: bool = False


@dataclass(frozen=True, kw_only=True)
class StateFile:
    """The state file's content."""

    #: the format
    version: int
    #: the program's name
    project: str
    #: the stack's name
    stack: str
    #: the account that its resources are in
    account: str
    #: and the region
    region: str
    #: and the server, where it has an id
    server: str
    #: what automatic names are derived from
    seed: str
    #: the resources in the order in which they were made
    resources: list[Resource] = field(default_factory=list)
    #: the stack's outputs
    outputs: dict[str, Any] = field(default_factory=dict)
    #: the names of secret outputs
    secret_outputs: list[str] = field(default_factory=list)
    #: what the secret values are encrypted with: `vault.KEY_FILE` or a passphrase's salt; empty: none is
    encryption: str = ""
    #: when the first resource of those that it has was about to be made, in seconds since 1970; 0: unknown
    began: float = 0.0


class StackState:
    """A stack's state while a run holds it. Safe for several threads; every change is on disk on return."""

    def __init__(self, path: Path | None, content: StateFile, vault: Vault | None = None) -> None:
        """Holds `content`; with a path it is written there, its secrets encrypted by `vault`."""
        self._path = path
        self._vault = vault if vault is not None or path is None else Vault(path)
        self._content = content
        self._lock = threading.RLock()
        self._live = {r.urn: r for r in content.resources if r.status != "condemned"}
        self._condemned = [r for r in content.resources if r.status == "condemned"]

    @property
    def content(self) -> StateFile:
        """All of it as one value."""
        with self._lock:
            return replace(self._content, resources=[*self._live.values(), *self._condemned])

    @property
    def seed(self) -> str:
        """What automatic names are derived from."""
        return self._content.seed

    def get(self, urn: str) -> Resource | None:
        """The resource of that URN, condemned ones apart."""
        with self._lock:
            return self._live.get(urn)

    def resources(self) -> list[Resource]:
        """All but the condemned ones, in the order in which they were made."""
        with self._lock:
            return list(self._live.values())

    def condemned(self) -> list[Resource]:
        """Resources that were replaced and are still to be deleted."""
        with self._lock:
            return list(self._condemned)

    def put(self, resource: Resource) -> None:
        """Remembers `resource`; writes only when that is news."""
        with self._lock:
            if self._live.get(resource.urn) != resource:
                self._live[resource.urn] = resource
                self._save()

    def rename(self, old: str, resource: Resource) -> None:
        """Remembers under its new URN what was known under `old`, in every mention."""
        with self._lock:
            renamed = {
                (resource.urn if urn == old else urn): (
                    resource if urn == old else _mentioning(r, old, resource.urn)
                )
                for urn, r in self._live.items()
            }
            self._live = renamed
            self._save()

    def condemn(self, urn: str, successor: Resource) -> None:
        """Puts `successor` in the place of the resource, which stays to be deleted."""
        with self._lock:
            self._condemned.append(replace(self._live.pop(urn), status="condemned"))
            self._live[urn] = successor
            self._save()

    def forget(self, resource: Resource) -> None:
        """Removes the resource, live or condemned."""
        with self._lock:
            if resource.status == "condemned":
                self._condemned = [r for r in self._condemned if r != resource]
            else:
                self._live.pop(resource.urn, None)
            self._save()

    def begin(self, moment: float) -> None:
        """Remembers when the stack's first resource was about to be made."""
        with self._lock:
            if not self._live and not self._condemned:
                self._content = replace(self._content, began=moment)

    def set_outputs(self, outputs: dict[str, Any], hidden: list[str]) -> None:
        """Remembers the stack's outputs."""
        with self._lock:
            if (outputs, hidden) != (self._content.outputs, self._content.secret_outputs):
                self._content = replace(self._content, outputs=outputs, secret_outputs=hidden)
                self._save()

    def take(self, content: StateFile) -> None:
        """Puts `content` in the place of all of it; writes only when that is news."""
        with self._lock:
            if content != self.content:
                self._content = content
                self._live = {r.urn: r for r in content.resources if r.status != "condemned"}
                self._condemned = [r for r in content.resources if r.status == "condemned"]
                self._save()

    def prepare(self) -> None:
        """Makes sure, before anything is called, that secrets can be written.

        Raises:
            SecretsLocked, UsageError: see `Vault.prepare`.
        """
        if self._vault is not None:
            self._vault.prepare()

    def seal(self) -> None:
        """Encrypts the file anew where secrets in it are plain, or go by another key than they should."""
        with self._lock:
            content, vault = self._content, self._vault
            if vault is not None and _secretive(content) and content.encryption != vault.lock:
                self._save()

    def _save(self) -> None:
        if self._path is not None and self._vault is not None:
            content = _sealed(self.content, self._vault)
            written(self._path, msgspec.json.format(msgspec.json.encode(content), indent=1))


def _secretive(content: StateFile) -> bool:
    return bool(content.secret_outputs) or any(r.secrets for r in content.resources)


def _sealed(content: StateFile, vault: Vault) -> StateFile:
    if _secretive(content):
        vault.prepare()
    return replace(
        content,
        version=VERSION,
        encryption=vault.lock if _secretive(content) else "",
        outputs=vault.sealed(content.outputs, content.secret_outputs),
        resources=[
            replace(r, inputs=vault.sealed(r.inputs, r.secrets), outputs=vault.sealed(r.outputs, r.secrets))
            for r in content.resources
        ],
    )


def opened(content: StateFile, vault: Vault) -> StateFile:
    """`content` with its secrets decrypted.

    Raises:
        SecretsLocked, StateDamaged, UsageError: see `Vault.opener`.
    """
    plain = vault.opener(content.encryption)
    return replace(
        content,
        outputs=plain(content.outputs),
        resources=[replace(r, inputs=plain(r.inputs), outputs=plain(r.outputs)) for r in content.resources],
    )


def _mentioning(resource: Resource, old: str, new: str) -> Resource:
    def swap(urns: list[str]) -> list[str]:
        return [new if urn == old else urn for urn in urns]

    return replace(
        resource,
        parent=new if resource.parent == old else resource.parent,
        provider=new if resource.provider == old else resource.provider,
        deleted_with=new if resource.deleted_with == old else resource.deleted_with,
        dependencies=swap(resource.dependencies),
        property_dependencies={name: swap(urns) for name, urns in resource.property_dependencies.items()},
    )


@contextmanager
def held(
    folder: Path, fresh: StateFile, *, reads: bool = False, passphrase: str | None = None, salt: str = ""
) -> Iterator[StackState]:
    """The state of the stack that `fresh` names, locked until the end; `fresh` itself when there is none.

    With `reads` the lock is shared and nothing is ever written, not even a folder. `passphrase` and `salt`
    are what secrets are encrypted with, see `Vault`.

    Raises:
        StackInUse, StateDamaged, StateTooNew, StateForeign, SecretsLocked
    """
    path = folder / fresh.project / f"{fresh.stack}.json"
    if reads:
        if not path.exists():
            yield StackState(None, fresh)
            return
    else:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with lock.held(path.with_suffix(".lock"), shared=reads):
        vault = Vault(path, passphrase=passphrase, salt=salt)
        content = opened(load(path, fresh), vault) if path.exists() else fresh
        stack = StackState(None if reads else path, content, vault)
        if not reads:
            stack.seal()
        yield stack


def new(*, project: str, stack: str, account: str, region: str, server: str) -> StateFile:
    """The state of a stack that has never been run."""
    return StateFile(
        version=VERSION,
        project=project,
        stack=stack,
        account=account,
        region=region,
        server=server,
        seed=secrets.token_hex(8),
    )


def load(path: Path, fresh: StateFile) -> StateFile:
    """The file's content, secrets encrypted, if a run of this program against this server wrote it.

    Raises:
        StateDamaged, StateTooNew, StateForeign
    """
    content = read(path)
    for what in ("account", "region", "project", "stack", "server"):
        theirs, ours = getattr(content, what), getattr(fresh, what)
        if theirs != ours and not (what == "server" and "" in (theirs, ours)):
            raise StateForeign(
                f"{path} belongs to {what} {theirs}, this run is for {what} {ours}",
                advice="Name the server that the stack was made on, or choose another stack",
            )
    return content


def read(path: Path) -> StateFile:
    """The file's content, secrets encrypted, whoever wrote it.

    Raises:
        StateDamaged, StateTooNew
    """
    try:
        raw = msgspec.json.decode(path.read_bytes())
        version = raw["version"]
        if isinstance(version, int) and version > VERSION:
            raise StateTooNew(
                f"{path} has format {version}, this version of Stepwell knows {VERSION}",
                advice="Upgrade Stepwell",
            )
        return msgspec.convert(raw, StateFile)
    except (msgspec.DecodeError, msgspec.ValidationError, KeyError, TypeError) as error:
        raise StateDamaged(
            f"{path} is not a state file, or is damaged: {error}",
            advice="Restore it from a backup; without it the stack's resources have to be deleted by hand",
        ) from error
