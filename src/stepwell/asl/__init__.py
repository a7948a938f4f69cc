"""The Amazon States Language: text → source → model → checks → program.

Pure: nothing here does I/O, reads a clock or draws a random number of its own.
"""

from __future__ import annotations

from stepwell.asl.definition import compile, validate
from stepwell.asl.diagnostics import DefinitionInvalid, Diagnostic, create_message
from stepwell.asl.faults import StateError
from stepwell.asl.program import Block, Environment, Program, State, integrations

__all__ = [
    "Block",
    "DefinitionInvalid",
    "Diagnostic",
    "Environment",
    "Program",
    "State",
    "StateError",
    "compile",
    "create_message",
    "integrations",
    "validate",
]
