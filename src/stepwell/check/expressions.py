"""Works out expressions, as far as they are known."""

from __future__ import annotations

import ast
import difflib
import operator
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from stepwell.check import packages
from stepwell.check.calls import arguments, call, defaults
from stepwell.check.machine import Class, Ended, Function, Instance, Machine, Module, Scope
from stepwell.check.methods import attribute
from stepwell.check.paths import below
from stepwell.check.resources import Declared
from stepwell.check.texts import joined, percent
from stepwell.check.values import (
    ROUNDS,
    Array,
    Literal,
    Native,
    Object,
    Output,
    Reference,
    Symbol,
    Text,
    Unknown,
    Value,
    agreed,
    iterated,
    known,
)

#: the largest number that is worked out
LARGEST = 10**12

#: names that can only be meant for these, also where nothing defines them
_MEANT = {
    "json": "json",
    "os": "os",
    "pathlib": "pathlib",
    "pulumi": "pulumi",
    "pulumi_aws": "pulumi_aws",
    "aws": "pulumi_aws",
    "Path": "pathlib.Path",
    "Output": "pulumi.Output",
    "ResourceOptions": "pulumi.ResourceOptions",
}
_ARITHMETIC: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}


def evaluate(machine: Machine, node: ast.expr, scope: Scope) -> Value:
    """What an expression is; never an error, `Unknown` where it can't be told."""
    machine.spend()
    place = scope.source.place(node)
    match node:
        case ast.Constant():
            if isinstance(node.value, str):
                return Literal(place=place, value=node.value, verbatim=_verbatim(node, scope))
            plain = node.value
            return Unknown(place=place) if plain is ... else Literal(place=place, value=plain)
        case ast.Name():
            found = scope.find(node.id)
            if found is not None:
                return found
            # a module that someone forgot to import is followed as if it were there
            return Symbol(place=place, name=_MEANT.get(node.id, f"builtins.{node.id}"))
        case ast.JoinedStr():
            return _joined_string(machine, node, scope)
        case ast.List() | ast.Tuple() | ast.Set():
            return _array(machine, node.elts, scope, place=place)
        case ast.Dict():
            return _object(machine, node, scope)
        case ast.Attribute():
            holder = evaluate(machine, node.value, scope)
            return _attribute(machine, holder, node, scope)
        case ast.Call():
            function = evaluate(machine, node.func, scope)
            return call(function, arguments(machine, node, scope))
        case ast.Subscript():
            return _subscript(machine, node, scope)
        case ast.BinOp():
            return _binary(machine, node, scope)
        case ast.BoolOp():
            return _boolean(machine, node, scope)
        case ast.UnaryOp():
            return _unary(machine, node, scope)
        case ast.Compare():
            return _compare(machine, node, scope)
        case ast.IfExp():
            holds = truth(machine, node.test, scope)
            if holds is not None:
                return evaluate(machine, node.body if holds else node.orelse, scope)
            return agreed([evaluate(machine, each, scope) for each in (node.body, node.orelse)])
        case ast.Lambda():
            given = defaults(machine, node.args, scope)
            return Function(place=place, name="lambda", node=node, scope=scope, defaults=given)
        case ast.ListComp() | ast.SetComp() | ast.GeneratorExp() | ast.DictComp():
            return _comprehension(machine, node, scope)
        case ast.NamedExpr():
            value = evaluate(machine, node.value, scope)
            scope.bind(node.target.id, value)
            return value
        case ast.Starred() | ast.Await():
            return evaluate(machine, node.value, scope)
        case _:
            return Unknown(place=place)


def _verbatim(node: ast.Constant, scope: Scope) -> int | None:
    """How long a string's opening quote is, if the file has its characters as they are, without escapes."""
    written = scope.source.of(node)
    for quote in ('"""', "'''", '"', "'"):
        if len(written) >= 2 * len(quote) and written.startswith(quote) and written.endswith(quote):
            if written[len(quote) : -len(quote)].replace("\r\n", "\n") == node.value:
                return len(quote)
            return None
    return None


def truth(machine: Machine, node: ast.expr, scope: Scope) -> bool | None:
    """Whether a condition holds, or None where that isn't known."""
    value = evaluate(machine, node, scope)
    if isinstance(value, Output):
        if not _left_out(value):
            machine.note("output-tested", node, scope.source)
        return None
    return _true(value)


def _left_out(value: Output) -> bool:
    """Whether there may be None in the output's place: a secret that the configuration may leave out."""
    return isinstance(value.value, Unknown) and value.value.optional


