"""What the gateway needs from the rest of the server, so that it can be tested without one."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from stepwell.calls import Call, Caller, Reply


class Api(Protocol):
    """Where decoded calls go."""

    def service_known(self, name: str) -> bool:
        """Whether the server offers the service with botocore's name `name`."""
        ...

    async def dispatch(self, call: Call) -> Reply:
        """Authorise, validate and perform `call`. Raises `AwsError` for every answer that is an error."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """A key pair that may sign requests."""

    #: the secret that both sides know; never printed
    secret_access_key: str = field(repr=False)
    #: who signs with it
    caller: Caller
    #: what temporary credentials must send along; None for permanent ones
    session_token: str | None = field(default=None, repr=False)
    #: seconds since the epoch; None for permanent ones
    expires_at: float | None = None


class Keys(Protocol):
    """The key pairs that the server has given out."""

    def find(self, access_key_id: str) -> Key | None:
        """The key pair of that id, expired ones too; None where there was never one."""
        ...
