"""Follows statements: assignments, branches, loops, functions, classes, imports."""

from __future__ import annotations

import ast
from collections.abc import Sequence

from stepwell.check.calls import defaults
from stepwell.check.expressions import evaluate, truth
from stepwell.check.machine import Class, Ended, Function, Instance, Machine, Module, Scope
from stepwell.check.resources import Declared
from stepwell.check.sources import Place
from stepwell.check.values import (
    ROUNDS,
    Array,
    Literal,
    Object,
    Output,
    Reference,
    Symbol,
    Unknown,
    Value,
    agreed,
    iterated,
    known,
)


def run(machine: Machine, body: Sequence[ast.stmt], scope: Scope) -> None:
    """Follow statements in order. Raises Ended where one of them leaves the block, and Exhausted."""
    for statement in body:
        machine.spend()
        try:
            _step(machine, statement, scope)
        except RecursionError:
            continue


def _step(machine: Machine, node: ast.stmt, scope: Scope) -> None:
    match node:
        case ast.Expr():
            evaluate(machine, node.value, scope)
        case ast.Assign():
            value = evaluate(machine, node.value, scope)
            for target in node.targets:
                assign(machine, target, value, scope)
        case ast.AnnAssign() if node.value is not None:
            assign(machine, node.target, evaluate(machine, node.value, scope), scope)
        case ast.AugAssign():
            joined = ast.copy_location(
                ast.BinOp(left=_loaded(node.target), op=node.op, right=node.value), node
            )
            assign(machine, node.target, evaluate(machine, joined, scope), scope)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            scope.bind(node.name, _function(machine, node, scope))
        case ast.ClassDef():
            scope.bind(node.name, _class(machine, node, scope))
        case ast.Import() | ast.ImportFrom():
            _import(machine, node, scope)
        case ast.If():
            _if(machine, node, scope)
        case ast.For() | ast.AsyncFor():
            _for(machine, node, scope)
        case ast.While():
            truth(machine, node.test, scope)
            _loop_body(machine, node.body, scope)
        case ast.With() | ast.AsyncWith():
            for item in node.items:
                value = evaluate(machine, item.context_expr, scope)
                if item.optional_vars is not None:
                    assign(machine, item.optional_vars, value, scope)
            run(machine, node.body, scope)
        case ast.Try() | ast.TryStar():
            _try(machine, node, scope)
        case ast.Match():
            subject = evaluate(machine, node.subject, scope)
            _branches(machine, [case.body for case in node.cases], scope, bound=node.cases, value=subject)
        case ast.Return():
            raise Ended("return", evaluate(machine, node.value, scope) if node.value else None)
        case ast.Raise():
            if node.exc is not None:
                evaluate(machine, node.exc, scope)
            raise Ended("raise")
        case ast.Break():
            raise Ended("break")
        case ast.Continue():
            raise Ended("continue")
        case ast.Global() | ast.Nonlocal():
            scope.elsewhere.update(node.names)
        case ast.Delete():
            for target in node.targets:
                if isinstance(target, ast.Name):
                    scope.names.pop(target.id, None)
        case _:
            return


def _loaded(target: ast.expr) -> ast.expr:
    """An assignment's target, read."""
    match target:
        case ast.Name():
            made: ast.expr = ast.Name(id=target.id, ctx=ast.Load())
        case ast.Attribute():
            made = ast.Attribute(value=target.value, attr=target.attr, ctx=ast.Load())
        case ast.Subscript():
            made = ast.Subscript(value=target.value, slice=target.slice, ctx=ast.Load())
        case _:
            return target
    return ast.copy_location(made, target)