def _true(value: Value) -> bool | None:
    match value:
        case Literal():
            return bool(value.value)
        case Array():
            return True if value.items else (None if value.open else False)
        case Object():
            return True if value.entries else (None if value.open else False)
        case Text() if any(isinstance(part, Literal) and part.value for part in value.parts):
            return True
        case Reference() if not value.path:
            return True
        case Function() | Class() | Instance() | Native():
            return True
        case _:
            return None


def _joined_string(machine: Machine, node: ast.JoinedStr, scope: Scope) -> Value:
    parts: list[Value] = []
    for piece in node.values:
        if isinstance(piece, ast.FormattedValue):
            value = evaluate(machine, piece.value, scope)
            if isinstance(value, Output):
                machine.note("output-in-text", piece.value, scope.source, about=ast.unparse(node))
            elif isinstance(value, Array) and value.gathered:
                machine.note("list-in-text", piece.value, scope.source)
                # followed as it was meant
                value = value.items[0] if len(value.items) == 1 else value
            if piece.format_spec is not None or piece.conversion not in (-1, 115):
                value = Unknown(place=value.place)
            parts.append(value)
        else:
            parts.append(evaluate(machine, piece, scope))
    return joined(parts, scope.source.place(node))


def _array(machine: Machine, nodes: list[ast.expr], scope: Scope, *, place: Any) -> Array:
    array = Array(place=place)
    for each in nodes:
        value = evaluate(machine, each, scope)
        if not isinstance(each, ast.Starred):
            array.items.append(value)
        elif isinstance(value, Array):
            array.items += value.items
            array.open = array.open or value.open
        else:
            array.open = True
    return array


def _object(machine: Machine, node: ast.Dict, scope: Scope) -> Object:
    made = Object(place=scope.source.place(node))
    for key_node, value_node in zip(node.keys, node.values, strict=True):
        value = evaluate(machine, value_node, scope)
        if key_node is None:
            if isinstance(value, Object):
                made.entries.update(value.entries)
                made.keys.update(value.keys)
                made.open = made.open or value.open
            else:
                made.open = True
            continue
        key = evaluate(machine, key_node, scope)
        if isinstance(key, Literal) and isinstance(key.value, str | int | float | bool | None):
            made.entries[str(key.value)] = value
            made.keys[str(key.value)] = scope.source.place(key_node)
        else:
            made.open = True
    return made


def _attribute(machine: Machine, holder: Value, node: ast.Attribute, scope: Scope) -> Value:
    place = scope.source.place(node)
    match holder:
        case Instance():
            if node.attr in holder.attributes:
                return holder.attributes[node.attr]
            return _method(holder, holder.of, node.attr) or Unknown(place=place)
        case Class():
            return holder.names.get(node.attr) or Unknown(place=place)
        case Module():
            below_it = None if node.attr in holder.scope.names else machine.load(f"{holder.name}.{node.attr}")
            if below_it is not None:
                return Module(place=place, name=f"{holder.name}.{node.attr}", scope=below_it)
            return holder.scope.names.get(node.attr) or Unknown(place=place)
        case _:
            if isinstance(holder, Reference) and isinstance(holder.of, Declared) and not holder.path:
                _property(machine, holder.of, node, scope)
            return attribute(machine, holder, node.attr, place)


def _property(machine: Machine, resource: Declared, node: ast.Attribute, scope: Scope) -> None:
    """Whether a resource has what is asked for; what a program has set on it itself isn't known here."""
    if not resource.type.startswith("aws:") or not isinstance(node.ctx, ast.Load):
        return
    there = packages.properties(resource.type)
    if there and node.attr not in there and not node.attr.startswith("_"):
        near = difflib.get_close_matches(node.attr, sorted(there), n=1, cutoff=0.7)
        about = f"; is `{near[0]}` meant?" if near else ""
        machine.note("no-property", node, scope.source, about=about)


def _method(holder: Instance, kind: Class, name: str) -> Value | None:
    found = kind.names.get(name)
    if isinstance(found, Function):
        first = found.node
        static = isinstance(first, ast.FunctionDef) and any(
            ast.unparse(decorator) == "staticmethod" for decorator in first.decorator_list
        )
        return Function(
            place=found.place,
            name=found.name,
            node=found.node,
            scope=found.scope,
            defaults=found.defaults,
            bound=None if static else holder,
        )
    if found is not None:
        return found
    for base in kind.bases:
        inherited = _method(holder, base, name) if isinstance(base, Class) else None
        if inherited is not None:
            return inherited
    return None


