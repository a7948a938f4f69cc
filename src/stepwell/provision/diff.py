"""What differs between recorded and declared properties."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from stepwell.provision.progress import LATER, MASK, PropertyChange
from stepwell.provision.schema import Inputs, Property
from stepwell.provision.values import ARCHIVE, ASSET, SIGNATURE, Content, contains_unknown, plain

_PLAIN = Property(standing="honoured")


def compare(
    table: Mapping[str, Property], old: Inputs, new: Inputs, *, replacing: Iterable[str] = ()
) -> list[PropertyChange]:
    """The changes from `old` to `new`, by property name and then by key.

    A value that isn't known yet counts as a change. A JSON document is compared inside. `replacing` has
    paths (`name`, `tags.owner`, `rules[0]`, `*`) whose change makes a new resource necessary besides those of
    the table.
    """
    forced = [_steps(path) for path in replacing]
    changes: list[PropertyChange] = []
    for name in sorted({*old, *new}):
        row = table.get(name, _PLAIN)
        before, after = old.get(name), new.get(name)
        if not contains_unknown(after) and normal(row, before) == normal(row, after):
            continue
        for change in _leaves(name, *_opened(row, before, after)):
            replaces = row.replaces or any(_meet(_steps(change.path), path) for path in forced)
            changes.append(replace(change, replaces=replaces))
    return changes


def property_of(path: str) -> str:
    """The property that a change's path begins with."""
    return _steps(path)[0]


def _steps(path: str) -> list[str]:
    """`tags["a"]`, `tags.a` → tags, a; `rules[0].id` → rules, 0, id."""
    return re.findall(r'(?<=\[")[^"]+(?="\])|[^.\[\]"]+', path)


def _meet(changed: list[str], named: list[str]) -> bool:
    """Whether a change at one path is a change of, or in, what the other names; `*` names all there."""
    return all(name in ("*", step) for step, name in zip(changed, named, strict=False))


def _opened(row: Property, before: Any, after: Any) -> tuple[Any, Any]:
    """Two documents as what they say, when both are JSON objects or lists; else the values themselves."""
    if row.document and isinstance(before, str) and isinstance(after, str):
        try:
            old, new = json.loads(before), json.loads(after)
        except ValueError:
            return before, after
        if isinstance(old, Mapping | list) and type(old) is type(new):
            return old, new
    return before, after


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


def _leaves(path: str, before: Any, after: Any) -> Iterator[PropertyChange]:
    after = after.plain() if isinstance(after, Content) else after
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in sorted({*before, *after}):
            old, new = before.get(key), after.get(key)
            if contains_unknown(new) or plain(old) != plain(new):
                place = f".{key}" if re.fullmatch(r"[\w-]+", key) else f'["{key}"]'
                yield from _leaves(path + place, old, new)
        return
    if _blocks(before) and _blocks(after):
        for index in range(max(len(before), len(after))):
            old, new = (blocks[index] if index < len(blocks) else None for blocks in (before, after))
            if contains_unknown(new) or plain(old) != plain(new):
                yield from _leaves(f"{path}[{index}]", old, new)
        return
    shown = LATER if contains_unknown(after) else plain(after)
    yield PropertyChange(path=path, before=plain(before), after=shown)


def _blocks(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(item, Mapping) for item in value)


def masked(
    changes: Iterable[PropertyChange], secrets: Iterable[str], hide: Iterable[str] = ()
) -> tuple[PropertyChange, ...]:
    """`changes` with the values of secret properties covered, and without those of the properties to hide."""
    hidden, dropped = frozenset(secrets), frozenset(hide)
    return tuple(
        change
        if property_of(change.path) not in hidden
        else PropertyChange(
            path=change.path,
            before=None if change.before is None else MASK,
            after=None if change.after is None else MASK,
            replaces=change.replaces,
        )
        for change in changes
        if property_of(change.path) not in dropped
    )


def ignoring(paths: Iterable[str], old: Inputs, new: Inputs) -> dict[str, Any]:
    """`new` with what `paths` name (`tags`, `tags.owner`, `tags["owner"]`, `rules[0].id`) as in `old`."""
    kept = dict(new)
    for path in paths:
        name, *rest = _steps(path)
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
    if isinstance(new, list) and isinstance(old, list):
        return _with_item(new, old, path)
    inner = dict(new) if isinstance(new, Mapping) else {}
    value = _with(inner.get(path[0]), old.get(path[0]) if isinstance(old, Mapping) else None, path[1:])
    inner.pop(path[0], None)
    if value is not None:
        inner[path[0]] = value
    return inner


def _with_item(new: list[Any], old: list[Any], path: list[str]) -> list[Any]:
    places = range(len(new)) if path[0] == "*" else [int(path[0])] if path[0].isdecimal() else []
    items = list(new)
    for place in places:
        if place < min(len(new), len(old)):
            items[place] = _with(new[place], old[place], path[1:])
    return items


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
