"""Single rights, and how they become few statements."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.identity.match import Names


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where something acts."""

    account: str
    region: str
    partition: str = "aws"

    def arn(self, short: str) -> str:
        """`sagemaker:training-job/x` as a whole ARN; IAM and S3 have neither region nor account to fill."""
        service, _, resource = short.partition(":")
        if service == "s3":
            return f"arn:{self.partition}:s3:::{resource}"
        region = "" if service == "iam" else self.region
        return f"arn:{self.partition}:{service}:{region}:{self.account}:{resource}"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Need:
    """One action on one resource."""

    #: `sagemaker:CreateTrainingJob`
    action: str
    #: an ARN, with `*` where it is known at run time only
    resource: str
    #: condition keys that the request will have, with their values
    keys: tuple[tuple[str, str], ...] = ()
    #: what needs it: a state's name, a task's
    why: str = ""


def needs(
    actions: str, resources: Iterable[str], *, why: str, keys: Mapping[str, str] | None = None
) -> list[Need]:
    """Every one of `actions` (written in one string) on every one of `resources`."""
    pairs = tuple(sorted((keys or {}).items()))
    return [
        Need(action=action, resource=resource, keys=pairs, why=why)
        for action in actions.split()
        for resource in resources
    ]


def statements(wanted: Iterable[Need]) -> tuple[dict[str, Any], ...]:
    """The fewest Allow statements that give exactly what is wanted, in an order that never changes.

    Resources that a wider one covers are left out; actions that share their resources share a statement.
    """
    by_action: dict[tuple[str, tuple[tuple[str, str], ...]], set[str]] = {}
    for need in wanted:
        by_action.setdefault((need.action, need.keys), set()).add(need.resource)
    grouped: dict[tuple[tuple[str, ...], tuple[tuple[str, str], ...]], set[str]] = {}
    for (action, keys), resources in by_action.items():
        grouped.setdefault((_widest(resources), keys), set()).add(action)
    found = [_statement(actions, resources, keys) for (resources, keys), actions in grouped.items()]
    return tuple(sorted(found, key=lambda each: (str(each["Action"]), str(each["Resource"]))))


def document(wanted: Iterable[Need]) -> dict[str, Any]:
    """A whole policy document."""
    return {"Version": "2012-10-17", "Statement": list(statements(wanted))}


def covers(pattern: str, resource: str) -> bool:
    """Whether the ARN pattern matches all that `resource` does, which may have wildcards itself."""
    return Names.of([pattern], arn=True).match(resource)


def _widest(resources: set[str]) -> tuple[str, ...]:
    return tuple(
        sorted(
            each
            for each in resources
            if not any(other != each and covers(other, each) for other in resources)
        )
    )


def _statement(
    actions: set[str], resources: tuple[str, ...], keys: tuple[tuple[str, str], ...]
) -> dict[str, Any]:
    found: dict[str, Any] = {
        "Effect": "Allow",
        "Action": sorted(actions) if len(actions) > 1 else min(actions),
        "Resource": list(resources) if len(resources) > 1 else resources[0],
    }
    if keys:
        found["Condition"] = {"StringEquals": dict(keys)}
    return found
