"""Placeholders that their author meant to fill in."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from stepwell.check.json_values import document
from stepwell.check.program import Program
from stepwell.check.rules import Fault, Rule
from stepwell.check.values import Array, Literal, Value, get, items, known, text, walk

_WORDS = "REGION|ACCOUNT_ID|ACCOUNT_NUMBER|AWS_ACCOUNT_ID|FUNCTION_NAME|BUCKET_NAME|ROLE_NAME"
_THINGS = "account|bucket|role|function|region|hash|name|id|arn|key|image|model|definition|url|value|code"
#: what stands for something that a reader fills in
_FORMS = (
    re.compile(r"(?<![<P\w])<[a-z][\w -]*[\w]>", re.IGNORECASE),
    # a word in capitals within an ARN, an address or a path; alone it may be the name of a variable
    re.compile(rf"(?<=[:/.])({_WORDS})\b|\b({_WORDS})(?=[:/.])"),
    re.compile(r"\b(REPLACE|CHANGE|INSERT|FILL)[-_ ]?(ME|THIS|HERE|IN)\b", re.IGNORECASE),
    re.compile(r"\b[Yy]our[A-Z]\w*(Here|Name|Id|Arn|Hash|Bucket|Account|Region|Role|Function)\b"),
    re.compile(rf"\byour[-_](\w+[-_])?({_THINGS})\b(?![-_/]?\w*\.py)"),
    re.compile(rf"\b({_THINGS})-here\b"),
    re.compile(r"(?<![\w.])/?path/to/"),
    re.compile(r"\bplaceholder\b", re.IGNORECASE),
    re.compile(r"\b(xxxx+|XXXX+)\b"),
)
#: the account of AWS's documentation
_ACCOUNT = re.compile(r"(?<!\d)(123456789012|111122223333|444455556666)(?!\d)")
#: HTML and templates use angle brackets for what they mean
_MARKUP = re.compile(r"</\w|/>|<!|<(html|body|div|p|br|b|i|a|h\d|span|table|xml)\b", re.IGNORECASE)
#: EventBridge's own variables of input templates
_VARIABLES = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    "aws.events.event.json",
)
#: properties that people read and no machine does
_PROSE = ("description", "comment", "tags", "definition", "code")


def found_in(value: str) -> str | None:
    """The first placeholder in a text, or None."""
    if _MARKUP.search(value):
        return None
    for form in _FORMS:
        match = form.search(value)
        if match is not None:
            return match[0]
    return None


def _in_properties(program: Program) -> Iterator[Fault]:
    for resource in program.resources:
        for name, value in resource.properties.items():
            if name in _PROSE:
                continue
            named = _transformed(value) if name == "inputTransformer" else ()
            for path, part in walk(value):
                hashed = path[-1:] == ("document_hash",) or path[-1:] == ("documentHash",)
                prose = str(path[-1]).lower() in ("comment", "description", "sid") if path else False
                mark = found_in(text(part) or "") if isinstance(part, Literal) else None
                if mark is not None and mark not in named and not hashed and not prose:
                    yield Fault(
                        place=part.place if part.place.line else resource.at(name),
                        message=f"`{mark}` in {resource.label} is a placeholder",
                    )


def _transformed(value: Value | None) -> set[str]:
    """What EventBridge fills in itself: `<name>` for each of a transformer's paths, and its own variables."""
    inside = known(value)
    blocks = items(inside) if isinstance(inside, Array) else [inside]
    named = {name for each in blocks for name in getattr(get(each, "inputPaths"), "entries", {})}
    return {f"<{name}>" for name in (*named, *_VARIABLES)}


def _in_definitions(program: Program) -> Iterator[Fault]:
    for machine in program.of("aws:sfn/stateMachine:StateMachine"):
        for path, part in walk(document(machine.get("definition"))):
            told = text(part) if isinstance(part, Literal) else None
            if told is None or str(path[-1] if path else "") in ("Comment", "Result", "Cause", "Error"):
                continue
            mark = found_in(told)
            if mark is not None and not told.startswith(("$", "States.", "{%")):
                yield Fault(
                    place=part.place, message=f"`{mark}` in {machine.label}'s definition is a placeholder"
                )


def _unused(program: Program) -> Iterator[Fault]:
    for source in program.sources:
        used = {
            node.id
            for node in ast.walk(source.tree)
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
        }
        for node in source.tree.body:
            if not isinstance(node, ast.Assign) or len(node.targets) != 1:
                continue
            target, value = node.targets[0], node.value
            if not isinstance(target, ast.Name) or not isinstance(value, ast.Constant):
                continue
            mark = found_in(value.value) if isinstance(value.value, str) else None
            if mark is not None and target.id not in used:
                yield Fault(
                    place=source.place(value),
                    message=f"`{target.id}` holds the placeholder `{mark}`, and nothing uses it",
                    mend="Write what it stands for, and use it; or take the line away.",
                )


def _machines(program: Program) -> Iterator[Fault]:
    for machine in program.of("aws:sfn/stateMachine:StateMachine"):
        value = document(machine.get("definition"))
        states = get(value, "States")
        entries = getattr(states, "entries", {})
        kinds = {text(getattr(each, "entries", {}).get("Type")) for each in entries.values()}
        if entries and kinds <= {"Pass", "Succeed"}:
            only = " and ".join(sorted(map(str, kinds)))
            yield Fault(
                place=value.place if value is not None and value.place.line else machine.at("definition"),
                message=f"{machine.label} does nothing: all its states are {only}",
            )


def _accounts(program: Program) -> Iterator[Fault]:
    for resource in program.resources:
        for name, value in resource.properties.items():
            for _, part in walk(
                document(value) if name in ("definition", "policy", "assumeRolePolicy") else value
            ):
                match = _ACCOUNT.search(text(part) or "") if isinstance(part, Literal) else None
                if match is not None:
                    yield Fault(
                        place=part.place,
                        message=f"{match[0]} is the account of AWS's documentation",
                        mend="Ask for the account: `aws.get_caller_identity().account_id`.",
                    )


RULES = (
    Rule(
        code="SW601",
        title="placeholder",
        severity="error",
        why="What a reader was to fill in goes to AWS as it is.",
        mend="Write what it stands for, or take it from the configuration.",
        find=_in_properties,
    ),
    Rule(
        code="SW602",
        title="placeholder in a definition",
        severity="error",
        why="The state fails, or AWS refuses the definition.",
        mend="Name the resource: `function.arn` within `pulumi.Output.json_dumps(...)`.",
        find=_in_definitions,
    ),
    Rule(
        code="SW603",
        title="unused placeholder",
        severity="warning",
        why="A part of the program was never written.",
        mend="Write it, or take it away.",
        find=_unused,
    ),
    Rule(
        code="SW604",
        title="state machine that does nothing",
        severity="warning",
        why="It stands for a workflow that was never written.",
        mend="Write the workflow: states that do the work.",
        find=_machines,
    ),
    Rule(
        code="SW605",
        title="account of the documentation",
        severity="error",
        why="The resource isn't in that account.",
        mend="Ask for the account: `aws.get_caller_identity().account_id`.",
        find=_accounts,
    ),
)
