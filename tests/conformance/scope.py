"""What a recorded case needs that this server does not have: read from what the case does, never its name."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

#: services that the server has, as recordings name them
SERVED = frozenset(
    {
        *("activity", "events", "iam", "lambda", "logs", "s3", "sagemaker", "sfn", "sns", "sqs"),
        *("stepfunctions", "sts"),
    }
)

#: members of a state, and the feature that they belong to
MEMBERS = dict.fromkeys(("ItemReader", "ItemBatcher", "ResultWriter", "Label"), "distributed Map")
#: values of members, and their feature
VALUES = {("Mode", "DISTRIBUTED"): "distributed Map"}

#: operations, and their feature
OPERATIONS = {
    r".*map_runs?": "distributed Map",
    r"start_sync_execution": "Express",
    r"test_state": "TestState",
}
KINDS = {"test_state": "TestState", "sync_execution": "Express", "mocked_execution": "mocked services"}


def needs(case: Mapping[str, Any]) -> list[str]:
    """The features that a case needs and the server lacks, in alphabetical order."""
    return sorted(set(_needs(case)))


def _needs(case: Mapping[str, Any]) -> Iterator[str]:
    if case["kind"] in KINDS:
        yield KINDS[case["kind"]]
    runs = case["kind"] not in ("create_error", "validate")
    for resource in case["resources"] if runs else ():
        if resource not in SERVED and not resource.startswith("$"):
            yield f"the service {resource}"
    calls = [*case.get("setup", ()), *case.get("calls", ()), {"op": "", "args": case.get("args")}]
    calls.append({"op": "", "args": {name: case.get(name) for name in ("definition", "type")}})
    for call in calls:
        yield from (feature for name, feature in OPERATIONS.items() if re.fullmatch(name, call["op"]))
        if call["op"].startswith("$") and call["op"] not in _DONE_HERE:
            yield "what only its recorder can do"
        if call.get("who") == "secondary":
            yield "a second account"
        arguments = call.get("args") or {}
        if arguments.get("type") == "EXPRESS" and runs:
            yield "Express"
        if isinstance(arguments.get("definition"), str):
            yield from _features(arguments["definition"])
    if "interactive" in case["tags"]:
        yield "a second party during the execution"


#: steps of a recording that are no calls, and that the player does itself or may leave out
_DONE_HERE = frozenset({"$lambda", "$role", "$wait", "$waiter", "$sleep", "$skip"})


def _features(definition: str) -> Iterator[str]:
    try:
        root = json.loads(definition)
    except ValueError:
        return
    for name, value in _members(root):
        if name in MEMBERS:
            yield MEMBERS[name]
        if isinstance(value, str) and (name, value) in VALUES:
            yield VALUES[name, value]


def _members(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, item in value.items():
            yield name, item
            yield from _members(item)
    elif isinstance(value, list):
        for item in value:
            yield from _members(item)
