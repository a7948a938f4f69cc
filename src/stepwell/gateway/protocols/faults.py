"""How an error is spelled: each protocol has its own codes and statuses for the same refusal.

Sources: the service models (`error.code`, `error.httpStatusCode`, `error.senderFault`) and, for the
refusals that no model declares, what AWS's services of that protocol answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from stepwell.api.models import service_model
from stepwell.errors import AwsError


@dataclass(frozen=True, slots=True, kw_only=True)
class WireError:
    """An error as one protocol spells it."""

    #: the code that clients compare
    code: str
    #: the HTTP status
    status: int
    #: the code of the service's former query protocol, where the model has another one
    query_code: str | None = None

    @property
    def sender(self) -> bool:
        """Whether the caller is at fault."""
        return self.status < 500


#: protocol → our code → (its code, its status)
SPELLINGS: Mapping[str, Mapping[str, tuple[str, int]]] = {
    "json": {},
    "rest-json": {"AccessDeniedException": ("AccessDeniedException", 403)},
    "query": {
        "AccessDeniedException": ("AccessDenied", 403),
        "ValidationException": ("ValidationError", 400),
        "UnknownOperationException": ("InvalidAction", 400),
        "ThrottlingException": ("Throttling", 400),
        "RequestEntityTooLarge": ("RequestEntityTooLarge", 413),
    },
    "rest-xml": {
        "AccessDeniedException": ("AccessDenied", 403),
        "ValidationException": ("InvalidRequest", 400),
        "UnknownOperationException": ("MethodNotAllowed", 405),
        "ThrottlingException": ("SlowDown", 503),
        "InternalFailure": ("InternalError", 500),
        "RequestEntityTooLarge": ("EntityTooLarge", 400),
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Declared:
    code: str
    status: int | None
    query_code: str | None


@lru_cache(maxsize=128)
def _declared(service: str) -> Mapping[str, _Declared]:
    model = service_model(service)
    spells_former = model.resolved_protocol in ("query", "rest-xml")
    table: dict[str, _Declared] = {}
    for shape in model.error_shapes:
        traits = shape.metadata.get("error", {})
        former = traits.get("code")
        row = _Declared(
            code=former if spells_former and former else shape.name,
            status=traits.get("httpStatusCode") or (500 if shape.metadata.get("fault") else None),
            query_code=former,
        )
        table[shape.name] = row
        if former:
            table.setdefault(former, row)
    return table


def wire_error(fault: AwsError, protocol: str, service: str | None) -> WireError:
    """`fault` in the protocol's terms: what the service's model declares, else the protocol's spelling."""
    code, status = SPELLINGS[protocol].get(fault.error_code, (fault.error_code, fault.http_status))
    declared = _declared(service).get(fault.error_code) if service is not None else None
    if declared is None:
        return WireError(code=code, status=status, query_code=fault.former)
    former = declared.query_code or fault.former
    return WireError(code=declared.code, status=declared.status or status, query_code=former)
