"""Which model server answers a request: endpoints, their variants' weights, and what is in flight where.

A pure table in memory: the service that deploys writes it, the one that serves reads it, on one event loop.
A request holds a lease on its server, so that a fleet is stopped only when its last answer has left.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

#: has an endpoint's route set where this table does not know it; false when it serves nothing
Load = Callable[[str], Awaitable[bool]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A production variant's share of an endpoint's traffic."""

    name: str
    #: its share is its weight among those of all variants
    weight: float
    #: its servers' worker ids
    servers: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What an endpoint's requests are spread over."""

    #: the endpoint's name as it was created: requests must match its case
    endpoint: str
    variants: tuple[Variant, ...]


class Unroutable(Exception):
    """No server can take the request now."""


class NoSuchVariant(Unroutable):
    """The endpoint has no variant of that name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server that was chosen for a request."""

    endpoint: str
    variant: str
    #: its worker id
    server: str


class Router:
    """The routing table."""

    def __init__(self, source: random.Random | None = None) -> None:
        """source: where weighted choices come from."""
        self._source = source or random.Random()
        self._routes: dict[str, Route] = {}
        self._healthy: set[str] = set()
        self._flying: dict[str, int] = {}
        self._turn = 0
        self._changed = asyncio.Event()
        #: asked for endpoints that the table does not know
        self.load: Load | None = None

    def route(self, route: Route) -> None:
        """Send an endpoint's requests over `route` from now on."""
        self._routes[route.endpoint.lower()] = route
        self._wake()

    def remove(self, endpoint: str) -> None:
        """The endpoint takes no more requests."""
        self._routes.pop(endpoint.lower(), None)
        self._wake()

    def up(self, server: str) -> None:
        """The server answers."""
        self._healthy.add(server)
        self._wake()

    def down(self, server: str) -> None:
        """The server gets no more requests: it is gone, or broke one off and is to be looked at."""
        self._healthy.discard(server)
        self._wake()

    async def doubted(self, server: str) -> None:
        """Return when the server is not known to answer."""
        while server in self._healthy:
            await self._changed.wait()

    async def known(self, endpoint: str) -> bool:
        """Whether requests may name the endpoint, in this case of its letters."""
        if endpoint.lower() not in self._routes and self.load is not None:
            await self.load(endpoint)
        route = self._routes.get(endpoint.lower())
        return route is not None and route.endpoint == endpoint

    def choose(self, endpoint: str, variant: str | None = None) -> Target:
        """A server for a request: a variant by weight, then the least busy of its healthy servers.

        variant: TargetVariant, which passes by the weights. Raises NoSuchVariant or Unroutable.
        """
        route = self._routes.get(endpoint.lower())
        if route is None:
            raise Unroutable(endpoint)
        variants = [each for each in route.variants if variant in (None, each.name)]
        if not variants:
            raise NoSuchVariant(variant)
        able = [
            (each, servers)
            for each in variants
            if (servers := [name for name in each.servers if name in self._healthy])
            and (variant is not None or each.weight > 0)
        ]
        if not able:
            raise Unroutable(endpoint)
        weights = [each.weight if variant is None else 1.0 for each, _ in able]
        chosen, servers = self._source.choices(able, weights)[0]
        self._turn += 1
        count = len(servers)
        turned = [servers[(self._turn + place) % count] for place in range(count)]
        server = min(turned, key=lambda name: self._flying.get(name, 0))
        return Target(endpoint=route.endpoint, variant=chosen.name, server=server)

    @contextmanager
    def lease(self, target: Target) -> Iterator[None]:
        """Hold the server for the time of a request."""
        self._flying[target.server] = self._flying.get(target.server, 0) + 1
        try:
            yield
        finally:
            self._flying[target.server] -= 1
            if not self._flying[target.server]:
                del self._flying[target.server]
                self._wake()

    async def able(self, endpoint: str, variant: str | None = None) -> Target:
        """Like `choose`, but waits until a server can take the request. Raises NoSuchVariant."""
        while True:
            changed = self._changed
            try:
                return self.choose(endpoint, variant)
            except NoSuchVariant:
                raise
            except Unroutable:
                await changed.wait()

    async def drained(self, servers: Iterable[str]) -> None:
        """Return when none of the servers holds a request. They should be out of every route by then."""
        names = tuple(servers)
        while any(name in self._flying for name in names):
            await self._changed.wait()

    def in_flight(self, server: str) -> int:
        """How many requests a server holds."""
        return self._flying.get(server, 0)

    def _wake(self) -> None:
        """Wake whoever waits for a change; the next wait is for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()
