"""Outputs used as if they were known already: what Pulumi's SDK refuses, or silently gets wrong."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

from stepwell.check.machine import Incident
from stepwell.check.program import Program
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Edit, Source


def _of(
    kind: str, message: str, edits: Callable[[Program, Incident], tuple[Edit, ...]] | None = None
) -> Callable[[Program], Iterator[Fault]]:
    def find(program: Program) -> Iterator[Fault]:
        for incident in program.incidents:
            if incident.kind == kind:
                yield Fault(
                    place=incident.place,
                    message=message.format(about=incident.about, text=_short(incident)),
                    edits=edits(program, incident) if edits is not None else (),
                )

    return find


def _short(incident: Incident) -> str:
    text = " ".join(incident.source.of(incident.node).split())
    return text if len(text) <= 50 else f"{text[:47]}..."


def pulumi_name(source: Source) -> str | None:
    """How a module calls the package `pulumi`, or None."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name == "pulumi":
                    return alias.asname or "pulumi"
    return None


def _dumps(program: Program, incident: Incident) -> tuple[Edit, ...]:
    """`json.dumps(x)` as `pulumi.Output.json_dumps(x)`, where the text is only handed on to a resource."""
    source, node, pulumi = incident.source, incident.node, pulumi_name(incident.source)
    if pulumi is None or not isinstance(node, ast.Call) or _name_of(node.func) is None:
        return ()
    better = f"{pulumi}.Output.json_dumps"
    if incident.apply is not None:
        return _unapplied(program, incident, better)
    if _handed_on(node, source.tree):
        return (source.replace(node.func, better),)
    return ()


def _name_of(node: ast.expr) -> str | None:
    found = ast.unparse(node)
    return found if found in ("json.dumps", "dumps") else None


def _handed_on(node: ast.Call, tree: ast.Module) -> bool:
    """Whether a call's value goes to keyword arguments only, directly or by one variable."""
    for parent in ast.walk(tree):
        if isinstance(parent, ast.keyword) and parent.value is node and parent.arg is not None:
            return True
        if isinstance(parent, ast.Assign) and parent.value is node and len(parent.targets) == 1:
            target = parent.targets[0]
            if not isinstance(target, ast.Name):
                return False
            uses = {
                id(each)
                for each in ast.walk(tree)
                if isinstance(each, ast.Name) and each.id == target.id and isinstance(each.ctx, ast.Load)
            }
            handed = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.keyword) and each.arg}
            return bool(uses) and uses <= handed
    return False


def _unapplied(program: Program, incident: Incident, better: str) -> tuple[Edit, ...]:
    """`Output.all(...).apply(lambda a: json.dumps(x).replace(...))` whose replacements find nothing."""
    apply, node = incident.apply, incident.node
    if apply is None or not isinstance(node, ast.Call) or len(apply.args) != 1:
        return ()
    function = apply.args[0]
    if not isinstance(function, ast.Lambda):
        return ()
    nothing = {id(each.node) for each in program.incidents if each.kind == "replace-nothing"}
    body = function.body
    while isinstance(body, ast.Call) and id(body) in nothing and isinstance(body.func, ast.Attribute):
        body = body.func.value
    parameters = {each.arg for each in function.args.args}
    used = {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}
    if body is not node or parameters & used or not _handed_on(apply, incident.source.tree):
        return ()
    arguments = ", ".join(incident.source.of(each) for each in node.args)
    arguments += "".join(
        f", {each.arg}={incident.source.of(each.value)}" for each in node.keywords if each.arg is not None
    )
    return (incident.source.replace(apply, f"{better}({arguments})"),)


def _listed(program: Program, incident: Incident) -> tuple[Edit, ...]:
    """`Output.all(x).apply(lambda v: ...)` as `x.apply(lambda v: ...)`, where `v` is never used as a list."""
    apply = incident.apply
    if apply is None or not isinstance(apply.func, ast.Attribute) or len(apply.args) != 1:
        return ()
    gathering, function = apply.func.value, apply.args[0]
    if not isinstance(gathering, ast.Call) or len(gathering.args) != 1 or gathering.keywords:
        return ()
    single = gathering.args[0]
    if not isinstance(single, ast.Attribute) or not isinstance(function, ast.Lambda):
        return ()
    names = {each.arg for each in function.args.args}
    for node in ast.walk(function.body):
        listed = isinstance(node, ast.Subscript | ast.Starred) and _is_name(node.value, names)
        looped = isinstance(node, ast.comprehension) and _is_name(node.iter, names)
        if listed or looped:
            return ()
    return (incident.source.replace(gathering, incident.source.of(single)),)


