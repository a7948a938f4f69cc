"""The operations on one resource: calls, with the state written before and after each.

An intent is on disk before a create is called. Should the run end there, the next one looks for the resource
under the id that its name gives, and takes it over or makes it anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from stepwell.provision.cloud import Cloud
from stepwell.provision.problems import ResourceFailed, ResourceRefused
from stepwell.provision.schema import Inputs, ResourceType
from stepwell.provision.state import Resource, StackState
from stepwell.provision.values import plain


class Operations:
    """Creates, updates, replaces, reads and deletes the resources of one stack. Safe for several threads."""

    def __init__(self, cloud: Cloud, state: StackState, types: Mapping[str, ResourceType]) -> None:
        self._cloud = cloud
        self._state = state
        self._types = types

    def create(self, kind: ResourceType, draft: Resource, inputs: Inputs) -> Resource:
        """Makes the resource that `draft` describes; `inputs` are its inputs with their contents."""
        left_over = self._state.get(draft.urn)
        if left_over is not None and left_over.status == "creating":
            found = self._taken_over(kind, left_over, draft, inputs)
            if found is not None:
                return found
        intent = replace(draft, id=kind.identify(self._cloud, inputs), status="creating")
        self._state.put(intent)
        return self._make(kind, intent, inputs)

    def replace(self, kind: ResourceType, old: Resource, draft: Resource, inputs: Inputs) -> Resource:
        """Makes the new resource while the old one stays, condemned, until the run's end."""
        intent = replace(draft, id=kind.identify(self._cloud, inputs), status="creating")
        self._state.condemn(old.urn, intent)
        try:
            return self._make(kind, intent, inputs)
        except ResourceFailed:
            if self._state.get(old.urn) is None:
                self._state.forget(replace(old, status="condemned"))
                self._state.put(old)
            raise

    def update(self, kind: ResourceType, old: Resource, draft: Resource, inputs: Inputs) -> Resource:
        """Changes the resource in place. An unsettled one gets all of its settings again."""
        if kind.update is None:
            return self._finished(kind, replace(draft, id=old.id), inputs)
        before: Inputs = {} if old.status == "unsettled" else old.inputs
        with self._cloud.patient(draft.timeouts.get("update")):
            id_ = kind.update(self._cloud, old.id, before, inputs) or old.id
        return self._finished(kind, replace(draft, id=id_), inputs)

    def delete(self, resource: Resource) -> None:
        """Takes the resource away, or only forgets it when it was read, or is to be kept."""
        if resource.custom and not resource.external and not resource.retain:
            kind = self._types.get(resource.type)
            if kind is None:
                raise ResourceRefused(
                    f"type {resource.type} is not supported by this version",
                    advice="Delete it with another client",
                )
            id_ = self._id(kind, resource)
            if id_:
                with self._cloud.patient(resource.timeouts.get("delete")):
                    kind.delete(self._cloud, id_, resource.inputs)
        self._state.forget(resource)

    def forget(self, resource: Resource) -> None:
        """Takes it out of the state alone."""
        self._state.forget(resource)

    def knows(self, urn: str) -> bool:
        """Whether the state has a resource of that URN."""
        return self._state.get(urn) is not None

    def read(self, kind: ResourceType, resource: Resource) -> dict[str, Any] | None:
        """What the endpoint has under the resource's id now; None when there is nothing."""
        return kind.read(self._cloud, resource.id, resource.inputs)

    def _taken_over(
        self, kind: ResourceType, left_over: Resource, draft: Resource, inputs: Inputs
    ) -> Resource | None:
        """What a run that was cut off has made, brought to what is declared; None when there is nothing."""
        id_ = self._id(kind, left_over)
        if not id_ or kind.read(self._cloud, id_, left_over.inputs) is None:
            return None
        same_one = left_over.id == kind.identify(self._cloud, inputs)
        if not same_one or kind.update is None:
            kind.delete(self._cloud, id_, left_over.inputs)
            return None
        unsettled = replace(draft, id=id_, status="unsettled")
        self._state.put(unsettled)
        return self.update(kind, unsettled, draft, inputs)

    def _id(self, kind: ResourceType, resource: Resource) -> str:
        """The resource's id; empty when a create was cut off that made nothing."""
        if resource.status == "creating" and kind.find is not None:
            return kind.find(self._cloud, resource.inputs) or ""
        return resource.id

    def _make(self, kind: ResourceType, intent: Resource, inputs: Inputs) -> Resource:
        try:
            answer = kind.create(self._cloud, inputs)
        except ResourceFailed as error:
            if error.reached:
                self._state.forget(intent)
            raise
        told = {} if isinstance(answer, str) else dict(answer.told)
        id_ = answer if isinstance(answer, str) else answer.id
        made = replace(intent, id=id_, status="unsettled", outputs=told)
        self._state.put(made)
        with self._cloud.patient(intent.timeouts.get("create")):
            if kind.settle is not None:
                kind.settle(self._cloud, made.id, inputs)
            return self._finished(kind, made, inputs)

    def _finished(self, kind: ResourceType, resource: Resource, inputs: Inputs) -> Resource:
        found = kind.read(self._cloud, resource.id, inputs)
        if found is None:
            raise ResourceFailed(f"{resource.id} was made, and is not to be found", advice="Run again")
        told = {name: value for name, value in resource.outputs.items() if name in kind.told}
        finished = replace(resource, status="ready", outputs=plain({**inputs, **found, **told}))
        self._state.put(finished)
        return finished
