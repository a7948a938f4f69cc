"""`ParameterFilters`: which keys and options there are, and what they let through.

Source: botocore's documentation of ParameterStringFilter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from stepwell.durable import View
from stepwell.services.ssm import tags
from stepwell.services.ssm.errors import InvalidFilterKey, InvalidFilterOption, InvalidFilterValue
from stepwell.services.ssm.parameters.records import ParameterVersion

Filter = Mapping[str, Any]

#: keys, and the options that each takes; the first is the default
OPTIONS: Mapping[str, tuple[str, ...]] = {
    "Name": ("Equals", "BeginsWith", "Contains"),
    "Path": ("OneLevel", "Recursive"),
    "Label": ("Equals",),
    "tag": ("Equals", "BeginsWith"),
    "Type": ("Equals", "BeginsWith"),
    "KeyId": ("Equals", "BeginsWith"),
    "Tier": ("Equals", "BeginsWith"),
    "DataType": ("Equals", "BeginsWith"),
}
#: the keys of each operation
DESCRIBE = ("DataType", "KeyId", "Label", "Name", "Path", "Tier", "Type", "tag")
BY_PATH = ("Type", "KeyId", "Label")


def check(filters: Sequence[Filter], keys: Sequence[str]) -> None:
    """Raise InvalidFilterKey, InvalidFilterOption or InvalidFilterValue unless all can be applied."""
    seen = set()
    for each in filters:
        key, noun = each["Key"], _noun(each)
        if noun not in keys:
            raise InvalidFilterKey(
                f"The following filter key is not valid: {key}. Valid filter keys include: "
                f"[{', '.join(sorted(keys))}]."
            )
        if key in seen:
            raise InvalidFilterKey(f"The following filter is duplicated in the request: {key}.")
        seen.add(key)
        option = each.get("Option")
        if option is not None and option not in OPTIONS[noun]:
            raise InvalidFilterOption(
                f"The following filter option is not valid: {option}. Valid options include: "
                f"[{', '.join(OPTIONS[noun])}]."
            )
        if not each.get("Values") and noun != "tag":
            raise InvalidFilterValue(f"The following filter values are missing : null for filter key {key}.")


def passes(version: ParameterVersion, filters: Sequence[Filter], view: View) -> bool:
    """Whether a parameter's version satisfies every filter."""
    return all(_passes(version, each, view) for each in filters)


def within(name: str, path: str, recursive: bool) -> bool:
    """Whether a parameter lies in a hierarchy: directly, or at any depth."""
    if path == "/":
        # The root's own level holds the names without a hierarchy as well.
        return recursive or "/" not in name.removeprefix("/")
    beginning = path.rstrip("/") + "/"
    return name.startswith(beginning) and (recursive or "/" not in name[len(beginning) :])


def _noun(each: Filter) -> str:
    return "tag" if each["Key"].startswith("tag:") else str(each["Key"])


def _passes(version: ParameterVersion, each: Filter, view: View) -> bool:
    noun, wanted = _noun(each), each.get("Values") or ()
    option = each.get("Option") or OPTIONS[noun][0]
    if noun == "Path":
        return any(within(version.name, path, option == "Recursive") for path in wanted)
    if noun == "tag":
        value = tags.of(view, "Parameter", version.name).get(each["Key"].removeprefix("tag:"))
        found = [] if value is None else [value]
        if not wanted:
            return bool(found)
    else:
        found = _found(version, noun)
        if noun == "Name":
            found = [name for text in found for name in {text, text.removeprefix("/")}]
    return any(_compare(option, text, value) for text in found for value in wanted)


def _found(version: ParameterVersion, noun: str) -> list[str]:
    values: Mapping[str, Sequence[str | None]] = {
        "Name": (version.name,),
        "Label": version.labels,
        "Type": (version.type,),
        "KeyId": (version.key_id,),
        "Tier": (version.tier,),
        "DataType": (version.data_type,),
    }
    return [value for value in values[noun] if value is not None]


def _compare(option: str, text: str, value: str) -> bool:
    if option == "BeginsWith":
        return text.startswith(value)
    return value in text if option == "Contains" else text == value
