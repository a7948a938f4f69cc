"""Maintenance windows and their tasks: schedules, cutoffs, targets, parameters that mean something else."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stepwell.check.entries import added, listed, removed
from stepwell.check.program import Program
from stepwell.check.resources import Declared, referred
from stepwell.check.rules import Fault, Rule
from stepwell.check.sources import Edit, Place
from stepwell.check.values import Literal, Object, Value, constant, get, items, known, text
from stepwell.triggers.schedules import ScheduleError, parse_ssm

WINDOW = "aws:ssm/maintenanceWindow:MaintenanceWindow"
TASK = "aws:ssm/maintenanceWindowTask:MaintenanceWindowTask"
TARGET = "aws:ssm/maintenanceWindowTarget:MaintenanceWindowTarget"
ASSOCIATION = "aws:ssm/association:Association"

#: SHA-256 and SHA-1 in hexadecimal
_HASH = re.compile(r"[0-9a-fA-F]{64}|[0-9a-fA-F]{40}")
_KEYS = re.compile(
    r"InstanceIds|WindowTargetIds|tag-key|tag:.+|resource-groups:Name|resource-groups:ResourceTypeFilters"
)
_INSTANCE = re.compile(r"i-(\w{8}|\w{17})|mi-\w{17}")
_EXAMPLE = re.compile(r"i-(1234567890abcdef\d|0123456789abcdef\d|02573cafcfEXAMPLE|\w*EXAMPLE)")


def _commands(program: Program) -> Iterator[tuple[Declared, Object]]:
    """The tasks that run a command, with what they give it."""
    for task in program.of(TASK):
        block = task.get("taskInvocationParameters", "runCommandParameters")
        if isinstance(block, Object):
            yield task, block


def _place(block: Object, name: str, task: Declared) -> Place:
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    return block.keys.get(name) or block.keys.get(snake) or task.at("taskInvocationParameters")


def _removal(program: Program, place: Place) -> tuple[Edit, ...]:
    source = program.source(place.file)
    edit = removed(source, place) if source is not None else None
    return (edit,) if edit is not None else ()


def _hash(program: Program) -> Iterator[Fault]:
    for task, block in _commands(program):
        given = text(get(block, "documentHash"))
        if given is not None and not _HASH.fullmatch(given):
            place = _place(block, "documentHash", task)
            edits = _removal(program, place)
            if get(block, "documentHashType") is not None:
                edits += _removal(program, _place(block, "documentHashType", task))
            yield Fault(place=place, message=f"{given!r} is no hash of a document", edits=edits)


def _version(program: Program) -> Iterator[Fault]:
    for task, block in _commands(program):
        version = get(block, "documentVersion")
        loose = version is None or text(version) in ("$DEFAULT", "$LATEST")
        given = text(get(block, "documentHash"))
        if given is not None and _HASH.fullmatch(given) and loose:
            yield Fault(
                place=_place(block, "documentHash", task),
                message=f"{task.label} fixes the document's hash and not its version",
            )


def _loose_targets(program: Program) -> Iterator[Fault]:
    for task in program.of(TASK):
        raw = [each for each in items(task.get("targets")) if text(get(each, "key")) == "InstanceIds"]
        window = referred(task.get("windowId"))
        if not raw or window is None or window.type != WINDOW or window.open:
            continue
        allowed = window.get("allowUnassociatedTargets")
        if allowed is not None and constant(allowed) is not False:
            continue
        registered = {
            value
            for target in program.of(TARGET)
            if referred(target.get("windowId")) is window
            for block in items(target.get("targets"))
            for each in items(get(block, "values"))
            if (value := text(each)) is not None
        }
        named = {text(each) for block in raw for each in items(get(block, "values"))}
        if named and None not in named and named <= registered:
            continue
        source = program.source(window.place.file)
        edit = None
        if source is not None and allowed is None:
            edit = added(source, window.node, "allow_unassociated_targets=True")
        yield Fault(
            place=task.at("targets"),
            message=f"{task.label} names instances that aren't registered with {window.label}",
            edits=(edit,) if edit is not None else (),
        )


def _timeout(program: Program) -> Iterator[Fault]:
    for task, block in _commands(program):
        given = get(block, "timeoutSeconds")
        parameters = get(block, "parameters")
        if given is None or constant(given) is None or not (task.text("taskArn") or "").startswith("AWS-Run"):
            continue
        names = {text(get(each, "name")) for each in items(parameters)}
        names |= set(parameters.entries) if isinstance(parameters, Object) else set()
        if "executionTimeout" in names:
            continue
        yield Fault(
            place=_place(block, "timeoutSeconds", task),
            message=f"timeout_seconds is how long {task.label} waits for a machine to begin, "
            "not how long the script may run",
            mend='Bound the script: `{"name": "executionTimeout", "values": ["'
            f'{constant(given)}"]}}` among the parameters; without it the script may run for an hour.',
        )


def _instances(program: Program) -> Iterator[Fault]:
    for value, instance in instance_ids(program):
        what = (
            "is the example of AWS's documentation"
            if _EXAMPLE.fullmatch(instance)
            else "is written into the program"
        )
        yield Fault(
            place=value.place,
            message=f"the instance {instance} {what}: it resolves only where a machine is known by it",
        )


def instance_ids(program: Program) -> Iterator[tuple[Value, str]]:
    """The instances that tasks, targets and associations name by id, literally."""
    for resource in program.of(TASK, TARGET, ASSOCIATION):
        for block in items(resource.get("targets")):
            if text(get(block, "key")) not in ("InstanceIds", "ParameterValues"):
                continue
            for each in items(get(block, "values")):
                instance = text(each)
                if instance is not None and _INSTANCE.fullmatch(instance):
                    yield each, instance


def _cutoff(program: Program) -> Iterator[Fault]:
    for window in program.of(WINDOW):
        duration, cutoff = constant(window.get("duration")), constant(window.get("cutoff"))
        if isinstance(duration, int) and not 1 <= duration <= 24:
            yield Fault(
                place=window.at("duration"),
                message=f"{window.label} is open for {duration} hours; it can be 1 to 24",
                mend="Give a duration of 1 to 24 hours.",
            )
        if isinstance(duration, int) and isinstance(cutoff, int) and cutoff >= duration:
            yield Fault(
                place=window.at("cutoff"),
                message=f"{window.label} starts nothing: cutoff {cutoff} isn't below duration {duration}",
            )


def _parameters(program: Program) -> Iterator[Fault]:
    for task, block in _commands(program):
        parameters = get(block, "parameters")
        if isinstance(parameters, Object) and not parameters.made:
            source = program.source(parameters.place.file)
            yield Fault(
                place=parameters.place,
                message=f"the parameters of {task.label} are a dict",
                edits=listed(source, parameters.place) if source is not None else (),
            )


def _schedules(program: Program) -> Iterator[Fault]:
    for kind, name in ((WINDOW, "schedule"), (ASSOCIATION, "scheduleExpression")):
        for resource in program.of(kind):
            expression, zone = resource.text(name), resource.text("scheduleTimezone")
            offset = constant(resource.get("scheduleOffset"))
            if expression is None:
                continue
            try:
                parse_ssm(
                    expression,
                    timezone=zone or "UTC",
                    offset_days=offset if isinstance(offset, int) else None,
                )
            except ScheduleError as error:
                yield Fault(
                    place=resource.at(name),
                    message=f"{expression!r} is no schedule: {error.field}: {error.problem}",
                    mend=f"{error.hint[:1].upper()}{error.hint[1:]}." if error.hint else "",
                )


def _targets(program: Program) -> Iterator[Fault]:
    for resource in program.of(TASK, TARGET):
        for block in items(resource.get("targets")):
            key = text(get(block, "key"))
            if key is not None and not _KEYS.fullmatch(key):
                yield Fault(
                    place=known_place(get(block, "key"), resource.at("targets")),
                    message=f"{resource.label} targets by {key!r}, which no machine can be found by",
                )
        for block in items(resource.get("targets")):
            for each in items(get(block, "values")):
                found = text(each) or str(getattr(referred(each), "type", ""))
                if found.startswith(("aws:ecs/", "arn:aws:ecs:")):
                    yield Fault(place=each.place, message="an ECS cluster or service runs no commands")
    for task in program.of(TASK):
        if task.text("taskType") == "RUN_COMMAND" and not task.given("targets") and not task.open:
            yield Fault(
                place=task.place,
                message=f"{task.label} runs a command and names no targets",
                mend='Name targets: `targets=[{"key": "WindowTargetIds", "values": [target.id]}]`.',
            )


def known_place(value: Value | None, otherwise: Place) -> Place:
    """Where a value is written."""
    found = known(value)
    return found.place if isinstance(found, Literal) and found.place.line else otherwise


RULES = (
    Rule(
        code="SW701",
        title="dummy document hash",
        severity="error",
        why="A hash that isn't the document's makes every command fail.",
        mend="Drop it, or give the SHA-256 of the document's content.",
        find=_hash,
    ),
    Rule(
        code="SW702",
        title="hash without a version",
        severity="warning",
        why="The next version of the document has another hash, and the task fails from then on.",
        mend="Name the version that the hash is of in `document_version`.",
        find=_version,
    ),
    Rule(
        code="SW703",
        title="targets that aren't registered",
        severity="error",
        why="A window takes instances that aren't registered with it only where it says so.",
        mend="Set `allow_unassociated_targets=True` on the window, or register a target and name it.",
        find=_loose_targets,
    ),
    Rule(
        code="SW704",
        title="delivery time-out taken for the script's",
        severity="warning",
        why="The script's limit is the document's parameter executionTimeout, an hour where it isn't given.",
        mend="Give `executionTimeout` among the parameters.",
        find=_timeout,
    ),
    Rule(
        code="SW705",
        title="instance in the program",
        severity="warning",
        why="The instance isn't there in another account, and may be gone tomorrow.",
        mend="Take the id from the configuration (`config.require(...)`), or target by tag.",
        find=_instances,
    ),
    Rule(
        code="SW706",
        title="window that starts nothing",
        severity="error",
        why="No task starts in a window's last hours, `cutoff` of them.",
        mend="Let cutoff be less than duration.",
        find=_cutoff,
    ),
    Rule(
        code="SW707",
        title="parameters as a dict",
        severity="error",
        why="Pulumi's AWS package wants a list, and stops at a dict.",
        mend='Write `[{"name": "commands", "values": ["..."]}]`.',
        find=_parameters,
    ),
    Rule(
        code="SW708",
        title="schedule that can't be read",
        severity="error",
        why="Systems Manager answers ValidationException.",
        mend="Write `cron(minutes hours day-of-month month day-of-week year)`, `rate(...)` or `at(...)`.",
        find=_schedules,
    ),
    Rule(
        code="SW709",
        title="target that runs no commands",
        severity="error",
        why="Commands run on managed machines, found by id, tag or resource group.",
        mend="Target machines by `InstanceIds`, `tag:NAME` or `WindowTargetIds`.",
        find=_targets,
    ),
)
