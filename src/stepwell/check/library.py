"""Functions that are not the program's own, and what they give: Pulumi's, JSON, paths, a few built-ins."""

from __future__ import annotations

import os.path
import posixpath
import textwrap
from collections.abc import Callable
from dataclasses import replace

from stepwell.check import packages, paths
from stepwell.check.json_values import from_json, from_yaml, plain
from stepwell.check.machine import Call
from stepwell.check.resources import Declared
from stepwell.check.texts import formatted, joined, written
from stepwell.check.values import (
    Array,
    Invoke,
    Json,
    Literal,
    Made,
    Object,
    Output,
    Reference,
    Text,
    Unknown,
    Value,
    camel,
    holds_output,
    iterated,
    known,
    resolved,
)

#: classes whose objects mean something to a rule
MADE = frozenset(
    "pulumi." + name
    for name in [
        "FileArchive",
        "FileAsset",
        "AssetArchive",
        "StringAsset",
        "RemoteArchive",
        "RemoteAsset",
        "ResourceOptions",
        "Config",
        "InvokeOptions",
        "Provider",
    ]
)
#: the same classes and functions under the names of the modules that define them
_ALIASES = {
    "pulumi.asset.": "pulumi.",
    "pulumi.output.": "pulumi.",
    "pulumi.resource.": "pulumi.",
    "pulumi.config.": "pulumi.",
    "pathlib.PurePath": "pathlib.Path",
    "pathlib.PosixPath": "pathlib.Path",
    "posixpath.": "os.path.",
}


def call(name: str, made: Call) -> Value:
    """What calling the class or function `name` gives."""
    for alias, meant in _ALIASES.items():
        if name.startswith(alias):
            name = meant + name.removeprefix(alias)
    if name in FUNCTIONS:
        return FUNCTIONS[name](made)
    if name in MADE:
        return _made(name, made)
    if name.startswith(f"{packages.PACKAGE}."):
        return _aws(name, made)
    return made.unknown()


def _made(name: str, made: Call) -> Value:
    if name.endswith(("Archive", "Asset")) and isinstance(made.argument(0, "path"), Output):
        made.machine.note("output-as-file", made.node_of(0), made.scope.source)
    return Made(place=made.place, kind=name, arguments=list(made.positional), named=dict(made.named))


# Pulumi's AWS package


def _aws(name: str, made: Call) -> Value:
    last = name.rpartition(".")[2]
    if last.endswith("Args"):
        return Object(
            place=made.place, entries=dict(made.named), keys=dict(made.keys), open=made.open, made=last
        )
    if last.startswith("get_"):
        invoke = Invoke(name=name, arguments=dict(made.named), place=made.place)
        found = Reference(place=made.place, of=invoke)
        return Output(place=made.place, value=found) if last.endswith("_output") else found
    kind = packages.token(name)
    if kind is None:
        unknown = made.unknown()
        return Output(place=made.place, value=unknown) if last == "get" else unknown
    return _declared(kind, made)


def _declared(kind: str, made: Call) -> Value:
    named, keys, options = dict(made.named), dict(made.keys), made.named.get("opts")
    named.pop("opts", None)
    title = written(made.argument(0, "resource_name") or made.unknown())
    named.pop("resource_name", None)
    is_open = made.open
    given = [*made.positional[1:], *([named.pop("args")] if "args" in named else [])]
    for value in given:
        if isinstance(value, Object) and value.made:
            named = {**value.entries, **named}
            keys = {**value.keys, **keys}
            is_open = is_open or value.open
        elif isinstance(value, Made) and value.kind == "pulumi.ResourceOptions":
            options = value
        elif not isinstance(value, Literal):
            is_open = True
    resource = Declared(
        type=kind,
        name=title.value if isinstance(title, Literal) and isinstance(title.value, str) else None,
        properties={camel(key): value for key, value in named.items()},
        keys={camel(key): place for key, place in keys.items()},
        options=options,
        place=made.place,
        node=made.node,
        source=made.scope.source,
        conditional=made.machine.conditions > 0,
        open=is_open,
    )
    made.machine.declared.append(resource)
    return Reference(place=made.place, of=resource)


# Pulumi


def _all(made: Call) -> Value:
    if made.named:
        entries = {key: resolved(value) for key, value in made.named.items()}
        return Output(place=made.place, value=Object(place=made.place, entries=entries))
    items = [resolved(each) for each in made.positional]
    return Output(place=made.place, value=Array(place=made.place, items=items, open=made.open, gathered=True))


def _concat(made: Call) -> Value:
    parts = [resolved(each) for each in made.positional]
    text = made.unknown() if made.open else joined(parts, made.place)
    return Output(place=made.place, value=text)


def _output_format(made: Call) -> Value:
    pattern = known(made.argument(0, "format_string"))
    if not isinstance(pattern, Literal) or not isinstance(pattern.value, str) or made.open:
        return Output(place=made.place, value=made.unknown())
    positional = [resolved(each) for each in made.positional[1:]]
    named = {key: resolved(value) for key, value in made.named.items()}
    return Output(place=made.place, value=formatted(pattern.value, positional, named, made.place))


