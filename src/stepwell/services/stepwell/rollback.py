"""RollbackEndpoint and ListDeployments: AWS's SageMaker has no history to roll back in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, words
from stepwell.calls import Call
from stepwell.durable import Draft, View

#: what the rights to both are about
ENDPOINT = "arn:aws:sagemaker:{region}:{account}:endpoint/{EndpointName}"


class Keeper(Protocol):
    """Whoever keeps what endpoints have served."""

    async def prepare(self, call: Call, context: Context, /) -> Any: ...

    def roll_back(self, call: Call, draft: Draft, prepared: Any, /) -> Mapping[str, Any]: ...

    def listed(self, call: Call, view: View, /) -> Mapping[str, Any]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollbacks:
    """What the operations are made of."""

    keeper: Keeper
    #: what a rollback's caller needs beside the right to roll back
    rights: tuple[Right, ...]


def operations(rollbacks: Rollbacks) -> tuple[Operation, ...]:
    """The two operations."""
    return (
        Operation(
            name="RollbackEndpoint",
            rights=(Right(action="stepwell:RollbackEndpoint", resource=ENDPOINT), *rollbacks.rights),
            honoured=words("EndpointName ModelPackageArn ModelPackageVersion Reason ClientToken"),
            prepare=rollbacks.keeper.prepare,
            decide=rollbacks.keeper.roll_back,
        ),
        Operation(
            name="ListDeployments",
            rights=(Right(action="stepwell:ListDeployments", resource=ENDPOINT),),
            honoured=words("EndpointName"),
            read=rollbacks.keeper.listed,
        ),
    )
