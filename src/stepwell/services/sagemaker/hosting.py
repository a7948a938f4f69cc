"""Brings model servers up, switches to them in one commit, keeps them up, and drains what is replaced.

One effect lives as long as its fleet serves: a server that comes back finds it in the store, attaches to the
model servers that went on without it, and starts those that did not.
"""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from stepwell.api.callers import role_session
from stepwell.durable import Draft, Effect, EffectKind, Outcome
from stepwell.errors import AwsError
from stepwell.services.sagemaker import archives, commands, endpoints
from stepwell.services.sagemaker.capture_files import Source
from stepwell.services.sagemaker.captures import Plan
from stepwell.services.sagemaker.endpoints import Endpoint
from stepwell.services.sagemaker.errors import RunFailed
from stepwell.services.sagemaker.fleets import Fleet, Variant
from stepwell.services.sagemaker.image_check import built
from stepwell.services.sagemaker.ports import Parts
from stepwell.services.sagemaker.roles import SESSION, assume
from stepwell.services.sagemaker.staging import Staging
from stepwell.services.sagemaker.worker_log import WorkerLog
from stepwell.workers import worker_roles
from stepwell.workers.jobs import Exit, JobSpec, Limits, WorkerError

log = logging.getLogger(__name__)

#: seconds between SIGTERM and SIGKILL (hosting's container contract)
GRACE = 30.0
#: seconds that requests under way may take once their fleet is replaced: an invocation's own limit
DRAIN = 60.0
#: seconds before a server that died is started again: doubled each time, up to the second figure
BACK_OFF = (0.5, 30.0)