def _output_dumps(made: Call) -> Value:
    value = made.argument(0, "obj")
    inside = resolved(value) if value is not None else made.unknown()
    return Output(place=made.place, value=Json(place=made.place, value=inside))


def _output(made: Call) -> Value:
    value = made.argument(0)
    return Output(place=made.place, value=resolved(value) if value is not None else made.unknown())


def _output_loads(made: Call) -> Value:
    return Output(place=made.place, value=_loaded(known(made.argument(0)), made))


# JSON


def _dumps(made: Call) -> Value:
    value = made.argument(0, "obj")
    if value is None:
        return made.unknown()
    if holds_output(value):
        made.machine.note("dumps-output", made.node, made.scope.source)
    return Json(place=made.place, value=resolved(value))


def _loads(made: Call) -> Value:
    value = made.argument(0, "s")
    if isinstance(value, Output):
        made.machine.note("output-converted", made.node, made.scope.source)
    return _loaded(known(value), made)


def _load(made: Call) -> Value:
    text = _read(made.argument(0, "fp"), made)
    return _loaded(text, made) if text is not None else made.unknown()


def _read(file: Value | None, made: Call) -> Value | None:
    """What an open file holds; None for anything else."""
    if isinstance(file, Made) and file.kind == "file":
        return paths.content(made.machine, paths.spelled(file.arguments[0]) or "", made.place)
    return None


def _loaded(value: Value | None, made: Call) -> Value:
    if isinstance(value, Json):
        return value.value
    text = _told(value)
    return (from_json(text) if text is not None else None) or made.unknown()


def _yaml(made: Call) -> Value:
    given = made.argument(0, "stream")
    text = _told(_read(given, made) or known(given))
    return (from_yaml(text) if text is not None else None) or made.unknown()


def _told(value: Value | None) -> Literal | None:
    """A text of which all is known, with stand-ins for what the deployment gives."""
    if isinstance(value, Text):
        rendered = plain(value)
        return None if rendered.untold else Literal(place=value.place, value=rendered.value)
    return value if isinstance(value, Literal) else None


# paths


def _path(made: Call) -> Value:
    texts = [paths.spelled(each) for each in made.positional]
    if any(each is None for each in texts) or made.open:
        return made.unknown()
    return paths.path(
        posixpath.join(*(each for each in texts if each is not None)) if texts else ".", made.place
    )


def _os_path(function: Callable[..., str]) -> Callable[[Call], Value]:
    def run(made: Call) -> Value:
        texts = [text for each in made.positional if (text := paths.spelled(each)) is not None]
        if len(texts) != len(made.positional) or not texts or made.open:
            return made.unknown()
        return Literal(place=made.place, value=function(*texts))

    return run


def _absolute(made: Call) -> Value:
    text = paths.spelled(made.argument(0))
    if text is None:
        return made.unknown()
    return Literal(place=made.place, value=os.path.normpath(made.machine.folder / text))


def _open(made: Call) -> Value:
    if isinstance(made.argument(0, "file"), Output):
        made.machine.note("output-as-file", made.node, made.scope.source)
    text = paths.spelled(made.argument(0, "file"))
    return made.unknown() if text is None else paths.opened(text, made.place)


def _folder(made: Call) -> Value:
    return Literal(place=made.place, value=str(made.machine.folder))


def _here(made: Call) -> Value:
    return paths.path(str(made.machine.folder), made.place)


# built-ins


def _str(made: Call) -> Value:
    value = made.argument(0)
    if value is None:
        return Literal(place=made.place, value="")
    if isinstance(value, Output):
        made.machine.note("output-in-text", made.node, made.scope.source)
    elif isinstance(value, Array) and value.gathered:
        made.machine.note("list-in-text", made.node, made.scope.source)
    return written(value)


def _converted(made: Call) -> Value:
    """`int`, `float`, `len`, ...: no output can be given to these."""
    value = made.argument(0)
    if isinstance(value, Output):
        made.machine.note("output-converted", made.node, made.scope.source)
    return made.unknown()


def _len(made: Call) -> Value:
    _converted(made)
    value = made.argument(0)
    if isinstance(value, Array | Object) and not value.open:
        return Literal(
            place=made.place, value=len(value.items if isinstance(value, Array) else value.entries)
        )
    if isinstance(value, Literal) and isinstance(value.value, str):
        return Literal(place=made.place, value=len(value.value))
    return made.unknown()


def _int(made: Call) -> Value:
    _converted(made)
    value = made.argument(0)
    if (
        isinstance(value, Literal)
        and isinstance(value.value, str | int | float)
        and len(made.positional) == 1
    ):
        try:
            return Literal(place=made.place, value=int(value.value))
        except (ValueError, OverflowError):
            return made.unknown()
    return made.unknown()


