"""What AWS has no operation for: the server's own status and end.

One more service, with a model file of its own (`models/`), signed and authorised like the rest.
Programs that are to run on AWS never call it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from stepwell.api.context import Context
from stepwell.api.operations import Operation, Right, Service, words
from stepwell.calls import Call
from stepwell.durable import Record, View

SERVER = "arn:aws:stepwell:{region}:{account}:server"


#: which records to count: their kind, and which of them count
Counted = tuple[type[Record], Callable[[Any], bool]]


def service(
    *,
    status: Callable[[], Mapping[str, Any]],
    counted: Mapping[str, Counted],
    stop: Callable[[bool], int],
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
        ),
    )
