"""A document's text, read: what it declares and which steps it runs.

Schema 2.2, and 1.2 in the shape that AWS-RunShellScript has. What this machine cannot run (other plugins,
Automation documents) is refused when the document is created, by name.
Source: the Systems Manager user guide, "Data elements and parameters", "Command document plugin reference".
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from stepwell.services.ssm.documents.declarations import Declaration, declared
from stepwell.services.ssm.errors import (
    InvalidDocumentContent,
    InvalidDocumentSchemaVersion,
    MaxDocumentSizeExceeded,
)

#: bytes of a document's text
LONGEST = 64 << 10
#: the one plugin that this machine runs
PLUGIN = "aws:runShellScript"
#: what a plugin's inputs may hold
INPUTS = frozenset(
    {"runCommand", "workingDirectory", "timeoutSeconds", "onFailure", "onSuccess", "finallyStep"}
)
STEP = frozenset(
    {"action", "name", "precondition", "inputs", "isEnd", "description", "onFailure", "onSuccess"}
)
TOP = frozenset(
    {"schemaVersion", "description", "parameters", "mainSteps", "assumeRole", "variables", "files"}
)
ON_FAILURE = frozenset({"exit", "successAndExit"})
#: seconds that a script may run where its document does not say
TIMEOUT = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One step of a document, unrendered."""

    #: unique in its document
    name: str
    #: lines of the script, or one text that a StringList takes the place of
    commands: list[Any] | str
    #: where it starts; empty for a folder of its own
    directory: str = ""
    #: seconds, as text: parameters may stand in it
    timeout: str = str(TIMEOUT)
    #: what must be equal, in pairs; a step for which they are not is skipped
    precondition: tuple[tuple[str, str], ...] = ()
    #: what follows its failure: ``, `exit`, `successAndExit`
    on_failure: str = ""
    #: whether its success ends the document
    exit_on_success: bool = False
    #: whether it runs even when an earlier step ended the document
    final: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Content:
    """A document, read."""

    #: `2.2` or `1.2`
    schema: str
    description: str = ""
    parameters: Mapping[str, Declaration] = field(default_factory=dict)
    steps: tuple[Step, ...]


def read(text: str, format: str) -> Content:
    """The document of `text`, which is `JSON` or `YAML`.

    Raises MaxDocumentSizeExceeded, InvalidDocumentContent, InvalidDocumentSchemaVersion.
    """
    if len(text.encode()) > LONGEST:
        raise MaxDocumentSizeExceeded("The size limit of a document is 64 KB.")
    found = parsed(text, format)
    if not isinstance(found, dict):
        raise InvalidDocumentContent("The document must be an object.")
    schema = str(found.get("schemaVersion", ""))
    if schema == "0.3":
        raise InvalidDocumentSchemaVersion("Stepwell does not support Automation documents (schema 0.3).")
    parameters = declared(found.get("parameters") or {})
    description = str(found.get("description") or "")
    if schema == "1.2":
        steps = _old_steps(found)
    elif schema == "2.2":
        _refuse_unknown(found, TOP, "the document")
        steps = _steps(found)
    else:
        raise InvalidDocumentSchemaVersion(
            f"The document schema version {schema!r} isn't supported: Stepwell runs schema 2.2."
        )
    return Content(schema=schema, description=description, parameters=parameters, steps=steps)


def parsed(text: str, format: str) -> Any:
    """The text's value: what JSON can say, whatever it was written in. Raises InvalidDocumentContent."""
    try:
        if format == "JSON":
            found = json.loads(text)
        else:
            from stepwell.services.ssm.documents.yaml_text import load

            found = load(text)
        return json.loads(json.dumps(found, ensure_ascii=False, allow_nan=False).encode())
    except (TypeError, ValueError, RecursionError) as error:
        raise InvalidDocumentContent(f"The content is no {format}: {error}") from error


def _refuse_unknown(found: Mapping[str, Any], known: frozenset[str], where: str) -> None:
    for name in found:
        if name not in known:
            raise InvalidDocumentContent(f"{where} has the unknown member {name!r}.")
    for name in ("assumeRole", "variables", "files"):
        if name in found:
            raise InvalidDocumentContent(f"Stepwell does not support {name} in Command documents.")


def _steps(found: Mapping[str, Any]) -> tuple[Step, ...]:
    listed = found.get("mainSteps")
    if not isinstance(listed, list) or not listed:
        raise InvalidDocumentContent("The document must have mainSteps, a list of at least one step.")
    steps = tuple(_step(each, number) for number, each in enumerate(listed))
    names = [step.name for step in steps]
    for name in names:
        if names.count(name) > 1:
            raise InvalidDocumentContent(f"Two steps are named {name!r}.")
    for step in steps[:-1]:
        if step.final:
            raise InvalidDocumentContent(f"{step.name}: a finallyStep must be the last step.")
    return steps


