"""Retraining that judges: a workflow declared by its parts, and a gate that can be trusted.

Nothing is imported before it is asked for: what is shipped to jobs and functions must not need Pulumi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwell.retrain.gate.settings import Baseline, Slice
    from stepwell.retrain.parts.columns import Column, Columns
    from stepwell.retrain.parts.conditions import When
    from stepwell.retrain.parts.declaration import DeclarationError
    from stepwell.retrain.parts.monitoring import Monitor
    from stepwell.retrain.parts.steps import Approval, Deploy, Gate, Prepare, Train
    from stepwell.retrain.parts.triggers import Schedule, Upload, Window
    from stepwell.retrain.workflow import RetrainingWorkflow

#: the module of each public name
_MODULES = {
    "Approval": "parts.steps",
    "Baseline": "gate.settings",
    "Column": "parts.columns",
    "Columns": "parts.columns",
    "DeclarationError": "parts.declaration",
    "Deploy": "parts.steps",
    "Gate": "parts.steps",
    "Monitor": "parts.monitoring",
    "Prepare": "parts.steps",
    "RetrainingWorkflow": "workflow",
    "Schedule": "parts.triggers",
    "Slice": "gate.settings",
    "Train": "parts.steps",
    "Upload": "parts.triggers",
    "When": "parts.conditions",
    "Window": "parts.triggers",
}

__all__ = [
    "Approval",
    "Baseline",
    "Column",
    "Columns",
    "DeclarationError",
    "Deploy",
    "Gate",
    "Monitor",
    "Prepare",
    "RetrainingWorkflow",
    "Schedule",
    "Slice",
    "Train",
    "Upload",
    "When",
    "Window",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
