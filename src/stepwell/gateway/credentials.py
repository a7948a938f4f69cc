"""Where long-running workers fetch their role's credentials: AWS's container credentials contract.

`GET /_stepwell/credentials/WORKER` with the worker's own token as its Authorization header; SDKs find the
address in AWS_CONTAINER_CREDENTIALS_FULL_URI and come back before the credentials end.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from stepwell.contact import CREDENTIALS_PATH
from stepwell.errors import AwsError
from stepwell.gateway.content import Receive
from stepwell.gateway.sending import Send

log = logging.getLogger(__name__)

App = Callable[[Any, Receive, Send], Awaitable[None]]
#: gives the credentials of a worker with that token; raises AwsError
Answer = Callable[[str, str], Awaitable[Mapping[str, Any]]]


class WithCredentials:
    """An ASGI application that answers workers' credential requests and passes on all others."""

    def __init__(self, app: App, answer: Answer) -> None:
        self._app = app
        self._answer = answer

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        if scope["type"] != "http" or scope["method"] != "GET" or not path.startswith(CREDENTIALS_PATH):
            await self._app(scope, receive, send)
            return
        token = dict(scope["headers"]).get(b"authorization", b"").decode(errors="replace")
        try:
            status, body = 200, dict(await self._answer(path.removeprefix(CREDENTIALS_PATH), token))
        except AwsError as error:
            log.warning("credentials of %r refused: %s", path.removeprefix(CREDENTIALS_PATH), error)
            status, body = 403, {"code": error.error_code, "message": error.message}
        data = json.dumps(body).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(data)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": data})
