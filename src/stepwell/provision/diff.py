"""What differs between recorded and declared properties."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from stepwell.provision.progress import LATER, MASK, PropertyChange
from stepwell.provision.schema import Inputs, Property
from stepwell.provision.values import ARCHIVE, ASSET, SIGNATURE, Content, contains_unknown, plain

_PLAIN = Property(standing="honoured")


def compare(
    table: Mapping[str, Property], old: Inputs, new: Inputs, *, replacing: Iterable[str] = ()
) -> list[PropertyChange]:
    """The changes from `old` to `new`, by property name and then by key.

    A value that isn't known yet counts as a change. `replacing` names properties (or `*`) whose change
    makes a new resource necessary besides those of the table.
    """
    forced = frozenset(replacing)
    changes: list[PropertyChange] = []
    for name in sorted({*old, *new}):
        row = table.get(name, _PLAIN)
        before, after = old.get(name), new.get(name)
        if not contains_unknown(after) and normal(row, before) == normal(row, after):
            continue
        replaces = row.replaces or name in forced or "*" in forced
        changes += _leaves(name, before, after, replaces)
    return changes


def normal(row: Property, value: Any) -> Any:
    """`value` in the form in which equal means the same."""
    value = plain(value)
    if isinstance(value, Mapping) and value.get(SIGNATURE) in (ASSET, ARCHIVE):
        return value["hash"]
    if row.document and isinstance(value, str):
        try:
            return json.loads(value)
        except ValueError:
            return value
    if isinstance(value, list):
        items = [normal(_PLAIN if row.fields is None else _block(row), item) for item in value]
        return sorted(items, key=lambda item: json.dumps(item, sort_keys=True)) if row.unordered else items
    if isinstance(value, Mapping) and row.fields is not None:
        return {key: normal(row.fields.get(key, _PLAIN), item) for key, item in value.items()}
    return value


def _block(row: Property) -> Property:
    return Property(standing=row.standing, fields=row.fields)


def _leaves(path: str, before: Any, after: Any, replaces: bool) -> Iterator[PropertyChange]:
    after = after.plain() if isinstance(after, Content) else after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            old, new = before.get(key), after.get(key)
            if contains_unknown(new) or plain(old) != plain(new):
                yield from _leaves(f"{path}.{key}", old, new, replaces)
        return
    shown = LATER if contains_unknown(after) else plain(after)
    yield PropertyChange(path=path, before=plain(before), after=shown, replaces=replaces)


def masked(
    changes: Iterable[PropertyChange], secrets: Iterable[str], hide: Iterable[str] = ()
) -> tuple[PropertyChange, ...]:
    """`changes` with the values of secret properties covered, and without those of the properties to hide."""
    hidden, dropped = frozenset(secrets), frozenset(hide)
    return tuple(
        change
        if change.path.split(".")[0] not in hidden
        else PropertyChange(
            path=change.path,
            before=None if change.before is None else MASK,
            after=None if change.after is None else MASK,
            replaces=change.replaces,
        )
        for change in changes
        if change.path.split(".")[0] not in dropped
    )


def ignoring(paths: Iterable[str], old: Inputs, new: Inputs) -> dict[str, Any]:
    """`new` with what `paths` name (`tags`, `tags.owner`, `tags["owner"]`) as it is in `old`."""
    kept = dict(new)
    for path in paths:
        name, *rest = path.replace('"]', "").replace('["', ".").split(".")
        if name == "*":
            return dict(old)
        value = _with(kept.get(name), old.get(name), rest)
        kept.pop(name, None)
        if value is not None:
            kept[name] = value
    return kept


def _with(new: Any, old: Any, path: list[str]) -> Any:
    if not path:
        return old
    inner = dict(new) if isinstance(new, Mapping) else {}
    value = _with(inner.get(path[0]), old.get(path[0]) if isinstance(old, Mapping) else None, path[1:])
    inner.pop(path[0], None)
    if value is not None:
        inner[path[0]] = value
    return inner


def drifted(table: Mapping[str, Property], recorded: Inputs, actual: Inputs) -> dict[str, Any]:
    """The recorded inputs that the endpoint now answers differently, with what it answers.

    Only what the program once declared is compared: fields that the endpoint adds are no drift.
    """
    return {
        name: actual.get(name)
        for name, value in recorded.items()
        if name in actual
        and (row := table.get(name, _PLAIN)).standing == "honoured"
        and not _covers(normal(row, actual[name]), normal(row, value))
    }


def _covers(actual: Any, declared: Any) -> bool:
    if isinstance(declared, Mapping) and isinstance(actual, Mapping):
        return all(key in actual and _covers(actual[key], value) for key, value in declared.items())
    if isinstance(declared, list) and isinstance(actual, list) and len(actual) == len(declared):
        return all(map(_covers, actual, declared))
    return bool(actual == declared)
