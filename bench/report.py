"""The table: on the screen, and as a page of the documentation with what it was measured on."""

from __future__ import annotations

import os
import platform
import statistics
from collections.abc import Iterable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from figures import RUNS, Figure

HEAD = ("what", "unit", "Stepwell", "spread", "moto", "spread", "times better")


def row(figure: Figure) -> tuple[str, ...]:
    """The cells of one figure; a dash where there is nothing to compare with."""
    moto = ("-", "-") if figure.moto is None else _cells(figure.moto)
    ratio = "-" if figure.ratio is None else f"{figure.ratio:.1f}"
    return (figure.what, figure.unit, *_cells(figure.runs), *moto, ratio)


def table(figures: Iterable[Figure]) -> str:
    """A Markdown table whose columns are aligned, so that it reads well in a terminal too."""
    rows = [HEAD, *map(row, figures)]
    widths = [max(len(cells[column]) for cells in rows) for column in range(len(HEAD))]
    rule = tuple(
        "-" * width if column < 2 else "-" * (width - 1) + ":" for column, width in enumerate(widths)
    )
    return "\n".join(
        "| "
        + " | ".join(
            cell.ljust(width) if column < 2 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(cells, widths, strict=True))
        )
        + " |"
        for cells in (rows[0], rule, *rows[1:])
    )


def page(figures: list[Figure], notes: list[str], seconds: float, moto: str | None) -> str:
    """docs/benchmarks.md."""
    compared = f"; moto {moto} in an environment of its own" if moto else ""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`; the figures are those of one run, on the machine named here.",
        "",
        f"- {datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {seconds:.0f} s in all",
        f"- {os.cpu_count()} cores ({processor()}), {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        f"- Stepwell {version('stepwell')} as shipped: every commit synced, every request signed and "
        f"verified{compared}",
        "- clients and server share the cores; the load before the run was "
        f"{LOAD[0]:.1f} (average of one minute)",
        "",
        table(figures),
        "",
        f"Each value is the median of {RUNS} runs, the spread their least and greatest. Times better "
        "compares medians: above 1 Stepwell is better. Every result is checked; a wrong one does not count.",
        "",
        "moto keeps everything in memory, verifies no signatures and is meant for tests: the comparison says "
        "what durability and verification cost or don't. It runs state machines only when told to, and was. "
        "Functions, jobs and endpoints are not compared: moto runs none without Docker.",
        *(f"\n{note}" for note in notes),
        "",
    ]
    return "\n".join(lines)


#: the machine's load when this began
LOAD = os.getloadavg()


def processor() -> str:
    """The processor's name as Linux tells it."""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _cells(values: tuple[float, ...]) -> tuple[str, str]:
    return _number(statistics.median(values)), f"{_number(min(values))} to {_number(max(values))}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
