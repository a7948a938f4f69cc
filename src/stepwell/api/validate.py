"""Checks a call's parameters against botocore's model, in AWS's words.

AWS reports all faults at once: `2 validation errors detected: Value ...; Value ...`
(recorded for Step Functions and Systems Manager; other JSON services use the same sentence).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from botocore.model import ListShape, MapShape, Shape, StringShape, StructureShape

from stepwell.errors import ValidationException

#: shapes whose values S3 and SQS check themselves: in any case, or with an error of their own
_OWN_CHECKS = frozenset(
    {"BucketLocationConstraint", "FilterRuleName", "MessageSystemAttributeName", "QueueAttributeName"}
)

#: values in the order in which AWS lists them, where that is not the model's: recorded
_LISTED = {"ExecutionStatus": ("SUCCEEDED", "TIMED_OUT", "PENDING_REDRIVE", "ABORTED", "FAILED", "RUNNING")}
#: characters of a value that a message shows
LONGEST = 1024


def validate(shape: Shape | None, params: Mapping[str, Any], code: str | None = None) -> None:
    """Raise ValidationException (spelled `code` where a service has a word of its own) with every fault."""
    if shape is None:
        return
    faults: list[str] = []
    _check(shape, params, "", faults)
    if faults:
        count = "1 validation error" if len(faults) == 1 else f"{len(faults)} validation errors"
        raise ValidationException(f"{count} detected: " + "; ".join(faults), code=code)


def _check(shape: Shape, value: Any, path: str, faults: list[str]) -> None:
    if isinstance(shape, StructureShape):
        if not isinstance(value, Mapping):
            faults.append(_fault(value, path, "Member must be a structure"))
            return
        for name in shape.required_members:
            if value.get(name) is None:
                faults.append(_fault(None, _join(path, name), "Member must not be null"))
        for name, member in value.items():
            if name in shape.members and member is not None:
                _check(shape.members[name], member, _join(path, name), faults)
    elif isinstance(shape, ListShape):
        if not isinstance(value, list | tuple):
            faults.append(_fault(value, path, "Member must be a list"))
            return
        _length(shape, len(value), value, path, faults)
        for index, item in enumerate(value, 1):
            _check(shape.member, item, f"{path}.{index}.member", faults)
    elif isinstance(shape, MapShape):
        if not isinstance(value, Mapping):
            faults.append(_fault(value, path, "Member must be a map"))
            return
        _length(shape, len(value), value, path, faults)
        for key, item in value.items():
            _check(shape.key, key, path, faults)
            _check(shape.value, item, f"{path}.{key}.member", faults)
    elif isinstance(shape, StringShape):
        _string(shape, value, path, faults)
    elif shape.type_name in ("integer", "long", "float", "double"):
        _number(shape, value, path, faults)
    elif shape.type_name == "boolean" and not isinstance(value, bool):
        faults.append(_fault(value, path, "Member must be a boolean"))
    elif shape.type_name == "blob" and isinstance(value, bytes):
        _length(shape, len(value), value, path, faults)


def _string(shape: StringShape, value: Any, path: str, faults: list[str]) -> None:
    if not isinstance(value, str):
        faults.append(_fault(value, path, "Member must be a string"))
        return
    if not value.isascii():
        writable = value.encode("utf-8", "replace").decode()
        if writable != value:
            # half a surrogate pair: no store could write it
            faults.append(_fault(writable, path, "Member must be text that UTF-8 can write"))
            return
    _length(shape, len(value), value, path, faults)
    if shape.enum and value not in shape.enum and shape.name not in _OWN_CHECKS:
        allowed = ", ".join(_LISTED.get(shape.name, shape.enum))
        faults.append(_fault(value, path, f"Member must satisfy enum value set: [{allowed}]"))
    pattern = shape.metadata.get("pattern")
    if pattern:
        compiled = _pattern(pattern)
        if compiled is not None and compiled.fullmatch(value) is None:
            faults.append(_fault(value, path, f"Member must satisfy regular expression pattern: {pattern}"))


def _number(shape: Shape, value: Any, path: str, faults: list[str]) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        faults.append(_fault(value, path, "Member must be a number"))
        return
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and value < low:
        faults.append(_fault(value, path, f"Member must have value greater than or equal to {low}"))
    if high is not None and value > high:
        faults.append(_fault(value, path, f"Member must have value less than or equal to {high}"))


def _length(shape: Shape, length: int, value: Any, path: str, faults: list[str]) -> None:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and length < low:
        constraint = f"Member must have length greater than or equal to {low}"
        faults.append(_fault(_printed(shape, value), path, constraint))
    if high is not None and length > high:
        constraint = f"Member must have length less than or equal to {high}"
        faults.append(_fault(_printed(shape, value), path, constraint))


def _printed(shape: Shape, value: Any) -> Any:
    """A list and its structures as AWS prints them: `[Tag(key=a, value=b)]`."""
    if isinstance(shape, ListShape) and isinstance(value, list | tuple):
        return f"[{', '.join(str(_printed(shape.member, item)) for item in value)}]"
    if isinstance(shape, StructureShape) and isinstance(value, Mapping):
        members = (
            f"{name}={_printed(shape.members[name], item)}"
            for name, item in value.items()
            if name in shape.members
        )
        return f"{shape.name}({', '.join(members)})"
    return value


@lru_cache(maxsize=2048)
def _pattern(text: str) -> re.Pattern[str] | None:
    try:
        return re.compile(text.replace("\\p{L}", "\\w").replace("\\p{Z}", "\\s").replace("\\p{N}", "\\d"))
    except re.error:
        return None


def _fault(value: Any, path: str, constraint: str) -> str:
    if value is None:
        shown = "null"
    else:
        text = str(value)
        shown = f"'{text if len(text) <= LONGEST else text[:LONGEST] + '...'}'"
    return f"Value {shown} at '{path}' failed to satisfy constraint: {constraint}"


def _join(path: str, name: str) -> str:
    member = name[:1].lower() + name[1:]
    return f"{path}.{member}" if path else member
