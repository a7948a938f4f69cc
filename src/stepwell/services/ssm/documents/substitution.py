"""`{{ name }}` in documents: values take the place of parameters, as text.

It is substitution, not quoting: a value may hold shell syntax. `allowedValues`, `allowedPattern` and
`interpolationType: ENV_VAR` are what a document has against that.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from stepwell.services.ssm.documents.content import TIMEOUT, Content, Step
from stepwell.services.ssm.documents.references import LONGEST as LONGEST_TEXT
from stepwell.services.ssm.documents.references import replaced, resolved, too_long
from stepwell.workers.commands import Script

#: a parameter's place
NAME = re.compile(r"\{\{\s*([A-Za-z0-9_.-]+)\s*\}\}")
#: seconds that a script may run; what lies outside means the default (the agent's rule)
SHORTEST, LONGEST = 5, 172_800
#: what `platformType` is on this machine
PLATFORM = "Linux"


def texts_of(content: Content) -> list[str]:
    """All texts of a document in which references may stand."""
    found: list[str] = []
    for declaration in content.parameters.values():
        default = declaration.default
        found += [str(item) for item in (default if isinstance(default, list) else [default])]
    for step in content.steps:
        found += [step.commands] if isinstance(step.commands, str) else step.commands
        found += [step.directory, step.timeout]
    return found


def scripts(content: Content, values: Mapping[str, Any], stored: Mapping[str, str]) -> list[Script]:
    """The document's steps with `values` (of its parameters) and `stored` (Parameter Store's) in place.

    Raises InvalidParameters.
    """
    kept = {name for name, each in content.parameters.items() if each.by_variable}
    placed = {name: value for name, value in values.items() if name not in kept}
    return [_script(step, placed, stored) for step in content.steps]


def variables(content: Content, values: Mapping[str, Any]) -> dict[str, str]:
    """The environment variables by which scripts get the parameters that are not substituted."""
    return {f"SSM_{name}": str(values[name]) for name, each in content.parameters.items() if each.by_variable}


def _script(step: Step, values: Mapping[str, Any], stored: Mapping[str, str]) -> Script:
    lines: list[str] = []
    size = 0
    for line in [step.commands] if isinstance(step.commands, str) else step.commands:
        alone = NAME.fullmatch(line.strip())
        value = values.get(alone[1]) if alone else None
        added = [_text(item) for item in value] if isinstance(value, list) else [place(line, values, stored)]
        lines += added
        size += sum(len(each) for each in added)
        if size > LONGEST_TEXT:
            raise too_long()
    pairs = [
        [PLATFORM if side == "platformType" else place(side, values, stored) for side in pair]
        for pair in step.precondition
    ]
    return Script(
        name=step.name,
        text="\n".join(lines) + "\n",
        directory=place(step.directory, values, stored),
        timeout=_seconds(place(step.timeout, values, stored)),
        runs=all(left == right for left, right in pairs),
        on_failure=step.on_failure,
        exit_on_success=step.exit_on_success,
        final=step.final,
    )


def place(text: str, values: Mapping[str, Any], stored: Mapping[str, str]) -> str:
    """One text with all values in place; what names no parameter stays as it is. Raises InvalidParameters."""

    def value(found: re.Match[str]) -> str:
        return _text(values[found[1]]) if found[1] in values else found[0]

    return replaced(NAME, resolved(text, stored), value)


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False)


def _seconds(text: str) -> int:
    try:
        seconds = int(text)
    except ValueError:
        return TIMEOUT
    return seconds if SHORTEST <= seconds <= LONGEST else TIMEOUT
