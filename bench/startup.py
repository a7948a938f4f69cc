"""How long until a server answers, what it holds in memory then, and what a command costs."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from figures import Figure, clock, right, runs
from servers import Moto, Server, Stepwell


def figures(folder: Path, with_moto: bool) -> Iterator[Figure]:
    """Start-up, idle memory, import time."""
    names = iter(range(100))
    times, memory = _starts(lambda: Stepwell(folder / f"start-{next(names)}"))
    moto_times, moto_memory = _starts(Moto) if with_moto else (None, None)
    yield Figure(what="start-up until it answers, new data folder", unit="ms", runs=times, moto=moto_times)
    yield Figure(what="memory of the idle server", unit="MB", runs=memory, moto=moto_memory)
    yield Figure(what="`stepwell --help`", unit="ms", runs=runs(_help))
    yield Figure(what="a Python that does nothing, for comparison", unit="ms", runs=runs(_nothing))


def _starts(start: Callable[[], Server]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    memory: list[float] = []

    def once() -> float:
        with clock() as took:
            server = start()
        time.sleep(0.3)
        memory.append(server.resident)
        server.stop()
        return took.seconds * 1e3

    return runs(once), tuple(memory)


def _help() -> float:
    with clock() as took:
        done = subprocess.run([sys.executable, "-m", "stepwell", "--help"], capture_output=True, check=True)
    right(b"serve" in done.stdout, "--help does not name `serve`")
    return took.seconds * 1e3


def _nothing() -> float:
    with clock() as took:
        subprocess.run([sys.executable, "-c", ""], check=True)
    return took.seconds * 1e3
