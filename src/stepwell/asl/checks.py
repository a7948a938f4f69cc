"""What spans several states: transitions, names, reachability.

The order of the diagnostics is AWS's: missing targets of all blocks, then the missing end of the
machine, then what cannot be reached.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from stepwell.asl.diagnostics import (
    DUPLICATE_STATE_NAME,
    INVALID_STATE_NAME,
    MISSING_END,
    MISSING_TARGET,
    Report,
)
from stepwell.asl.fields import JSONATA, is_integer
from stepwell.asl.limits import MAX_NAME
from stepwell.asl.model import BlockModel, MachineModel, StateModel
from stepwell.asl.source import Path
from stepwell.asl.template import SUFFIX


def check_machine(machine: MachineModel, report: Report) -> None:
    """Report what is wrong between the states of a machine, whatever is wrong inside them."""
    shape_failed = report.failed
    _check_names(machine, report)
    for state in machine.block.walk():
        _check_heartbeat(state, report)
    _check_scopes(machine.block, frozenset(), report)
    blocks = [machine.block, *(block for state in machine.block.walk() for block in state.blocks)]
    for block in blocks:
        _check_targets(block, report)
    ends = any(_is_terminal(state) for state in machine.block.states.values())
    # a state that is faulty itself may be the one that was meant to end the machine
    if not ends and not shape_failed:
        report.error_without_location("Workflow has no terminal state", MISSING_END)
    for block in blocks if ends or shape_failed else blocks[1:]:
        _check_reachable(block, report)


def _check_names(machine: MachineModel, report: Report) -> None:
    seen: set[str] = set()
    for state in machine.block.walk():
        if not state.name:
            report.error(state.path, "The name of a state must not be empty", INVALID_STATE_NAME)
        if len(state.name) > MAX_NAME:
            report.error(
                state.path, f"The name of a state must not exceed {MAX_NAME} characters", INVALID_STATE_NAME
            )
        if state.name in seen:
            report.error(
                state.path,
                f"The name '{state.name}' is used by another state of this state machine",
                DUPLICATE_STATE_NAME,
            )
        seen.add(state.name)


def _check_scopes(block: BlockModel, outer: frozenset[str], report: Report) -> None:
    """A block may read the variables around it, and assigns none of them."""
    own: set[str] = set()
    for state in block.states.values():
        for path, name in _assigned(state):
            if name in outer:
                report.error(path, f"The variable name '{name}' was already defined in a parent scope.")
            own.add(name)
    for state in block.states.values():
        for inner in state.blocks:
            _check_scopes(inner, outer | own, report)


def _assigned(state: StateModel) -> Iterator[tuple[Path, str]]:
    """The variables that a state sets, and which field says so."""
    parts: list[tuple[Path, Any]] = [(state.path, state.fields)]
    for field in ("Choices", "Catch"):
        entries = state.fields.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            parts.append(((*state.path, field, index), entry))
    for path, part in parts:
        values = part.get("Assign") if isinstance(part, dict) else None
        for key in values if isinstance(values, dict) else ():
            yield (*path, "Assign"), key if state.query_language == JSONATA else key.removesuffix(SUFFIX)


def _check_heartbeat(state: StateModel, report: Report) -> None:
    timeout, heartbeat = state.fields.get("TimeoutSeconds"), state.fields.get("HeartbeatSeconds")
    if is_integer(timeout) and is_integer(heartbeat) and heartbeat >= timeout:
        report.error(
            (*state.path, "HeartbeatSeconds"), "HeartbeatSeconds must be smaller than TimeoutSeconds"
        )


def targets(state: StateModel) -> Iterator[tuple[Path, str]]:
    """Where a state may go, and which field says so."""
    fields, path = state.fields, state.path
    for field in ("Next", "Default"):
        if isinstance(fields.get(field), str):
            yield (*path, field), fields[field]
    for field in ("Choices", "Catch"):
        entries = fields.get(field)
        for index, entry in enumerate(entries if isinstance(entries, list) else ()):
            if isinstance(entry, dict) and isinstance(entry.get("Next"), str):
                yield (*path, field, index, "Next"), entry["Next"]


def _is_terminal(state: StateModel) -> bool:
    return state.type in ("Succeed", "Fail") or state.fields.get("End") is True


def _check_targets(block: BlockModel, report: Report) -> None:
    if block.start_at is not None and block.start_at not in block.states:
        report.error((*block.path, "StartAt"), f"Missing 'Next' target: {block.start_at}", MISSING_TARGET)
    for state in block.states.values():
        for path, target in targets(state):
            if target not in block.states:
                report.error(path, f"Missing 'Next' target: {target}", MISSING_TARGET)


def _check_reachable(block: BlockModel, report: Report) -> None:
    if block.start_at is None:
        return
    reached: set[str] = set()
    waiting = [block.start_at]
    while waiting:
        name = waiting.pop()
        if name not in reached and name in block.states:
            reached.add(name)
            waiting.extend(target for _, target in targets(block.states[name]))
    for name, state in block.states.items():
        if name not in reached:
            report.error(state.path, f'State "{name}" is not reachable.', MISSING_TARGET)
