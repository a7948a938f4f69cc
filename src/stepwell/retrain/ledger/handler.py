"""What the state machine asks of the ledger: one function, a table of actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .beginning import begin
from .closing import close
from .faults import InputInvalid
from .planning import plan
from .waiting import park, plan_again, resume
from .workflow import Workflow

#: what `do` says → what is done; each may be asked twice by the same state of the same execution
ACTIONS: dict[str, Callable[[Workflow, Mapping[str, Any]], dict[str, Any]]] = {
    "begin": begin,
    "plan": plan,
    "park": park,
    "resume": resume,
    "plan_again": plan_again,
    "close": close,
}


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry. `event` has `do`, `execution` (ARN), `at` (ISO 8601), and `input` or `run`.

    Raises LedgerFault's classes, which the machine sees by their names.
    """
    return answer(Workflow.here(), event)


def answer(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """Do what the event asks for. Raises as `handler`."""
    action = ACTIONS.get(event.get("do", ""))
    if action is None:
        raise InputInvalid(f"do is one of {', '.join(ACTIONS)}, not {event.get('do')!r}")
    return action(workflow, event)
