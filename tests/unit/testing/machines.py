"""Definitions for tests of `stepwell.testing`."""

from __future__ import annotations

from typing import Any

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:"
TRAINING = "arn:aws:states:::sagemaker:createTrainingJob.sync"


def task(resource: str, **fields: Any) -> dict[str, Any]:
    """A Task state that ends its machine, unless `fields` say what is next."""
    return {"Type": "Task", "Resource": resource, **({} if "Next" in fields else {"End": True}), **fields}


def machine(*states: tuple[str, dict[str, Any]], **fields: Any) -> dict[str, Any]:
    """A definition that starts at its first state."""
    return {"StartAt": states[0][0], "States": dict(states), **fields}


def work(**fields: Any) -> dict[str, Any]:
    """A machine of one task, `Work`, that calls a function."""
    return machine(("Work", task(f"{FUNCTION}work", **fields)))
