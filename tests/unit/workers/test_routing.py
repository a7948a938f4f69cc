"""The routing table: weights, health, leases, and draining."""

from __future__ import annotations

import asyncio
import random
from collections import Counter

import pytest

from stepwell.workers.routing import NoSuchVariant, Route, Router, Unroutable, Variant


def table(**variants: tuple[float, str]) -> Router:
    """A router for the endpoint `e`; each variant is its weight and its servers."""
    router = Router(random.Random(1))
    rows = tuple(
        Variant(name=name, weight=weight, servers=tuple(servers))
        for name, (weight, servers) in variants.items()
    )
    router.route(Route(endpoint="e", variants=rows))
    for row in rows:
        for server in row.servers:
            router.up(server)
    return router


def test_traffic_is_shared_by_weight() -> None:
    router = table(big=(3.0, "a"), small=(1.0, "b"), none=(0.0, "c"))
    counts = Counter(router.choose("e").variant for _ in range(4000))
    assert counts.keys() == {"big", "small"}
    assert 0.7 < counts["big"] / 4000 < 0.8


def test_a_target_variant_passes_by_the_weights() -> None:
    router = table(big=(1.0, "a"), none=(0.0, "c"))
    assert router.choose("e", "none").server == "c"
    with pytest.raises(NoSuchVariant):
        router.choose("e", "other")


def test_idle_servers_take_turns_and_busy_ones_are_spared() -> None:
    router = table(only=(1.0, "abc"))
    assert Counter(router.choose("e").server for _ in range(9)) == {"a": 3, "b": 3, "c": 3}
    first = router.choose("e")
    with router.lease(first):
        assert first.server not in {router.choose("e").server for _ in range(9)}


def test_servers_that_are_down_are_passed_by() -> None:
    router = table(only=(1.0, "ab"))
    router.down("b")
    assert {router.choose("e").server for _ in range(4)} == {"a"}
    router.down("a")
    with pytest.raises(Unroutable):
        router.choose("e")


def test_whoever_keeps_a_server_hears_that_it_is_doubted() -> None:
    async def scene() -> None:
        router = table(only=(1.0, "a"))
        doubted = asyncio.ensure_future(router.doubted("a"))
        router.up("a")
        await asyncio.sleep(0)
        assert not doubted.done()
        router.down("a")
        await doubted

    asyncio.run(scene())


def test_a_request_waits_until_a_server_is_up() -> None:
    async def scene() -> str:
        router = table(only=(1.0, "a"))
        router.down("a")
        waiting = asyncio.ensure_future(router.able("e"))
        await asyncio.sleep(0)
        assert not waiting.done()
        router.up("a")
        return (await waiting).server

    assert asyncio.run(scene()) == "a"


def test_draining_waits_for_every_lease() -> None:
    async def scene() -> None:
        router = table(only=(1.0, "a"))
        with router.lease(router.choose("e")), router.lease(router.choose("e")):
            drained = asyncio.ensure_future(router.drained(["a"]))
            await asyncio.sleep(0)
            assert router.in_flight("a") == 2 and not drained.done()
        await drained
        assert router.in_flight("a") == 0

    asyncio.run(scene())


def test_an_unknown_endpoint_is_loaded_once_asked_for() -> None:
    async def scene() -> list[bool]:
        router = Router()

        async def load(name: str) -> bool:
            if name.lower() == "late":
                router.route(Route(endpoint="Late", variants=()))
            return name.lower() == "late"

        router.load = load
        return [await router.known("Late"), await router.known("late"), await router.known("other")]

    assert asyncio.run(scene()) == [True, False, False]
