"""Removing what was found: executions are stopped, then each thing goes when nothing needs it any more.

Each step may be done again: what is gone already counts as done.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from stepwell.errors import StepwellError
from stepwell.retrain.retiring.finding import Found, Thing
from stepwell.retrain.retiring.kinds import JOBS, LISTED, is_gone

#: seconds between two looks at something that changes: at first, and at most
PAUSE, LONGEST_PAUSE = 0.1, 5.0
#: seconds that a job gets to stop, and an endpoint to come to rest or to go
PATIENCE = 1200.0
#: what an endpoint is while it may not be deleted
CHANGING = ("Creating", "Updating", "SystemUpdating", "RollingBack")
#: what a job is while it may not be deleted
LIVING = ("InProgress", "Stopping")


class StillBusy(StepwellError):
    """Something didn't come to rest in time; the message names it."""


def remove(found: Found, client: Callable[[str], Any], told: Callable[[Thing], None]) -> None:
    """Stop and delete all that was found.

    Args:
        client: gives a boto3 client of a service (`sagemaker`, `stepfunctions`, `logs`).
        told: hears of each thing once it is gone.

    Raises:
        StillBusy: a job or an endpoint takes too long; asked again, it goes on from there.
    """
    removing = _Removing(client)
    for thing in found.things:
        removing.remove(thing)
        told(thing)
    removing.close()


class _Removing:
    def __init__(self, client: Callable[[str], Any]) -> None:
        self._sagemaker, self._states, self._logs = (
            client(name) for name in ("sagemaker", "stepfunctions", "logs")
        )
        self._log_groups: set[str] = set()

    def remove(self, thing: Thing) -> None:
        kind, name = thing.kind, thing.name
        if kind == "execution":
            _unless_gone(
                self._states.stop_execution,
                executionArn=name,
                error="Retired",
                cause="The workflow was retired.",
            )
        elif kind == "endpoint":
            self._endpoint(name)
        elif kind == "model package":
            _unless_gone(self._sagemaker.delete_model_package, ModelPackageName=name)
        elif kind == "log group":
            _unless_gone(self._logs.delete_log_group, logGroupName=name)
        elif kind in JOBS:
            self._job(kind, name)
        else:
            self._deleted(kind, name)

    def close(self) -> None:
        """Delete the jobs' log groups, if no other job has lines there and nobody has set them up."""
        for group in sorted(self._log_groups):
            pages = self._logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"]
            plain = any(
                each["logGroupName"] == group and not {"retentionInDays", "kmsKeyId"} & each.keys()
                for each in pages
            )
            if plain and not self._logs.describe_log_streams(logGroupName=group, limit=1)["logStreams"]:
                _unless_gone(self._logs.delete_log_group, logGroupName=group)

    def _deleted(self, kind: str, name: str) -> None:
        table = LISTED[kind]
        _unless_gone(getattr(self._sagemaker, table.delete), **{f"{table.word}Name": name})

    def _endpoint(self, name: str) -> None:
        def status() -> str | None:
            answer = _unless_gone(self._sagemaker.describe_endpoint, EndpointName=name)
            return None if answer is None else str(answer["EndpointStatus"])

        _awaited(f"the endpoint {name}", status, CHANGING)
        self._deleted("endpoint", name)
        _awaited(f"the endpoint {name}", status, ("Deleting",))

    def _job(self, kind: str, name: str) -> None:
        job = JOBS[kind]
        named = {f"{job.word}Name": name}

        def status() -> str | None:
            answer = _unless_gone(getattr(self._sagemaker, job.describe), **named)
            return None if answer is None else str(answer[f"{job.word}Status"])

        if status() == "InProgress":
            getattr(self._sagemaker, job.stop)(**named)
        _awaited(f"the {kind} {name}", status, LIVING)
        self._deleted(kind, name)
        self._streams(job.log_group, name)

    def _streams(self, group: str, job: str) -> None:
        try:
            pages = self._logs.get_paginator("describe_log_streams").paginate(
                logGroupName=group, logStreamNamePrefix=f"{job}/"
            )
            names = [each["logStreamName"] for page in pages for each in page["logStreams"]]
        except Exception as error:
            if is_gone(error):
                return
            raise
        self._log_groups.add(group)
        for name in names:
            _unless_gone(self._logs.delete_log_stream, logGroupName=group, logStreamName=name)


def _unless_gone(call: Callable[..., Any], **parameters: Any) -> Any:
    """The call's answer; None where there is no such thing."""
    try:
        return call(**parameters)
    except Exception as error:
        if is_gone(error):
            return None
        raise


def _awaited(what: str, status: Callable[[], str | None], passing: tuple[str, ...]) -> None:
    """Wait until something is none of these. Raises StillBusy."""
    pause, deadline = PAUSE, time.monotonic() + PATIENCE
    while (found := status()) in passing:
        if time.monotonic() > deadline:
            raise StillBusy(f"{what} is {found} since {PATIENCE / 60:.0f} minutes; ask again later")
        time.sleep(pause)
        pause = min(pause * 1.5, LONGEST_PAUSE)
