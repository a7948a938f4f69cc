"""The composition root: builds a server from a `Config`. The only place that knows all parts."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import uvicorn

from stepwell import __version__
from stepwell.api.authorise import Authoriser
from stepwell.api.callers import root
from stepwell.api.context import Context
from stepwell.api.dispatch import Dispatcher
from stepwell.api.operations import Service
from stepwell.calls import Call
from stepwell.clock import Clock, SystemClock
from stepwell.config import Config
from stepwell.durable import Effect, EffectKind, Loop, Performers, View
from stepwell.durable.loop import TimerHandler
from stepwell.errors import UsageError
from stepwell.gateway.asgi import Gateway
from stepwell.gateway.ports import Key
from stepwell.identity.evaluate import Policies
from stepwell.services import iam, stepwell, sts
from stepwell.store import FileBlobs, Folder, SqliteStore
from stepwell.store.rootkey import RootKey, read_or_create

log = logging.getLogger(__name__)

#: seconds that requests under way get when the server ends
DRAIN = 8


class Server:
    """One running Stepwell: its data folder, its loop, its services, its HTTP endpoint.

    Raises FolderInUse, FolderDamaged, FolderTooNew or UsageError when it cannot be built; nothing of the
    folder is changed then.
    """

    def __init__(self, config: Config, clock: Clock | None = None) -> None:
        self.config = config
        self.clock: Clock = clock or SystemClock()
        self._socket = listen(config)
        self.url = f"http://{config.host}:{self._socket.getsockname()[1]}"
        try:
            self.folder = Folder(config.data)
        except BaseException:
            self._socket.close()
            raise
        try:
            self.key = read_or_create(self.folder.root, account=config.account, region=config.region)
            self.store = SqliteStore(
                self.folder.database, account=config.account, region=config.region, durable=config.durable
            )
        except BaseException:
            self.folder.close()
            self._socket.close()
            raise
        self.started_at = self.clock.now()
        self._stopping = asyncio.Event()
        self._stop_all = False

    async def run(self) -> None:
        """Serve until stopped."""
        await self.start()
        await self._stopping.wait()
        await self.close()

    def stop(self, everything: bool = False) -> int:
        """Begin to end; with `everything`, jobs and model servers end too. Gives the process id."""
        self._stop_all = self._stop_all or everything
        asyncio.get_running_loop().call_later(0.05, self._stopping.set)
        return os.getpid()

    async def start(self) -> None:
        """Build all parts, resume what an earlier run left, and begin to answer."""
        config, store = self.config, self.store
        self.blobs = FileBlobs(
            self.folder.root / "blobs", self.folder.tmp, self._small_blob, durable=config.durable
        )
        self.dispatcher = Dispatcher(
            store=store,
            authorise=Authoriser(policies_of=policies_of, clock=self.clock, enforce=False),
        )
        self.context = Context(
            config=config,
            clock=self.clock,
            blobs=self.blobs,
            dispatch=self.dispatcher.dispatch,
            decide=self.dispatcher.decide,
            read=self.dispatcher.read,
        )
        self._events = asyncio.get_running_loop()
        services, effects, timers = self._parts()
        self.performers = Performers({kind.name: kind for kind in effects})
        self.loop = Loop(
            store=store,
            clock=self.clock,
            timers=timers,
            started=self._start_effects,
            settled=self._settle_effects,
            discarded=self._discard,
            ask=self.dispatcher.ask,
        )
        self.performers.bind(self.dispatcher.submit)
        self.dispatcher.bind(services=services, loop=self.loop, events=self._events, context=self.context)
        self.loop.start()
        gateway = Gateway(self.dispatcher, self, self.clock, region=config.region)
        self._http = Http(
            uvicorn.Config(
                gateway,
                loop="none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_graceful_shutdown=DRAIN,
            )
        )
        self._serving = asyncio.create_task(self._http.serve(sockets=[self._socket]))
        while not self._http.started and not self._serving.done():
            await asyncio.sleep(0.002)
        if self._serving.done():
            await self._serving
        self.folder.announce({"url": self.url})

    async def close(self) -> None:
        """Answer what is under way, end the workers that must end, and let the folder go."""
        self._http.should_exit = True
        with contextlib.suppress(asyncio.CancelledError):
            await self._serving
        await self.performers.close()
        await self._events.run_in_executor(None, self.loop.stop)
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
            session = sts.find_session(view, access_key_id)
        if session is None:
            return None
        return Key(
            secret_access_key=session.secret,
            caller=session.caller,
            session_token=session.token,
            expires_at=session.expires,
        )

    def _parts(self) -> tuple[list[Service], list[EffectKind], dict[str, TimerHandler]]:
        services = [
            iam.service(),
            sts.service(),
            stepwell.service(status=self.status, stop=self.stop),
        ]
        effects: list[EffectKind] = []
        timers: dict[str, TimerHandler] = {**sts.timers()}
        return services, effects, timers

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

    def _small_blob(self, digest: str) -> bytes | None:
        with self.store.reader() as view:
            return view.small_blob(digest)

    def _start_effects(self, effects: list[Effect]) -> None:
        self._events.call_soon_threadsafe(self._perform, effects)

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            self.performers.start(effect)

    def _settle_effects(self, tokens: set[str]) -> None:
        self._events.call_soon_threadsafe(self._unperform, tokens)

    def _unperform(self, tokens: set[str]) -> None:
        for token in tokens:
            self.performers.cancel(token)

    def _discard(self) -> None:
        """Nothing of the last batch happened."""


class Http(uvicorn.Server):
    """uvicorn without its signal handlers: the server has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(config: Config) -> socket.socket:
    """The bound socket. Raises UsageError for an address that is taken, or not ours to offer."""
    try:
        address = ipaddress.ip_address(config.host)
    except ValueError:
        raise UsageError(f"--listen takes an IP address and a port, not {config.host!r}") from None
    if not address.is_loopback:
        raise UsageError(
            f"{config.host} is reachable from other machines, and this server speaks plain HTTP. "
            "Listen on 127.0.0.1 and put a TLS proxy in front"
        )
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((config.host, config.port))
        bound.listen(1024)
    except OSError as error:
        bound.close()
        raise UsageError(
            f"cannot listen on {config.host}:{config.port}: {os.strerror(error.errno or 0)}. "
            "Another program may use the port: name another with --listen 127.0.0.1:PORT"
        ) from error
    return bound


def policies_of(call: Call, resource: str, view: View) -> Policies:
    """The policies that speak about a call: its role's own, and the resource's."""
    own: tuple[Any, ...] = ()
    boundary = None
    if call.caller.role is not None:
        own, boundary = iam.role_policies(view, call.caller.role)
    return Policies(identity=own, boundary=boundary)


def resident_bytes() -> int:
    """The memory that this process holds."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def serve(config: Config, announce: Any) -> None:
    """Run a server in the foreground until SIGTERM, SIGINT or a stop call; `announce(url)` once it answers."""
    import uvloop

    async def main() -> None:
        server = Server(config)
        events = asyncio.get_running_loop()
        for name in (signal.SIGTERM, signal.SIGINT):
            events.add_signal_handler(name, server.stop)
        await server.start()
        announce(server.url)
        await server._stopping.wait()
        await server.close()

    uvloop.run(main())
