"""Runs a program against a recorder, to see what its components declare.

The recorder answers each registration from the tables of types alone, with stand-ins for what only a
deployment knows. There is no server, and no credentials; the program's process sees of its surroundings what
a `preview` would show it, and is told that nothing is made.
"""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from stepwell.check.files import Files
from stepwell.check.json_values import ACCOUNT, NAMES, REGION, UNTOLD, stand_in
from stepwell.check.program import Program, Raised
from stepwell.check.recorded import Known, complete, declared
from stepwell.check.resources import Declared
from stepwell.check.sources import Place
from stepwell.check.values import Reference
from stepwell.errors import StepwellError
from stepwell.provision import configuration, engine, project, schema, urns
from stepwell.provision.aws import INVOKES, TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ProvisionError, ResourceFailed
from stepwell.provision.project import Project
from stepwell.provision.registration import Reading, Registered, Registration
from stepwell.provision.report import Report
from stepwell.provision.request import Request
from stepwell.provision.values import Properties, Source, plain

#: the stack whose configuration the program gets
STACK = "dev"
#: where nothing listens: the program's own calls of AWS are refused
_NOWHERE = "http://127.0.0.1:1"
_CALLER_TOKEN = "aws:index/getCallerIdentity:getCallerIdentity"
_CALLER = {"accountId": ACCOUNT, "id": ACCOUNT, "userId": ACCOUNT, "arn": f"arn:aws:iam::{ACCOUNT}:root"}
#: what is said of a configuration value that only the stack's owner can set
_UNSET = re.compile(r"Configuration value .* is missing")
#: methods of a configuration that want a value, and what stands in for one
_REQUIRED = {
    "require": UNTOLD,
    "require_secret": UNTOLD,
    "require_int": "1",
    "require_secret_int": "1",
    "require_float": "1.0",
    "require_secret_float": "1.0",
    "require_bool": "false",
    "require_secret_bool": "false",
    "require_object": "{}",
    "require_secret_object": "{}",
}


def record(program: Program, keep: Path) -> str:
    """Runs the program, and adds to it the resources that it registers and the reader hasn't seen.

    Files that the program makes for them in its temporary folder, which goes with it, are kept in `keep`.
    Gives why that couldn't be done; empty where it could.
    """
    absent = [name for name in ("yaml", "pulumi", "grpc") if find_spec(name) is None]
    if absent:
        return f"Pulumi's SDK is not installed ({absent[0]} is absent)"
    request = Request(
        command="preview",
        program=program.folder,
        stack=STACK,
        endpoint=_NOWHERE,
        access_key="check",
        secret_key="check",
        region=REGION,
        account=ACCOUNT,
        state=program.folder,
    )
    try:
        told, guessed = _project(program)
        recorder = _Recorder(program, told.config.values(), Files(program.folder, keep))
        problem = engine.process(request, told)(recorder, Report("plan", lambda event: None))
    except StepwellError as error:
        return str(error)
    if problem is not None:
        place = _within(program, f"{problem.file}:{problem.line}")
        if place is None or guessed or recorder.guessed or _UNSET.fullmatch(problem.message):
            return " ".join(problem.message.split())
        program.raised.append(Raised(place=place, message=problem.message, advice=problem.advice))
        program.cut = True
    program.resources += recorder.unseen
    program.recorded.update(each.place for each in recorder.unseen)
    return ""


def _project(program: Program) -> tuple[Project, bool]:
    """The project, and whether something stands in for what its configuration lacks, or hides."""
    folder = program.folder
    name, about = project.identify(folder, STACK)
    written = configuration.read(
        about, name, project.settings_file(folder, STACK), passphrase=None, decrypt=False
    )
    stand_ins = {key: value for key, value in _required(program, name).items() if key not in written.values}
    told = project.read(folder, STACK, config=stand_ins, decrypt=False)
    entry = program.sources[0].path
    if entry.name != "__main__.py":
        told = replace(told, main=entry)
    return told, bool(stand_ins or told.secret_keys)


