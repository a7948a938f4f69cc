"""The function that the monitor's state machine asks: `begin`, `commit`, `told`.

Each answer is the round, as the next state's input; its `next` says which state that is: `measure` (a job is
to be run), `tell` (something crossed and isn't told), `begin` (again, what was left over is told), `end`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from typing import Any

import boto3

from ..ledger.faults import Conflict
from . import inputs, standing
from .champion import Nothing, batches
from .standing import Standing

#: conditional writes that are tried before the document is called contended
TRIES = 10
Round = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Monitor:
    """What a function's environment says, and the clients that it asks with."""

    #: the workflow's bucket, name and endpoint
    bucket: str
    workflow: str
    endpoint: str
    #: the folder that labels arrive in; empty: none do
    labels: str
    s3: Any
    sagemaker: Any


def handler(event: Mapping[str, Any], context: Any) -> Round:
    """Answer the state machine. Raises KeyError for an action that there isn't."""
    return ACTIONS[event["do"]](_monitor(), event)


@cache
def _monitor() -> Monitor:
    told = {name.lower(): os.environ[name] for name in ("BUCKET", "WORKFLOW", "ENDPOINT")}
    return Monitor(
        **told,
        labels=os.environ.get("LABELS", ""),
        s3=boto3.client("s3"),
        sagemaker=boto3.client("sagemaker"),
    )


def begin(monitor: Monitor, event: Mapping[str, Any]) -> Round:
    """What this execution is to do: tell what is left over, measure, or nothing."""
    stands, etag = standing.read(monitor.s3, monitor.bucket)
    if stands.untold is not None:
        return {"next": "tell", "untold": stands.untold, "left_over": True}
    execution, at = event["execution"], event["at"]
    folder = f"monitor/runs/{execution.rpartition(':')[2]}"
    try:
        given = _inputs(monitor, stands, folder, datetime.fromisoformat(at.replace("Z", "+00:00")))
    except Nothing as nothing:
        return {"next": "end", "result": {"outcome": nothing.outcome, "sentence": str(nothing)}}
    number = stands.number + 1
    return {
        "next": "measure",
        "number": number,
        "at": at,
        "etag": etag,
        "folder": f"s3://{monitor.bucket}/{folder}",
        "summary_key": f"{folder}/summary.json",
        "job": f"{monitor.workflow}-drift-{number}-{_digest(execution)}",
        "inputs": given,
    }


def _inputs(monitor: Monitor, stands: Standing, folder: str, at: datetime) -> list[dict[str, Any]]:
    s3, bucket = monitor.s3, monitor.bucket
    names = batches(monitor.sagemaker, s3, bucket, monitor.endpoint)
    captured = f"capture/{monitor.endpoint}/"
    capture = inputs.captures(s3, bucket, captured, stands.until)
    labels = inputs.labels(s3, bucket, monitor.labels, at) if monitor.labels else []
    if not inputs.are_new([*capture, *labels], stands.at):
        raise Nothing("NOTHING_NEW", "Nothing was captured since the last measure.")
    profiles = [f"batches/{name}/profile.json" for name in names]
    found = [
        inputs.processing_input("config", f"s3://{bucket}/code/monitor.json"),
        inputs.processing_input("code", f"s3://{bucket}/code/monitor/"),
    ]
    lists = [("profile", "batches/", profiles)]
    lists += [("capture", captured, [each.key for each in capture])] if capture else []
    lists += [("labels", monitor.labels, [each.key for each in labels])] if labels else []
    for name, below, keys in lists:
        uri = inputs.manifest(s3, bucket, f"{folder}/{name}.manifest", below, keys)
        found.append(inputs.processing_input(name, uri, "ManifestFile"))
    if stands.folder:
        found.append(inputs.processing_input("state", f"{stands.folder}/state.json"))
    return found


def commit(monitor: Monitor, event: Mapping[str, Any]) -> Round:
    """The measure counts from now on, and what crossed is to be told; unless another round was faster.

    Then this measure counts for nothing: its requests are in the other's, or will be in the next.
    """
    found: Round = dict(event["round"])
    summary = found.pop("summary")
    report = f"{found['folder']}/report.json"
    crossed = {
        "id": f"drift-{found['number']}-{_digest(found['folder'])}",
        "crossings": summary["crossings"],
        "more": summary["more"],
        "sentence": summary["sentence"],
        "report": report,
    }
    new = Standing(
        number=found["number"],
        folder=found["folder"],
        at=found["at"],
        until=summary["until"],
        untold=crossed if summary["crossings"] else None,
        drifted=summary["drifted"],
    )
    result = {
        "outcome": summary["outcome"],
        "sentence": summary["sentence"],
        "rows": summary["rows"],
        "report": report,
    }
    try:
        standing.write(monitor.s3, monitor.bucket, new, found["etag"])
    except Conflict:
        new, _ = standing.read(monitor.s3, monitor.bucket)
        if new.folder != found["folder"]:
            sentence = "Another measure was faster: this one counts for nothing."
            return {"next": "end", "result": {**result, "outcome": "SUPERSEDED", "sentence": sentence}}
    if new.untold is None:
        return {"next": "end", "result": result}
    return {"next": "tell", "untold": new.untold, "left_over": False, "result": result}


def told(monitor: Monitor, event: Mapping[str, Any]) -> Round:
    """What crossed is told, and struck out. Raises Conflict where others write all the time."""
    found: Round = dict(event["round"])
    for _ in range(TRIES):
        stands, etag = standing.read(monitor.s3, monitor.bucket)
        if stands.untold is None or stands.untold["id"] != found["untold"]["id"]:
            break
        try:
            standing.write(monitor.s3, monitor.bucket, replace(stands, untold=None), etag)
        except Conflict:
            continue
        break
    else:
        raise Conflict(f"{standing.KEY} was written by others {TRIES} times")
    return {**found, "next": "begin" if found["left_over"] else "end"}


ACTIONS: Mapping[str, Callable[[Monitor, Mapping[str, Any]], Round]] = {
    "begin": begin,
    "commit": commit,
    "told": told,
}


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:8]
