"""Parameters that documents declare, and whether given values fit.

Source: the Systems Manager user guide, "Data elements and parameters".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.services.ssm.documents.references import resolved
from stepwell.services.ssm.errors import InvalidDocumentContent, InvalidParameters
from stepwell.services.ssm.patterns import BadPattern, compiled, matches

TYPES = frozenset({"String", "StringList", "Boolean", "Integer", "MapList", "StringMap"})
MEMBERS = frozenset(
    {
        "type",
        "description",
        "default",
        "allowedValues",
        "allowedPattern",
        "displayType",
        "minItems",
        "maxItems",
        "minChars",
        "maxChars",
        "interpolationType",
    }
)
NAME = re.compile(r"[A-Za-z0-9_.-]+")
#: what a boolean may be given as
TRUTHS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Declaration:
    """One parameter of a document."""

    name: str
    #: `String`, `StringList`, `Boolean`, `Integer`, `MapList` or `StringMap`
    type: str
    description: str = ""
    #: of the type; None where a value must be given
    default: Any = None
    allowed: tuple[Any, ...] = ()
    #: a regular expression that strings must match
    pattern: str = ""
    #: items of a list; None for any number
    min_items: int | None = None
    max_items: int | None = None
    #: characters of a string; None for any number
    min_chars: int | None = None
    max_chars: int | None = None
    #: whether scripts get it as the environment variable SSM_<name> and not by substitution
    by_variable: bool = False


def declared(found: Any) -> dict[str, Declaration]:
    """A document's `parameters`. Raises InvalidDocumentContent."""
    if not isinstance(found, dict):
        raise InvalidDocumentContent("parameters must be an object.")
    return {name: _declaration(name, each) for name, each in found.items()}


def _declaration(name: str, found: Any) -> Declaration:
    if not isinstance(found, dict) or str(found.get("type")) not in TYPES:
        raise InvalidDocumentContent(f"The parameter {name} must have a type: {', '.join(sorted(TYPES))}.")
    for member in found:
        if member not in MEMBERS:
            raise InvalidDocumentContent(f"The parameter {name} has the unknown member {member!r}.")
    if not NAME.fullmatch(name):
        raise InvalidDocumentContent(f"{name!r} is no name of a parameter.")
    if not isinstance(found.get("allowedValues", []), list):
        raise InvalidDocumentContent(f"The allowedValues of {name} must be a list.")
    pattern = found.get("allowedPattern") or ""
    if not isinstance(pattern, str):
        raise InvalidDocumentContent(f"The allowedPattern of {name} must be a string.")
    try:
        compiled(pattern)
    except BadPattern as error:
        raise InvalidDocumentContent(f"The allowedPattern of {name} cannot be used: {error}") from error
    kind = found.get("interpolationType", "SCHEMA_VERSION_DEFAULT")
    if kind not in ("ENV_VAR", "SCHEMA_VERSION_DEFAULT") or (kind == "ENV_VAR" and found["type"] != "String"):
        raise InvalidDocumentContent(f"The interpolationType of {name} can be ENV_VAR, for a String.")
    declaration = Declaration(
        name=name,
        type=found["type"],
        description=str(found.get("description") or ""),
        default=found.get("default"),
        allowed=tuple(found.get("allowedValues") or ()),
        pattern=pattern,
        **{
            attribute: _count(name, member, found.get(member))
            for attribute, member in (
                ("min_items", "minItems"),
                ("max_items", "maxItems"),
                ("min_chars", "minChars"),
                ("max_chars", "maxChars"),
            )
        },
        by_variable=kind == "ENV_VAR",
    )
    if declaration.default is not None and not _of_type(declaration, declaration.default):
        raise InvalidDocumentContent(f"The default of {name} is no {declaration.type}.")
    return declaration


