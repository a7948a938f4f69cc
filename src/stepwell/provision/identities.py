"""The identities that a resource had before: its aliases, and those that it inherits from its parents'."""

from __future__ import annotations

from collections.abc import Iterator

from stepwell.provision import urns
from stepwell.provision.registration import Alias, Registration


class Identities:
    """The former URNs of one pass's resources. Not safe for several threads: its owner holds a lock."""

    def __init__(self, *, stack: str, project: str) -> None:
        self._stack = stack
        self._project = project
        self._former: dict[str, list[str]] = {}

    def former(self, urn: str, asked: Registration) -> list[str]:
        """Where the resource may be found in the state, if not under `urn`."""
        found = list(dict.fromkeys(other for other in self._all(asked) if other != urn))
        self._former[urn] = found
        return found

    def _all(self, asked: Registration) -> Iterator[str]:
        for alias in asked.aliases:
            if alias.urn:
                yield alias.urn
                continue
            for parent in self._parents(alias, asked.parent):
                yield urns.build(
                    alias.stack or self._stack,
                    alias.project or self._project,
                    parent,
                    alias.type or asked.type,
                    alias.name or asked.name,
                )
        for parent in self._former.get(asked.parent, []):
            yield urns.build(self._stack, self._project, parent, asked.type, asked.name)
            old_name, new_name = urns.name_of(parent), urns.name_of(asked.parent)
            if asked.name.startswith(new_name):
                name = old_name + asked.name.removeprefix(new_name)
                yield urns.build(self._stack, self._project, parent, asked.type, name)

    def _parents(self, alias: Alias, parent: str) -> list[str]:
        if alias.no_parent:
            return [""]
        if alias.parent:
            return [alias.parent]
        return [parent, *self._former.get(parent, [])]
