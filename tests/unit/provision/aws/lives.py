"""The life of a resource as a table: one row says what is declared, what is called, and what is read back."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from stepwell.provision import schema
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.schema import Created


@dataclass(frozen=True, kw_only=True)
class Life:
    """One resource, from its create to its delete."""

    #: the type token
    token: str
    #: what is declared first
    inputs: dict[str, Any]
    #: its id
    id: str
    #: what the endpoint answers, by operation
    answers: dict[str, Any] = field(default_factory=dict)
    #: the calls of create and settle that write
    creating: list[tuple[str, dict[str, Any]]]
    #: what is read after them
    reads: dict[str, Any]
    #: what is declared then; None: it can only be replaced
    changed: dict[str, Any] | None = None
    #: the calls of that update that write
    updating: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    #: the calls of the delete that write
    deleting: list[tuple[str, dict[str, Any]]]
    #: the error's code by which the endpoint says that it is gone, by operation
    gone: dict[str, Any] = field(default_factory=dict)


def play(life: Life, cloud: Cloud, script: Any) -> None:
    """Live it, and assert every row's claim."""
    kind = TYPES[life.token]
    script.answers = {**life.answers}
    inputs = schema.with_defaults(kind, life.inputs)
    declared = {name: value for name, value in inputs.items() if name != "tagsAll"}
    assert schema.check(kind, declared, "us-east-1") == []
    made = kind.create(cloud, inputs)
    id_ = made.id if isinstance(made, Created) else made
    assert id_ == life.id
    if kind.find is None:
        assert kind.identify(cloud, inputs) == life.id
    if kind.settle is not None:
        kind.settle(cloud, id_, inputs)
    assert script.writes() == life.creating
    assert kind.read(cloud, id_, inputs) == life.reads
    assert life.reads.keys() <= kind.computed | kind.properties.keys() | {"tagsAll"}
    script.calls.clear()
    if life.changed is not None:
        assert kind.update is not None
        kind.update(cloud, id_, inputs, {**inputs, **life.changed})
        assert script.writes() == life.updating
        script.calls.clear()
    kind.delete(cloud, id_, {**inputs, **(life.changed or {})})
    assert script.writes() == life.deleting
    if life.gone:
        script.answers |= life.gone
        assert kind.read(cloud, id_, inputs) is None
        kind.delete(cloud, id_, inputs)
