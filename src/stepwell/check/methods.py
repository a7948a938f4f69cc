"""Attributes and methods of values: of outputs, resources, strings, lists, dicts."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from stepwell.check import packages, paths
from stepwell.check.machine import Call, Function, Machine
from stepwell.check.policy_documents import written_out
from stepwell.check.resources import Declared
from stepwell.check.sources import Place
from stepwell.check.texts import formatted, joined
from stepwell.check.values import (
    Array,
    Invoke,
    Json,
    Literal,
    Made,
    Native,
    Object,
    Output,
    Reference,
    Symbol,
    Text,
    Unknown,
    Value,
    camel,
    certain,
    known,
    resolved,
    walk,
)

#: what stands in a text for something to be put in later
MARK = re.compile(r"[A-Z][A-Z0-9]*_[A-Z0-9_]+|\$\{.+\}|\{\{.+\}\}|<.+>|__\w+__|%\w+%|@\w+@|[A-Z]{6,}")


def attribute(machine: Machine, holder: Value, name: str, place: Place) -> Value:
    """`holder.name`."""
    match holder:
        case Symbol():
            return _of_symbol(holder, name, place)
        case Output():
            return _of_output(machine, holder, name, place)
        case Reference():
            return _of_reference(holder, name, place)
        case Made() if holder.kind == paths.KIND:
            return paths.attribute(machine, holder, name, place)
        case Made():
            return _of_made(machine, holder, name, place)
        case Literal() | Text() | Json():
            return _method(TEXTS, holder, name, place)
        case Array():
            return _method(ARRAYS, holder, name, place)
        case Object():
            if holder.made:
                found = holder.entries.get(name) or holder.entries.get(camel(name))
                return found or Unknown(place=place)
            return _method(OBJECTS, holder, name, place)
        case _:
            return Unknown(place=place)


def _method(table: dict[str, Callable[..., Value]], holder: Value, name: str, place: Place) -> Value:
    if name not in table:
        return Unknown(place=place)
    return Native(place=place, name=name, call=lambda call: table[name](holder, call))


def _of_symbol(holder: Symbol, name: str, place: Place) -> Value:
    full = f"{holder.name}.{name}"
    parts = full.split(".")
    if parts[0] == packages.PACKAGE and len(parts) == 4:
        member = packages.enumerations(parts[1]).get(parts[2], {}).get(parts[3])
        if member is not None:
            return Literal(place=place, value=member)
    return Symbol(place=place, name=full)


def _of_reference(holder: Reference, name: str, place: Place) -> Value:
    step = camel(name)
    if isinstance(holder.of, Declared) and not holder.path:
        return Output(place=place, value=Reference(place=place, of=holder.of, path=(step,)))
    if isinstance(holder.of, Invoke) and name in ("json", "minified_json"):
        document = written_out(holder.of)
        if document is not None:
            return document
    return Reference(place=place, of=holder.of, path=(*holder.path, step))


def _of_made(machine: Machine, holder: Made, name: str, place: Place) -> Value:
    if holder.kind == "pulumi.Config":
        return Native(place=place, name=name, call=lambda call: _configured(name, call))
    if holder.kind == "file" and name == "read":
        text = paths.spelled(holder.arguments[0]) or ""
        return Native(place=place, name=name, call=lambda call: paths.content(machine, text, call.place))
    return Unknown(place=place)


def _configured(name: str, call: Call) -> Value:
    if len(call.positional) > 1 or "default" in call.named:
        default = call.argument(1, "default")
        return replace(default, fallback=True) if isinstance(default, Literal) else default or call.unknown()
    unknown = Unknown(place=call.place, why="configuration", optional=name.startswith("get"))
    return Output(place=call.place, value=unknown) if "secret" in name else unknown


# outputs


def _of_output(machine: Machine, holder: Output, name: str, place: Place) -> Value:
    if name == "apply":
        return Native(place=place, name=name, call=lambda call: _apply(holder, call))
    inside = holder.value
    if isinstance(inside, Object):
        found = inside.entries.get(name) or inside.entries.get(camel(name))
        return Output(place=place, value=found or Unknown(place=place))
    if isinstance(inside, Reference):
        value = known(_of_reference(inside, name, place))
        return Output(place=place, value=value or Unknown(place=place))
    return Output(place=place, value=Unknown(place=place))


def _apply(holder: Output, call: Call) -> Value:
    function = call.argument(0, "func")
    machine, value = call.machine, holder.value
    if function is None:
        return Output(place=call.place, value=call.unknown())
    if isinstance(function, Function) and _takes(function) != 1:
        machine.note("apply-arity", call.node, call.scope.source)
    machine.applying.append(call.node)
    try:
        made = Call(
            machine=machine,
            positional=[value],
            named={},
            keys={},
            open=False,
            node=call.node,
            scope=call.scope,
        )
        result = machine.call(function, made)
    finally:
        machine.applying.pop()
    return Output(place=call.place, value=resolved(result))


def _takes(function: Function) -> int:
    """How many arguments a function must be given; 1 where it takes one among others."""
    parameters = function.node.args
    names = [*parameters.posonlyargs, *parameters.args]
    taken = len(names) - (function.bound is not None)
    required = taken - len(parameters.defaults)
    if required <= 1 <= taken or (parameters.vararg is not None and required <= 1):
        return 1
    return required


# strings


def _plain(method: str) -> Callable[[Value, Call], Value]:
    def run(holder: Value, call: Call) -> Value:
        given = [known(each) for each in call.positional]
        if not isinstance(holder, Literal) or not isinstance(holder.value, str) or call.named:
            return call.unknown()
        if not all(isinstance(each, Literal) for each in given):
            return call.unknown()
        try:
            found = getattr(holder.value, method)(
                *(each.value for each in given if isinstance(each, Literal))
            )
        except (TypeError, ValueError, OverflowError):
            return call.unknown()
        if isinstance(found, list | tuple):
            items: list[Value] = [Literal(place=holder.place, value=each) for each in found]
            return Array(place=call.place, items=items)
        return Literal(place=holder.place, value=found)

    return run


def _replace(holder: Value, call: Call) -> Value:
    old, new = known(call.argument(0)), call.argument(1)
    if not isinstance(old, Literal) or not isinstance(old.value, str) or new is None:
        return call.unknown()
    if isinstance(new, Output):
        call.machine.note("output-in-text", call.node_of(1), call.scope.source)
    mark = old.value
    if MARK.fullmatch(mark) and certain(holder) and not _occurs(mark, holder):
        call.machine.note("replace-nothing", call.node, call.scope.source, about=mark)
        return holder
    if isinstance(holder, Literal) and isinstance(holder.value, str) and mark:
        pieces = holder.value.split(mark)
        if len(pieces) > 200:
            return call.unknown()
        if isinstance(new, Literal) and len(pieces) == 1:
            return holder
        parts: list[Value] = [Literal(place=holder.place, value=pieces[0])]
        for piece in pieces[1:]:
            parts += [new, Literal(place=holder.place, value=piece)]
        return joined(parts, holder.place)
    return call.unknown()


def _occurs(mark: str, holder: Value) -> bool:
    """Whether a mark may be somewhere in a text; what a reference will be is never a mark."""
    if isinstance(holder, Literal):
        return mark in str(holder.value)
    for _, part in walk(holder):
        if isinstance(part, Literal) and mark in str(part.value):
            return True
        if isinstance(part, Object) and any(mark in key for key in part.entries):
            return True
    return False


def _join(holder: Value, call: Call) -> Value:
    items = call.argument(0)
    if not isinstance(items, Array) or items.open or not isinstance(holder, Literal):
        return call.unknown()
    parts: list[Value] = []
    for index, each in enumerate(items.items):
        if isinstance(each, Output):
            call.machine.note("output-in-text", call.node_of(0), call.scope.source)
        parts += [holder, each] if index else [each]
    return joined(parts, call.place)


def _format(holder: Value, call: Call) -> Value:
    for index, each in enumerate(call.positional):
        if isinstance(each, Output):
            call.machine.note("output-in-text", call.node_of(index), call.scope.source)
    if not isinstance(holder, Literal) or not isinstance(holder.value, str) or call.open:
        return call.unknown()
    return formatted(holder.value, call.positional, call.named, call.place)


TEXTS: dict[str, Callable[..., Value]] = {
    **{
        name: _plain(name)
        for name in [
            "lower",
            "upper",
            "title",
            "capitalize",
            "strip",
            "lstrip",
            "rstrip",
            "split",
            "rsplit",
            "partition",
            "rpartition",
            "splitlines",
            "startswith",
            "endswith",
            "removeprefix",
            "removesuffix",
            "isdigit",
            "isdecimal",
            "find",
            "count",
        ]
    },
    "replace": _replace,
    "join": _join,
    "format": _format,
}


# lists and dicts


def _append(holder: Array, call: Call) -> Value:
    value = call.argument(0)
    if value is None or value is holder:
        holder.open = True
    else:
        holder.items.append(value)
        holder.open = holder.open or call.machine.conditions > 0
    return Literal(place=call.place, value=None)


def _extend(holder: Array, call: Call) -> Value:
    value = call.argument(0)
    if isinstance(value, Array) and len(value.items) < 1000:
        holder.items += list(value.items)
    holder.open = holder.open or not isinstance(value, Array) or value.open or call.machine.conditions > 0
    return Literal(place=call.place, value=None)


def _spoilt(holder: Value, call: Call) -> Value:
    """A method that changes a list or a dict in a way that isn't followed."""
    if isinstance(holder, Array | Object):
        holder.open = True
    return call.unknown()


