"""Names that stand for nothing, and files that are no Python.

Scopes are Python's: modules, functions, classes (whose names their functions don't see), comprehensions.
"""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Iterator
from dataclasses import dataclass, field

from stepwell.check.program import Program
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Edit, Source

#: names that every module has
_GIVEN = frozenset(dir(builtins)) | frozenset(
    [
        "__file__",
        "__name__",
        "__doc__",
        "__path__",
        "__package__",
        "__spec__",
        "__loader__",
        "__annotations__",
        "__builtins__",
        "__debug__",
        "__dict__",
        "__class__",
        "__qualname__",
        "__module__",
        "WindowsError",
    ]
)
#: names that are usually an import which was forgotten
IMPORTS = {
    **{
        name: f"import {name}"
        for name in ["json", "os", "sys", "re", "pathlib", "pulumi", "time", "base64", "hashlib", "datetime"]
    },
    "aws": "import pulumi_aws as aws",
    "pulumi_aws": "import pulumi_aws",
    "Path": "from pathlib import Path",
    "Output": "from pulumi import Output",
    "ResourceOptions": "from pulumi import ResourceOptions",
}
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(slots=True, kw_only=True)
class _Scope:
    """The names of one scope, and the uses that are to be resolved."""

    names: set[str] = field(default_factory=set)
    outer: _Scope | None = None
    is_class: bool = False

    def has(self, name: str) -> bool:
        scope: _Scope | None = self
        first = True
        while scope is not None:
            if name in scope.names and (first or not scope.is_class):
                return True
            scope, first = scope.outer, False
        return name in _GIVEN


def undefined(source: Source) -> list[ast.Name]:
    """The uses of names that nothing defines, in the order of the text."""
    if any(
        isinstance(node, ast.ImportFrom) and any(alias.name == "*" for alias in node.names)
        for node in ast.walk(source.tree)
    ):
        return []
    module = _Scope(names=_bound(source.tree.body))
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Global):
            module.names.update(node.names)
    found: list[ast.Name] = []
    _visit(source.tree, module, found)
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _bound(body: list[ast.stmt] | ast.expr) -> set[str]:
    """The names that statements bind in their own scope."""
    names: set[str] = set()
    waiting: list[ast.AST] = [body] if isinstance(body, ast.AST) else list(body)
    while waiting:
        node = waiting.pop()
        match node:
            case ast.Name(ctx=ast.Store() | ast.Del()):
                names.add(node.id)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
                waiting += node.decorator_list
                continue
            case ast.Lambda():
                continue
            case ast.Import() | ast.ImportFrom():
                names.update(alias.asname or alias.name.partition(".")[0] for alias in node.names)
            case ast.ExceptHandler() if node.name:
                names.add(node.name)
            case ast.MatchAs() | ast.MatchStar() if node.name:
                names.add(node.name)
            case ast.MatchMapping() if node.rest:
                names.add(node.rest)
        if isinstance(node, _COMPREHENSIONS):
            names.update(part.target.id for part in ast.walk(node) if isinstance(part, ast.NamedExpr))
            continue
        waiting += ast.iter_child_nodes(node)
    return names


def _visit(node: ast.AST, scope: _Scope, found: list[ast.Name]) -> None:
    match node:
        case ast.Name(ctx=ast.Load()):
            if not scope.has(node.id):
                found.append(node)
            return
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
            _visit_function(node, scope, found)
            return
        case ast.ClassDef():
            for part in (*node.decorator_list, *node.bases, *node.keywords):
                _visit(part, scope, found)
            inside = _Scope(names=_bound(node.body) | _type_parameters(node), outer=scope, is_class=True)
            for statement in node.body:
                _visit(statement, inside, found)
            return
        case ast.AnnAssign():
            # annotations may be worked out late, or never
            for part in (node.target, *([node.value] if node.value else [])):
                _visit(part, scope, found)
            return
        case ast.Try() | ast.TryStar() if any(_catches_names(handler) for handler in node.handlers):
            for part in (*node.handlers, *node.orelse, *node.finalbody):
                _visit(part, scope, found)
            return
    if isinstance(node, _COMPREHENSIONS):
        targets = {
            part.id
            for generator in node.generators
            for part in ast.walk(generator.target)
            if isinstance(part, ast.Name)
        }
        scope = _Scope(names=targets, outer=scope)
    for part in ast.iter_child_nodes(node):
        _visit(part, scope, found)


