"""Client tokens: a repeated request with the same token changes nothing and is answered the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import msgspec

from stepwell.calls import Call
from stepwell.durable import Draft, Record, Timer
from stepwell.services.ssm.errors import IdempotentParameterMismatch

#: seconds for which a token is remembered
KEPT = 86_400.0
FORGET = "ssm-window-token"


class Token(Record, frozen=True, kw_only=True):
    """A client token and what its request made."""

    SERVICE: ClassVar[str] = "ssm"
    KIND: ClassVar[str] = "window-token"

    operation: str
    token: str
    #: SHA-256 of the request's parameters
    request: str
    #: the id that was answered
    made: str

    @property
    def key(self) -> str:
        return f"{self.operation}/{self.token}"


def once(call: Call, draft: Draft, make: Callable[[], str]) -> str:
    """The id that the request makes, or has made before. Raises IdempotentParameterMismatch."""
    token = call.params.get("ClientToken")
    if token is None:
        return make()
    request = _fingerprint(call.params)
    known = draft.get(Token, f"{call.operation}/{token}")
    if known is not None:
        if known.request != request:
            raise IdempotentParameterMismatch(
                f"The client token {token} was used before with other parameters. Use another one."
            )
        return known.made
    record = Token(operation=call.operation, token=token, request=request, made=make())
    draft.put(record)
    draft.timer(f"{FORGET}/{record.key}", draft.now + KEPT, FORGET, {"key": record.key})
    return record.made


def forget(timer: Timer, draft: Draft) -> None:
    """The handler of the timer that ends a token."""
    draft.delete(Token, timer.body["key"])


def _fingerprint(params: Mapping[str, Any]) -> str:
    said = {name: value for name, value in params.items() if name != "ClientToken"}
    return hashlib.sha256(msgspec.json.encode(said, order="sorted")).hexdigest()
