"""A model server keeps its port, drains before it stops, and is found again."""

from __future__ import annotations

import asyncio
import json
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from stepwell.workers import containment
from stepwell.workers.jobs import Jobs, JobSpec, Limits
from stepwell.workers.servers import ModelUnavailable, ServerFailed, Servers

from .conftest import run

MakeJobs = Callable[[], Jobs]

SCRIPT = """
    import json, os, time
    print("loading", flush=True)
    def model_fn(model_dir):
        return open(os.path.join(model_dir, "weights")).read()
    def input_fn(body, content_type):
        return json.loads(body)
    def predict_fn(data, model):
        if data == "slow":
            time.sleep(0.5)
        if data == "exit":
            os._exit(3)
        return [model, data]
    def output_fn(prediction, accept):
        return json.dumps(prediction)
"""


def stage(jobs: Jobs, worker_id: str, script: str = SCRIPT, **limits: float) -> JobSpec:
    """A model server of this Python with a model of its own."""
    folder = jobs.staging(worker_id)
    if folder is not None:
        (folder / "model" / "code").mkdir(parents=True)
        (folder / "model" / "weights").write_text(f"weights of {worker_id}")
        (folder / "model" / "code" / "inference.py").write_text(textwrap.dedent(script))
    return JobSpec(
        worker_id=worker_id,
        command=(sys.executable, str(containment.INSIDE / "serve.py")),
        read=containment.python_paths(Path(sys.executable)),
        limits=Limits(grace=5.0, **limits),
    )


async def ask(servers: Servers, worker_id: str, data: object) -> object:
    answer = await servers.invoke(worker_id, {"content-type": "application/json"}, json.dumps(data).encode())
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def test_a_server_answers_and_drains_what_is_under_way(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        await servers.start(stage(servers.jobs, "one"))
        assert await ask(servers, "one", 1) == ["weights of one", 1]
        slow = asyncio.create_task(ask(servers, "one", "slow"))
        while not servers._of("one").under_way:
            await asyncio.sleep(0)
        draining = asyncio.create_task(servers.drain("one"))
        await asyncio.sleep(0)
        with pytest.raises(ModelUnavailable, match="no new requests"):
            await ask(servers, "one", 2)
        exit_ = await draining
        assert exit_.reason == "stopped"
        assert await slow == ["weights of one", "slow"]
        with pytest.raises(ModelUnavailable, match="no model server one runs"):
            await ask(servers, "one", 3)

    run(work())


def test_two_servers_live_side_by_side_and_one_can_go(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        old, new = await asyncio.gather(
            *(servers.start(stage(servers.jobs, name)) for name in ("old", "new"))
        )
        assert old.port != new.port
        await servers.drain("old")
        assert await ask(servers, "new", 1) == ["weights of new", 1]
        await servers.kill("new")

    run(work())


def test_the_next_server_finds_it_on_the_same_port(make_jobs: MakeJobs) -> None:
    async def work() -> None:
        first = Servers(make_jobs())
        handle = await first.start(stage(first.jobs, "one"))
        second = Servers(make_jobs())
        assert await second.jobs.attach_all() == ["one"]
        again = await second.start(stage(second.jobs, "one"))
        assert again.port == handle.port
        assert await ask(second, "one", 1) == ["weights of one", 1]
        await second.kill("one")

    run(work())


def test_a_recorded_port_can_be_used_again(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        handle = await servers.start(stage(servers.jobs, "one"))
        await servers.kill("one")
        spec = stage(servers.jobs, "two")
        again = await servers.start(
            JobSpec(worker_id="two", command=spec.command, read=spec.read, port=handle.port)
        )
        assert again.port == handle.port
        assert await ask(servers, "two", 1) == ["weights of two", 1]
        await servers.kill("two")

    run(work())


def test_a_model_that_does_not_load_fails_the_start_with_its_last_words(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())
    script = "def model_fn(model_dir): raise RuntimeError('no weights')"

    async def work() -> None:
        with pytest.raises(ServerFailed, match="exited with status 1") as failure:
            await servers.start(stage(servers.jobs, "one", script))
        assert "RuntimeError: no weights" in str(failure.value)
        assert "inference.py" in str(failure.value).splitlines()[2]

    run(work())


def test_a_server_that_is_never_healthy_is_stopped(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        with pytest.raises(ServerFailed, match=r"did not answer 200 within 0\.3 s"):
            await servers.start(stage(servers.jobs, "one", "import time; time.sleep(60)"), startup=0.3)
        assert servers.jobs.ended("one") is not None

    run(work())


def test_a_server_that_dies_under_a_request_makes_it_unavailable(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        await servers.start(stage(servers.jobs, "one"))
        with pytest.raises(ModelUnavailable):
            await ask(servers, "one", "exit")
        assert (await servers.jobs.wait("one")).code == 3
        with pytest.raises(ModelUnavailable):
            await ask(servers, "one", 1)

    run(work())


def test_an_invocation_has_a_time_limit(make_jobs: MakeJobs) -> None:
    servers = Servers(make_jobs())

    async def work() -> None:
        await servers.start(stage(servers.jobs, "one"))
        with pytest.raises(TimeoutError):
            await servers.invoke("one", {"content-type": "application/json"}, b'"slow"', timeout=0.1)
        assert await ask(servers, "one", 1) == ["weights of one", 1]
        await servers.kill("one")

    run(work())