def _required(program: Program, name: str) -> dict[str, str]:
    """What stands in for the configuration values that the program can't do without, by their keys."""
    spaces, wanted = {name}, dict[str, str]()
    for source in program.sources:
        for node in ast.walk(source.tree):
            if not isinstance(node, ast.Call) or not node.args or not isinstance(node.args[0], ast.Constant):
                continue
            method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
            if method in _REQUIRED:
                wanted[str(node.args[0].value)] = _REQUIRED[method]
            elif method == "Config" or (isinstance(node.func, ast.Name) and node.func.id == "Config"):
                spaces.add(str(node.args[0].value))
    return {f"{space}:{key}": value for space in sorted(spaces) for key, value in wanted.items()}


def _within(program: Program, spelled: str) -> Place | None:
    """Where the line of a `FILE:LINE` of the program's own begins; None for another's."""
    file, _, line = spelled.rpartition(":")
    path = Path(file)
    if not file or not path.is_absolute() or "site-packages" in path.parts:
        return None
    path, folder = path.resolve(), program.folder.resolve()
    if not path.is_relative_to(folder):
        return None
    name = path.relative_to(folder).as_posix()
    source, number = program.source(name), int(line)
    text = source.lines[number - 1] if source is not None and 0 < number <= len(source.lines) else ""
    return Place(file=name, line=number, column=len(text) - len(text.lstrip()) + 1)


