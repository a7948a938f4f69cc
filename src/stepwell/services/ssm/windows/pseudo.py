"""Pseudo-parameters: `{{ WINDOW_ID }}` and its like in what a task is given.

Source: the Systems Manager user guide, "Using pseudo parameters when registering maintenance window tasks".
Names that are not known stay as they are.
"""

from __future__ import annotations

import re
from typing import Any

from stepwell.services.ssm.windows.runs import Execution, Invocation, TaskExecution

_NAME = re.compile(r"\{\{\s*([A-Z_]+)\s*\}\}")


def values(execution: Execution, task: TaskExecution, invocation: Invocation) -> dict[str, str]:
    """The pseudo-parameters of an invocation. A command has no one target, so it has none of its own."""
    found = {
        "WINDOW_ID": execution.window,
        "WINDOW_TASK_ID": task.task,
        "WINDOW_EXECUTION_ID": execution.id,
        "TASK_EXECUTION_ID": task.id,
        "INVOCATION_ID": invocation.id,
    }
    if invocation.window_target is not None:
        found["WINDOW_TARGET_ID"] = invocation.window_target
    if invocation.instances:
        found["TARGET_TYPE"] = "INSTANCE"
        if task.type != "RUN_COMMAND":
            found["TARGET_ID"] = found["RESOURCE_ID"] = invocation.instances[0]
    return found


def filled(value: Any, known: dict[str, str]) -> Any:
    """`value` with the pseudo-parameters in all its texts replaced."""
    if isinstance(value, str):
        return _NAME.sub(lambda match: known.get(match[1], match[0]), value)
    if isinstance(value, list):
        return [filled(item, known) for item in value]
    if isinstance(value, dict):
        return {key: filled(item, known) for key, item in value.items()}
    return value
