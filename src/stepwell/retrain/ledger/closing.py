"""Close: how a run ends, for its batch, for its evidence, and for whoever reads the execution's output."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from . import claim, documents
from .batches import Batch, next_order
from .faults import Conflict
from .statuses import (
    ACCEPTED,
    EXPIRED,
    FAILED,
    INVALID,
    OPEN,
    REJECTED,
    RETURNED,
    SET_ASIDE,
)
from .waiting import outcome_of, released_by
from .workflow import Workflow, name_of

#: how the run ended → what the batch becomes; KEPT, INVALID and FAILED are worked out
BECOMES = {
    "DEPLOYED": ACCEPTED,
    "REPLACED": ACCEPTED,
    "REGISTERED": ACCEPTED,
    "REJECTED": REJECTED,
    "EXPIRED": EXPIRED,
}
#: reasons to keep the champion that say nothing against the batch
SOUND = ("NOT_SHOWN", "RELEASED_BELOW_FLOOR")
#: reasons that more rows mend
TOO_SMALL = ("EMPTY_BATCH", "TOO_FEW_ROWS")
#: how the message of a failed Prepare begins → the run's error, and whether it is the batch's
PREPARE_FAULTS = {
    "BATCH_INVALID": ("BatchInvalid", True),
    "TOO_FEW_ROWS": ("TooFewRows", True),
    "SETTINGS_INVALID": ("SettingsInvalid", False),
    "FUNCTION_FAILED": ("FunctionFailed", False),
    "JOB_FAILED": ("JobFailed", False),
}
#: errors by which a run fails that are the batch's own
BATCH_ERRORS = ("BatchInvalid",)
#: characters that Step Functions takes of a cause
LONGEST_CAUSE = 32_768
#: characters that a record keeps of it
LONGEST_WHY = 1000


def close(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """Settle the batch, record who decided, give the turn away; the execution's output.

    event: `outcome` is one of DEPLOYED, REPLACED, REGISTERED, KEPT, REJECTED, EXPIRED, INVALID, FAILED. A
    batch that a person withdrew meanwhile stays so, and one that is another run's by now is left alone.
    """
    execution, run, outcome, at = event["execution"], event["run"], event["outcome"], event["at"]
    batch = workflow.batches.get(run["batch"])
    error, cause, blamed = _fault(run, outcome)
    said = outcome_of(run)
    status = _becomes(batch, outcome, said, error, blamed)
    why = cause if error else (said["sentence"] if said is not None else outcome.capitalize() + ".")
    released = released_by(run)
    if outcome == "EXPIRED":
        why = "Nobody decided in time."
    elif outcome == "REJECTED" and released is not None:
        why = released["reason"] or "Rejected."
    who = execution if released is None or outcome != "REJECTED" else released["by"] or execution
    package = run.get("package", {}).get("ModelPackageArn")
    if released is not None:
        _sign(workflow, run["evidence"], released)
    order = next_order(workflow.batches.all()) if status == ACCEPTED else None

    def step(now: Batch) -> Batch:
        if now.execution != execution or now.status not in OPEN:
            return now
        changes = {"outcome": said, "package": package, "order": order}
        return now.moved(status, at=at, by=who, why=why[:LONGEST_WHY], **changes)

    batch = workflow.batches.change(batch.name, step)
    claim.free(workflow, execution, at)
    output = {
        "outcome": outcome if outcome != "INVALID" or status in (INVALID, RETURNED) else "FAILED",
        "batch": batch.name,
        "status": batch.status if batch.execution == execution else status,
        "trigger": run["trigger"],
        "rows": batch.rows,
        "decision": None,
        "reason": None,
        "sentence": None,
        "evidence": None,
        **(said or {}),
        "plan": run.get("plan"),
        "package": package,
        "model": run.get("model"),
        "endpoint": workflow.settings.endpoint,
        "approval": released,
        "execution": name_of(execution),
    }
    return output if not error else {**output, "error": error, "cause": cause}


def _becomes(batch: Batch, outcome: str, said: Mapping[str, Any] | None, error: str, blamed: bool) -> str:
    if error:
        if not blamed:
            return FAILED
        return RETURNED if error == "TooFewRows" and batch.collected else INVALID
    if outcome != "KEPT":
        return BECOMES[outcome]
    reason = said["reason"] if said is not None else ""
    if reason in TOO_SMALL and batch.collected:
        return RETURNED
    return ACCEPTED if reason in SOUND else SET_ASIDE


def _fault(run: Mapping[str, Any], outcome: str) -> tuple[str, str, bool]:
    """The error and cause that a failed run ends with, and whether they are the batch's; else nothing."""
    if outcome not in ("INVALID", "FAILED"):
        return "", "", False
    fault = run.get("fault", {})
    error, cause = str(fault.get("Error") or "Failed"), str(fault.get("Cause") or "")[:LONGEST_CAUSE]
    if outcome == "FAILED":
        return error, _message(cause), error in BATCH_ERRORS
    last_words = _job(cause).get("ExitMessage")
    begins, _, rest = str(last_words or "").partition(": ")
    if begins in PREPARE_FAULTS:
        name, blamed = PREPARE_FAULTS[begins]
        return name, rest, blamed
    return error, str(last_words or _job(cause).get("FailureReason") or cause), False


def _message(cause: str) -> str:
    """What a person wants to read of a cause: of a function's error its message, of a job's its reason."""
    told = _job(cause)
    return str(told.get("errorMessage") or told.get("FailureReason") or cause)


def _job(cause: str) -> Mapping[str, Any]:
    """A cause as JSON, where it is an object."""
    try:
        found = json.loads(cause)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _sign(workflow: Workflow, uri: str, released: Mapping[str, Any]) -> None:
    """Say in the evidence who decided, unless it says so; evidence that isn't there has nothing to say."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    for _ in range(documents.TRIES):
        there = documents.read(workflow.s3, bucket, key)
        if there is None or there.value.get("released") is not None:
            return
        try:
            documents.replace(
                workflow.s3, bucket, key, {**there.value, "released": dict(released)}, there.etag
            )
        except Conflict:
            continue
        return
    raise Conflict(f"{uri} was written by others {documents.TRIES} times")
