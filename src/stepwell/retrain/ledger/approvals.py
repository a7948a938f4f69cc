"""People's decisions reach the runs that wait for them.

A decision is the approval status of the run's model package: set by `stepwell approve`, by boto3, in
Studio. So this function has two callers: a run that begins to wait, and EventBridge when a package changes.
Each does its part and then looks at the other's: the run leaves its token and looks whether the package is
decided already; a change looks for a token. Whichever comes second answers, and when both do at once, the
second answer meets a token that is used up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from . import documents
from .collecting import in_utc
from .documents import Document, code
from .faults import InputInvalid
from .workflow import Workflow

#: how Step Functions says that nobody waits any more: answered, timed out, stopped
GONE = ("TaskTimedOut", "InvalidToken", "TaskDoesNotExist")
#: approval status and what was asked → what the run does
ACTIONS = {
    ("Approved", "approve"): "approve",
    ("Approved", "release"): "release",
    ("Rejected", "approve"): "reject",
    ("Rejected", "release"): "reject",
}


def handler(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Lambda's entry: {"answered": the action, or null}."""
    return answer(Workflow.here(), event)


def answer(workflow: Workflow, event: Mapping[str, Any]) -> dict[str, Any]:
    """Leave a token, or look for one, and answer it if the package is decided.

    Raises InputInvalid, and ClientError where AWS refuses for a reason of its own.
    """
    if "token" in event:
        package = event["package"]
        waiting = {name: event[name] for name in ("token", "package", "execution", "asks")}
        workflow.write(_key(package), waiting)
    else:
        package = event.get("detail", {}).get("ModelPackageArn")
        if package is None:
            raise InputInvalid("the event has neither a token nor a model package")
    found = documents.read(workflow.s3, workflow.bucket, _key(package))
    return {"answered": None if found is None else _decided(workflow, package, found)}


def _decided(workflow: Workflow, package: str, waiting: Document) -> str | None:
    """Answer the token of a package that is decided; what was answered."""
    found = workflow.sagemaker.describe_model_package(ModelPackageName=package)
    # the event may be late: what counts is the package as it is
    action = ACTIONS.get((found["ModelApprovalStatus"], waiting.value["asks"]))
    if action is None:
        return None
    changed = found.get("LastModifiedTime") or found["CreationTime"]
    decision = {
        "action": action,
        "by": found.get("LastModifiedBy", {}).get("IamIdentity", {}).get("Arn") or "",
        "at": in_utc(changed),
        "reason": found.get("ApprovalDescription") or "",
    }
    try:
        workflow.states.send_task_success(taskToken=waiting.value["token"], output=documents.text(decision))
    except ClientError as error:
        if code(error) not in GONE:
            raise
        action = None
    _forget(workflow, package, waiting)
    return action


def _forget(workflow: Workflow, package: str, waiting: Document) -> None:
    """Delete a token that is used up, unless a newer one has taken its place."""
    try:
        workflow.s3.delete_object(Bucket=workflow.bucket, Key=_key(package), IfMatch=waiting.etag)
    except ClientError as error:
        if code(error) not in (*documents.CONFLICTS, *documents.ABSENT):
            raise


def _key(package: str) -> str:
    """Where the token lies of the run that waits for a package: of .../model-package/GROUP/VERSION."""
    group, _, version = package.partition(":model-package/")[2].partition("/")
    return f"approvals/{group}-{version}.json"
