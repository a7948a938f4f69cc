"""Tables for people, JSON for programs; colour only on a terminal."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

import click


def print_json(value: Any) -> None:
    """One JSON document on standard output; dates in ISO 8601."""
    click.echo(json.dumps(value, indent=2, default=_plain, ensure_ascii=False))


def json_line(value: Any) -> None:
    """One JSON document on a line of its own."""
    click.echo(json.dumps(value, default=_plain, ensure_ascii=False))


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return str(value)


def print_table(head: Sequence[str], rows: Iterable[Sequence[str]], *, wrap: bool = False) -> None:
    """Columns, aligned; on a terminal they are cut at its width, or with `wrap` the last is wrapped."""
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout.isatty()
    console = Console(
        width=None if terminal else 400, force_terminal=terminal, highlight=False, soft_wrap=not terminal
    )
    table = Table(box=None, show_header=any(head), header_style="bold", pad_edge=False)
    for name in head:
        table.add_column(name, no_wrap=True, overflow="ellipsis" if terminal else "fold")
    table.columns[-1].no_wrap = not wrap
    for row in rows:
        table.add_row(*(_escape(cell) for cell in row))
    with console.capture() as drawn:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def print_tree(tree: Any) -> None:
    """One of rich's trees; on a terminal it is wrapped at its width, elsewhere a node is a line."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 4000, force_terminal=terminal, highlight=False)
    with console.capture() as drawn:
        console.print(tree)
    click.echo("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)


def status_word(status: str) -> str:
    """A status, coloured on a terminal."""
    colours = {"SUCCEEDED": "green", "FAILED": "red", "TIMED_OUT": "red", "ABORTED": "yellow"}
    return click.style(status, fg=colours.get(status)) if sys.stdout.isatty() else status


def ago(moment: datetime) -> str:
    """`2026-11-20 12:00:00 (3 min ago)`."""
    seconds = (datetime.now(UTC) - moment).total_seconds()
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= size:
            return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({seconds / size:.0f} {unit} ago)"
    return f"{moment.astimezone():%Y-%m-%d %H:%M:%S} ({max(seconds, 0):.0f} s ago)"
