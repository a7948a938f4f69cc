"""Ids that the endpoint chooses, ids that change, and outputs that are told once."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from stepwell.provision import state
from stepwell.provision.cloud import Cloud
from stepwell.provision.operations import Operations
from stepwell.provision.schema import Created, Inputs, ResourceType, honoured
from stepwell.provision.state import Resource, StackState

TOKEN = "aws:test/thing:Thing"
URN = f"urn:pulumi:dev::p::{TOKEN}::t"
FRESH = state.new(project="p", stack="dev", account="0" * 12, region="us-east-1", server="s1")


class Killed(BaseException):
    """The process ends here."""


class Endpoint:
    """Things by ids that it counts up."""

    def __init__(self) -> None:
        self.things: dict[str, dict[str, Any]] = {}
        self.dies = False

    def kind(self) -> ResourceType:
        return ResourceType(
            token=TOKEN,
            properties={"name": honoured()},
            computed=frozenset({"secret"}),
            told=frozenset({"secret"}),
            create=self.create,
            read=self.read,
            update=self.update,
            delete=self.delete,
            identify=lambda cloud, inputs: "",
            find=self.find,
        )

    def create(self, cloud: Cloud, inputs: Inputs) -> Created:
        id_ = f"id-{len(self.things)}"
        self.things[id_] = dict(inputs)
        if self.dies:
            raise Killed
        return Created(id=id_, told={"secret": f"of {id_}"})

    def read(self, cloud: Cloud, id_: str, inputs: Inputs) -> dict[str, Any] | None:
        return self.things.get(id_)

    def update(self, cloud: Cloud, id_: str, old: Inputs, new: Inputs) -> str:
        renamed = f"{id_}-{new['name']}"
        self.things.pop(id_)
        self.things[renamed] = dict(new)
        return renamed

    def delete(self, cloud: Cloud, id_: str, inputs: Inputs) -> None:
        del self.things[id_]

    def find(self, cloud: Cloud, inputs: Inputs) -> str | None:
        return next((id_ for id_, thing in self.things.items() if thing == inputs), None)


@contextmanager
def running(folder: Path, endpoint: Endpoint) -> Iterator[tuple[Operations, StackState, ResourceType]]:
    """One run's operations on the stack in `folder`."""
    cloud = Cloud(endpoint="", account="0" * 12, region="us-east-1", clients=lambda service: None)
    with state.held(folder, FRESH) as held:
        kind = endpoint.kind()
        yield Operations(cloud, held, {TOKEN: kind}), held, kind


def _declared(name: str) -> Resource:
    return Resource(urn=URN, type=TOKEN, custom=True, inputs={"name": name})


def test_what_only_the_create_tells_is_kept_over_updates(tmp_path: Path) -> None:
    """The id is the endpoint's, an update may change it, and the secret stays among the outputs."""
    endpoint = Endpoint()
    with running(tmp_path, endpoint) as (operations, held, kind):
        made = operations.create(kind, _declared("a"), {"name": "a"})
        assert (made.id, made.outputs) == ("id-0", {"name": "a", "secret": "of id-0"})
        again = operations.update(kind, made, replace(made, inputs={"name": "b"}), {"name": "b"})
        assert (again.id, again.outputs) == ("id-0-b", {"name": "b", "secret": "of id-0"})
        assert held.get(URN) == again
        operations.delete(again)
        assert endpoint.things == {}


def test_a_create_that_was_not_answered_is_found_by_its_inputs(tmp_path: Path) -> None:
    """The next run takes it over instead of making a second one."""
    endpoint = Endpoint()
    endpoint.dies = True
    with running(tmp_path, endpoint) as (operations, _, kind), pytest.raises(Killed):
        operations.create(kind, _declared("a"), {"name": "a"})
    endpoint.dies = False
    with running(tmp_path, endpoint) as (operations, _, kind):
        operations.create(kind, _declared("a"), {"name": "a"})
    assert len(endpoint.things) == 1


@pytest.mark.parametrize("reached", [True, False])
def test_a_destroy_after_a_create_that_was_cut_off_leaves_nothing(tmp_path: Path, reached: bool) -> None:
    """Whether or not the endpoint had made it."""
    endpoint = Endpoint()
    endpoint.dies = True
    with running(tmp_path, endpoint) as (operations, _, kind), pytest.raises(Killed):
        operations.create(kind, _declared("a"), {"name": "a"})
    if not reached:
        endpoint.things.clear()
    with running(tmp_path, endpoint) as (operations, held, _):
        (left_over,) = held.resources()
        assert left_over.status == "creating"
        operations.delete(left_over)
        assert held.resources() == []
    assert endpoint.things == {}