def _is_name(node: ast.expr, names: set[str]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


RULES = (
    Rule(
        code="SW201",
        title="json.dumps of an output",
        severity="error",
        why="An output is no JSON value: json.dumps raises TypeError.",
        mend="Use `pulumi.Output.json_dumps(...)`, which waits for the values.",
        find=_of("dumps-output", "`{text}` is given an output, directly or within", _dumps),
    ),
    Rule(
        code="SW202",
        title="output in a string",
        severity="error",
        why="The value isn't known when the string is made: the string says so instead of holding it.",
        mend="Use `pulumi.Output.concat(...)`, `pulumi.Output.format(...)` or `x.apply(lambda value: ...)`.",
        find=_of("output-in-text", "`{text}` is an output, and is written into a string"),
    ),
    Rule(
        code="SW203",
        title="output added to a string",
        severity="error",
        why="Outputs can't be added: Python raises TypeError.",
        mend="Use `pulumi.Output.concat(...)`.",
        find=_of("output-added", "`{text}` adds an output"),
    ),
    Rule(
        code="SW204",
        title="list taken for its value",
        severity="error",
        why="`Output.all` gives a list, also of one value: in a string it looks like `['...']`.",
        mend="Use `x.apply(lambda value: ...)` for one output, or take `values[0]`.",
        find=_of("list-in-text", "`{text}` is the list that `Output.all` gives, not its value", _listed),
    ),
    Rule(
        code="SW205",
        title="function for another number of values",
        severity="error",
        why="`apply` calls its function with one value; with any other number Python raises TypeError.",
        mend="Take one parameter: `Output.all(a, b).apply(lambda values: ... values[0] ... values[1])`.",
        find=_of("apply-arity", "the function of this `apply` doesn't take exactly one value"),
    ),
    Rule(
        code="SW206",
        title="placeholder that doesn't occur",
        severity="error",
        why="`replace` finds nothing to replace, so that the value never gets where it should.",
        mend="Put the value where it belongs when the text is made; `pulumi.Output.json_dumps` waits for it.",
        find=_of("replace-nothing", "`{about}` is to be replaced, and isn't in the text"),
    ),
    Rule(
        code="SW207",
        title="output tested or compared",
        severity="error",
        why="Every output counts as true, whatever its value will be; a comparison is never what it seems.",
        mend="Decide within `x.apply(lambda value: ...)`, or by a value of the configuration.",
        find=_of("output-tested", "`{text}` is an output, and the program decides by it"),
    ),
    Rule(
        code="SW208",
        title="output as a file's name",
        severity="error",
        why="Files are opened while the program runs, when no output is known.",
        mend="Name the file by a value that the program knows.",
        find=_of("output-as-file", "`{text}` names a file by an output"),
    ),
    Rule(
        code="SW209",
        title="output called",
        severity="error",
        why="A method of an output's value is an output itself, and can't be called.",
        mend="Call it on the value: `x.apply(lambda value: value.split(...))`.",
        find=_of("called-output", "`{text}` calls a method of an output"),
    ),
    Rule(
        code="SW210",
        title="output taken for a list",
        severity="error",
        why="An output can't be iterated: Python raises TypeError.",
        mend="Go through it within `x.apply(lambda values: ...)`.",
        find=_of("output-iterated", "`{text}` is an output, and is gone through like a list"),
    ),
    Rule(
        code="SW211",
        title="output converted",
        severity="error",
        why="`int`, `float`, `len` and `json.loads` take values, and no output.",
        mend="Convert within `x.apply(lambda value: ...)`.",
        find=_of("output-converted", "`{text}` converts an output"),
    ),
    Rule(
        code="SW212",
        title="property that isn't there",
        severity="error",
        why="Python raises AttributeError; what was declared before may be there already.",
        mend="Name one of the resource's properties, as Pulumi's Python SDK spells them.",
        find=_of("no-property", "there is no `{text}`{about}"),
    ),
)
