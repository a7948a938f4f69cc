"""Tests of one's own workflows: a server in this process, a clock that stands still, tasks that are mocked.

    def test_a_bad_batch_is_kept_out(stepwell):
        machine = stepwell.up("program/")["machine"]
        stepwell.mock(machine, "Evaluate", returns={"accuracy": 0.4})
        execution = stepwell.start(machine, {"batch": "monday"}).wait()
        assert execution.states == ["Prepare", "Train", "Evaluate", "KeepChampion"]

`stepwell` is a pytest fixture that comes with the package; elsewhere `with Stepwell() as stepwell:` is the
same. Nothing is imported before it is used: pytest loads this package in every run.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stepwell.testing.answers import Answer, raises, returns
    from stepwell.testing.errors import StillBusy, StillRunning, TestingError, UpFailed
    from stepwell.testing.executions import Execution
    from stepwell.testing.mock_config import MockConfigInvalid
    from stepwell.testing.mocks import Mock
    from stepwell.testing.stepwell import Stepwell

#: every public name and the module that holds it
_MODULES = {
    "Answer": "answers",
    "Execution": "executions",
    "Mock": "mocks",
    "MockConfigInvalid": "mock_config",
    "Stepwell": "stepwell",
    "StillBusy": "errors",
    "StillRunning": "errors",
    "TestingError": "errors",
    "UpFailed": "errors",
    "raises": "answers",
    "returns": "answers",
}
__all__ = [
    "Answer",
    "Execution",
    "Mock",
    "MockConfigInvalid",
    "Stepwell",
    "StillBusy",
    "StillRunning",
    "TestingError",
    "UpFailed",
    "raises",
    "returns",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
