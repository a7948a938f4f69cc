"""One pass over the program's resources: each is checked, compared and, in an apply, carried out.

The same code plans and applies. A plan works on a copy of the state in memory and calls nothing that
writes; it passes over the whole program first, so that whatever can be refused is refused before anything
is made.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepwell.provision import assets, diff, graph, plan, preparation, providers, schema, urns
from stepwell.provision.aws import INVOKES, TYPES
from stepwell.provision.cloud import Cloud
from stepwell.provision.identities import Identities
from stepwell.provision.operations import Operations
from stepwell.provision.problems import Fault, Problem, ProvisionError, ResourceFailed, ResourceRefused
from stepwell.provision.progress import Operation
from stepwell.provision.registration import Reading, Registered, Registration
from stepwell.provision.removal import remove
from stepwell.provision.report import Report
from stepwell.provision.schema import ResourceType
from stepwell.provision.state import Resource, StackState
from stepwell.provision.values import Properties, contains_unknown, plain


class Deployment:
    """Takes one pass's registrations, from as many threads as the SDK sends them on."""

    def __init__(
        self,
        *,
        project: str,
        stack: str,
        folder: Path,
        cloud: Cloud,
        state: StackState,
        report: Report,
        dry_run: bool,
        targets: tuple[str, ...] = (),
        provider: Mapping[str, Any] | None = None,
    ) -> None:
        self.dry_run = dry_run
        self._project = project
        self._stack = stack
        self._folder = folder
        self._cloud = cloud
        self._state = state
        self._report = report
        self._targets = frozenset(targets)
        self._provider = provider or {}
        self._operations = Operations(cloud, state, TYPES)
        self._lock = threading.Lock()
        self._identities = Identities(stack=stack, project=project)
        self._seen: set[str] = set()
        self._failed: set[str] = set()
        self._doomed: set[str] = set()
        self._unknown_outputs = False
        #: whether the program has declared a secret
        self.secretive = False

    # --- what the program asks ---------------------------------------------------------------------------

    def register(self, asked: Registration) -> Registered:
        """A resource that the program declares."""
        self.secretive |= bool(_secrets(asked))
        urn = urns.build(self._stack, self._project, asked.parent, asked.type, asked.name)
        try:
            self._claim(urn, asked)
            if asked.unsupported:
                raise ResourceRefused(
                    f"not supported here: {', '.join(asked.unsupported)}",
                    advice="Leave it out, or use the Pulumi CLI",
                )
            if not asked.custom:
                return self._component(urn, asked)
            if asked.type.startswith("pulumi:providers:"):
                return self._explicit_provider(urn, asked)
            return self._resource(urn, _kind(asked.type), asked)
        except ProvisionError as error:
            return self._gave_up(urn, error)
        except Exception as error:
            return self._gave_up(urn, Fault(error))

    def read(self, asked: Reading) -> Registered:
        """A resource that exists already."""
        self.secretive |= bool(_secrets(asked))
        urn = urns.build(self._stack, self._project, asked.parent, asked.type, asked.name)
        try:
            self._claim(urn, None)
            kind = _kind(asked.type)
            if contains_unknown(asked.values.values) or not asked.id:
                return Registered(urn=urn)
            self._report.step(urn, "read", "started", parent=asked.parent)
            inputs = plain(asked.values.values)
            found = kind.read(self._cloud, asked.id, inputs)
            if found is None:
                raise ResourceFailed(f"there is no {asked.id}", advice="Correct the id, or make it first")
            resource = Resource(
                urn=urn,
                type=asked.type,
                custom=True,
                id=asked.id,
                parent=asked.parent,
                inputs=inputs,
                outputs=plain(_complete(kind, {**inputs, **found})),
                secrets=sorted(_secrets(asked)),
                dependencies=sorted(asked.dependencies),
                external=True,
            )
            self._state.put(resource)
            self._report.step(urn, "read", "done", parent=asked.parent)
            return _answer(resource)
        except ProvisionError as error:
            return self._gave_up(urn, error, "read")
        except Exception as error:
            return self._gave_up(urn, Fault(error), "read")

    def invoke(self, token: str, arguments: Properties) -> dict[str, Any]:
        """What a function of the package answers.

        Raises:
            ProvisionError: it is not supported, or failed.
        """
        function = INVOKES.get(token)
        if function is None:
            raise ResourceRefused(
                f"function {token} is not supported", advice=f"These are: {', '.join(sorted(INVOKES))}"
            )
        return function(self._cloud, plain(arguments.values))

    def set_outputs(self, urn: str, outputs: Properties) -> None:
        """The outputs of a component, or of the stack."""
        values = plain(outputs.values)
        self.secretive |= bool(outputs.secrets)
        if urns.type_of(urn) == urns.STACK_TYPE:
            self._unknown_outputs = contains_unknown(outputs.values)
            if self.dry_run or not self._failed:
                self._state.set_outputs(values, sorted(outputs.secrets))
            return
        component = self._state.get(urn)
        if component is not None:
            secrets = sorted({*component.secrets, *outputs.secrets})
            self._state.put(replace(component, outputs=values, secrets=secrets))

    # --- what the run asks -------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether a plan found nothing that takes a call: its copy of the state is the new state."""
        nothing = set(self._report.counts()) <= {"same", "read"}
        return nothing and not self._unknown_outputs and not self.leftovers() and not self._report.problems

    def leftovers(self) -> list[Resource]:
        """What the state has and the program doesn't declare any more, and what was replaced."""
        undeclared = [resource for resource in self._state.resources() if resource.urn not in self._seen]
        return [r for r in [*undeclared, *self._state.condemned()] if self._targeted(r.urn)]

    def remove_leftovers(self) -> None:
        """Deletes them, dependents first. In a plan it only tells of it."""
        remove(self.leftovers(), self._operations, self._report, dry_run=self.dry_run)

    def check_targets(self) -> None:
        """A target that names nothing is a mistake."""
        known = {r.urn for r in self._state.resources()} | self._seen
        for target in sorted(self._targets):
            if not any(target in (urn, urns.name_of(urn)) for urn in known):
                self._report.problem(
                    Problem(
                        message=f"No resource is named {target}", advice="Give its URN or its logical name"
                    )
                )

    # --- inside ------------------------------------------------------------------------------------------

    def _claim(self, urn: str, asked: Registration | None) -> None:
        with self._lock:
            if urn in self._seen:
                raise ResourceRefused(
                    "two resources have this type and name",
                    advice="Give each resource of a type its own name",
                )
            self._seen.add(urn)
            former = self._identities.former(urn, asked) if asked is not None else []
        if self._state.get(urn) is None:
            for other in former:
                known = self._state.get(other)
                if known is not None and other not in self._seen:
                    self._state.rename(other, replace(known, urn=urn, type=urns.type_of(urn)))
                    break

    def _gave_up(self, urn: str, error: ProvisionError, operation: Operation = "create") -> Registered:
        with self._lock:
            self._failed.add(urn)
        self._report.failed(urn, error)
        self._report.step(urn, operation, "failed", message=str(error))
        return Registered(urn=urn, failed=True)

    def _component(self, urn: str, asked: Registration) -> Registered:
        old = self._state.get(urn)
        inputs = plain(assets.read_all(asked.values.values, self._folder))
        component = replace(
            old or Resource(urn=urn, type=asked.type, custom=False),
            parent=asked.parent,
            inputs=inputs,
            secrets=sorted({*asked.values.secrets, *(old.secrets if old is not None else ())}),
            dependencies=sorted(asked.dependencies),
            protect=asked.protect,
        )
        self._state.put(component)
        self._report.step(
            urn, "create" if old is None and not self.dry_run else "same", "done", parent=asked.parent
        )
        return Registered(urn=urn, outputs=inputs, secrets=tuple(asked.values.secrets))

    def _explicit_provider(self, urn: str, asked: Registration) -> Registered:
        if asked.type != providers.TYPE:
            raise ResourceRefused(f"{asked.type} is not supported", advice="Only the AWS provider is")
        inputs = providers.decoded(asked.values.values)
        faults = list(providers.check(self._cloud, inputs))
        if faults:
            raise ResourceRefused("; ".join(faults), advice="Leave it out, or use the server's")
        provider = Resource(
            urn=urn,
            type=asked.type,
            custom=False,
            id=urns.suffix(self._state.seed, urn, 0),
            parent=asked.parent,
            inputs=plain(inputs),
            secrets=sorted(asked.values.secrets),
            dependencies=sorted(asked.dependencies),
        )
        self._state.put(provider)
        self._report.step(urn, "same", "done", parent=asked.parent)
        return Registered(
            urn=urn, id=provider.id, outputs=plain(asked.values.values), secrets=tuple(provider.secrets)
        )

    def _resource(self, urn: str, kind: ResourceType, asked: Registration) -> Registered:
        old = self._state.get(urn)
        if old is not None and old.external:
            self._state.forget(old)
            old = None
        if not self._targeted(urn):
            return _answer(old) if old is not None and old.status == "ready" else Registered(urn=urn)
        if not self.dry_run and self._failed & {*asked.dependencies, asked.parent}:
            with self._lock:
                self._failed.add(urn)
            self._report.say("warning", f"{asked.name} is left out: what it depends on failed", urn)
            return Registered(urn=urn, failed=True)
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
            doomed=urn in self._doomed and old is not None,
        )
        generation = old.generation if old is not None else 0
        if step.operation == "replace":
            generation += 1
            if prepared.autonamed and not step.delete_first:
                seed = self._state.seed
                inputs = preparation.named(urn, kind, inputs, seed=seed, generation=generation)
        if not self.dry_run and contains_unknown(inputs):
            raise ResourceFailed(
                "an input is not known", advice="Include what it depends on among the targets"
            )
        draft = replace(
            _declared(urn, asked, old),
            inputs=plain(inputs),
            autonamed=prepared.autonamed,
            generation=generation,
        )
        for option in asked.without_effect if self.dry_run else ():
            self._report.say("info", f"without effect here: {option}", urn)
        return self._carry_out(kind, step, old, draft, inputs, asked.hide_diffs)

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
            return _answer(draft)
        if operation == "replace" and old is not None and old.protect:
            raise ResourceRefused("it is protected, and would be replaced", advice="Take `protect` off first")
        self._report.step(urn, operation, "started", parent=draft.parent, changes=changes)
        if self.dry_run:
            answer = self._predicted(kind, step, old, draft, inputs)
            ignored = schema.without_effect(kind, inputs)
            if ignored:
                self._report.say("info", f"recorded, without effect here: {', '.join(sorted(ignored))}", urn)
        else:
            try:
                answer = _answer(self._applied(kind, step, old, draft, inputs))
            except ProvisionError as error:
                return self._gave_up(urn, error, operation)
        self._report.step(urn, operation, "done", parent=draft.parent, changes=changes)
        return answer

    def _applied(
        self,
        kind: ResourceType,
        step: plan.Step,
        old: Resource | None,
        draft: Resource,
        inputs: dict[str, Any],
    ) -> Resource:
        if old is None or step.operation == "create":
            return self._operations.create(kind, draft, inputs)
        if step.operation == "update":
            return self._operations.update(kind, old, draft, inputs)
        if not step.delete_first:
            return self._operations.replace(kind, old, draft, inputs)
        for dependent in self._condemn_dependents(old):
            self._operations.delete(dependent)
        self._operations.delete(old)
        return self._operations.create(kind, draft, inputs)

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

    def _default_tags(self, reference: str) -> dict[str, Any]:
        provider = self._state.get(reference.rpartition("::")[0]) if reference else None
        return providers.default_tags(provider.inputs if provider is not None else self._provider)

    def _targeted(self, urn: str) -> bool:
        return not self._targets or urn in self._targets or urns.name_of(urn) in self._targets