def _count(name: str, member: str, value: Any) -> int | None:
    try:
        return None if value is None else int(value)
    except (TypeError, ValueError) as error:
        raise InvalidDocumentContent(f"The {member} of {name} must be a whole number.") from error


def _of_type(declaration: Declaration, value: Any) -> bool:
    kinds: dict[str, type | tuple[type, ...]] = {
        "String": (str, int, float),
        "StringList": list,
        "Boolean": (bool, str),
        "Integer": (int, str),
        "MapList": list,
        "StringMap": dict,
    }
    return isinstance(value, kinds[declaration.type])


def checked(
    declarations: Mapping[str, Declaration], given: Mapping[str, list[str]], references: Mapping[str, str]
) -> dict[str, Any]:
    """The value of every parameter: what a caller gave, as lists of strings, else the default.

    references: the values of `{{ ssm:NAME }}` by NAME, for values that are one. Raises InvalidParameters.
    """
    unknown = sorted(set(given) - set(declarations))
    if unknown:
        raise InvalidParameters(f"The document has no parameter {', '.join(unknown)}.")
    values: dict[str, Any] = {}
    for name, declaration in declarations.items():
        if name in given:
            values[name] = _given(declaration, [resolved(text, references) for text in given[name]])
        elif declaration.default is not None:
            values[name] = _default(declaration, references)
        else:
            raise InvalidParameters(f"The parameter {name} is required and was not given.")
        _check(declaration, values[name])
    return values


def _default(declaration: Declaration, references: Mapping[str, str]) -> Any:
    value = declaration.default
    if declaration.type == "StringList":
        return [resolved(str(item), references) for item in value]
    if isinstance(value, str) or declaration.type in ("String", "Boolean", "Integer"):
        text = str(value).lower() if isinstance(value, bool) else str(value)
        return _given(declaration, [resolved(text, references)])
    return value


def _given(declaration: Declaration, texts: list[str]) -> Any:
    """A value as SendCommand spells it, read by its type. Raises InvalidParameters."""
    name, kind = declaration.name, declaration.type
    if kind == "StringList":
        return list(texts)
    if len(texts) != 1 and kind != "MapList":
        raise InvalidParameters(f"The parameter {name} is a {kind}: it takes one value, not {len(texts)}.")
    try:
        if kind == "Boolean":
            return TRUTHS[texts[0].strip().lower()]
        if kind == "Integer":
            return int(texts[0])
        if kind == "StringMap":
            return _instance(json.loads(texts[0]), dict)
        if kind == "MapList":
            return [_instance(json.loads(text), dict) for text in texts]
    except (ValueError, KeyError, RecursionError) as error:
        raise InvalidParameters(f"The parameter {name} is no {kind}: {texts[0]!r}.") from error
    return texts[0]


def _instance(value: Any, kind: type) -> Any:
    if not isinstance(value, kind):
        raise ValueError(value)
    return value


def _check(declaration: Declaration, value: Any) -> None:
    """Raise InvalidParameters unless the value is one that the declaration allows."""
    name = declaration.name
    items = value if isinstance(value, list) else [value]
    for item in items:
        if declaration.allowed and item not in declaration.allowed and str(item) not in declaration.allowed:
            raise InvalidParameters(f"The parameter {name} must be one of {list(declaration.allowed)}.")
        if not isinstance(item, str):
            continue
        if declaration.pattern and not matches(declaration.pattern, item):
            raise InvalidParameters(f"The parameter {name} must match {declaration.pattern}.")
        _within(name, len(item), declaration.min_chars, declaration.max_chars, "characters")
    if isinstance(value, list):
        _within(name, len(value), declaration.min_items, declaration.max_items, "items")


def _within(name: str, count: int, least: int | None, most: int | None, what: str) -> None:
    if least is not None and count < least:
        raise InvalidParameters(f"The parameter {name} must have at least {least} {what}.")
    if most is not None and count > most:
        raise InvalidParameters(f"The parameter {name} must have at most {most} {what}.")