def _subscript(machine: Machine, node: ast.Subscript, scope: Scope) -> Value:
    holder, place = evaluate(machine, node.value, scope), scope.source.place(node)
    if isinstance(node.slice, ast.Slice):
        bounds = [
            None if part is None else known(evaluate(machine, part, scope))
            for part in (node.slice.lower, node.slice.upper, node.slice.step)
        ]
        return _sliced(holder, bounds, place)
    key = known(evaluate(machine, node.slice, scope))
    return item(holder, key, place)


def item(holder: Value, key: Value | None, place: Any) -> Value:
    """`holder[key]`."""
    if isinstance(holder, Output):
        return Output(place=place, value=item(holder.value, key, place))
    index = key.value if isinstance(key, Literal) else None
    if isinstance(holder, Object) and isinstance(key, Literal) and str(index) in holder.entries:
        return holder.entries[str(index)]
    if isinstance(index, int) and not isinstance(index, bool):
        if isinstance(holder, Array) and not holder.open and -len(holder.items) <= index < len(holder.items):
            return holder.items[index]
        if (
            isinstance(holder, Literal)
            and isinstance(holder.value, str)
            and -len(holder.value) <= index < len(holder.value)
        ):
            return Literal(place=place, value=holder.value[index])
    if isinstance(holder, Reference) and isinstance(index, str | int):
        return Reference(place=place, of=holder.of, path=(*holder.path, index))
    return Unknown(place=place)


def _sliced(holder: Value, bounds: list[Value | None], place: Any) -> Value:
    numbers: list[Any] = [
        None if bound is None else bound.value if isinstance(bound, Literal) else "?" for bound in bounds
    ]
    if all(number is None or isinstance(number, int) for number in numbers) and numbers[2] != 0:
        part = slice(*numbers)
        if isinstance(holder, Array) and not holder.open:
            return Array(place=place, items=holder.items[part])
        if isinstance(holder, Literal) and isinstance(holder.value, str):
            return Literal(place=place, value=holder.value[part])
    return (
        Output(place=place, value=Unknown(place=place))
        if isinstance(holder, Output)
        else Unknown(place=place)
    )


def _binary(machine: Machine, node: ast.BinOp, scope: Scope) -> Value:
    left, right = evaluate(machine, node.left, scope), evaluate(machine, node.right, scope)
    place, source = scope.source.place(node), scope.source
    kinds = (left, right)
    if isinstance(left, Output) or isinstance(right, Output):
        inside = (known(left), known(right))
        other = right if isinstance(left, Output) else left
        if isinstance(node.op, ast.Add) and (_is_text(other) or isinstance(other, Output)):
            machine.note("output-added", node, source)
            return Output(place=place, value=joined([each for each in inside if each is not None], place))
        if isinstance(node.op, ast.Mod) and _is_text(left):
            machine.note("output-in-text", node.right, source, about=ast.unparse(node))
        return Output(place=place, value=Unknown(place=place))
    if any(isinstance(each, Array) and each.gathered for each in kinds) and any(map(_is_text, kinds)):
        gathered = node.left if isinstance(left, Array) else node.right
        machine.note("list-in-text", gathered, source)
        return Unknown(place=place)
    if isinstance(node.op, ast.Add):
        if isinstance(left, Array) and isinstance(right, Array):
            return Array(place=place, items=[*left.items, *right.items], open=left.open or right.open)
        if _is_text(left) or _is_text(right):
            return joined([left, right], place)
    if isinstance(node.op, ast.Mod) and isinstance(left, Literal) and isinstance(left.value, str):
        filled = percent(left.value, right.items if isinstance(right, Array) else [right], place)
        if not isinstance(filled, Unknown):
            return filled
    if isinstance(node.op, ast.BitOr) and isinstance(left, Object) and isinstance(right, Object):
        return Object(
            place=place,
            entries={**left.entries, **right.entries},
            keys={**left.keys, **right.keys},
            open=left.open or right.open,
        )
    if isinstance(node.op, ast.Div) and isinstance(left, Unknown | Symbol):
        return Unknown(place=place)
    if isinstance(left, Literal) and isinstance(right, Literal):
        return _worked_out(node.op, left.value, right.value, place)
    if isinstance(node.op, ast.Div):
        return below(left, right, place)
    return Unknown(place=place)


def _is_text(value: Value) -> bool:
    return isinstance(value, Text) or (isinstance(value, Literal) and isinstance(value.value, str))


def _worked_out(operation: ast.operator, left: Any, right: Any, place: Any) -> Value:
    action = _ARITHMETIC.get(type(operation))
    numbers = isinstance(left, int | float) and isinstance(right, int | float)
    small = numbers and abs(left) <= LARGEST and abs(right) <= LARGEST
    if action is None or not small:
        return Unknown(place=place)
    try:
        return Literal(place=place, value=action(left, right))
    except (ArithmeticError, TypeError, ValueError):
        return Unknown(place=place)


