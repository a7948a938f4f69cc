"""Calls: arguments, the program's own functions and classes, and what isn't its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from stepwell.check import library
from stepwell.check.components import Component, is_component
from stepwell.check.machine import Call, Class, Ended, Function, Instance, Machine, Scope
from stepwell.check.values import (
    Array,
    Literal,
    Native,
    Object,
    Output,
    Symbol,
    Value,
    agreed,
)


def arguments(machine: Machine, node: ast.Call, scope: Scope) -> Call:
    """The call with its arguments worked out."""
    made = Call(machine=machine, positional=[], named={}, keys={}, open=False, node=node, scope=scope)
    for each in node.args:
        value = machine.evaluate(machine, each, scope)
        if not isinstance(each, ast.Starred):
            made.positional.append(value)
        elif isinstance(value, Array) and not value.open:
            made.positional += value.items
        else:
            made.open = True
    for keyword in node.keywords:
        value = machine.evaluate(machine, keyword.value, scope)
        if keyword.arg is not None:
            made.named[keyword.arg] = value
            made.keys[keyword.arg] = scope.source.place(keyword)
        elif isinstance(value, Object):
            made.named.update(value.entries)
            made.keys.update(value.keys)
            made.open = made.open or value.open
        else:
            made.open = True
    return made


def call(function: Value, made: Call) -> Value:
    """What calling `function` gives."""
    match function:
        case Function():
            return _enter(function, made)
        case Class():
            _noted(function, made)
            return _instance(function, made)
        case Native():
            result = function.call(made)
            assert isinstance(result, Value)
            return result
        case Symbol():
            _noted(function, made)
            return library.call(function.name, made)
        case Output():
            made.machine.note("called-output", made.node, made.scope.source)
            return Output(place=made.place, value=made.unknown())
        case _:
            return made.unknown()


def defaults(machine: Machine, parameters: ast.arguments, scope: Scope) -> dict[str, Value]:
    """The parameters that have a default, and what it is."""
    positional = [*parameters.posonlyargs, *parameters.args]
    pairs = [
        *zip(positional[len(positional) - len(parameters.defaults) :], parameters.defaults, strict=True),
        *zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True),
    ]
    return {each.arg: machine.evaluate(machine, value, scope) for each, value in pairs if value is not None}


def _enter(function: Function, made: Call) -> Value:
    machine, node = made.machine, function.node
    scope = Scope(source=function.scope.source, outer=function.scope)
    _bind(function, made, scope)
    with machine.deeper() as allowed:
        if not allowed:
            return made.unknown("calls within calls")
        if isinstance(node, ast.Lambda):
            return machine.evaluate(machine, node.body, scope)
        if isinstance(node, ast.AsyncFunctionDef) or _yields(node):
            return made.unknown(f"{function.name} is a generator or asynchronous")
        try:
            machine.run(machine, node.body, scope)
        except Ended as ended:
            if ended.how == "raise":
                result: Value = made.unknown(f"{function.name} raises")
            else:
                result = ended.value or Literal(place=made.place, value=None)
        else:
            result = Literal(place=made.place, value=None)
    return agreed([*scope.returned, result])


def _yields(node: ast.FunctionDef) -> bool:
    waiting: list[ast.AST] = list(node.body)
    while waiting:
        found = waiting.pop()
        if isinstance(found, ast.Yield | ast.YieldFrom):
            return True
        if not isinstance(found, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            waiting += ast.iter_child_nodes(found)
    return False


def _bind(function: Function, made: Call, scope: Scope) -> None:
    parameters = function.node.args
    positional = [] if function.bound is None else [function.bound]
    positional += made.positional
    names = [each.arg for each in (*parameters.posonlyargs, *parameters.args)]
    for name in [*names, *(each.arg for each in parameters.kwonlyargs)]:
        scope.names[name] = function.defaults.get(name) or made.unknown()
        if made.open:
            scope.names[name] = made.unknown()
    scope.names.update(zip(names, positional, strict=False))
    rest: dict[str, Value] = {}
    for name, value in made.named.items():
        (scope.names if name in scope.names else rest)[name] = value
    if parameters.vararg is not None:
        extra = positional[len(names) :]
        scope.names[parameters.vararg.arg] = Array(place=made.place, items=extra, open=made.open)
    if parameters.kwarg is not None:
        scope.names[parameters.kwarg.arg] = Object(
            place=made.place, entries=rest, keys=dict(made.keys), open=made.open
        )


def _instance(kind: Class, made: Call) -> Value:
    instance = Instance(place=made.place, of=kind)
    start = _inherited(kind, "__init__")
    if isinstance(start, Function):
        bound = Function(
            place=start.place,
            name=start.name,
            node=start.node,
            scope=start.scope,
            defaults=start.defaults,
            bound=instance,
        )
        _enter(bound, made)
    elif not any(isinstance(base, Class) for base in kind.bases):
        # a dataclass, a named tuple or the like: its arguments are its attributes
        instance.attributes.update(made.named)
    return instance


def _noted(called: Class | Symbol, made: Call) -> None:
    """Remember the call of a component."""
    if any(is_component(name, made.machine.folder) for name in _foreign(called)):
        made.machine.components.append(Component(name=called.name, place=made.place))


def _foreign(called: Class | Symbol, depth: int = 0) -> Iterator[str]:
    """The classes that are not the program's own and that a class derives from."""
    if isinstance(called, Symbol):
        yield called.name
        return
    for base in called.bases if depth < 20 else ():
        if isinstance(base, Class | Symbol):
            yield from _foreign(base, depth + 1)


def _inherited(kind: Class, name: str, depth: int = 0) -> Value | None:
    if name in kind.names or depth > 20:
        return kind.names.get(name)
    for base in kind.bases:
        found = _inherited(base, name, depth + 1) if isinstance(base, Class) else None
        if found is not None:
            return found
    return None
