"""Executions of state machines: fold the journal, decide the next step."""

from stepwell.engine.engine import Engine
from stepwell.engine.executions import Execution

__all__ = ["Engine", "Execution"]
