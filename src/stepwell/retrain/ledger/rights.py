"""The rights that each function needs, one row each: what the program gives its roles, and why.

Nothing else is asked of AWS. A program replaces the words in braces; rights to write logs come on top.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

LEDGER, APPROVALS = "ledger", "approvals"
#: whether a row is needed where an endpoint serves, where none does, or always
SERVED, UNSERVED, ALWAYS = "served", "unserved", "always"


@dataclass(frozen=True, kw_only=True)
class Right:
    """Actions on resources, and what for."""

    #: LEDGER or APPROVALS
    function: str
    #: the statement's name
    sid: str
    #: IAM's actions
    actions: tuple[str, ...]
    #: ARNs with words in braces: bucket, partition, region, account, machine, group, endpoint, source
    resources: tuple[str, ...]
    #: what it is for
    why: str
    #: ALWAYS, SERVED or UNSERVED
    where: str = ALWAYS


_BUCKET = "arn:{partition}:s3:::{bucket}"
_SAGEMAKER = "arn:{partition}:sagemaker:{region}:{account}"
_STATES = "arn:{partition}:states:{region}:{account}"

RIGHTS = (
    Right(
        function=LEDGER,
        sid="FindObjects",
        actions=("s3:ListBucket",),
        resources=(_BUCKET,),
        why="pending objects and batches; without it S3 says 403, not 404, of what isn't there",
    ),
    Right(
        function=LEDGER,
        sid="ReadDocuments",
        actions=("s3:GetObject",),
        resources=(
            f"{_BUCKET}/{{source}}*",
            f"{_BUCKET}/code/*",
            f"{_BUCKET}/ledger/*",
            f"{_BUCKET}/batches/*",
            f"{_BUCKET}/runs/*",
            f"{_BUCKET}/models/*",
        ),
        why="raw objects' versions and lines, settings, the claim, records, plans, the champion's artefact",
    ),
    Right(
        function=LEDGER,
        sid="WriteDocuments",
        actions=("s3:PutObject",),
        resources=(
            f"{_BUCKET}/ledger/*",
            f"{_BUCKET}/batches/*/batch.json",
            f"{_BUCKET}/batches/*/manifest.json",
            f"{_BUCKET}/runs/*",
        ),
        why="the claim, counts, records, manifests, plans, gates' configurations, who decided",
    ),
    Right(
        function=LEDGER,
        sid="SeeExecutions",
        actions=("states:DescribeExecution",),
        resources=(f"{_STATES}:execution:{{machine}}:*",),
        why="whether the run that holds the claim, or a batch, still runs",
    ),
    Right(
        function=LEDGER,
        sid="SeeEndpoint",
        actions=("sagemaker:DescribeEndpoint",),
        resources=(f"{_SAGEMAKER}:endpoint/{{endpoint}}",),
        why="what serves",
        where=SERVED,
    ),
    Right(
        function=LEDGER,
        sid="SeeModels",
        actions=("sagemaker:DescribeEndpointConfig", "sagemaker:DescribeModel"),
        resources=(f"{_SAGEMAKER}:endpoint-config/*", f"{_SAGEMAKER}:model/*"),
        why="the model and the artefact behind it, whoever deployed it",
        where=SERVED,
    ),
    Right(
        function=LEDGER,
        sid="FindPackages",
        actions=("sagemaker:ListModelPackages",),
        resources=("*",),
        why="the newest approved package, where nothing is served; the action knows no resource",
        where=UNSERVED,
    ),
    Right(
        function=LEDGER,
        sid="SeePackages",
        actions=("sagemaker:DescribeModelPackage",),
        resources=(f"{_SAGEMAKER}:model-package/{{group}}/*",),
        why="the artefact of a champion that is known by its package",
    ),
    Right(
        function=APPROVALS,
        sid="FindTokens",
        actions=("s3:ListBucket",),
        resources=(_BUCKET,),
        why="without it S3 says 403, not 404, of a token that isn't there",
    ),
    Right(
        function=APPROVALS,
        sid="KeepTokens",
        actions=("s3:GetObject", "s3:PutObject", "s3:DeleteObject"),
        resources=(f"{_BUCKET}/approvals/*",),
        why="the tokens of runs that wait",
    ),
    Right(
        function=APPROVALS,
        sid="SeePackages",
        actions=("sagemaker:DescribeModelPackage",),
        resources=(f"{_SAGEMAKER}:model-package/{{group}}/*",),
        why="what was decided, by whom and why",
    ),
    Right(
        function=APPROVALS,
        sid="Answer",
        actions=("states:SendTaskSuccess",),
        resources=(f"{_STATES}:stateMachine:{{machine}}",),
        why="the answer to the run that waits",
    ),
)


def statements(
    function: str, *, sources: tuple[str, ...], served: bool, words: Mapping[str, str]
) -> list[dict[str, Any]]:
    """A policy's statements for one function.

    sources: the prefixes of raw objects; served: whether there is an endpoint; words: what the other words
    in braces stand for.
    """
    found = []
    for right in RIGHTS:
        if right.function != function or right.where == (UNSERVED if served else SERVED):
            continue
        resources = [
            resource.format_map({**words, "source": source})
            for resource in right.resources
            for source in (sources if "{source}" in resource else ("",))
        ]
        found.append(
            {"Sid": right.sid, "Effect": "Allow", "Action": list(right.actions), "Resource": resources}
        )
    return found
