"""Which role a worker acts as, and the credentials that it fetches while it runs.

Long jobs outlive a session's hour: they are told a loopback URL and a token, as AWS's containers are, and
their SDK comes back whenever the session is about to end.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Any, ClassVar

from stepwell.api import callers
from stepwell.api.context import Context
from stepwell.calls import Call, Origin
from stepwell.clock import SystemClock, iso
from stepwell.contact import CREDENTIALS_PATH
from stepwell.durable import Draft, Record
from stepwell.errors import AccessDenied
from stepwell.workers.worker_environment import CredentialsUrl

#: a session with fewer seconds left is replaced
MARGIN = 900.0


class WorkerRole(Record, frozen=True, kw_only=True):
    """A worker's role, for as long as the worker may run."""

    SERVICE: ClassVar[str] = "workers"
    KIND: ClassVar[str] = "worker-role"

    worker_id: str
    role: str
    #: what the worker shows as its Authorization
    token: str
    #: the service that the role trusts, such as `sagemaker.amazonaws.com`
    principal: str
    #: the session's name in the ARN that the worker sees
    session: str
    #: the ARN for which the service acts, `aws:SourceArn` of the AssumeRole; None where there is none
    source: str | None = None

    @property
    def key(self) -> str:
        return self.worker_id


def grant(
    draft: Draft, worker_id: str, role: str, *, principal: str, session: str, source: str | None = None
) -> None:
    """Let the worker fetch credentials of the role, in a session that the service `principal` assumes.

    `source`: the ARN of the job or the like for which it does.
    """
    draft.put(
        WorkerRole(
            worker_id=worker_id,
            role=role,
            token=draft.unique() + draft.unique(),
            principal=principal,
            session=session,
            source=source,
        )
    )


def revoke(draft: Draft, worker_id: str) -> None:
    """The worker is over."""
    draft.delete(WorkerRole, worker_id)


class WorkerCredentials:
    """Sessions for workers, each kept until it is about to end."""

    def __init__(self, context: Context, endpoint: str) -> None:
        """endpoint: this server's URL, on the loopback interface."""
        self._context = context
        self._endpoint = endpoint.rstrip("/")
        self._sessions: dict[str, Mapping[str, Any]] = {}

    async def url(self, worker_id: str) -> CredentialsUrl | None:
        """What the worker's environment is told; None for a worker without a role."""
        found = await self._context.read(lambda view: view.get(WorkerRole, worker_id))
        if found is None:
            return None
        return CredentialsUrl(url=f"{self._endpoint}{CREDENTIALS_PATH}{worker_id}", token=found.token)

    async def __call__(self, worker_id: str, token: str) -> dict[str, Any]:
        """The answer to `GET CREDENTIALS_PATH<worker_id>` with `token` as its Authorization.

        JSON of AWS's container credentials provider. Raises AccessDenied.
        """
        found = await self._context.read(lambda view: view.get(WorkerRole, worker_id))
        if found is None or not hmac.compare_digest(found.token.encode(), token.encode()):
            raise AccessDenied("The worker is not known, or its token is wrong", status=403)
        session = self._sessions.get(worker_id)
        if session is None or session["Expiration"] - self._context.now < MARGIN:
            session = await self._assume(found)
            self._sessions[worker_id] = session
        return {
            "AccessKeyId": session["AccessKeyId"],
            "SecretAccessKey": session["SecretAccessKey"],
            "Token": session["SessionToken"],
            # by the worker's own clock
            "Expiration": iso(session["Expiration"] - self._context.now + SystemClock().now()),
            "RoleArn": found.role,
        }

    async def _assume(self, found: WorkerRole) -> Mapping[str, Any]:
        call = Call(
            service="sts",
            operation="AssumeRole",
            params={"RoleArn": found.role, "RoleSessionName": found.session},
            caller=callers.service_principal(found.principal, found.role.split(":")[4]),
            origin=Origin(source_arn=found.source),
        )
        given: Mapping[str, Any] = (await self._context.dispatch(call)).output["Credentials"]
        return given

    def forget(self, worker_id: str) -> None:
        """Drop the session of a worker that is over."""
        self._sessions.pop(worker_id, None)