def _step(found: Any, number: int) -> Step:
    if not isinstance(found, dict):
        raise InvalidDocumentContent(f"Step {number + 1} must be an object.")
    name = found.get("name")
    if not isinstance(name, str) or not name:
        raise InvalidDocumentContent(f"Step {number + 1} must have a name.")
    _refuse_unknown(found, STEP, f"the step {name}")
    action = found.get("action")
    if action != PLUGIN:
        raise InvalidDocumentContent(
            f"{name}: Stepwell does not support the plugin {action!r}, only {PLUGIN}."
        )
    inputs = found.get("inputs")
    if not isinstance(inputs, dict):
        raise InvalidDocumentContent(f"{name}: inputs must be an object.")
    _refuse_unknown(inputs, INPUTS, f"the step {name}")
    options = {**{key: found[key] for key in ("onFailure", "onSuccess", "isEnd") if key in found}, **inputs}
    on_failure = options.get("onFailure", "")
    if on_failure and str(on_failure) not in ON_FAILURE:
        raise InvalidDocumentContent(f"{name}: onFailure is exit or successAndExit, not {on_failure!r}.")
    on_success = options.get("onSuccess", "")
    if on_success not in ("", "exit"):
        raise InvalidDocumentContent(f"{name}: onSuccess is exit, not {on_success!r}.")
    return Step(
        **_script(name, inputs),
        precondition=_precondition(name, found.get("precondition")),
        on_failure=on_failure,
        exit_on_success=on_success == "exit" or _flag(name, "isEnd", options),
        final=_flag(name, "finallyStep", options),
    )


def _script(name: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
    """What `aws:runShellScript` takes, in either schema."""
    commands = inputs.get("runCommand")
    if not isinstance(commands, list | str) or not commands:
        raise InvalidDocumentContent(f"{name}: runCommand must be a list of lines.")
    if isinstance(commands, list) and not all(isinstance(line, str) for line in commands):
        raise InvalidDocumentContent(f"{name}: the lines of runCommand must be strings.")
    directory = inputs.get("workingDirectory") or ""
    if not isinstance(directory, str):
        raise InvalidDocumentContent(f"{name}: workingDirectory must be a string.")
    timeout = inputs.get("timeoutSeconds") or TIMEOUT
    if isinstance(timeout, bool) or not isinstance(timeout, int | str):
        raise InvalidDocumentContent(f"{name}: timeoutSeconds must be a number of seconds.")
    return {"name": name, "commands": commands, "directory": directory, "timeout": str(timeout)}


def _flag(name: str, key: str, options: Mapping[str, Any]) -> bool:
    value = options.get(key, False)
    if str(value).lower() not in ("true", "false"):
        raise InvalidDocumentContent(f"{name}: {key} is true or false, not {value!r}.")
    return str(value).lower() == "true"


def _precondition(name: str, found: Any) -> tuple[tuple[str, str], ...]:
    if found is None:
        return ()
    if not isinstance(found, dict) or not found or set(found) - {"StringEquals"}:
        raise InvalidDocumentContent(f"{name}: a precondition is {{StringEquals: [left, right]}}.")
    pair = found["StringEquals"]
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(each, str) for each in pair):
        raise InvalidDocumentContent(f"{name}: StringEquals compares two strings.")
    if not any(each == "platformType" or "{{" in each for each in pair):
        raise InvalidDocumentContent(f"{name}: a precondition compares platformType or a parameter.")
    return ((pair[0], pair[1]),)


def _old_steps(found: Mapping[str, Any]) -> tuple[Step, ...]:
    """Schema 1.2: one plugin with a list of properties."""
    plugins = found.get("runtimeConfig")
    if not isinstance(plugins, dict) or list(plugins) != [PLUGIN]:
        raise InvalidDocumentContent(f"Stepwell supports only the plugin {PLUGIN} in runtimeConfig.")
    plugin = plugins[PLUGIN]
    listed = plugin.get("properties") if isinstance(plugin, dict) else None
    if not isinstance(listed, list) or len(listed) != 1 or not isinstance(listed[0], dict):
        raise InvalidDocumentContent(f"{PLUGIN} must have one list of properties.")
    return (Step(**{**_script(PLUGIN, listed[0]), "name": PLUGIN}),)
