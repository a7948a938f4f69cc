"""Versions: numbered, immutable copies of `$LATEST`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec.structs import replace

from stepwell.durable import Draft, View
from stepwell.services.lambda_.records import Function, Version, shown, version_key


def of(view: View, function: str) -> Iterator[Version]:
    """A function's versions, the oldest first."""
    return view.scan(Version, prefix=f"{function}:")


def publish(draft: Draft, function: Function, description: str) -> dict[str, Any]:
    """Publish `$LATEST`, write the function, and show the version.

    As long as nothing changed since the last version, that one is the answer.
    """
    if function.published_from == function.latest.revision:
        last = draft.get(Version, version_key(function.name, function.published))
        if last is not None:
            return shown(draft, function.name, last.configuration, qualifier=str(last.number))
    number = function.published + 1
    settings = replace(
        function.latest,
        version=str(number),
        revision=draft.uuid(),
        modified=draft.now,
        description=description or function.latest.description,
    )
    draft.put(Version(function=function.name, number=number, configuration=settings), blobs=[settings.digest])
    draft.put(
        replace(function, published=number, published_from=function.latest.revision),
        blobs=[function.latest.digest],
    )
    return shown(draft, function.name, settings, qualifier=str(number))
