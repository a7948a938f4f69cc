"""One pass's resources of the endpoint: each is checked, compared and, in an apply, carried out.

What becomes of one depends on what became of others: on those that failed, that are replaced, and that had to
go because what they hang on is replaced. That is what an object of this class remembers during its pass.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepwell.provision import diff, durations, graph, plan, preparation, providers, schema, urns
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.operations import Operations
from stepwell.provision.problems import ProvisionError, ResourceFailed, ResourceRefused
from stepwell.provision.progress import Operation
from stepwell.provision.registration import Registered, Registration, secret_names
from stepwell.provision.report import Report
from stepwell.provision.schema import ResourceType
from stepwell.provision.selection import Selection, named
from stepwell.provision.state import Resource, StackState
from stepwell.provision.values import contains_unknown, plain


class Resources:
    """Declares resources of the endpoint, from as many threads as the SDK sends them on."""

    def __init__(
        self,
        *,
        folder: Path,
        cloud: Cloud,
        state: StackState,
        report: Report,
        dry_run: bool,
        selection: Selection,
        replaces: frozenset[str],
        provider: Mapping[str, Any],
    ) -> None:
        self._folder = folder
        self._cloud = cloud
        self._state = state
        self._report = report
        self._dry_run = dry_run
        self._selection = selection
        self._replaces = replaces
        self._provider = provider
        self._lock = threading.Lock()
        self._taken: set[str] = set()
        self._failed: set[str] = set()
        self._doomed: set[str] = set()
        self._replaced: set[str] = set()
        self._absent: set[str] = set()
        self.operations = Operations(cloud, state, TYPES)

    @property
    def failures(self) -> bool:
        """Whether any resource failed, or was left out because another one did."""
        return bool(self._failed)

    def gave_up(
        self, urn: str, error: ProvisionError, operation: Operation = "create", *, parent: str = ""
    ) -> Registered:
        """The answer for a resource that failed; in an apply those that depend on it are left out."""
        self._fail(urn)
        self._report.failed(urn, error)
        self._report.step(urn, operation, "failed", parent=parent, message=str(error))
        return Registered(urn=urn, failed=True)

    def declare(self, urn: str, kind: ResourceType, asked: Registration) -> Registered:
        """Brings the resource to what is declared; in a plan, tells what that would take.

        Raises:
            ProvisionError: it could not, or would not, be done.
        """
        old = self._state.get(urn)
        if old is not None and old.external:
            self._state.forget(old)
            old = None
        if not self._takes(urn, asked):
            if old is not None and old.status == "ready":
                return answer(old)
            self._absent.add(urn)
            return Registered(urn=urn)
        self._require(asked)
        if not self._dry_run and self._failed & {*asked.dependencies, asked.parent}:
            self._fail(urn)
            self._report.say("warning", f"{asked.name} is left out: what it depends on failed", urn)
            return Registered(urn=urn, failed=True)
        if asked.import_id and (old is None or old.id != asked.import_id):
            return answer(self._adopted(urn, kind, asked, old))
        prepared = preparation.prepare(
            urn,
            kind,
            asked,
            old,
            folder=self._folder,
            region=self._cloud.region,
            seed=self._state.seed,
            tags=self._default_tags(asked.provider),
        )
        inputs = prepared.inputs
        step = plan.decide(
            kind,
            old,
            inputs,
            replacing=asked.replace_on_changes,
            delete_first=asked.delete_first,
            forced=self._forced(urn, asked, old),
            doomed=urn in self._doomed and old is not None,
        )
        generation = old.generation if old is not None else 0
        if step.operation == "replace":
            generation += 1
            with self._lock:
                self._replaced.add(urn)
            if prepared.autonamed and not step.delete_first:
                seed = self._state.seed
                inputs = preparation.named(urn, kind, inputs, seed=seed, generation=generation)
        if not self._dry_run and contains_unknown(inputs):
            raise ResourceFailed("an input is not known", advice="Run again without targets")
        draft = replace(
            _declared(urn, asked, old),
            inputs=plain(inputs),
            autonamed=prepared.autonamed,
            generation=generation,
        )
        return self._carry_out(kind, step, old, draft, inputs, asked.hide_diffs)

    def _fail(self, urn: str) -> None:
        with self._lock:
            self._failed.add(urn)

    # --- what to do --------------------------------------------------------------------------------------

    def _takes(self, urn: str, asked: Registration) -> bool:
        needs = {*asked.dependencies, asked.parent, asked.provider.rpartition("::")[0]}
        with self._lock:
            taken = self._selection.takes(urn, hanging=bool(needs & self._taken))
            if taken:
                self._taken.add(urn)
            return taken

    def _require(self, asked: Registration) -> None:
        """What it depends on is there, or will be."""
        for urn in sorted(self._absent & {*asked.dependencies}):
            raise ResourceRefused(
                f"it needs {urns.name_of(urn)!r}, which is not there, and is not among the targets",
                advice="Add it to the targets",
            )

    def _forced(self, urn: str, asked: Registration, old: Resource | None) -> bool:
        """Whether the run, another resource's replacement, or the program's trigger asks for a new one."""
        if old is None:
            return False
        changed = bool(asked.trigger and old.trigger) and asked.trigger != old.trigger
        with self._lock:
            return changed or named(urn, self._replaces) or bool(self._replaced & {*asked.replace_with})

    def _adopted(self, urn: str, kind: ResourceType, asked: Registration, old: Resource | None) -> Resource:
        """The resource that the program imports, if it is as the program declares it."""
        if old is not None:
            raise ResourceRefused(
                f"it is {old.id} already, and {asked.import_id} is to be imported",
                advice="Take the import option out, or give it another logical name",
            )
        naming = kind.naming
        self._report.step(urn, "import", "started", parent=asked.parent)
        known = {} if naming is None else {naming.property: asked.import_id}
        prepared = preparation.prepare(
            urn,
            kind,
            asked,
            Resource(urn=urn, type=asked.type, custom=True, inputs=known, autonamed=True),
            folder=self._folder,
            region=self._cloud.region,
            seed=self._state.seed,
            tags=self._default_tags(asked.provider),
        )
        inputs = plain(prepared.inputs)
        found = kind.read(self._cloud, asked.import_id, inputs)
        if found is None:
            raise ResourceFailed(f"there is no {asked.import_id} to import", advice="Correct the id")
        if naming is not None and prepared.autonamed and naming.property in found:
            inputs[naming.property] = found[naming.property]
        differing = diff.drifted(kind.properties, inputs, found)
        if differing:
            changes = diff.compare(kind.properties, {**inputs, **differing}, inputs)
            told = [
                f"{change.path} is {change.before!r} and not {change.after!r}"
                for change in diff.masked(changes, secret_names(asked))
            ]
            raise ResourceRefused(
                f"{asked.import_id} is not as declared: {'; '.join(told)}",
                advice="Declare what is there, import it, and change it by the next `up`",
            )
        adopted = replace(
            _declared(urn, asked, None),
            id=asked.import_id,
            inputs=inputs,
            outputs=plain({**inputs, **found}),
            autonamed=prepared.autonamed,
        )
        self._state.put(adopted)
        self._report.step(urn, "import", "done", parent=asked.parent)
        return adopted

    def _default_tags(self, reference: str) -> dict[str, Any]:
        provider = self._state.get(reference.rpartition("::")[0]) if reference else None
        return providers.default_tags(provider.inputs if provider is not None else self._provider)

    # --- doing it ----------------------------------------------------------------------------------------

    def _carry_out(
        self,
        kind: ResourceType,
        step: plan.Step,
        old: Resource | None,
        draft: Resource,
        inputs: dict[str, Any],
        hide: tuple[str, ...],
    ) -> Registered:
        urn, operation = draft.urn, step.operation
        if operation == "create" and urn in self._doomed:
            operation = "replace"
        changes = diff.masked(step.changes, {*draft.secrets, *(old.secrets if old else ())}, hide)
        if operation == "same":
            self._state.put(replace(draft, status="ready"))
            self._report.step(urn, operation, "done", parent=draft.parent)
            return answer(draft)
        if operation == "replace" and old is not None and old.protect:
            raise ResourceRefused("it is protected, and would be replaced", advice="Take `protect` off first")
        self._report.step(urn, operation, "started", parent=draft.parent, changes=changes)
        if self._dry_run:
            made = self._predicted(kind, step, old, draft, inputs)
            ignored = schema.without_effect(kind, inputs)
            if ignored:
                self._report.say("info", f"recorded, without effect here: {', '.join(sorted(ignored))}", urn)
        else:
            try:
                made = answer(self._applied(kind, step, old, draft, inputs))
            except ProvisionError as error:
                return self.gave_up(urn, error, operation, parent=draft.parent)
        self._report.step(urn, operation, "done", parent=draft.parent, changes=changes)
        return made

    def _applied(
        self,
        kind: ResourceType,
        step: plan.Step,
        old: Resource | None,
        draft: Resource,
        inputs: dict[str, Any],
    ) -> Resource:
        if old is None or step.operation == "create":
            return self.operations.create(kind, draft, inputs)
        if step.operation == "update":
            return self.operations.update(kind, old, draft, inputs)
        if not step.delete_first:
            return self.operations.replace(kind, old, draft, inputs)
        for dependent in self._condemn_dependents(old):
            self.operations.delete(dependent)
        self.operations.delete(old)
        return self.operations.create(kind, draft, inputs)

    def _condemn_dependents(self, old: Resource) -> list[Resource]:
        """What has to go before `old` can; the program registers it later in this pass, and gets it anew."""
        found = graph.doomed(old.urn, self._state.resources(), TYPES)
        for resource in found:
            if resource.protect:
                raise ResourceRefused(
                    f"{urns.name_of(resource.urn)!r} depends on it and is protected",
                    advice="Take `protect` off first",
                )
        with self._lock:
            self._doomed |= {resource.urn for resource in found}
        return [resource for wave in graph.waves(found) for resource in wave]

    def _predicted(
        self,
        kind: ResourceType,
        step: plan.Step,
        old: Resource | None,
        draft: Resource,
        inputs: dict[str, Any],
    ) -> Registered:
        secrets = tuple(draft.secrets)
        if step.operation == "update" and old is not None:
            stable = {k: v for k, v in old.outputs.items() if k not in kind.volatile}
            known = {k: v for k, v in inputs.items() if not contains_unknown(v)}
            changed = {k: v for k, v in {**stable, **plain(known)}.items() if k in known or k not in inputs}
            return Registered(urn=draft.urn, id=old.id, outputs=changed, secrets=secrets)
        if step.operation == "replace" and old is not None and step.delete_first:
            self._condemn_dependents(old)
        known = {name: value for name, value in inputs.items() if not contains_unknown(value)}
        return Registered(urn=draft.urn, outputs=plain(known), secrets=secrets)


def answer(resource: Resource) -> Registered:
    """The answer for a resource as it is recorded."""
    return Registered(
        urn=resource.urn, id=resource.id, outputs=resource.outputs, secrets=tuple(resource.secrets)
    )


def _declared(urn: str, asked: Registration, old: Resource | None) -> Resource:
    """The resource as the program declares it, with what is known of it from before."""
    return Resource(
        urn=urn,
        type=asked.type,
        custom=True,
        id=old.id if old is not None else "",
        parent=asked.parent,
        outputs=old.outputs if old is not None else {},
        secrets=sorted(secret_names(asked)),
        dependencies=sorted(asked.dependencies),
        property_dependencies={k: sorted(v) for k, v in sorted(asked.property_dependencies.items()) if v},
        provider=asked.provider.rpartition("::")[0],
        protect=asked.protect,
        retain=asked.retain,
        deleted_with=asked.deleted_with,
        timeouts=durations.seconds(asked.timeouts),
        trigger=asked.trigger or (old.trigger if old is not None else ""),
    )
