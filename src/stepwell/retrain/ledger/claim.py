"""The claim: whose turn it is. One run at a time prepares, trains, judges and deploys.

Two at once would each compare with a champion that the other replaces. The claim is one document, written
on conditions only. A run that was stopped, or that failed before it could give the claim back, is found out
by its execution's status; whoever comes next takes over.
"""

from __future__ import annotations

from botocore.exceptions import ClientError

from . import documents
from .faults import Busy, ClaimLost, Conflict
from .workflow import Workflow

KEY = "ledger/claim.json"


def take(workflow: Workflow, execution: str, at: str) -> None:
    """Make it this execution's turn; does nothing where it is already. Raises Busy."""
    for _ in range(documents.TRIES):
        there = documents.read(workflow.s3, workflow.bucket, KEY)
        holder = None if there is None else there.value["execution"]
        if holder == execution:
            return
        if holder is not None and is_running(workflow, holder):
            raise Busy(f"{holder} has its turn, which began at {there.value['since']}" if there else holder)
        claim = {"execution": execution, "since": at}
        try:
            if there is None:
                documents.create(workflow.s3, workflow.bucket, KEY, claim)
            else:
                documents.replace(workflow.s3, workflow.bucket, KEY, claim, there.etag)
        except Conflict:
            # either another was faster, or this is our own write whose answer was lost
            continue
        return
    raise Busy("others are asking for their turn, too many at once")


def held(workflow: Workflow, execution: str) -> None:
    """Make sure that it is this execution's turn. Raises ClaimLost."""
    there = documents.read(workflow.s3, workflow.bucket, KEY)
    if there is None or there.value["execution"] != execution:
        raise ClaimLost(f"it is not the turn of {execution}")


def free(workflow: Workflow, execution: str, at: str) -> None:
    """Let others have their turn; does nothing where it isn't this execution's."""
    for _ in range(documents.TRIES):
        there = documents.read(workflow.s3, workflow.bucket, KEY)
        if there is None or there.value["execution"] != execution:
            return
        try:
            documents.replace(workflow.s3, workflow.bucket, KEY, {"execution": None, "since": at}, there.etag)
        except Conflict:
            continue
        return
    raise Conflict(f"{KEY} was written by others {documents.TRIES} times")


def is_running(workflow: Workflow, execution: str) -> bool:
    """Whether an execution still runs; one that is gone (after 90 days, or with its machine) isn't."""
    try:
        found = workflow.states.describe_execution(executionArn=execution)
    except ClientError as error:
        if documents.code(error) in ("ExecutionDoesNotExist", "StateMachineDoesNotExist"):
            return False
        raise
    return bool(found["status"] == "RUNNING")