def _visit_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, scope: _Scope, found: list[ast.Name]
) -> None:
    parameters = node.args
    every = [*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs]
    every += [each for each in (parameters.vararg, parameters.kwarg) if each is not None]
    outside: list[ast.AST] = [*parameters.defaults, *(each for each in parameters.kw_defaults if each)]
    inside = _Scope(names={each.arg for each in every}, outer=scope)
    if isinstance(node, ast.Lambda):
        body: list[ast.AST] = [node.body]
        inside.names |= _bound(node.body)
    else:
        body = list(node.body)
        outside += node.decorator_list
        inside.names |= _bound(node.body) | _type_parameters(node)
    for part in outside:
        _visit(part, scope, found)
    for part in body:
        _visit(part, inside, found)


def _type_parameters(node: ast.AST) -> set[str]:
    return {str(getattr(each, "name", "")) for each in getattr(node, "type_params", ())}


def _catches_names(handler: ast.ExceptHandler) -> bool:
    caught = "" if handler.type is None else ast.unparse(handler.type)
    return handler.type is None or any(name in caught for name in ("NameError", "Exception"))


def _syntax(program: Program) -> Iterator[Fault]:
    for error in program.unreadable:
        yield Fault(place=error.place, message=f"this is no Python: {error.message}")


def _undefined(program: Program) -> Iterator[Fault]:
    for source in program.sources:
        for node in undefined(source):
            if node.id in IMPORTS:
                continue
            near = difflib.get_close_matches(node.id, _bound(source.tree.body), n=1, cutoff=0.8)
            meant = f"Is `{near[0]}` meant?" if near else f"Define `{node.id}`, or import it."
            yield Fault(place=source.place(node), message=f"the name `{node.id}` is not defined", mend=meant)


def _imports(program: Program) -> Iterator[Fault]:
    for source in program.sources:
        mended: set[str] = set()
        for node in undefined(source):
            statement = IMPORTS.get(node.id)
            if statement is None:
                continue
            edits = () if node.id in mended else (_inserted(source, statement),)
            mended.add(node.id)
            yield Fault(
                place=source.place(node),
                message=f"`{node.id}` is not imported",
                mend=f"Add `{statement}`.",
                edits=edits,
            )


def _inserted(source: Source, statement: str) -> Edit:
    """An import before the module's first, or behind its docstring."""
    body = list(source.tree.body)
    first = next(
        (
            each
            for each in body
            if isinstance(each, ast.Import)
            or (isinstance(each, ast.ImportFrom) and each.module != "__future__")
        ),
        None,
    )
    if first is not None:
        at = source.span(first)[0]
        return Edit(file=source.file, start=at, end=at, text=f"{statement}\n")
    head = [each for each in body[:2] if isinstance(each, ast.ImportFrom) or _is_docstring(each)]
    if not head:
        return Edit(file=source.file, start=0, end=0, text=f"{statement}\n")
    at = source.span(head[-1])[1]
    return Edit(file=source.file, start=at, end=at, text=f"\n{statement}")


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


RULES = (
    Rule(
        code="SW101",
        title="no Python",
        severity="error",
        why="A file that Python can't read stops the program at once.",
        mend="Correct the line.",
        find=_syntax,
    ),
    Rule(
        code="SW102",
        title="undefined name",
        severity="error",
        why="Python raises NameError where the name is used; what was declared before may be there already.",
        mend="Define the name, or import it.",
        find=_undefined,
    ),
    Rule(
        code="SW103",
        title="missing import",
        severity="error",
        why="Python raises NameError where the module is used.",
        mend="Import the module.",
        find=_imports,
    ),
)
