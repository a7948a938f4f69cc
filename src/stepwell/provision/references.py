"""Stack references: what another stack of the same data folder gave out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from stepwell.provision import stacks
from stepwell.provision.problems import ProjectInvalid, ResourceRefused

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
            ResourceRefused: there is no such stack.
            StateDamaged, StateTooNew, SecretsLocked: what it gave out can't be read.
        """
        project, stack = [self._project, *name.split("/")][-2:]
        try:
            content = stacks.read(self._folder, project, stack, secrets=True, passphrase=self._passphrase)
        except ProjectInvalid as error:
            raise ResourceRefused(error.message, advice=error.advice) from error
        return content.outputs, list(content.secret_outputs)
