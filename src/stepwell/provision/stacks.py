"""The stacks of a data folder, seen without running their programs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from stepwell.provision import lock, state
from stepwell.provision.problems import ProjectInvalid, ProvisionError
from stepwell.provision.state import StateFile
from stepwell.provision.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """One stack in a list."""

    #: the project's name
    project: str
    #: the stack's
    stack: str
    #: how many resources of the endpoint it has
    resources: int
    #: when it was last written, in seconds since 1970
    changed: float
    #: why its file can't be read; empty when it can
    fault: str = ""


def listed(folder: Path) -> Iterator[Summary]:
    """All stacks, by project and name; a file that can't be read is one of them."""
    for path in sorted(folder.glob("*/*.json")):
        changed = path.stat().st_mtime
        try:
            content = state.read(path)
        except ProvisionError as error:
            yield Summary(
                project=path.parent.name, stack=path.stem, resources=0, changed=changed, fault=error.message
            )
            continue
        held = [r for r in content.resources if r.custom and not r.external]
        yield Summary(project=path.parent.name, stack=path.stem, resources=len(held), changed=changed)


def read(
    folder: Path, project: str, stack: str, *, secrets: bool = False, passphrase: str | None = None
) -> StateFile:
    """What is remembered of the stack; its secrets stay encrypted unless `secrets` are asked for.

    Raises:
        ProjectInvalid: there is no such stack.
        StateDamaged, StateTooNew: its file can't be read.
        SecretsLocked: its secrets can't.
    """
    path = _path(folder, project, stack)
    content = state.read(path)
    if not secrets:
        return content
    vault = Vault(path, passphrase=passphrase, salt=content.encryption)
    return state.opened(content, vault)


def remove(folder: Path, project: str, stack: str, *, force: bool) -> int:
    """Forgets the stack; gives the number of resources that nobody knows of from then on.

    Raises:
        ProjectInvalid: there is no such stack, or it has resources and `force` is not given.
        StackInUse: a run holds it.
        StateDamaged, StateTooNew: its file can't be read, and `force` is not given.
    """
    path = _path(folder, project, stack)
    with lock.held(path.with_suffix(".lock"), shared=False):
        left = 0
        try:
            left = sum(r.custom and not r.external for r in state.read(path).resources)
        except ProvisionError:
            if not force:
                raise
        if left and not force:
            raise ProjectInvalid(
                f"The stack {project}/{stack} has {left} resources", advice="Destroy it first, or say --force"
            )
        for suffix in (".json", ".key", ".lock"):
            path.with_suffix(suffix).unlink(missing_ok=True)
    return left


def _path(folder: Path, project: str, stack: str) -> Path:
    path = folder / project / f"{stack}.json"
    if not path.is_file():
        there = ", ".join(f"{s.project}/{s.stack}" for s in listed(folder))
        raise ProjectInvalid(
            f"There is no stack {project}/{stack} in {folder}",
            advice=f"There are: {there}" if there else "Bring it up first",
        )
    return path
