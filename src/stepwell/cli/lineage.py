"""`lineage`: what a model, an endpoint or a batch came from, and what came of it."""

from __future__ import annotations

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
        click.echo(f"there is a {other.kind} {other.called} too: name it by its ARN", err=True)
    graph = trace(reference, source, back=direction != "forward", forward=direction != "back")
    if as_json:
        print_json(graph.to_json())
    else:
        print_tree(tree(graph, direction))
    if graph.nodes[reference].missing:
        raise click.exceptions.Exit(1)


def tree(graph: Graph, direction: str | None = None) -> Any:
    """The graph as rich's tree: the root's facts, then both directions, or one."""
    from rich.tree import Tree

    made = Tree(_title(graph, graph.root))
    _facts(made, graph, graph.root)
    drawn = {graph.root}
    for heading, name, follow, end in (
        ("came from", "back", graph.origins, "origin"),
        ("led to", "forward", graph.results, "result"),
    ):
        if direction in (None, name) and any(True for _ in follow(graph.root)):
            _draw(made.add(f"[bold]{heading}[/bold]"), graph, graph.root, follow, end, drawn)
    return made


def _draw(
    branch: Any,
    graph: Graph,
    reference: Reference,
    follow: Callable[[Reference], Iterator[Edge]],
    end: str,
    drawn: set[Reference],
) -> None:
    """What lies behind a thing; one that was drawn before is named, and not told again."""
    alike: dict[tuple[str, str], list[Edge]] = {}
    for edge in follow(reference):
        alike.setdefault((getattr(edge, end).kind, edge.relation), []).append(edge)
    for (kind, relation), edges in alike.items():
        for edge in edges[:MOST_ALIKE]:
            other: Reference = getattr(edge, end)
            title = _title(graph, other)
            title = f"{relation} {title}" if end == "origin" else f"{title} [dim]({relation} it)[/dim]"
            if other in drawn:
                branch.add(f"{title} [dim](above)[/dim]")
                continue
            drawn.add(other)
            below = branch.add(title)
            _facts(below, graph, other)
            _draw(below, graph, other, follow, end, drawn)
        if len(edges) > MOST_ALIKE:
            branch.add(f"[dim]{relation} {len(edges) - MOST_ALIKE} more of kind {kind}[/dim]")


def _title(graph: Graph, reference: Reference) -> str:
    from rich.markup import escape

    missing = graph.nodes[reference].missing
    told = f" [red]{escape(missing)}[/red]" if missing else ""
    return f"{reference.kind} [bold]{escape(reference.called)}[/bold]{told}"


def _facts(branch: Any, graph: Graph, reference: Reference) -> None:
    from rich.markup import escape

    node = graph.nodes[reference]
    for name, value in node.facts.items():
        shown = f"{len(value)} (see --json)" if name in COUNTED else _shown(value)
        branch.add(f"[dim]{escape(name)}[/dim] {escape(shown)}")
    for sentence in node.unknown:
        branch.add(f"[yellow]not known[/yellow] {escape(sentence)}")


def _shown(value: Any) -> str:
    """A fact on one line."""
    if isinstance(value, dict):
        return _several([f"{name}={_short(each)}" for name, each in value.items()], ", ")
    if isinstance(value, list):
        return _several([_short(each) for each in value], "; ")
    return _short(value)


def _several(parts: list[str], between: str) -> str:
    more = f"{between}{len(parts) - MOST_ENTRIES} more" if len(parts) > MOST_ENTRIES else ""
    return between.join(parts[:MOST_ENTRIES]) + more


def _short(value: Any) -> str:
    if isinstance(value, dict):
        return f"({' '.join(f'{name} {_short(each)}' for name, each in value.items())})"
    return f"{value:.4g}" if isinstance(value, float) else str(value)