def _range(made: Call) -> Value:
    numbers = [each.value for each in made.positional if isinstance(each, Literal)]
    whole = [number for number in numbers if isinstance(number, int) and abs(number) < 10_000]
    if (
        not whole
        or len(whole) != len(made.positional)
        or len(whole) > 3
        or (len(whole) == 3 and not whole[2])
    ):
        return made.unknown()
    items: list[Value] = [Literal(place=made.place, value=number) for number in range(*whole)]
    return Array(place=made.place, items=items)


def _list(made: Call) -> Value:
    value = made.argument(0)
    if value is None:
        return Array(place=made.place)
    if isinstance(value, Output):
        made.machine.note("output-iterated", made.node, made.scope.source)
    found = iterated(value)
    if found is not None:
        return Array(place=made.place, items=found)
    items = list(value.items) if isinstance(value, Array) else []
    return Array(place=made.place, items=items, open=True)


def _dict(made: Call) -> Value:
    value = made.argument(0)
    result = Object(place=made.place, open=made.open)
    if isinstance(value, Object):
        result.entries.update(value.entries)
        result.keys.update(value.keys)
        result.open = result.open or value.open
    elif value is not None:
        pairs = iterated(value)
        for pair in pairs or ():
            key = pair.items[0] if isinstance(pair, Array) and len(pair.items) == 2 else None
            if isinstance(pair, Array) and isinstance(key, Literal):
                result.entries[str(key.value)] = pair.items[1]
            else:
                result.open = True
        result.open = result.open or pairs is None
    result.entries.update(made.named)
    result.keys.update(made.keys)
    return result


def _enumerate(made: Call) -> Value:
    found = iterated(made.argument(0) or made.unknown())
    start = known(made.argument(1, "start"))
    first = start.value if isinstance(start, Literal) and isinstance(start.value, int) else 0
    if found is None:
        return made.unknown()
    pairs: list[Value] = [
        Array(place=each.place, items=[Literal(place=each.place, value=first + index), each])
        for index, each in enumerate(found)
    ]
    return Array(place=made.place, items=pairs)


def _zip(made: Call) -> Value:
    lists = [iterated(each) for each in made.positional]
    known_lists = [each for each in lists if each is not None]
    if len(known_lists) != len(lists) or not lists:
        return made.unknown()
    rows: list[Value] = [Array(place=made.place, items=list(row)) for row in zip(*known_lists, strict=False)]
    return Array(place=made.place, items=rows)


def _sorted(made: Call) -> Value:
    found = iterated(made.argument(0) or made.unknown())
    if found is None or made.named:
        return Array(place=made.place, items=found or [], open=found is None)
    texts = [each for each in found if isinstance(each, Literal) and isinstance(each.value, str)]
    ordered: list[Value] = [*sorted(texts, key=lambda each: str(each.value))]
    return Array(place=made.place, items=ordered if len(texts) == len(found) else found)


def _nothing(made: Call) -> Value:
    return Literal(place=made.place, value=None)


def _optional(made: Call) -> Value:
    default = made.argument(1, "default")
    if isinstance(default, Literal):
        return replace(default, fallback=True)
    return default or Unknown(place=made.place, why="environment", optional=True)


def _same(made: Call) -> Value:
    return made.argument(0) or made.unknown()


def _dedent(made: Call) -> Value:
    value = made.argument(0)
    if isinstance(value, Literal) and isinstance(value.value, str):
        return Literal(place=value.place, value=textwrap.dedent(value.value))
    return made.unknown()


FUNCTIONS: dict[str, Callable[[Call], Value]] = {
    "pulumi.Output.all": _all,
    "pulumi.Output.concat": _concat,
    "pulumi.Output.format": _output_format,
    "pulumi.Output.json_dumps": _output_dumps,
    "pulumi.Output.json_loads": _output_loads,
    "pulumi.Output.from_input": _output,
    "pulumi.Output.secret": _output,
    "pulumi.Output.unsecret": _output,
    "pulumi.export": _nothing,
    "json.dumps": _dumps,
    "json.loads": _loads,
    "json.load": _load,
    "yaml.safe_load": _yaml,
    "yaml.load": _yaml,
    "yaml.full_load": _yaml,
    "pathlib.Path": _path,
    "pathlib.Path.cwd": _here,
    "os.path.join": _os_path(posixpath.join),
    "os.path.dirname": _os_path(posixpath.dirname),
    "os.path.basename": _os_path(posixpath.basename),
    "os.path.normpath": _os_path(posixpath.normpath),
    "os.path.abspath": _absolute,
    "os.path.realpath": _absolute,
    "os.getcwd": _folder,
    "os.getenv": _optional,
    "os.environ.get": _optional,
    "copy.copy": _same,
    "copy.deepcopy": _same,
    "textwrap.dedent": _dedent,
    "builtins.open": _open,
    "builtins.str": _str,
    "builtins.int": _int,
    "builtins.float": _converted,
    "builtins.len": _len,
    "builtins.range": _range,
    "builtins.list": _list,
    "builtins.tuple": _list,
    "builtins.set": _list,
    "builtins.dict": _dict,
    "builtins.enumerate": _enumerate,
    "builtins.zip": _zip,
    "builtins.sorted": _sorted,
    "builtins.print": _nothing,
}
