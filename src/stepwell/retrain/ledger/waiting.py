"""Park and resume: a run that waits for a person gives its turn away, and takes it again for what follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import champion as champions
from . import claim
from .batches import Batch, owned, standing
from .champion import Champion
from .faults import TooManyAttempts
from .planning import attempt, trusted_now
from .statuses import QUARANTINED, WAITING
from .workflow import Workflow, name_of

#: what a person is asked → the batch's status until then
ASKED = {"release": QUARANTINED, "approve": WAITING}
#: how often a run is judged at most: a champion that changes so often is somebody's doing
MOST_ATTEMPTS = 10


def park(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """Let others have their turn while a person is asked. Raises BatchTaken, BatchWithdrawn."""
    execution, run, at = event["execution"], event["run"], event["at"]
    asks = run["asked"]["asks"]
    outcome = outcome_of(run)
    why = f"A person is asked to {asks}. {outcome['sentence'] if outcome else ''}".strip()

    def step(batch: Batch) -> Batch:
        mine = owned(batch, execution)
        if mine.status == ASKED[asks]:
            return mine
        package = run["package"]["ModelPackageArn"]
        return mine.moved(ASKED[asks], at=at, by=execution, why=why, outcome=outcome, package=package)

    workflow.batches.change(run["batch"], step)
    claim.free(workflow, execution, at)
    return dict(run)


def resume(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """The run has its turn again, and is judged again after a release, or if the champion is another.

    Raises Busy while it is another's turn, BatchTaken, TooManyAttempts, and BatchWithdrawn: also for a batch
    that the model was trained on.
    """
    execution, run = event["execution"], event["run"]
    claim.take(workflow, execution, event["at"])
    _sound(workflow, execution, run)
    champion = champions.find(workflow)
    if run["approval"]["action"] == "release" or champion != _judged(workflow, execution, run):
        return {**_again(workflow, execution, run, champion), "gate_again": True}
    return {**run, "gate_again": False}


def plan_again(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """The run is judged again, since the endpoint no longer serves what it was compared with.

    Raises ClaimLost, BatchTaken, BatchWithdrawn, TooManyAttempts.
    """
    execution, run = event["execution"], event["run"]
    claim.held(workflow, execution)
    _sound(workflow, execution, run)
    champion = champions.find(workflow)
    return _again(workflow, execution, run, champion)


def outcome_of(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """What the gate said, as records have it; None before it has said anything."""
    decision = run.get("summary", {}).get("value", {}).get("decision")
    if decision is None:
        return None
    return {
        "decision": decision["outcome"],
        "reason": decision["reason"],
        "sentence": decision["sentence"],
        "evidence": run["evidence"],
    }


def released_by(run: Mapping[str, Any]) -> dict[str, Any] | None:
    """Who decided, as evidence has it; None: nobody did."""
    approval = run.get("approval")
    if approval is None:
        return None
    return {name: str(approval[name]) for name in ("action", "by", "at", "reason")}


def _again(
    workflow: Workflow, execution: str, run: Mapping[str, Any], champion: Champion | None
) -> dict[str, Any]:
    number = run["attempt"] + 1
    if number > MOST_ATTEMPTS:
        raise TooManyAttempts(f"the champion was replaced {MOST_ATTEMPTS} times while the run was judged")
    decided = released_by(run)
    released = decided if decided is not None and decided["action"] == "release" else None
    return attempt(workflow, execution, run, number, champion, trusted_now(workflow), released)


def _sound(workflow: Workflow, execution: str, run: Mapping[str, Any]) -> None:
    """Make sure that nothing was withdrawn that the run is about. Raises BatchTaken, BatchWithdrawn."""
    owned(workflow.batches.get(run["batch"]), execution)
    planned = workflow.read(f"runs/{name_of(execution)}/plan.json")
    for each in planned["batches"]:
        standing(workflow.batches.get(each["name"]))


def _judged(workflow: Workflow, execution: str, run: Mapping[str, Any]) -> Champion | None:
    """The champion that the newest gate compared with."""
    found = workflow.read(f"runs/{name_of(execution)}/gate-{run['attempt']}.json")
    champion = found["sources"]["champion"]
    return None if champion is None else Champion(**champion)
