"""The composition root: builds a server from a `Config`. The only place that knows all parts."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from stepwell import __version__
from stepwell.api.authorise import Authoriser
from stepwell.api.bells import Bells
from stepwell.api.callers import root
from stepwell.api.context import Context
from stepwell.api.dispatch import Dispatcher
from stepwell.api.operations import Service
from stepwell.clock import Clock, SystemClock
from stepwell.config import Config
from stepwell.durable import Draft, Effect, EffectKind, Loop, Performers
from stepwell.durable.loop import TimerHandler
from stepwell.engine import Engine, Execution
from stepwell.gateway.asgi import Gateway
from stepwell.gateway.credentials import WithCredentials
from stepwell.gateway.listening import HttpServer, listen, url_of
from stepwell.gateway.ports import Key
from stepwell.services import events as eventbridge
from stepwell.services import (
    iam,
    lambda_,
    logs,
    s3,
    sagemaker,
    sagemaker_runtime,
    sns,
    sqs,
    ssm,
    stepfunctions,
    stepwell,
    sts,
)
from stepwell.standing import Standing
from stepwell.store import FileBlobs, Folder, SqliteStore
from stepwell.store.rootkey import read_or_create
from stepwell.store.sealer import FileSealer
from stepwell.triggers import deliveries, events
from stepwell.workers.commands import Commands, shared_folders, user_of
from stepwell.workers.environments import Environments
from stepwell.workers.functions import Functions
from stepwell.workers.jobs import Jobs
from stepwell.workers.routing import Router
from stepwell.workers.servers import Servers

#: the port of a folder's first server
DEFAULT_PORT = 4566
#: what `stepwell status` counts
COUNTED: dict[str, stepwell.Counted] = {
    "buckets": (s3.Bucket, lambda bucket: True),
    "commands in progress": (ssm.Command, lambda command: command.ended is None),
    "endpoints": (sagemaker.Endpoint, lambda endpoint: True),
    "executions": (Execution, lambda execution: True),
    "executions running": (Execution, lambda execution: execution.status == "RUNNING"),
    "functions": (lambda_.Function, lambda function: True),
    "processing jobs in progress": (sagemaker.ProcessingJob, lambda job: job.live),
    "queues": (sqs.Queue, lambda queue: True),
    "state machines": (stepfunctions.StateMachine, lambda machine: True),
    "topics": (sns.Topic, lambda topic: True),
    "training jobs in progress": (sagemaker.TrainingJob, lambda job: job.live),
}
#: who keeps the ids of this machine
ALIASES = stepwell.Aliases(every=ssm.aliases.every, put=ssm.put_alias, delete=ssm.delete_alias)
#: seconds after which bytes that no record needs are removed, and between two looks for them
BLOB_GRACE = 3600
#: the exit status of a server whose loop failed; a supervisor such as systemd starts it again
CRASHED = 70
#: seconds between a stop call and the end that it begins, so that its own answer leaves
FAREWELL = 0.05


class Server:
    """One running Stepwell: its data folder, its loop, its services, its HTTP endpoint.

    Raises StoreError (the folder is in use, damaged, too new, too old) or UsageError when it cannot be built;
    nothing of the folder is changed then.
    """

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock: Clock = clock or SystemClock()
        #: what clients sign by
        self._wall = SystemClock()
        self._command_user = user_of(config.command_user) if config.command_user is not None else None
        self._command_paths = shared_folders(config.command_paths, config.data)
        self.folder = Folder(config.data)
        with ExitStack() as undo:
            undo.callback(self.folder.close)
            self._socket = listen(config.host, chosen_port(config, self.folder.last_url))
            undo.callback(self._socket.close)
            self.url = url_of(self._socket)
            self.key = read_or_create(self.folder.root, account=config.account, region=config.region)
            self.store = SqliteStore(
                self.folder.database, account=config.account, region=config.region, durable=config.durable
            )
            undo.pop_all()
        self.started_at = self.clock.now()
        self._stopping = asyncio.Event()
        self._stop_all = False

    async def run(self, announce: Callable[[str], None]) -> None:
        """Serve until stopped; `announce(url)` is called once it answers."""
        await self.start()
        try:
            announce(self.url)
            await self._stopping.wait()
        finally:
            await self.close()

    def stop(self, everything: bool = False) -> int:
        """Begin to end; with `everything`, jobs and model servers end too. Gives the process id."""
        self._stop_all = self._stop_all or everything
        asyncio.get_running_loop().call_later(FAREWELL, self._stopping.set)
        return os.getpid()

    async def start(self) -> None:
        """Build all parts, resume what an earlier run left, and begin to answer."""
        self._events = asyncio.get_running_loop()
        self._compose()
        await self.jobs.attach_all()
        self.loop.start()
        await self.dispatcher.decide(partial(ssm.register, machine=ssm.this_machine()))
        await self.sagemaker.captures.resume()
        await self._http.start()
        self._collecting = asyncio.create_task(self._collect_blobs())
        self.folder.announce({"url": self.url, "ready": True})

    async def close(self) -> None:
        """Answer what is under way, end the workers that must end, and let the folder go.

        From the outside inwards: nothing is closed before all that uses it.
        """
        self._collecting.cancel()
        self.bells.close()
        self.sqs.bells.close()
        await self._http.close()
        await self.sagemaker.captures.store_last()
        await self.performers.close()
        await self.functions.close()
        await self.sagemaker.captures.close()
        if self._stop_all:
            await sagemaker.stop_all(self.sagemaker)
            await ssm.stop_all(self.ssm)
        await self._events.run_in_executor(None, self.loop.stop)
        self.dispatcher.close()
        self.segments.close()
        self.store.close()
        self.folder.close()

    def find(self, access_key_id: str) -> Key | None:
        """The key pair of that id (`gateway.ports.Keys`)."""
        if access_key_id == self.key.access_key_id:
            return Key(
                secret_access_key=self.key.secret_access_key,
                caller=root(self.config.account, access_key_id),
            )
        with self.store.reader() as view:
            owned = iam.find_key(view, access_key_id)
            if owned is not None:
                return Key(secret_access_key=owned[0].secret, caller=owned[1])
            session = sts.find_session(view, access_key_id)
            # A session ends with its role or user; a later one of that name is another.
            if session is None or not (
                session.caller.kind == "root" or iam.identity_id(view, session.holder) == session.holder_id
            ):
                return None
        return Key(
            secret_access_key=session.secret,
            caller=session.caller,
            session_token=session.token,
            # by the clients' time, as the signature is
            expires_at=session.expires - self.clock.now() + self._wall.now(),
        )

    def _compose(self) -> None:
        config, store = self.config, self.store
        self.blobs = FileBlobs(
            self.folder.root / "blobs", self.folder.tmp, self._small_blob, durable=config.durable
        )
        authoriser = Authoriser(facts=Standing(), clock=self.clock, enforce=config.iam == "enforce")
        self.dispatcher = Dispatcher(
            store=store,
            authorise=authoriser,
        )
        self.context = Context(
            config=config,
            clock=self.clock,
            blobs=self.blobs,
            dispatch=self.dispatcher.dispatch,
            decide=self.dispatcher.decide,
            read=self.dispatcher.read,
            permits=authoriser.permits,
            denied=authoriser.denied,
        )
        services, effects, timers = self._parts()
        self.performers = Performers({kind.name: kind for kind in effects})
        self.performers.bind(self.dispatcher.submit)
        self.loop = Loop(
            store=store,
            clock=self.clock,
            timers=timers,
            started=self._effects_started,
            settled=self._effects_settled,
            discarded=self.engine.discard,
            crashed=self._crashed,
            ask=self.dispatcher.ask,
        )
        self.dispatcher.bind(services=services, loop=self.loop, events=self._events, context=self.context)
        api = iam.KeyUses(self.dispatcher, self.dispatcher.submit, self.clock)
        gateway = Gateway(api, self, self._wall, region=config.region)
        self._http = HttpServer(WithCredentials(gateway, self.sagemaker.credentials), self._socket)

    def _parts(self) -> tuple[list[Service], list[EffectKind], dict[str, TimerHandler]]:
        config, context, workers = self.config, self.context, self.folder.root / "workers"
        self.segments = logs.Segments(
            self.folder.root / "logs",
            clock=self.clock,
            submit=self.dispatcher.submit,
            permits=context.permits,
            durable=config.durable,
        )
        #: where workers wait for the tasks of activities
        self.bells = Bells()
        self.engine = Engine(dispatch=context.dispatch, serves=self._serves, ring=self.bells.ring)
        self.functions = Functions(
            root=workers / "functions",
            data=self.folder.root,
            cache=config.cache,
            endpoint=self.url,
            region=config.region,
        )
        self.jobs = Jobs(
            root=workers / "jobs", data=self.folder.root, endpoint=self.url, region=config.region
        )
        servers = Servers(self.jobs)
        environments = Environments(cache=config.cache, data=self.folder.root)
        self.sagemaker = sagemaker.Parts(
            context=context,
            jobs=self.jobs,
            servers=servers,
            router=Router(),
            environments=environments,
            logs=self.segments,
            credentials=sagemaker.WorkerCredentials(context, self.url),
            captures=sagemaker.Captures(self.folder.root / "captures", context=context, logs=self.segments),
        )
        self.lambda_ = lambda_.Parts(
            context=context, workers=self.functions, logs=self.segments, code=workers / "code"
        )
        self.ssm = ssm.Parts(
            context=context,
            logs=self.segments,
            commands=Commands(
                self.jobs,
                user=self._command_user,
                share=self._command_paths,
                environments=environments.readable,
            ),
            credentials=self.sagemaker.credentials,
            sealer=FileSealer(self.folder.root),
        )
        self.sqs = sqs.Parts(addresses=sqs.Addresses(self.url))
        self.eventbridge = eventbridge.EventBridge(
            eventbridge.Parts(permits=context.permits, serves=self._serves)
        )
        services = [
            self.eventbridge.service(),
            iam.service(),
            lambda_.service(self.lambda_),
            logs.service(self.segments),
            s3.service(),
            sagemaker.service(self.sagemaker.environments),
            sagemaker_runtime.service(self.sagemaker.router, servers, self.sagemaker.captures),
            ssm.service(self.ssm),
            stepfunctions.service(self.engine, self.clock.now, self.bells),
            sns.service(sns.Parts(endpoint=self.url)),
            sqs.service(self.sqs),
            stepwell.service(
                status=self.status,
                counted=COUNTED,
                stop=self.stop,
                aliases=ALIASES,
                rollbacks=stepwell.Rollbacks(
                    keeper=sagemaker.Rollbacks(environments=self.sagemaker.environments),
                    rights=sagemaker.rollback_rights(),
                ),
            ),
            sts.service(),
        ]
        effects = [
            *deliveries.effects(dispatch=context.dispatch, account=config.account),
            *self.engine.effects(),
            *lambda_.effects(self.lambda_),
            *logs.effects(self.segments, context),
            *sagemaker.effects(self.sagemaker),
            *ssm.effects(self.ssm),
        ]
        timers: dict[str, TimerHandler] = {
            **deliveries.timers(),
            **events.timers([self.engine.on_event, self.eventbridge.on_event, *ssm.subscribers(self.ssm)]),
            **self.engine.timers(),
            **self.eventbridge.timers(),
            **lambda_.timers(),
            **sagemaker.timers(),
            **sqs.timers(self.sqs),
            **ssm.timers(self.ssm),
            **sts.timers(),
        }
        return services, effects, timers

    def _serves(self, service: str, operation: str) -> bool:
        """Whether AWS's services may call it here: not what this server has beside AWS's."""
        found = self.dispatcher.services.get(service) if service != "stepwell" else None
        return found is not None and operation in found.operations

    def status(self) -> Mapping[str, Any]:
        """GetStatus's output."""
        return {
            "Version": __version__,
            "ProcessId": os.getpid(),
            "Account": self.config.account,
            "Region": self.config.region,
            "DataFolder": str(self.folder.root),
            "StartedAt": self.started_at,
            "ResidentBytes": resident_bytes(),
        }

    async def _collect_blobs(self) -> None:
        while True:
            await asyncio.sleep(BLOB_GRACE)
            before = self.clock.now() - BLOB_GRACE
            await self.dispatcher.decide(partial(Draft.collect, before=before))
            await asyncio.to_thread(self.blobs.collect, before, self.store.referenced)

    def _small_blob(self, digest: str) -> bytes | None:
        with self.store.reader() as view:
            return view.small_blob(digest)

    def _crashed(self) -> None:
        os._exit(CRASHED)

    def _effects_started(self, effects: list[Effect]) -> None:
        self._events.call_soon_threadsafe(self._perform, effects)

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.performers.start(effect)

    def _effects_settled(self, tokens: set[str]) -> None:
        self._events.call_soon_threadsafe(self._abandon, tokens)

    def _abandon(self, tokens: set[str]) -> None:
        for token in tokens:
            self.performers.cancel(token)


def chosen_port(config: Config, last_url: str | None) -> int:
    """The port asked for; without one the folder's last, which jobs under way still know; else 4566."""
    if config.port is not None:
        return config.port
    return (urlsplit(last_url).port if last_url else None) or DEFAULT_PORT


def resident_bytes() -> int:
    """The memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve(config: Config, announce: Callable[[str], None]) -> None:
    """Run a server until SIGTERM, SIGINT or a stop call; `announce(url)` is called once it answers."""
    import uvloop

    async def main() -> None:
        server = Server(config)
        for name in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(name, server.stop)
        await server.run(announce)

    uvloop.run(main())
