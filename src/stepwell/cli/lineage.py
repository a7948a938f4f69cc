"""`lineage`: what a model, an endpoint or a batch came from, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from stepwell.cli.connection import connect, data_option, json_option
from stepwell.cli.output import print_json, print_tree

if TYPE_CHECKING:
    from stepwell.retrain.lineage.graph import Edge, Graph, Reference

#: entries of a fact that are drawn; --json has all
MOST_ENTRIES = 8
#: things of one kind that are drawn under a thing, such as a batch's objects; --json has all
MOST_ALIKE = 10
#: facts that are too long for a tree
COUNTED = ("packages",)
#: facts that things which belong together have alike: told of the first
SHARED = ("workflow", "batch", "image", "model data")
#: a SHA-256
DIGEST = re.compile(r"(sha256:)?[0-9a-f]{64}")
#: kinds whose facts stand beside the name
INLINE = ("object",)


@click.command(short_help="What something came from, and what came of it.")
@click.argument("name")
@click.option("--back", "direction", flag_value="back", help="Only what it came from.")
@click.option("--forward", "direction", flag_value="forward", help="Only what came of it.")
@data_option
@json_option
def lineage(name: str, direction: str | None, data: Path, as_json: bool) -> None:
    """Show the lineage of NAME, back to batches and forward to what serves now.

    NAME is an endpoint, endpoint configuration, model, model package group (its newest version),
    GROUP/VERSION, training or processing job, execution or batch: a name or an ARN; or the s3:// URI of a
    batch's folder, of evidence or of a training job's artefact. Exit code 1: it is gone, nothing is known.
    """
    from stepwell.retrain.lineage.names import named
    from stepwell.retrain.lineage.reading import Reader
    from stepwell.retrain.lineage.tracing import trace

    source = Reader(connect(data).client)
    reference, *others = named(name, source)
    for other in others:
        how = f"stepwell lineage {other.called}" if other.kind == "model-package" else "name it by its ARN"
        click.echo(f"there is a {other.kind} {other.called} too: {how}", err=True)
    graph = trace(reference, source, back=direction != "forward", forward=direction != "back")
    if as_json:
        print_json(graph.to_json())
    else:
        print_tree(tree(graph, direction))
    if graph.nodes[reference].missing:
        raise click.exceptions.Exit(1)


def tree(graph: Graph, direction: str | None = None) -> Any:
    """The graph as rich's tree: the root's facts, then both directions, or one."""
    return _Drawing(graph).tree(direction)


class _Drawing:
    """One tree. A thing that was drawn before is only named, a fact that was told before is left out."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._drawn = {graph.root}
        self._told: set[tuple[str, str]] = set()

    def tree(self, direction: str | None) -> Any:
        from rich.tree import Tree

        graph, root = self._graph, self._graph.root
        made = Tree(self._title(root))
        self._facts(made, root)
        for heading, name, follow, end in (
            ("came from", "back", graph.origins, "origin"),
            ("led to", "forward", graph.results, "result"),
        ):
            if direction in (None, name) and any(True for _ in follow(root)):
                self._branch(made.add(f"[bold]{heading}[/bold]"), root, follow, end)
        return made

    def _branch(
        self, branch: Any, reference: Reference, follow: Callable[[Reference], Iterator[Edge]], end: str
    ) -> None:
        """What lies behind a thing; a lot of one kind is cut short."""
        alike: dict[tuple[str, str], list[Reference]] = {}
        for edge in follow(reference):
            other: Reference = getattr(edge, end)
            alike.setdefault((other.kind, edge.relation), []).append(other)
        for (kind, relation), others in alike.items():
            for other in others[:MOST_ALIKE]:
                title = self._title(other)
                title = f"{relation} {title}" if end == "origin" else f"{title} [dim]({relation} it)[/dim]"
                if other in self._drawn:
                    branch.add(f"{title} [dim](above)[/dim]")
                    continue
                self._drawn.add(other)
                below = branch.add(title)
                self._facts(below, other)
                self._branch(below, other, follow, end)
            if len(others) > MOST_ALIKE:
                branch.add(f"[dim]{relation} {len(others) - MOST_ALIKE} more of kind {kind}[/dim]")

    def _title(self, reference: Reference) -> str:
        from rich.markup import escape

        node = self._graph.nodes[reference]
        title = f"{reference.kind} [bold]{escape(reference.called)}[/bold]"
        if reference.kind in INLINE:
            facts = ", ".join(f"{name} {_shown(value)}" for name, value in node.facts.items())
            title += f" [dim]{escape(facts)}[/dim]" if facts else ""
        return f"{title} [red]{escape(node.missing)}[/red]" if node.missing else title

    def _facts(self, branch: Any, reference: Reference) -> None:
        from rich.markup import escape

        node = self._graph.nodes[reference]
        for name, value in node.facts.items() if reference.kind not in INLINE else ():
            shown = f"{len(value)} (see --json)" if name in COUNTED else _shown(value)
            if name in SHARED and (name, shown) in self._told:
                continue
            self._told.add((name, shown))
            if isinstance(value, list):
                below = branch.add(f"[dim]{escape(name)}[/dim]")
                for each in _several([_entry(each) for each in value]):
                    below.add(escape(each))
            else:
                branch.add(f"[dim]{escape(name)}[/dim] {escape(shown)}")
        for sentence in node.unknown:
            branch.add(f"[yellow]not known[/yellow] {escape(sentence)}")


def _shown(value: Any) -> str:
    """A fact on one line."""
    if isinstance(value, dict):
        return ", ".join(_several([f"{name}={_short(each)}" for name, each in value.items()]))
    return _short(value)


def _entry(value: Any) -> str:
    """One of a list: of an object, what its members say."""
    return " ".join(_short(each) for each in value.values()) if isinstance(value, dict) else _short(value)


def _several(parts: list[str]) -> list[str]:
    """The first of many, and how many more there are."""
    return parts[:MOST_ENTRIES] + ([f"{len(parts) - MOST_ENTRIES} more"] if len(parts) > MOST_ENTRIES else [])


def _short(value: Any) -> str:
    """A value as people recognise it: a digest by its beginning, an ARN by its end."""
    if isinstance(value, dict):
        return f"({' '.join(f'{name} {_short(each)}' for name, each in value.items())})"
    if isinstance(value, float):
        return f"{value:.4g}"
    text = str(value)
    if DIGEST.fullmatch(text):
        return f"{text[:19] if text.startswith('sha256:') else text[:12]}…"
    return text.split(":", 5)[-1] if text.startswith("arn:") else text
