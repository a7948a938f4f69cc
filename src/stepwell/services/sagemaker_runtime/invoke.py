"""One invocation: choose a server, hold a lease on it, pass the request on, answer in AWS's terms."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Protocol

from stepwell.api.context import Context
from stepwell.calls import Call, read_body
from stepwell.services.sagemaker_runtime.errors import (
    BODY_LIMIT,
    ModelError,
    ServiceUnavailable,
    ValidationError,
)
from stepwell.workers.connections import Response
from stepwell.workers.routing import NoSuchVariant, Router, Target
from stepwell.workers.servers import ModelUnavailable

#: seconds that an invocation may take, waiting for a server included (hosting's container contract)
LIMIT = 60.0
ATTRIBUTES = "x-amzn-sagemaker-custom-attributes"
INFERENCE_ID = "x-amzn-sagemaker-inference-id"
#: characters of a model's answer that an error quotes
QUOTED = 1024


class Servers(Protocol):
    """How a model server is reached (`workers.servers.Servers`)."""

    async def invoke(
        self, worker_id: str, headers: Mapping[str, str], body: bytes, *, timeout: float
    ) -> Response: ...


class Captures(Protocol):
    """What endpoints keep of their traffic (`services.sagemaker.Captures`); at once, and nobody waits."""

    def take(
        self,
        endpoint: str,
        variant: str,
        request: Mapping[str, Any],
        *,
        sent: bytes,
        answered: bytes,
        answered_as: str | None,
    ) -> None: ...


class Invocations:
    """InvokeEndpoint."""

    def __init__(self, router: Router, servers: Servers, captures: Captures) -> None:
        self._router = router
        self._servers = servers
        self._captures = captures

    async def invoke(self, call: Call, context: Context) -> dict[str, Any]:
        """Raises ValidationError, ModelError and ServiceUnavailable."""
        params = call.params
        name = params["EndpointName"]
        try:
            body = await read_body(params.get("Body"), BODY_LIMIT)
        except ValueError as error:
            raise ValidationError(f"The request body exceeds the limit of {BODY_LIMIT} bytes.") from error
        if not await self._router.known(name):
            raise ValidationError(f"Endpoint {name} of account {context.config.account} not found.")
        try:
            async with asyncio.timeout(LIMIT):
                target, answer = await self._ask(name, params.get("TargetVariant"), headers(params), body)
        except NoSuchVariant as error:
            raise ValidationError(f"Variant {error} of endpoint {name} not found.") from error
        except TimeoutError as error:
            raise self._model_error(
                context,
                name,
                0,
                f"Invocation timed out while waiting for a response from the model ({LIMIT:g} s).",
            ) from error
        if answer.status >= 400:
            raise self._model_error(context, name, answer.status, answer.body.decode(errors="replace"))
        kind = answer.headers.get("content-type")
        self._captures.take(name, target.variant, params, sent=body, answered=answer.body, answered_as=kind)
        output = {
            "Body": answer.body,
            "ContentType": kind,
            "InvokedProductionVariant": target.variant,
            "CustomAttributes": answer.headers.get(ATTRIBUTES, params.get("CustomAttributes")),
        }
        return {member: value for member, value in output.items() if value is not None}

    async def _ask(
        self, name: str, variant: str | None, sent: Mapping[str, str], body: bytes
    ) -> tuple[Target, Response]:
        """The answer of a server. A request that never reached one goes on to the next that is well.

        One that broke off half-way is repeated once: containers are stateless by SageMaker's contract.
        """
        broken = 0
        while True:
            target = await self._router.able(name, variant)
            try:
                with self._router.lease(target):
                    return target, await self._servers.invoke(target.server, sent, body, timeout=LIMIT)
            except ModelUnavailable as error:
                self._router.down(target.server)
                broken += not isinstance(error.__cause__, ConnectionRefusedError | None)
                if broken > 1:
                    message = f"The model servers of endpoint {name} broke the request off."
                    raise ServiceUnavailable(message) from error

    @staticmethod
    def _model_error(context: Context, name: str, status: int, message: str) -> ModelError:
        account, region = context.config.account, context.config.region
        group = f"/aws/sagemaker/Endpoints/{name}"
        side = "client" if 400 <= status < 500 else "server"
        return ModelError(
            f'Received {side} error ({status}) from primary with message "{message[:QUOTED]}". '
            f"See the log group {group} in account {account} for more information.",
            fields={
                "OriginalStatusCode": status,
                "OriginalMessage": message,
                "LogStreamArn": f"arn:aws:logs:{region}:{account}:log-group:{group}",
            },
        )


def headers(params: Mapping[str, Any]) -> dict[str, str]:
    """The headers that a container gets. Raises ValidationError for what cannot be one."""
    named = {
        "content-type": params.get("ContentType"),
        "accept": params.get("Accept"),
        ATTRIBUTES: params.get("CustomAttributes"),
        INFERENCE_ID: params.get("InferenceId"),
    }
    given = {name: value for name, value in named.items() if value is not None}
    for name, value in given.items():
        if not all(" " <= each <= "~" for each in value):
            raise ValidationError(f"The header {name} takes printable ASCII only: {value!a:.100}")
    return given
