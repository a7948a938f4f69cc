"""What AWS has no operation for: the server's own status and end, its machine's other ids, and rollback.

One more service, with a model file of its own (`models/`), signed and authorised like the rest.
Programs that are to run on AWS never call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, Service, words
from stepwell.calls import Call
from stepwell.durable import Draft, Record, View
from stepwell.services.stepwell.rollback import Rollbacks, operations

__all__ = ["Aliases", "Counted", "Rollbacks", "service"]

SERVER = "arn:aws:stepwell:{region}:{account}:server"


#: which records to count: their kind, and which of them count
Counted = tuple[type[Record], Callable[[Any], bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Aliases:
    """Whoever keeps the ids by which programs may name the server's machine."""

    every: Callable[[View], list[str]]
    put: Callable[[Draft, str], None]
    delete: Callable[[Draft, str], None]


def service(
    *,
    status: Callable[[], Mapping[str, Any]],
    counted: Mapping[str, Counted],
    stop: Callable[[bool], int],
    aliases: Aliases,
    rollbacks: Rollbacks,
) -> Service:
    """The service's operations.

    `status` gives GetStatus's output but for `Counts`, which is made of `counted`; `stop(all)` begins to
    end the server (with its jobs and model servers where `all`) and gives its process id.
    """

    def counts(view: View) -> dict[str, int]:
        return {
            name: sum(1 for record in view.scan(kind) if counts_in(record))
            for name, (kind, counts_in) in counted.items()
        }

    async def get_status(call: Call, context: Context) -> Mapping[str, Any]:
        return {**status(), "Counts": await context.read(counts)}

    async def stop_server(call: Call, context: Context) -> Mapping[str, Any]:
        return {"ProcessId": stop(bool(call.params.get("All")))}

    def list_aliases(call: Call, view: View) -> Mapping[str, Any]:
        return {"Aliases": aliases.every(view)}

    def put_alias(call: Call, draft: Draft) -> None:
        aliases.put(draft, call.params["InstanceId"])

    def delete_alias(call: Call, draft: Draft) -> None:
        aliases.delete(draft, call.params["InstanceId"])

    return Service(
        "stepwell",
        (
            Operation(
                name="GetStatus",
                rights=(Right(action="stepwell:GetStatus", resource=SERVER),),
                act=get_status,
            ),
            Operation(
                name="StopServer",
                rights=(Right(action="stepwell:StopServer", resource=SERVER),),
                honoured=words("All"),
                act=stop_server,
            ),
            Operation(
                name="ListInstanceAliases",
                rights=(Right(action="stepwell:ListInstanceAliases", resource=SERVER),),
                read=list_aliases,
            ),
            Operation(
                name="PutInstanceAlias",
                rights=(Right(action="stepwell:PutInstanceAlias", resource=SERVER),),
                honoured=words("InstanceId"),
                decide=put_alias,
            ),
            Operation(
                name="DeleteInstanceAlias",
                rights=(Right(action="stepwell:DeleteInstanceAlias", resource=SERVER),),
                honoured=words("InstanceId"),
                decide=delete_alias,
            ),
            *operations(rollbacks),
        ),
    )
