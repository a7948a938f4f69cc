"""What a run over a program does, as a live tree on a terminal: resources under their components."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from stepwell.cli.progress import SIGNS, short, shown
from stepwell.cli.terminal import drawing
from stepwell.provision import Diagnostic, Event, ResourceProgress

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_PER_SECOND = 10
#: the widest list of differences that is drawn under one resource
_MOST_CHANGES = 20


@dataclass(kw_only=True)
class _Node:
    """One resource as it is drawn."""

    event: ResourceProgress
    began: float
    ended: float | None = None


class Tree:
    """An observer that redraws itself until `finish`; what is left then stays on the terminal.

    While the plan of an `up` runs only the resources that something will be done with are counted; the tree
    is that of the apply, or of the plan where the plan is what was asked for.
    """

    def __init__(self, *, plans: bool, console: Any = None) -> None:
        """plans: whether the plan is what was asked for; console: rich's, standard error by default."""
        from rich.console import Console
        from rich.live import Live

        self._plans = plans
        self._lock = threading.Lock()
        self._nodes: dict[str, _Node] = {}
        self._kept: list[Diagnostic] = []
        self._planned = 0
        self._running = True
        self._console = console or Console(file=drawing(), highlight=False)
        self._live = Live(
            get_renderable=self._drawn,
            console=self._console,
            refresh_per_second=_PER_SECOND,
        )
        self._live.start()

    def __call__(self, event: Event) -> None:
        own = (event.phase == "plan") == self._plans
        if isinstance(event, Diagnostic):
            if event.phase == "apply":
                self._kept.clear()
            if own or event.severity == "error":
                self._say(event)
            else:
                self._kept.append(event)
            return
        with self._lock:
            self._planned += not own and event.status == "done" and event.operation != "same"
            if own or event.status == "failed":
                self._note(event)

    def finish(self) -> None:
        """Draws the last of it. What the program said in a plan that no apply followed is said now."""
        for event in self._kept:
            self._say(event)
        self._kept.clear()
        self._running = False
        self._live.stop()

    def _note(self, event: ResourceProgress) -> None:
        now = time.monotonic()
        known = self._nodes.get(event.urn)
        began = known.began if known is not None else now
        if known is not None and known.event.operation == "replace" and event.operation == "same":
            return
        self._nodes[event.urn] = _Node(
            event=event, began=began, ended=None if event.status == "started" else now
        )

    def _say(self, event: Diagnostic) -> None:
        from rich.text import Text

        style = {"error": "red", "warning": "yellow"}.get(event.severity, "")
        self._live.console.print(Text(event.message, style=style))

    def _drawn(self) -> Any:
        from rich.text import Text

        with self._lock:
            nodes = dict(self._nodes)
            planned = self._planned
        if not nodes:
            doing = f"planning: {planned} to change so far" if planned else "planning"
            return Text(f"{_frame()} {doing}", style="dim") if self._running else Text("")
        return Text("\n").join(self._lines(nodes))

    def _lines(self, nodes: dict[str, _Node]) -> Iterator[Any]:
        shown_urns = {urn for urn, node in nodes.items() if node.event.operation != "same"}
        for urn in list(shown_urns):
            parent = nodes[urn].event.parent
            while parent in nodes and parent not in shown_urns:
                shown_urns.add(parent)
                parent = nodes[parent].event.parent
        for urn, node in nodes.items():
            if urn in shown_urns and node.event.parent not in shown_urns:
                yield from self._branch(urn, nodes, shown_urns, 0)

    def _branch(self, urn: str, nodes: dict[str, _Node], visible: set[str], depth: int) -> Iterator[Any]:
        from rich.text import Text

        node = nodes[urn]
        event = node.event
        sign, colour, done = SIGNS[event.operation]
        words = {"started": f"{_frame()} {event.operation}", "failed": "FAILED"}
        said = words.get(event.status, f"to {event.operation}" if event.phase == "plan" else done)
        if event.operation == "same":
            sign, said = "·", ""
        style = "red bold" if event.status == "failed" else colour or "dim"
        line = Text("  " * depth)
        line.append(f"{sign} {short(event.type)} ", style=style)
        line.append(event.name, style="bold")
        line.append(f"  {said}", style=style)
        if event.phase == "apply" and event.operation not in ("same", "read"):
            line.append(f"  {(node.ended or time.monotonic()) - node.began:.1f} s", style="dim")
        if event.message and event.status != "failed":
            line.append(f"  {event.message}", style="dim")
        yield line
        for change in event.changes[:_MOST_CHANGES]:
            told = Text("  " * depth + f"    {change.path}: ")
            told.append(shown(change.before), style="red")
            told.append(" -> ")
            told.append(shown(change.after), style="green")
            if change.replaces:
                told.append("  (forces replacement)", style="magenta")
            yield told
        if len(event.changes) > _MOST_CHANGES:
            yield Text("  " * depth + f"    and {len(event.changes) - _MOST_CHANGES} more", style="dim")
        for child, below in nodes.items():
            if below.event.parent == urn and child in visible:
                yield from self._branch(child, nodes, visible, depth + 1)


def _frame() -> str:
    return _FRAMES[int(time.monotonic() * _PER_SECOND) % len(_FRAMES)]