def _kind(token: str) -> ResourceType:
    kind = TYPES.get(token)
    if kind is None:
        raise ResourceRefused(
            f"type {token} is not supported", advice=f"These are: {', '.join(sorted(TYPES))}"
        )
    return kind


def _secrets(asked: Registration | Reading) -> set[str]:
    """The names of secret properties; what holds all tags holds secret ones, too."""
    names = {*asked.values.secrets, *asked.additional_secrets}
    return {*names, "tagsAll"} if "tags" in names else names


def _declared(urn: str, asked: Registration, old: Resource | None) -> Resource:
    """The resource as the program declares it, with what is known of it from before."""
    return Resource(
        urn=urn,
        type=asked.type,
        custom=True,
        id=old.id if old is not None else "",
        parent=asked.parent,
        outputs=old.outputs if old is not None else {},
        secrets=sorted(_secrets(asked)),
        dependencies=sorted(asked.dependencies),
        property_dependencies={k: sorted(v) for k, v in sorted(asked.property_dependencies.items()) if v},
        provider=asked.provider.rpartition("::")[0],
        protect=asked.protect,
        retain=asked.retain,
    )


def _complete(kind: ResourceType, outputs: dict[str, Any]) -> dict[str, Any]:
    if "tags" in kind.properties and outputs.get("tagsAll"):
        outputs.setdefault("tags", outputs["tagsAll"])
    return outputs


def _answer(resource: Resource) -> Registered:
    return Registered(
        urn=resource.urn, id=resource.id, outputs=resource.outputs, secrets=tuple(resource.secrets)
    )