def assign(machine: Machine, target: ast.expr, value: Value, scope: Scope) -> None:
    """Bind what stands left of an equals sign."""
    match target:
        case ast.Name():
            inner = known(value)
            if isinstance(inner, Reference) and isinstance(inner.of, Declared) and not inner.path:
                inner.of.variable = inner.of.variable or target.id
            scope.bind(target.id, value)
        case ast.Tuple() | ast.List():
            _unpack(machine, target.elts, value, scope)
        case ast.Starred():
            assign(machine, target.value, value, scope)
        case ast.Subscript():
            holder, key = evaluate(machine, target.value, scope), evaluate(machine, target.slice, scope)
            _put(holder, key, value)
        case ast.Attribute():
            holder = evaluate(machine, target.value, scope)
            if isinstance(holder, Instance):
                holder.attributes[target.attr] = value
        case _:
            return


def _put(holder: Value, key: Value, value: Value) -> None:
    if isinstance(holder, Object):
        if isinstance(key, Literal):
            holder.entries[str(key.value)] = value
            holder.keys[str(key.value)] = key.place
        else:
            holder.open = True
    elif isinstance(holder, Array):
        number = key.value if isinstance(key, Literal) else None
        if isinstance(number, int) and -len(holder.items) <= number < len(holder.items):
            holder.items[number] = value
        else:
            holder.open = True


def _unpack(machine: Machine, targets: list[ast.expr], value: Value, scope: Scope) -> None:
    items = value.items if isinstance(value, Array) and not value.open else None
    starred = any(isinstance(target, ast.Starred) for target in targets)
    for index, target in enumerate(targets):
        found: Value = Unknown(place=value.place)
        if items is not None and not starred and index < len(items):
            found = items[index]
        elif isinstance(value, Output):
            found = Output(place=value.place, value=Unknown(place=value.place))
        assign(machine, target, found, scope)


