"""What Pulumi's AWS package says of itself, read from its files: it is never imported.

Importing it takes seconds, and a program is to be checked also where it isn't installed: then nothing of
this is known, and the rules that need it are silent.
"""

from __future__ import annotations

import ast
import importlib.util
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

PACKAGE = "pulumi_aws"
_CLASS = re.compile(r"^class (\w+)\(", re.MULTILINE)
_DEFINED = re.compile(r"^    def (\w+)\(", re.MULTILINE)
_WORDS = re.compile(r"(?<=[a-z0-9])([A-Z])")
_OF_EVERY_RESOURCE = frozenset(
    {
        *("id", "urn", "get_provider", "pulumi_resource_name", "pulumi_resource_type"),
        *("translate_input_property", "translate_output_property"),
    }
)
_MEMBER = re.compile(r"^    (\w+) = (['\"].*['\"])$", re.MULTILINE)


@cache
def folder() -> Path | None:
    """Where the package lies."""
    try:
        found = importlib.util.find_spec(PACKAGE)
    except (ImportError, ValueError):
        return None
    places = list(found.submodule_search_locations or ()) if found is not None else []
    return Path(places[0]) if places else None


@cache
def enumerations(module: str) -> Mapping[str, Mapping[str, str]]:
    """The enumerations of a module, such as `iam`: their members and values."""
    where = folder()
    file = where / module / "_enums.py" if where is not None else None
    if file is None or not file.is_file():
        return {}
    pieces = _CLASS.split(file.read_text(encoding="utf-8"))
    return {
        name: {member: str(ast.literal_eval(value)) for member, value in _MEMBER.findall(body)}
        for name, body in zip(pieces[1::2], pieces[2::2], strict=True)
    }


@cache
def properties(kind: str) -> frozenset[str]:
    """What the objects of a resource's class have, by its type's token; empty where that isn't known."""
    _, path, name = kind.split(":")
    module, _, file = path.partition("/")
    spelled = _WORDS.sub(r"_\1", file).lower()
    where = folder()
    for package in (module, f"{module}_"):
        source = where / package / f"{spelled}.py" if where is not None else None
        if source is not None and source.is_file():
            body = source.read_text(encoding="utf-8").partition(f"\nclass {name}(")[2]
            found = frozenset(_DEFINED.findall(body))
            return found | _OF_EVERY_RESOURCE if found else found
    return frozenset()


def managed_policies() -> frozenset[str]:
    """The ARNs of the AWS managed policies that the package names; empty where it isn't installed."""
    return frozenset(enumerations("iam").get("ManagedPolicy", {}).values())


def token(name: str) -> str | None:
    """The type of the class `pulumi_aws.iam.Role`, `aws:iam/role:Role`; None for any other name."""
    parts = name.split(".")
    if len(parts) == 2 and parts[1] == "Provider":
        return "pulumi:providers:aws"
    if len(parts) != 3 or not parts[2][:1].isupper() or parts[2].endswith("Args"):
        return None
    return f"aws:{parts[1].strip('_')}/{parts[2][0].lower()}{parts[2][1:]}:{parts[2]}"
