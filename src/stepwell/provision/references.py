"""Stack references: what another stack of the same data folder gave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stepwell.provision import state
from stepwell.provision.problems import ResourceRefused
from stepwell.provision.vault import Vault

TYPE = "pulumi:pulumi:StackReference"


class References:
    """Reads the outputs of stacks by the names that programs give them."""

    def __init__(self, folder: Path, *, project: str, passphrase: str | None) -> None:
        """Looks among the state files of `folder`; a bare stack name is one of `project`."""
        self._folder = folder
        self._project = project
        self._passphrase = passphrase

    def outputs(self, name: str) -> tuple[dict[str, Any], list[str]]:
        """The outputs of `stack`, `project/stack` or `organization/project/stack`, and which are secret.

        Raises:
            ResourceRefused: there is no such stack, or its name is none.
            StateDamaged, StateTooNew, SecretsLocked: what it gave out can't be read.
        """
        project, stack = [self._project, *name.split("/")][-2:]
        path = self._folder / project / f"{stack}.json"
        if not all(part and not part.startswith(".") for part in (project, stack)) or not path.is_file():
            there = [f"{file.parent.name}/{file.stem}" for file in sorted(self._folder.glob("*/*.json"))]
            raise ResourceRefused(
                f"there is no stack {project}/{stack} on this server's data folder",
                advice=f"There are: {', '.join(there)}" if there else "Bring it up first",
            )
        content = state.read(path)
        vault = Vault(path, passphrase=self._passphrase, salt=content.encryption)
        found = state.opened(content, vault)
        return found.outputs, list(found.secret_outputs)
