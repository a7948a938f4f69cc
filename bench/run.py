"""`make bench`: measures a server as it is shipped, prints a table, writes docs/benchmarks.md.

`python bench/run.py WORD ...` measures only what has one of the words in its name, and writes no page.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import decisions
import functions
import models
import objects
import report
import startup
import workflows
from figures import RUNS, Figure, Wrong
from servers import ROOT, Moto, Stepwell, moto_missing, moto_version

PAGE = ROOT / "docs" / "benchmarks.md"
Measured = tuple[tuple[str, str, Callable[[Any], float]], ...]


def main(words: list[str]) -> None:
    """Measure all of it, or what has one of `words` in its name."""
    began, notes = time.monotonic(), []
    missing = moto_missing()
    if missing:
        notes.append(f"Not compared with moto, which could not be installed: {missing}")
        say(notes[-1])
    found: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="stepwell-bench-") as name:
        for figure in measured(Path(name), missing is None, words, notes):
            say(f"{time.monotonic() - began:6.1f} s  {figure.what}: {' '.join(report.row(figure)[1:4])}")
            found.append(figure)
    say(f"\n{report.table(found)}\n")
    seconds = time.monotonic() - began
    if not words:
        moto = None if missing else moto_version()
        PAGE.write_text(report.page(found, notes, seconds, moto))
        say(f"{seconds:.0f} s; written to {PAGE.relative_to(ROOT)}")


def measured(folder: Path, with_moto: bool, words: list[str], notes: list[str]) -> Iterator[Figure]:
    """All figures, one after the other."""

    def wanted(part: str) -> bool:
        return not words or part in words

    if wanted("startup"):
        yield from startup.figures(folder, with_moto)
    if wanted("decisions"):
        yield from decisions.figures()
    server = Stepwell(folder / "data")
    moto = Moto() if with_moto else None
    try:
        if moto is not None:
            moto.run_machines()
        if wanted("workflows"):
            yield from compared(workflows.MEASURED, workflows.Workflows, server, moto, notes)
        if wanted("objects"):
            yield from compared(objects.MEASURED, objects.Objects, server, moto, notes)
        if wanted("functions"):
            yield from functions.figures(server)
        if wanted("models"):
            yield from models.figures(server, folder)
    finally:
        server.stop()
        if moto is not None:
            moto.stop()


def compared(
    table: Measured, make: Callable[[Any], Any], server: Stepwell, moto: Moto | None, notes: list[str]
) -> Iterator[Figure]:
    """The figures of a table, here and in moto, run by run in turns: what else the machine does hits both.

    Where moto's result is wrong its time does not count.
    """
    ours, theirs = make(server), None if moto is None else make(moto)
    for what, unit, measure in table:
        values: list[float] = []
        others: list[float] | None = None if theirs is None else []
        for _ in range(RUNS):
            values.append(measure(ours))
            if others is None:
                continue
            try:
                others.append(measure(theirs))
            except Wrong as error:
                notes.append(f"moto's result of '{what}' was wrong: {error}")
                say(notes[-1])
                others = None
        moto_runs = None if others is None else tuple(others)
        yield Figure(what=what, unit=unit, runs=tuple(values), moto=moto_runs)


def say(text: str) -> None:
    """Print at once."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
