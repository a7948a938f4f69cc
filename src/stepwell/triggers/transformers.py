"""What a rule's target gets: the event, a part of it, a constant, or a template filled with its values.

Pure. Source: the EventBridge user guide, "Transforming Amazon EventBridge input". A variable outside
quotes becomes JSON; inside quotes the bare text, which nothing escapes: a template whose result is no JSON
fails when it is delivered, as on AWS.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.asl import json
from stepwell.asl.jsonpath import PathMissing, parse
from stepwell.asl.pathtext import PathError
from stepwell.errors import StepwellError

#: entries of an InputPathsMap
PATHS_LIMIT = 100
_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
#: what matters in a JSON template: an escaped character, a quote, a variable
_TOKEN = re.compile(r'\\.|"|<(?P<name>[A-Za-z0-9_.-]+)>', re.DOTALL)
_QUOTED_LINE = re.compile(r'\s*"((?:[^"\\]|\\.)*)"\s*')
_EVENT, _EVENT_JSON = "aws.events.event", "aws.events.event.json"
_RULE_ARN, _RULE_NAME = "aws.events.rule-arn", "aws.events.rule-name"
_INGESTION = "aws.events.event.ingestion-time"
_RESERVED = frozenset({_EVENT, _EVENT_JSON, _RULE_ARN, _RULE_NAME, _INGESTION})


class InvalidInput(StepwellError):
    """A target's input makes no sense, or gives no JSON for an event."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """What is transformed."""

    #: the whole envelope
    event: Mapping[str, Any]
    rule_arn: str
    rule_name: str
    #: when the event came in, as text
    ingested: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """How a target's input is made; at most one of the three is set, none gives the event itself."""

    #: JSON text that takes the event's place
    constant: str | None = None
    #: the path of the part that is passed on
    path: str | None = None
    template: str | None = None
    #: variable → path
    paths: Mapping[str, str] = field(default_factory=dict)

    def check(self, target: str) -> None:
        """Raise InvalidInput, in AWS's words, for an input that could never work for `target` (its Id)."""
        if sum(each is not None for each in (self.constant, self.path, self.template)) > 1:
            raise InvalidInput(
                f"Only one of Input, InputPath, or InputTransformer must be provided for target {target}."
            )
        if self.constant is not None and _parsed(self.constant) is _NO_JSON:
            raise InvalidInput(f"JSON syntax error in input for target {target}")
        for path in [*self.paths.values(), *([self.path] if self.path is not None else [])]:
            if not _is_path(path):
                raise InvalidInput(f"Invalid input path for target {target}: {path}")
        if len(self.paths) > PATHS_LIMIT:
            raise InvalidInput(f"InputPathsMap for target {target} has more than {PATHS_LIMIT} entries.")
        for name in self.paths:
            if name.lower().startswith("aws."):
                raise InvalidInput(
                    f"InputPathsMap for target {target} may not name {name}: AWS. is reserved."
                )
        self._check_template(target)

    def _check_template(self, target: str) -> None:
        if self.template is None:
            return
        for name in _VARIABLE.findall(self.template):
            if name not in self.paths and name not in _RESERVED:
                raise InvalidInput(f"InputTemplate for target {target} contains invalid placeholder {name}.")
        sample = _VARIABLE.sub("0", self.template)
        if _lines(self.template) is None and _parsed(sample) is _NO_JSON:
            raise InvalidInput(f"Invalid InputTemplate for target {target} : it is neither JSON nor a text.")

    def apply(self, source: Source) -> Any:
        """The target's input, as a JSON value. Raises InvalidInput where the template gives no JSON."""
        if self.constant is not None:
            return json.loads(self.constant)
        if self.path is not None:
            return _read(self.path, source.event, None)
        if self.template is None:
            return source.event
        values = {name: _read(path, source.event, "") for name, path in self.paths.items()}
        values |= _reserved(source)
        lines = _lines(self.template)
        if lines is not None:
            return _VARIABLE.sub(lambda found: _bare(values[found[1]]), "\n".join(lines))
        filled = _parsed(text := _filled(self.template, values))
        if filled is _NO_JSON:
            raise InvalidInput(f"the input transformer's result is no JSON: {text[:200]}")
        return filled


_NO_JSON = object()


def _parsed(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return _NO_JSON
    return _NO_JSON if json.has_lone_surrogates(value) else value


def _is_path(text: str) -> bool:
    try:
        return not parse(text).context
    except PathError:
        return False


def _read(path: str, event: Mapping[str, Any], missing: Any) -> Any:
    try:
        return parse(path).read(event)
    except PathMissing:
        return missing


def _reserved(source: Source) -> dict[str, Any]:
    # AWS spells one member of the envelope differently in this variable
    envelope = {
        "detailType" if name == "detail-type" else name: value
        for name, value in source.event.items()
        if name != "detail"
    }
    return {
        _RULE_ARN: source.rule_arn,
        _RULE_NAME: source.rule_name,
        _INGESTION: source.ingested,
        _EVENT: envelope,
        _EVENT_JSON: source.event,
    }


def _lines(template: str) -> list[str] | None:
    """The lines of a template of quoted texts, without their quotes; None where it is JSON."""
    if not template.lstrip().startswith('"'):
        return None
    found = [_QUOTED_LINE.fullmatch(line) for line in template.strip().splitlines()]
    if None in found:
        return None
    texts = [line[1] for line in found if line is not None]
    return [_unescaped(text) for text in texts]


def _unescaped(text: str) -> str:
    parsed = _parsed(f'"{text}"')
    return parsed if isinstance(parsed, str) else text


def _filled(template: str, values: Mapping[str, Any]) -> str:
    """JSON with its variables replaced, each by what its place asks for."""
    inside = False

    def replaced(found: re.Match[str]) -> str:
        nonlocal inside
        if found["name"] is not None:
            return _bare(values[found["name"]]) if inside else json.dumps(values[found["name"]])
        if found[0] == '"':
            inside = not inside
        return found[0]

    return _TOKEN.sub(replaced, template)


def _bare(value: Any) -> str:
    """A value between quotes: a text as it is, any other as JSON without its own quotes."""
    return value if isinstance(value, str) else json.dumps(value).replace('"', "")