class Hosting:
    """The effects of endpoints."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        #: tokens of effects whose fleet serves
        self._up: set[str] = set()
        parts.router.load = self.load

    def effects(self) -> list[EffectKind]:
        return [
            EffectKind(
                name=endpoints.SERVE,
                perform=self._serve,
                complete=self._unserved,
                keeps=lambda effect: effect.token in self._up,
            ),
            EffectKind(name=endpoints.RETIRE, perform=self._retire, complete=self._retired),
            EffectKind(name=endpoints.ROUTE, perform=self._renew, complete=self._routed),
        ]

    async def load(self, name: str) -> bool:
        """Set an endpoint's route by its record; false when it serves nothing."""
        endpoint = await self._parts.context.read(lambda view: view.get(Endpoint, name.lower()))
        if endpoint is None or endpoint.fleet is None:
            self._parts.router.remove(name)
            return False
        self._parts.router.route(endpoint.fleet.route(endpoint.name))
        self._parts.captures.follow(endpoint.name, capture_plan(endpoint, endpoint.fleet))
        return True

    async def _serve(self, effect: Effect) -> None:
        """Bring a fleet up; once healthy it is the one that serves, and is kept up until settled."""
        key, fleet_id = effect.body["endpoint"], effect.body["fleet"]
        endpoint = await self._parts.context.read(lambda view: view.get(Endpoint, key))
        fleet = endpoint.having(fleet_id) if endpoint is not None else None
        if endpoint is None or fleet is None:
            return
        servers = [
            ModelServer(self._parts, endpoint, variant, worker_id) for variant, worker_id in fleet.servers()
        ]
        if endpoint.pending is not None and endpoint.pending.id == fleet_id:
            await bring_up(servers)
            await self._parts.context.decide(lambda draft: endpoints.switch(draft, key, fleet_id))
        await self.load(key)
        await self._parts.context.decide(lambda draft: endpoints.switched(draft, key, fleet_id))
        self._up.add(effect.token)
        try:
            async with asyncio.TaskGroup() as group:
                for server in servers:
                    group.create_task(server.keep())
        finally:
            self._up.discard(effect.token)

    def _unserved(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        if outcome.error is not None:
            endpoints.give_up(draft, effect.body["endpoint"], effect.body["fleet"], outcome.error.message)

    async def _retire(self, effect: Effect) -> None:
        """Drain and stop servers that no request is sent to any more."""
        await self.load(effect.body["endpoint"])
        servers: list[str] = effect.body["servers"]
        for worker_id in servers:
            self._parts.router.down(worker_id)
        try:
            async with asyncio.timeout(DRAIN):
                await self._parts.router.drained(servers)
        except TimeoutError:
            log.warning("servers are stopped with requests under way: %s", ", ".join(servers))
        await asyncio.gather(*(self._stop(worker_id) for worker_id in servers))
        if effect.body["delete"]:
            await self._parts.captures.store(all_=True)
            self._parts.captures.follow(effect.body["endpoint"], None)

    async def _stop(self, worker_id: str) -> None:
        self._parts.credentials.forget(worker_id)
        if self._parts.jobs.known(worker_id):
            try:
                await self._parts.servers.drain(worker_id)
            except WorkerError as error:
                log.warning("%s could not be drained: %s", worker_id, error)
                self._parts.jobs.stop(worker_id)
                await self._parts.jobs.wait(worker_id)
        await asyncio.to_thread(self._parts.jobs.forget, worker_id)

    def _retired(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        if outcome.error is not None:
            log.warning("servers were not stopped cleanly: %s", outcome.error.message)
        for worker_id in effect.body["servers"]:
            worker_roles.revoke(draft, worker_id)
        if effect.body["delete"]:
            endpoints.remove(draft, effect.body["endpoint"])

    async def _renew(self, effect: Effect) -> None:
        await self.load(effect.body["endpoint"])

    def _routed(self, effect: Effect, outcome: Outcome, draft: Draft) -> None:
        """A route is memory only: nothing is to be written."""


def capture_plan(endpoint: Endpoint, fleet: Fleet) -> Plan | None:
    """What is kept of the traffic that a fleet serves."""
    if fleet.capture is None:
        return None
    return Plan(
        capture=fleet.capture,
        sources={
            variant.name: Source(
                endpoint=endpoint.name,
                arn=endpoint.arn,
                variant=variant.name,
                role=variant.role,
                destination=fleet.capture.destination,
            )
            for variant in fleet.variants
        },
    )


async def bring_up(servers: list[ModelServer]) -> None:
    """Start servers together. Raises RunFailed as soon as one fails; the others are given up."""
    tasks = [asyncio.create_task(server.start()) for server in servers]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class ModelServer:
    """One model server of a fleet."""

    def __init__(self, parts: Parts, endpoint: Endpoint, variant: Variant, worker_id: str) -> None:
        self._parts = parts
        self._endpoint = endpoint
        self._variant = variant
        self._worker_id = worker_id
        self._log = WorkerLog(
            parts,
            worker_id,
            group=f"/aws/sagemaker/Endpoints/{endpoint.name}",
            stream=f"{variant.name}/{worker_id}",
        )

    async def start(self) -> None:
        """Start or attach, and return when it is healthy. Raises RunFailed."""
        jobs = self._parts.jobs
        if jobs.known(self._worker_id) and jobs.ended(self._worker_id) is not None:
            await self._parts.servers.drain(self._worker_id)
            await asyncio.to_thread(jobs.forget, self._worker_id)
        await self._log.open(role_session(self._variant.role, SESSION))
        environment = await built(self._parts.environments, self._variant.container["Image"], self._log.say)
        folder = await asyncio.to_thread(jobs.staging, self._worker_id)
        if folder is not None:
            await self._fill(folder)
        spec = JobSpec(
            worker_id=self._worker_id,
            command=commands.serving(environment),
            variables={**environment.variables, **self._variant.container.get("Environment", {})},
            credentials=await self._parts.credentials.url(self._worker_id),
            read=environment.read,
            path=environment.path,
            network=not self._variant.isolated,
            limits=Limits(grace=GRACE),
        )
        try:
            await self._parts.servers.start(spec, startup=self._variant.startup)
        except WorkerError as error:
            await self._log.follow()
            raise RunFailed(
                f"The primary container for production variant {self._variant.name} did not pass the ping "
                f"health check. Please check CloudWatch logs for this endpoint. ({error})"
            ) from error
        self._parts.router.up(self._worker_id)

    async def _fill(self, folder: Path) -> None:
        """Put the model, and code from elsewhere, where the server will see /opt/ml. Raises RunFailed."""
        container = self._variant.container
        (folder / "model").mkdir(exist_ok=True)
        fetched = [(container.get("ModelDataUrl"), folder / "model")]
        submitted = container.get("Environment", {}).get("SAGEMAKER_SUBMIT_DIRECTORY", "")
        fetched.append((submitted if submitted.startswith("s3://") else None, folder / "code"))
        if not any(uri for uri, _ in fetched):
            return
        try:
            session = await assume(self._parts.context, self._variant.role, self._endpoint.arn)
        except AwsError as error:
            raise RunFailed(error.message) from error
        staging = Staging(context=self._parts.context, caller=session.caller)
        for uri, target in fetched:
            if uri is not None:
                await self._unpack(staging, uri, target)

    async def _unpack(self, staging: Staging, uri: str, target: Path) -> None:
        archive = target.parent / "fetched.tar.gz"
        try:
            await staging.fetch(uri, archive)
            await asyncio.to_thread(archives.unpack, archive, target)
        except RunFailed as error:
            raise RunFailed(
                f'Failed to download model data for variant {self._variant.name} from URL: "{uri}". '
                "Please ensure that there is an object located at the URL and that the role passed to "
                f"CreateModel has permissions to download the model. ({error.message})"
            ) from error
        archive.unlink()

    async def _watch(self) -> Exit:
        """How it ended, once it has. When a request broke off it is asked whether it is well still."""
        life = asyncio.create_task(self._live())
        try:
            while True:
                doubt = asyncio.ensure_future(self._parts.router.doubted(self._worker_id))
                try:
                    await asyncio.wait((life, doubt), return_when=asyncio.FIRST_COMPLETED)
                finally:
                    doubt.cancel()
                if life.done() or self._parts.jobs.ended(self._worker_id) is not None:
                    return await life
                await self.start()
        finally:
            life.cancel()

    async def _live(self) -> Exit:
        ended, _ = await asyncio.gather(self._parts.jobs.wait(self._worker_id), self._log.follow())
        return ended

    async def keep(self) -> None:
        """Have it up for ever: started again, with pauses, whenever it ended."""
        shortest, longest = BACK_OFF
        pause = shortest
        while True:
            try:
                await self.start()
                ended = await self._watch()
                reason = ended.detail or ended.reason
                if ended.ended_at - ended.started_at > longest:
                    pause = shortest
            except Exception as error:
                reason = f"{type(error).__name__}: {error}"
            self._parts.router.down(self._worker_id)
            log.warning("model server %s ended and is started again: %s", self._worker_id, reason)
            await self._parts.sleep(pause)
            pause = min(2 * pause, longest)