def _function(machine: Machine, node: ast.FunctionDef | ast.AsyncFunctionDef, scope: Scope) -> Value:
    place = scope.source.place(node)
    # a decorator may give back anything; these give back the function, or what acts like it
    harmless = {"cache", "lru_cache", "staticmethod", "wraps", "contextmanager"}
    for decorator in node.decorator_list:
        named = ast.unparse(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if named.rpartition(".")[2] not in harmless:
            return Unknown(place=place, why=f"{node.name} is decorated")
    return Function(
        place=place, name=node.name, node=node, scope=scope, defaults=defaults(machine, node.args, scope)
    )


def _class(machine: Machine, node: ast.ClassDef, scope: Scope) -> Class:
    inside = Scope(source=scope.source, outer=scope)
    bases = [evaluate(machine, base, scope) for base in node.bases]
    run(machine, node.body, inside)
    return Class(place=scope.source.place(node), name=node.name, names=inside.names, bases=bases)


def _import(machine: Machine, node: ast.Import | ast.ImportFrom, scope: Scope) -> None:
    place = scope.source.place(node)
    if isinstance(node, ast.Import):
        for alias in node.names:
            machine.load(alias.name)
            name = alias.name if alias.asname else alias.name.partition(".")[0]
            scope.bind(alias.asname or name, _module(machine, name, place))
        return
    base = _absolute(node, scope)
    own = machine.load(base) if base else None
    for alias in node.names:
        name = alias.asname or alias.name
        if alias.name == "*":
            for found, value in (own.names if own is not None else {}).items():
                scope.bind(found, value)
        elif own is not None and alias.name in own.names:
            scope.bind(name, own.names[alias.name])
        elif own is not None or not base:
            scope.bind(name, _module(machine, f"{base}.{alias.name}".lstrip("."), place))
        else:
            scope.bind(name, Symbol(place=place, name=f"{base}.{alias.name}"))


def _absolute(node: ast.ImportFrom, scope: Scope) -> str:
    """The module that is imported from, by its full name."""
    if not node.level:
        return node.module or ""
    package = scope.source.name.split(".")
    above = node.level - (scope.source.path.name == "__init__.py")
    package = package[: max(0, len(package) - above)]
    return ".".join([*package, *([node.module] if node.module else [])])


def _module(machine: Machine, name: str, place: Place) -> Value:
    """A module of the program, or one that isn't its own."""
    own = machine.load(name)
    return Symbol(place=place, name=name) if own is None else Module(place=place, name=name, scope=own)


def _if(machine: Machine, node: ast.If, scope: Scope) -> None:
    holds = truth(machine, node.test, scope)
    if holds is None:
        _branches(machine, [node.body, node.orelse], scope)
    else:
        run(machine, node.body if holds else node.orelse, scope)


def _branches(
    machine: Machine,
    bodies: Sequence[Sequence[ast.stmt]],
    scope: Scope,
    *,
    bound: Sequence[ast.match_case] = (),
    value: Value | None = None,
) -> None:
    """Follow each of several blocks of which one will run, and keep the names that all agree on."""
    before = [(each, dict(each.names)) for each in scope.chain()]
    after: list[list[dict[str, Value]]] = []
    endings: list[Ended] = []
    machine.conditions += 1
    try:
        for index, body in enumerate(bodies):
            for each, names in before:
                each.names = dict(names)
            if bound and value is not None:
                _bind_pattern(bound[index].pattern, value, scope)
            try:
                run(machine, body, scope)
            except Ended as ended:
                endings.append(ended)
            else:
                after.append([each.names for each, _ in before])
    finally:
        machine.conditions -= 1
    returned = [each.value or Literal(value=None) for each in endings if each.how == "return"]
    if not after:
        scope.returned += returned[1:]
        raise Ended("return", returned[0]) if returned else Ended("raise")
    scope.returned += returned
    for level, (each, _) in enumerate(before):
        each.names = _agreed([names[level] for names in after])


def _agreed(variants: list[dict[str, Value]]) -> dict[str, Value]:
    return {
        name: agreed([variant[name] for variant in variants if name in variant])
        for name in dict.fromkeys(name for variant in variants for name in variant)
    }


def _bind_pattern(pattern: ast.pattern, value: Value, scope: Scope) -> None:
    for part in ast.walk(pattern):
        if isinstance(part, ast.MatchAs | ast.MatchStar) and part.name:
            scope.bind(part.name, Unknown(place=value.place))
        elif isinstance(part, ast.MatchMapping) and part.rest:
            scope.bind(part.rest, Unknown(place=value.place))


def _for(machine: Machine, node: ast.For | ast.AsyncFor, scope: Scope) -> None:
    over = evaluate(machine, node.iter, scope)
    if isinstance(over, Output):
        machine.note("output-iterated", node.iter, scope.source)
        over = over.value
    items = iterated(over)
    if items is None:
        assign(machine, node.target, Unknown(place=over.place), scope)
        _loop_body(machine, node.body, scope)
        return
    for item in items[:ROUNDS]:
        assign(machine, node.target, item, scope)
        try:
            run(machine, node.body, scope)
        except Ended as ended:
            if ended.how == "break":
                return
            if ended.how != "continue":
                raise
    run(machine, node.orelse, scope)


def _loop_body(machine: Machine, body: Sequence[ast.stmt], scope: Scope) -> None:
    """Follow the body of a loop once, whether or not it will run."""
    machine.conditions += 1
    try:
        run(machine, body, scope)
    except Ended as ended:
        if ended.how == "return":
            scope.returned.append(Unknown(why="returned from a loop"))
    finally:
        machine.conditions -= 1


def _try(machine: Machine, node: ast.Try | ast.TryStar, scope: Scope) -> None:
    try:
        run(machine, [*node.body, *node.orelse], scope)
    except Ended as ended:
        if ended.how != "raise":
            run(machine, node.finalbody, scope)
            raise
    before = dict(scope.names)
    for handler in node.handlers:
        if handler.name:
            scope.bind(handler.name, Unknown(place=scope.source.place(handler)))
        try:
            run(machine, handler.body, scope)
        except Ended:
            continue
    # the program is read as it runs when nothing goes wrong
    scope.names = {**scope.names, **before}
    run(machine, node.finalbody, scope)