def _boolean(machine: Machine, node: ast.BoolOp, scope: Scope) -> Value:
    found: list[Value] = []
    wanted = isinstance(node.op, ast.Or)
    for index, each in enumerate(node.values):
        value = evaluate(machine, each, scope)
        last = index == len(node.values) - 1
        if isinstance(value, Output) and not last and not _left_out(value):
            machine.note("output-tested", each, scope.source)
        holds = _true(value)
        if holds is wanted or last:
            # what a configuration may leave out is taken as left out
            kept = [each for each in found if not (isinstance(each, Unknown) and each.optional)]
            if isinstance(value, Literal) and not kept and found:
                return replace(value, fallback=True)
            return agreed([*kept, value])
        if holds is None:
            found.append(value)
    return Unknown(place=scope.source.place(node))


def _unary(machine: Machine, node: ast.UnaryOp, scope: Scope) -> Value:
    place = scope.source.place(node)
    if isinstance(node.op, ast.Not):
        holds = truth(machine, node.operand, scope)
        return Unknown(place=place) if holds is None else Literal(place=place, value=not holds)
    value = evaluate(machine, node.operand, scope)
    if isinstance(node.op, ast.USub) and isinstance(value, Literal) and isinstance(value.value, int | float):
        return Literal(place=place, value=-value.value)
    return Unknown(place=place)


def _compare(machine: Machine, node: ast.Compare, scope: Scope) -> Value:
    place = scope.source.place(node)
    values = [evaluate(machine, each, scope) for each in (node.left, *node.comparators)]
    identity = all(isinstance(each, ast.Is | ast.IsNot) for each in node.ops)
    for value, each in zip(values, (node.left, *node.comparators), strict=True):
        if isinstance(value, Output) and not identity:
            machine.note("output-tested", each, scope.source)
    if len(node.ops) > 1:
        return Unknown(place=place)
    left, right, kind = values[0], values[1], node.ops[0]
    if identity and isinstance(right, Literal) and right.value is None:
        is_none = left.value is None if isinstance(left, Literal) else None
        if is_none is None and not isinstance(left, Unknown | Symbol):
            is_none = False
        if is_none is None:
            return Unknown(place=place)
        return Literal(place=place, value=is_none == isinstance(kind, ast.Is))
    if isinstance(left, Literal) and isinstance(right, Literal) and type(kind) in _COMPARISONS:
        try:
            return Literal(place=place, value=bool(_COMPARISONS[type(kind)](left.value, right.value)))
        except TypeError:
            return Unknown(place=place)
    if isinstance(kind, ast.In | ast.NotIn) and isinstance(left, Literal):
        members = _members(right)
        if members is not None:
            return Literal(place=place, value=(left.value in members) == isinstance(kind, ast.In))
    return Unknown(place=place)


def _members(value: Value) -> list[Any] | str | None:
    if isinstance(value, Object) and not value.open:
        return list(value.entries)
    if isinstance(value, Array) and not value.open:
        members = [each.value for each in value.items if isinstance(each, Literal)]
        return members if len(members) == len(value.items) else None
    return None


def _comprehension(
    machine: Machine, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp, scope: Scope
) -> Value:
    place = scope.source.place(node)
    inside = Scope(source=scope.source, outer=scope)
    array, made = Array(place=place), Object(place=place)

    def collect() -> None:
        if isinstance(node, ast.DictComp):
            key, value = evaluate(machine, node.key, inside), evaluate(machine, node.value, inside)
            if isinstance(key, Literal):
                made.entries[str(key.value)] = value
                made.keys[str(key.value)] = key.place
            else:
                made.open = True
        else:
            array.items.append(evaluate(machine, node.elt, inside))

    def go(index: int) -> None:
        if index == len(node.generators):
            collect()
            return
        generator = node.generators[index]
        over = evaluate(machine, generator.iter, inside)
        if isinstance(over, Output):
            machine.note("output-iterated", generator.iter, scope.source)
        found = iterated(known(over) or over)
        if found is None:
            array.open = made.open = True
        for each in (found if found is not None else [Unknown(place=place)])[:ROUNDS]:
            machine.assign(machine, generator.target, each, inside)
            holds = [truth(machine, test, inside) for test in generator.ifs]
            if False in holds:
                continue
            if None in holds:
                array.open = made.open = True
            go(index + 1)

    try:
        go(0)
    except Ended:
        array.open = made.open = True
    return made if isinstance(node, ast.DictComp) else array
