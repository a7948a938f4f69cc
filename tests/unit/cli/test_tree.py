"""What a run looks like on a terminal."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from stepwell.cli.tree import Tree
from stepwell.provision import Diagnostic, PropertyChange, ResourceProgress

ROOT = "urn:pulumi:dev::p::pulumi:pulumi:Stack::p-dev"
COMPONENT = "urn:pulumi:dev::p::my:Pair::pair"
CHILD = "urn:pulumi:dev::p::my:Pair$aws:s3/bucket:Bucket::data"


def step(urn: str, parent: str, operation: Any, status: Any = "done", **more: Any) -> ResourceProgress:
    type_, name = urn.split("::")[2].split("$")[-1], urn.split("::")[3]
    told = {"phase": "apply", **more}
    return ResourceProgress(
        urn=urn, type=type_, name=name, parent=parent, operation=operation, status=status, **told
    )


@pytest.fixture
def drawn() -> Any:
    """Draws events; gives the lines that stay."""

    def draw(*events: Any, plans: bool = False) -> list[str]:
        written = io.StringIO()
        tree = Tree(plans=plans, console=Console(file=written, width=100, force_terminal=False))
        for event in events:
            tree(event)
        tree.finish()
        return written.getvalue().splitlines()

    return draw


def test_a_resource_stands_under_its_component(drawn: Any) -> None:
    """With what was done, how long it took, and what differs."""
    change = PropertyChange(path="tags.a", before="1", after="2")
    root, pair, child, differs = drawn(
        step(ROOT, "", "same"),
        step(COMPONENT, ROOT, "same"),
        step(CHILD, COMPONENT, "update", "started"),
        step(CHILD, COMPONENT, "update", changes=(change,)),
    )
    assert root.strip() == "· pulumi:pulumi:Stack p-dev"
    assert pair.startswith("  · my:Pair pair")
    assert child.startswith("    ~ aws:s3:Bucket data  updated  0.")
    assert differs.strip() == "tags.a: 1 -> 2"


def test_what_stays_the_same_is_not_drawn(drawn: Any) -> None:
    """Nor are those above it."""
    assert [line for line in drawn(step(ROOT, "", "same"), step(CHILD, ROOT, "same")) if line.strip()] == []


def test_a_failure_is_drawn_in_either_phase(drawn: Any) -> None:
    """Its reason is the summary's to tell."""
    (line,) = drawn(step(CHILD, "", "create", "failed", phase="plan", message="too big"))
    assert line == "+ aws:s3:Bucket data  FAILED"


def test_a_plan_that_was_asked_for_is_drawn_as_planned(drawn: Any) -> None:
    """That of an `up` is not: its apply is."""
    planned = step(CHILD, "", "create", phase="plan")
    assert drawn(planned, plans=True) == ["+ aws:s3:Bucket data  to create"]
    assert [line for line in drawn(planned) if line.strip()] == []


def test_what_a_program_prints_in_both_passes_is_shown_once(drawn: Any) -> None:
    """The plan's lines give way to those of the apply."""
    said = [Diagnostic(phase=phase, severity="info", message="hello") for phase in ("plan", "apply")]
    assert [line for line in drawn(*said) if line.strip()] == ["hello"]
    assert [line for line in drawn(said[0]) if line.strip()] == ["hello"]
