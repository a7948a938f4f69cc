"""AWS's wire protocols, one module each: parse a request, serialise a reply, spell an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from botocore.model import OperationModel

from stepwell.calls import Reply
from stepwell.errors import AwsError
from stepwell.gateway.http import Request, Response
from stepwell.gateway.protocols import json, query, rest_json, rest_xml


class WireProtocol(Protocol):
    """What a protocol's module offers."""

    def parse(self, request: Request, operation: OperationModel) -> dict[str, Any]:
        """The parameters as boto3 takes them. Raises `AwsError` for what does not fit the model."""
        ...

    def serialise(self, reply: Reply, operation: OperationModel, request_id: str) -> Response:
        """The response that boto3 parses to the reply's output."""
        ...

    def error(self, fault: AwsError, service: str | None, request_id: str) -> Response:
        """The error in the protocol's form; `service` is None while it is unknown."""
        ...


#: by the name that service models use
PROTOCOLS: Mapping[str, WireProtocol] = {
    "json": json,
    "query": query,
    "rest-json": rest_json,
    "rest-xml": rest_xml,
}

__all__ = ["PROTOCOLS", "WireProtocol"]