class _Recorder:
    """Takes a run's registrations, and answers them from what is known without a deployment."""

    dry_run = True

    def __init__(self, program: Program, settings: Iterable[str], files: Files) -> None:
        self._program = program
        self._settings = frozenset({*settings, *_fallbacks(program)})
        self._files = files
        self._lock = threading.Lock()
        self._known: dict[str, Known] = {}
        self._places: dict[str, Place] = {}
        self._cloud = Cloud(endpoint=_NOWHERE, account=ACCOUNT, region=REGION, clients=_refused)
        #: the registered resources that the reader hasn't seen
        self.unseen: list[Declared] = []
        #: whether the program was answered something that may not be so
        self.guessed = False

    def register(self, asked: Registration) -> Registered:
        """A resource that the program declares."""
        urn = urns.build(STACK, self._program.folder.name, asked.parent, asked.type, asked.name)
        try:
            return self._registered(urn, asked)
        except Exception:
            # what the program makes of that is no fault of its own
            self.guessed = True
            raise

    def _registered(self, urn: str, asked: Registration) -> Registered:
        with self._lock:
            self._places[urn] = self._place(asked)
            if not asked.custom or not asked.type.startswith("aws:"):
                return Registered(urn=urn, id=_id(asked), outputs=_inputs(asked))
            made = declared(
                replace(asked, values=replace(asked.values, values=self._files.kept(asked.values.values))),
                place=self._places[urn],
                source=self._program.sources[0],
                before=self._known,
                settings=self._settings,
            )
            id_, outputs = self._answers(asked, made)
            texts = {name: value for name, value in outputs.items() if isinstance(value, str) and value}
            seen = self._seen(asked)
            if seen is None:
                self.unseen.append(made)
            else:
                complete(seen, made)
            computed = {name: value for name, value in texts.items() if name not in asked.values.values}
            named = {name: texts[name] for name in NAMES if name in texts}
            self._known[urn] = Known(declared=seen or made, outputs={"id": id_, **computed, **named})
        return Registered(urn=urn, id=id_, outputs=outputs, secrets=tuple(asked.values.secrets))

    def refuse(self, asked: Registration, error: ProvisionError) -> Registered:
        """A resource that a transform made impossible; the program is run to its end all the same."""
        self.guessed = True
        return self.register(asked)

    def read(self, asked: Reading) -> Registered:
        """A resource that exists already, of which only the id is known."""
        self.guessed = True
        urn = urns.build(STACK, self._program.folder.name, asked.parent, asked.type, asked.name)
        return Registered(urn=urn, id=asked.id, outputs=_inputs(asked))

    def invoke(self, token: str, arguments: Properties) -> dict[str, Any]:
        """What a function of the package answers; a resource that it would look up has a stand-in."""
        given = plain(arguments.values)
        if token == _CALLER_TOKEN:
            return dict(_CALLER)
        function = INVOKES.get(token)
        try:
            if function is not None:
                return function(self._cloud, given)
        except ResourceFailed:
            function = None
        self.guessed = True
        name = next((str(given[key]) for key in NAMES if key in given), UNTOLD)
        service = token.partition(":")[2].partition("/")[0]
        return {**given, "id": name, "arn": self._cloud.arn(service, name)}

    def set_outputs(self, urn: str, outputs: Properties) -> None:
        """The outputs of a component, or of the stack: nothing asks for them."""

    def _place(self, asked: Registration) -> Place:
        """The innermost of the program's own lines that led to a registration; else its parent's."""
        entry = Place(file=self._program.sources[0].file, line=1, column=1)
        return _within(self._program, asked.place) or self._places.get(asked.parent, entry)

    def _seen(self, asked: Registration) -> Declared | None:
        """The same resource as the reader saw it: by its name, or by its line where that has none."""
        lines = {
            (found.file, found.line)
            for spelled in asked.stack
            if (found := _within(self._program, spelled)) is not None
        }
        for each in self._program.of(asked.type):
            if each.name == asked.name or (each.name is None and (each.place.file, each.place.line) in lines):
                return each
        return None

    def _answers(self, asked: Registration, made: Declared) -> tuple[str, dict[str, Any]]:
        """The id and the properties of a resource as far as they are known."""
        inputs = _inputs(asked)
        kind = TYPES.get(asked.type)
        outputs: dict[str, Any] = {"region": REGION, **inputs}
        if kind is not None:
            outputs = schema.with_defaults(kind, outputs)
            if kind.naming is not None and kind.naming.property not in outputs:
                name = f"{asked.name}-{UNTOLD}"
                outputs[kind.naming.property] = name.lower() if kind.naming.lower else name
        for name in ("arn", *(kind.computed if kind is not None else ())):
            found = stand_in(Reference(of=made, path=(name,)))
            if found is None and name.lower().endswith("arn"):
                service = asked.type.partition(":")[2].partition("/")[0]
                found = self._cloud.arn(service, f"{name}/{asked.name}-{UNTOLD}")
            if found is not None:
                outputs.setdefault(name, found)
        id_ = stand_in(Reference(of=made, path=("id",))) or f"{asked.name}-{UNTOLD}"
        return id_, outputs


def _inputs(asked: Registration | Reading) -> dict[str, Any]:
    """The properties that are given and known, without files."""
    found: dict[str, Any] = plain(asked.values.values)
    return {name: value for name, value in found.items() if not _holds_files(value)}


def _holds_files(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_holds_files, value.values()))
    return any(map(_holds_files, value)) if isinstance(value, list) else isinstance(value, Source)


def _id(asked: Registration) -> str:
    """The id of what isn't AWS's; components have none."""
    return f"{asked.name}-{UNTOLD}" if asked.custom else ""


def _refused(service: str) -> Any:
    raise ResourceFailed(f"nothing answers for {service} while a program is checked")


def _fallbacks(program: Program) -> Iterator[str]:
    """The texts that stand in for configuration values which may be given: `config.get("image") or "..."`."""
    for source in program.sources:
        for node in ast.walk(source.tree):
            if isinstance(node, ast.BoolOp) and isinstance(node.op, ast.Or):
                yield from _constants(node.values[1:])
            elif (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr == "get"
            ):
                yield from _constants([*node.args[1:], *(each.value for each in node.keywords)])


def _constants(nodes: Iterable[ast.expr]) -> Iterator[str]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
            yield node.value
