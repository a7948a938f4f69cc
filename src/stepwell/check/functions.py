"""Functions: runtimes that AWS has retired, code that isn't there, handlers that nothing defines, limits."""

from __future__ import annotations

import ast
import difflib
import json
from collections.abc import Iterator

from stepwell.check.code import Package, package
from stepwell.check.json_values import plain
from stepwell.check.paths import located
from stepwell.check.program import Program
from stepwell.check.resources import Declared
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Edit
from stepwell.check.values import Literal, Made, Object, constant, known

FUNCTION = "aws:lambda/function:Function"

#: runtimes and the day from which AWS supports them no more (AWS Lambda Developer Guide, "Lambda runtimes",
#: as of 2025-12; cross-checked with the table of terraform-linters/tflint-ruleset-aws)
RETIRED = {
    "python3.9": "2025-12-15",
    "python3.8": "2024-10-14",
    "python3.7": "2023-12-04",
    "python3.6": "2022-07-18",
    "python2.7": "2021-07-15",
    "nodejs18.x": "2025-09-01",
    "nodejs16.x": "2024-06-12",
    "nodejs14.x": "2023-12-04",
    "nodejs12.x": "2023-03-31",
    "nodejs10.x": "2021-07-30",
    "nodejs8.10": "2020-03-06",
    "nodejs6.10": "2019-08-12",
    "nodejs4.3": "2020-03-05",
    "nodejs4.3-edge": "2020-03-05",
    "nodejs": "2016-10-31",
    "java8": "2024-01-08",
    "go1.x": "2024-01-08",
    "provided": "2024-01-08",
    "ruby2.7": "2023-11-27",
    "ruby2.5": "2021-07-30",
    "dotnet6": "2024-11-12",
    "dotnetcore3.1": "2023-04-03",
    "dotnetcore2.1": "2022-01-05",
    "dotnetcore2.0": "2019-05-30",
    "dotnetcore1.0": "2019-07-27",
}
#: a runtime of each language that is supported
CURRENT = {
    "python": "python3.12",
    "nodejs": "nodejs22.x",
    "java": "java21",
    "ruby": "ruby3.3",
    "dotnet": "dotnet8",
}
#: property → its least and greatest value (AWS Lambda quotas)
_LIMITS = {"timeout": (1, 900), "memorySize": (128, 10_240)}
_ENVIRONMENT = 4096
_HANDLER = 128


