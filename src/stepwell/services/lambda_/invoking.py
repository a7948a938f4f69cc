"""Invoke: at once with the result as the answer, or accepted durably and done later."""

from __future__ import annotations

import asyncio
import base64
import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from stepwell.api.callers import role_session
from stepwell.api.context import Context
from stepwell.api.dispatch import once
from stepwell.api.operations import Operation, words
from stepwell.calls import BytesBody, Call, Reply, read_body
from stepwell.durable import View
from stepwell.services.lambda_ import names
from stepwell.services.lambda_.errors import (
    InvalidRequestContentException,
    ServiceException,
    TooManyRequestsException,
    too_large,
)
from stepwell.services.lambda_.names import LATEST, Named, function_arn, rights
from stepwell.services.lambda_.parts import Parts
from stepwell.services.lambda_.queue import accept
from stepwell.services.lambda_.records import Configuration, Function, configuration, find, log_group
from stepwell.services.lambda_.roles import session_name
from stepwell.workers.functions import FunctionSpec, Invocation, InvocationResult
from stepwell.workers.worker_environment import Credentials

#: bytes of a payload (API reference, Invoke), by how the function is invoked
LIMITS = {"RequestResponse": 6_291_556, "Event": 1_048_576, "DryRun": 6_291_556}
#: characters of a client context
CLIENT_CONTEXT_LIMIT = 3583


class Invoker:
    """Runs functions, for callers and for events."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    async def invoke(self, call: Call, context: Context) -> Reply:
        """The operation Invoke."""
        kind = call.params.get("InvocationType", "RequestResponse")
        try:
            payload = await read_body(call.params.get("Payload"), LIMITS[kind])
        except ValueError:
            raise too_large(LIMITS[kind]) from None
        named, function, settings = await context.read(lambda view: _found(view, call.params))
        if kind == "DryRun":
            return Reply(output={"StatusCode": 204}, status=204)
        payload = payload or b"{}"
        _check_json(payload)
        client = client_context(call.params.get("ClientContext"))
        request_id = call.request_id or str(uuid.uuid4())
        if kind == "Event":
            return await self._accept(call, context, named, payload, request_id)
        result = await self.run(named, function, settings, payload, request_id, client)
        output: dict[str, Any] = {
            "StatusCode": 200,
            "Payload": result.payload,
            "ExecutedVersion": settings.version,
        }
        if result.function_error is not None:
            output["FunctionError"] = result.function_error
        if call.params.get("LogType") == "Tail":
            output["LogResult"] = base64.b64encode(result.log_tail).decode()
        return Reply(output=output, status=200)

    async def _accept(
        self, call: Call, context: Context, named: Named, payload: bytes, request_id: str
    ) -> Reply:
        """Keep an event for later; it is on disk before the caller hears of it."""
        blob = await context.blobs.write(BytesBody(payload))
        await context.decide(
            lambda draft: once(
                call,
                draft,
                lambda: accept(draft, named, blob, request_id, call.params.get("ClientContext", "")),
            )
        )
        return Reply(output={"StatusCode": 202}, status=202)

    async def run(
        self,
        named: Named,
        function: Function,
        settings: Configuration,
        payload: bytes,
        request_id: str,
        client: Mapping[str, Any] | None,
    ) -> InvocationResult:
        """Run the function once, and keep its log.

        Raises TooManyRequestsException, RoleNotAssumable, and ServiceException when no process starts.
        """
        parts = self._parts
        with self._slot(function):
            spec = FunctionSpec(
                name=function.name,
                revision=settings.revision,
                code=await parts.packages.folder(settings.digest, parts.context),
                handler=settings.handler,
                runtime=settings.runtime,
                timeout=settings.timeout,
                memory=settings.memory,
                credentials=lambda: self._credentials(function.name, settings),
                variables=settings.variables or {},
                version=settings.version,
                storage=settings.storage,
            )
            invocation = Invocation(
                payload=payload,
                request_id=request_id,
                function_arn=named.arn(_Site(parts.context)),
                client_context=client,
            )
            try:
                result = await parts.workers.invoke(spec, invocation)
            except OSError as error:
                raise ServiceException(f"No process can be started for {function.name}: {error}") from error
        await self._keep(function, settings, result)
        return result

    async def _keep(self, function: Function, settings: Configuration, result: InvocationResult) -> None:
        """Write the log as the function's role; what it may not write is lost, as on AWS."""
        logs, group = self._parts.logs, log_group(function.name, settings)
        caller = role_session(settings.role, session_name(function.name))
        if await self._parts.context.read(lambda view: logs.writable(view, caller, group, result.log_stream)):
            await asyncio.to_thread(logs.write, group, result.log_stream, list(result.events))

    async def _credentials(self, function: str, settings: Configuration) -> Credentials:
        arn = function_arn(_Site(self._parts.context), function)
        return await self._parts.sessions.credentials(function, arn, settings.role, settings.timeout)

    @contextmanager
    def _slot(self, function: Function) -> Iterator[None]:
        """One of the function's concurrent executions."""
        running = self._parts.running
        count = running.get(function.name, 0)
        if function.reserved is not None and count >= function.reserved:
            raise TooManyRequestsException
        running[function.name] = count + 1
        try:
            yield
        finally:
            running[function.name] -= 1
            if not running[function.name]:
                del running[function.name]

    def operations(self) -> tuple[Operation, ...]:
        return (
            Operation(
                name="Invoke",
                rights=rights("InvokeFunction"),
                honoured=words("FunctionName InvocationType LogType ClientContext Payload Qualifier"),
                act=self.invoke,
            ),
        )


class _Site:
    """The server's account and region."""

    def __init__(self, context: Context) -> None:
        self.account = context.config.account
        self.region = context.config.region


def _found(view: View, params: Mapping[str, Any]) -> tuple[Named, Function, Configuration]:
    """What is to be invoked. A missing function is told with its version, as AWS does."""
    named = names.of(params, view)
    told = Named(name=named.name, qualifier=named.qualifier or LATEST)
    function = find(view, told)
    return named, function, configuration(view, function, told)


def _check_json(payload: bytes) -> None:
    try:
        json.loads(payload)
    except (ValueError, RecursionError) as error:
        raise InvalidRequestContentException(f"Could not parse request body into json: {error}") from None


def client_context(text: str | None) -> Mapping[str, Any] | None:
    """The client context, decoded. Raises InvalidRequestContentException."""
    if not text:
        return None
    refusal = "Client context must be a valid Base64-encoded JSON object."
    if len(text) > CLIENT_CONTEXT_LIMIT:
        raise InvalidRequestContentException(refusal)
    try:
        decoded = json.loads(base64.b64decode(text, validate=True))
    except (ValueError, RecursionError):
        raise InvalidRequestContentException(refusal) from None
    if not isinstance(decoded, dict):
        raise InvalidRequestContentException(refusal)
    return decoded