def _get(holder: Object, call: Call) -> Value:
    key = known(call.argument(0))
    if isinstance(key, Literal):
        found = holder.entries.get(str(key.value))
        if found is not None:
            return found
        if not holder.open:
            return call.argument(1) or Literal(place=call.place, value=None)
    return call.unknown()


def _update(holder: Object, call: Call) -> Value:
    value = call.argument(0)
    if isinstance(value, Object):
        holder.entries.update(value.entries)
        holder.keys.update(value.keys)
    elif call.positional:
        holder.open = True
    holder.entries.update(call.named)
    holder.open = holder.open or call.open or call.machine.conditions > 0
    return Literal(place=call.place, value=None)


def _setdefault(holder: Object, call: Call) -> Value:
    key, value = known(call.argument(0)), call.argument(1)
    if isinstance(key, Literal) and value is not None:
        return holder.entries.setdefault(str(key.value), value)
    holder.open = True
    return call.unknown()


def _listed(which: str) -> Callable[[Object, Call], Value]:
    def run(holder: Object, call: Call) -> Value:
        items: list[Value] = []
        for key, value in holder.entries.items():
            name = Literal(place=holder.keys.get(key, holder.place), value=key)
            pair = Array(place=value.place, items=[name, value])
            items.append({"keys": name, "values": value, "items": pair}[which])
        return Array(place=call.place, items=items, open=holder.open)

    return run


def _copy(holder: Value, call: Call) -> Value:
    if isinstance(holder, Array):
        return Array(place=holder.place, items=list(holder.items), open=holder.open)
    if isinstance(holder, Object):
        entries, keys = dict(holder.entries), dict(holder.keys)
        return Object(place=holder.place, entries=entries, keys=keys, open=holder.open)
    return call.unknown()


ARRAYS: dict[str, Callable[..., Value]] = {
    "append": _append,
    "add": _append,
    "extend": _extend,
    "copy": _copy,
    **dict.fromkeys(("insert", "remove", "pop", "clear", "sort", "reverse", "update", "discard"), _spoilt),
}
OBJECTS: dict[str, Callable[..., Value]] = {
    "get": _get,
    "update": _update,
    "setdefault": _setdefault,
    "items": _listed("items"),
    "keys": _listed("keys"),
    "values": _listed("values"),
    "copy": _copy,
    **dict.fromkeys(("pop", "popitem", "clear"), _spoilt),
}
