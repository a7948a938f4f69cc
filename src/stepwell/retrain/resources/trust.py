"""For whom a service may take on a role: the workflow's own jobs, machines and rules.

A service acts for many. One that a trust policy lets act for anything could be talked into it by somebody
who may hand it the role's name (AWS calls it the confused deputy). So policies say for what, where AWS's
documentation does: for each service in its page on cross-service confused deputy prevention.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from stepwell.retrain.resources.names import Names

#: service → part → what the service acts for; "": all other parts
SOURCES: Mapping[str, Mapping[str, str]] = {
    "states": {"machine": "stateMachine:{workflow}", "": "stateMachine:{workflow}-{part}"},
    "events": {"": "rule/{workflow}-*"},
    # for endpoints AWS asks for all of SageMaker, and nothing narrower
    "sagemaker": {"train": "training-job/{workflow}-*", "serve": "*", "": "processing-job/{workflow}-*"},
}


def statement(names: Names, part: str, service: str) -> dict[str, Any]:
    """The statement that lets a service (`states.amazonaws.com`) take on the role of a part."""
    found: dict[str, Any] = {
        "Effect": "Allow",
        "Principal": {"Service": service},
        "Action": "sts:AssumeRole",
    }
    kind = service.partition(".")[0]
    if kind in SOURCES:
        sources = SOURCES[kind]
        source = sources[part] if part in sources else sources[""]
        arn = names.arn(kind, source.format(workflow=names.workflow, part=part))
        found["Condition"] = {"ArnLike": {"aws:SourceArn": arn}}
    elif kind == "lambda":
        found["Condition"] = {"StringEquals": {"aws:SourceAccount": names.account}}
    # Systems Manager names no source for maintenance windows
    return found
