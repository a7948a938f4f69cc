"""Retraining that judges: a workflow declared by its parts, and a gate that can be trusted.

Nothing is imported before it is asked for: what is shipped to jobs and functions must not need Pulumi.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwell.retrain.columns import Column, Columns
    from stepwell.retrain.conditions import When
    from stepwell.retrain.declaration import DeclarationError
    from stepwell.retrain.gate.settings import Baseline, Slice
    from stepwell.retrain.monitoring import Monitor
    from stepwell.retrain.parts import Approval, Deploy, Gate, Prepare, Train
    from stepwell.retrain.triggers import Schedule, Upload, Window
    from stepwell.retrain.workflow import RetrainingWorkflow

#: the module of each public name
_MODULES = {
    "Approval": "parts",
    "Baseline": "gate.settings",
    "Column": "columns",
    "Columns": "columns",
    "DeclarationError": "declaration",
    "Deploy": "parts",
    "Gate": "parts",
    "Monitor": "monitoring",
    "Prepare": "parts",
    "RetrainingWorkflow": "workflow",
    "Schedule": "triggers",
    "Slice": "gate.settings",
    "Train": "parts",
    "Upload": "triggers",
    "When": "conditions",
    "Window": "triggers",
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