def _retired(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        runtime = function.text("runtime")
        since = RETIRED.get(runtime or "")
        if since is None or runtime is None:
            continue
        language = next((each for each in CURRENT if runtime.startswith(each)), "")
        better = CURRENT.get(language, "provided.al2023")
        yield Fault(
            place=function.at("runtime"),
            message=f"AWS supports the runtime {runtime} no more since {since}",
            mend=f"Use `{better}`, and try the code with it.",
        )


def _absent(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        found = package(program, function)
        for value, path in found.absent if found is not None else ():
            yield Fault(
                place=value.place,
                message=f"the code of {function.label} is to be in {path}, which isn't there",
            )
    for resource in program.resources:
        for value in resource.properties.values():
            made = known(value)
            if resource.type != FUNCTION and isinstance(made, Made) and made.kind == "pulumi.FileAsset":
                named = constant(made.arguments[0]) if made.arguments else None
                absent = isinstance(named, str) and not located(program.folder, named).exists()
                if absent and not _builds(program):
                    yield Fault(
                        place=made.place, message=f"{resource.label} is to hold {named}, which isn't there"
                    )


def _builds(program: Program) -> bool:
    """Whether the program writes files itself, so that an absent one may come to be while it runs."""
    return any(
        isinstance(node, ast.Attribute)
        and node.attr in ("write_bytes", "write_text", "write", "make_archive")
        for source in program.sources
        for node in ast.walk(source.tree)
    )


def handlers(program: Program) -> Iterator[tuple[Declared, Package, str, str]]:
    """Functions in Python whose package is at hand: with the handler's file and the name in it."""
    for function in program.of(FUNCTION):
        handler, runtime = function.text("handler"), function.text("runtime") or ""
        found = package(program, function)
        if handler is None or found is None or not runtime.startswith("python"):
            continue
        module, _, name = handler.rpartition(".")
        if module:
            yield function, found, f"{module.replace('.', '/')}.py", name


def _handler(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        handler = function.text("handler")
        if (
            handler is not None
            and "." not in handler
            and (function.text("runtime") or "").startswith("python")
        ):
            yield Fault(
                place=function.at("handler"),
                message=f"the handler {handler!r} names no module and function",
                mend="Write it as `module.function`.",
            )
    for function, found, file, name in handlers(program):
        if found.absent or found.open:
            continue
        if file not in found.files and f"{file.removesuffix('.py')}/__init__.py" not in found.files:
            have = sorted(each for each in found.files if each.endswith(".py"))
            near = difflib.get_close_matches(file, have, n=1)
            deeper = [each for each in have if each.endswith(f"/{file}")]
            hint = f" It has {(deeper or near)[0]}." if deeper or near else ""
            yield Fault(
                place=function.at("handler"),
                message=f"the code of {function.label} has no {file}, which its handler names",
                mend=f"Name a module of the package.{hint}",
            )
            continue
        text = found.text(file)
        if text is None:
            continue
        try:
            tree = ast.parse(text)
        except (SyntaxError, ValueError, RecursionError) as error:
            yield Fault(
                place=function.at("handler"), message=f"{file} of {function.label} is no Python: {error}"
            )
            continue
        names = _defined(tree)
        if name not in names and "*" not in names:
            near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
            hint = f" Is `{near[0]}` meant?" if near else ""
            yield Fault(
                place=function.at("handler"),
                message=f"{file} of {function.label} defines no {name}",
                mend=f"Define it, or name what the module defines.{hint}",
            )


def _defined(tree: ast.Module) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                names.add(node.name)
            case ast.Name(ctx=ast.Store()):
                names.add(node.id)
            case ast.Import() | ast.ImportFrom():
                names.update(alias.asname or alias.name for alias in node.names)
    return names


def _nested(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        code = function.get("code")
        inside = known(code.arguments[0]) if isinstance(code, Made) and code.arguments else None
        if not isinstance(code, Made) or code.kind != "pulumi.AssetArchive" or not isinstance(inside, Object):
            continue
        for name, value in inside.entries.items():
            inner = known(value)
            if isinstance(inner, Made) and inner.kind.endswith("Archive") and name.strip("./") == "":
                yield Fault(
                    place=code.place,
                    message=f"the code of {function.label} is an archive in an archive",
                    edits=_unwrapped(program, code, inner) if len(inside.entries) == 1 else (),
                )


def _unwrapped(program: Program, outer: Made, inner: Made) -> tuple[Edit, ...]:
    source = program.source(outer.place.file)
    if source is None:
        return ()
    calls = {source.place(node): node for node in ast.walk(source.tree) if isinstance(node, ast.Call)}
    if outer.place not in calls or inner.place not in calls:
        return ()
    return (source.replace(calls[outer.place], source.of(calls[inner.place])),)


def _limits(program: Program) -> Iterator[Fault]:
    for function in program.of(FUNCTION):
        for name, (least, most) in _LIMITS.items():
            value = constant(function.get(name))
            if isinstance(value, int | float) and not least <= value <= most:
                yield Fault(
                    place=function.at(name),
                    message=f"{function.label}'s {name} is {value:g}, outside of {least} to {most}",
                )
        handler = function.text("handler")
        if handler is not None and (len(handler) > _HANDLER or any(char.isspace() for char in handler)):
            yield Fault(
                place=function.at("handler"),
                message=f"a handler has up to {_HANDLER} characters and no space",
            )
        variables = plain(function.get("environment", "variables")).value
        if isinstance(variables, dict) and len(json.dumps(variables)) > _ENVIRONMENT:
            yield Fault(
                place=function.at("environment"),
                message=f"{function.label}'s variables take more than {_ENVIRONMENT} bytes",
                mend="Keep large settings in a parameter or an object.",
            )
        layers = function.get("layers")
        if layers is not None and not isinstance(layers, Literal) and len(getattr(layers, "items", ())) > 5:
            yield Fault(place=function.at("layers"), message=f"{function.label} has more than 5 layers")


RULES = (
    Rule(
        code="SW501",
        title="retired runtime",
        severity="error",
        why="AWS creates no functions with a runtime that it has retired, or soon won't.",
        mend="Use a runtime that is supported.",
        find=_retired,
    ),
    Rule(
        code="SW502",
        title="absent code",
        severity="error",
        why="Pulumi stops where an archive's folder or file isn't there.",
        mend="Put the code there, or name where it is; paths start from the program's folder.",
        find=_absent,
    ),
    Rule(
        code="SW503",
        title="handler that isn't there",
        severity="error",
        why="Every invocation fails with Runtime.ImportModuleError or Runtime.HandlerNotFound.",
        mend="Name a function of a module in the package.",
        find=_handler,
    ),
    Rule(
        code="SW504",
        title="archive in an archive",
        severity="warning",
        why="The archive around it adds nothing; what reads the package looks for the handler at its root.",
        mend="Give the function the inner archive.",
        find=_nested,
    ),
    Rule(
        code="SW505",
        title="beyond Lambda's limits",
        severity="error",
        why="CreateFunction answers ValidationException or InvalidParameterValueException.",
        mend="Stay within the limit.",
        find=_limits,
    ),
)
