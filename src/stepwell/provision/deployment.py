"""One pass over the program's resources: each is checked, compared and, in an apply, carried out.

The same code plans and applies. A plan works on a copy of the state in memory and calls nothing that
writes; it passes over the whole program first, so that whatever can be refused is refused before anything
is made.
"""

from __future__ import annotations

import difflib
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from stepwell.provision import assets, kinds, providers, references, urns
from stepwell.provision.aws import INVOKES
from stepwell.provision.cloud import Cloud
from stepwell.provision.identities import Identities
from stepwell.provision.problems import Fault, Problem, ProvisionError, ResourceFailed, ResourceRefused
from stepwell.provision.references import References
from stepwell.provision.registration import Reading, Registered, Registration, secret_names
from stepwell.provision.removal import remove
from stepwell.provision.report import Report
from stepwell.provision.resources import Resources, answer
from stepwell.provision.schema import ResourceType
from stepwell.provision.selection import Selection
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
        selection: Selection | None = None,
        replaces: tuple[str, ...] = (),
        provider: Mapping[str, Any] | None = None,
        references: References | None = None,
    ) -> None:
        self._dry_run = dry_run
        self._project = project
        self._stack = stack
        self._folder = folder
        self._cloud = cloud
        self._state = state
        self._report = report
        self._selection = selection or Selection()
        self._replaces = frozenset(replaces)
        self._references = references
        self._resources = Resources(
            folder=folder,
            cloud=cloud,
            state=state,
            report=report,
            dry_run=dry_run,
            selection=self._selection,
            replaces=self._replaces,
            provider=provider or {},
        )
        self._lock = threading.Lock()
        self._identities = Identities(stack=stack, project=project)
        self._seen: set[str] = set()
        self._unknown_outputs = False
        #: whether the program has declared a secret
        self.secretive = False

    # --- what the program asks ---------------------------------------------------------------------------

    @property
    def dry_run(self) -> bool:
        """Whether this pass only plans."""
        return self._dry_run

    def register(self, asked: Registration) -> Registered:
        """A resource that the program declares."""
        self.secretive |= bool(secret_names(asked))
        urn = self._declared(asked)
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
            return self._resources.declare(urn, kinds.of(asked.type), asked)
        except ProvisionError as error:
            return self._resources.gave_up(urn, error, parent=asked.parent)
        except Exception as error:
            return self._resources.gave_up(urn, Fault(error), parent=asked.parent)

    def refuse(self, asked: Registration, error: ProvisionError) -> Registered:
        """A resource that could not even be declared."""
        urn = self._declared(asked)
        return self._resources.gave_up(urn, error, parent=asked.parent)

    def read(self, asked: Reading) -> Registered:
        """A resource that exists already."""
        self.secretive |= bool(secret_names(asked))
        urn = self._declared(asked)
        try:
            self._claim(urn, None)
            if asked.type == references.TYPE:
                return self._reference(urn, asked)
            kind = kinds.of(asked.type)
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
                secrets=sorted(secret_names(asked)),
                dependencies=sorted(asked.dependencies),
                external=True,
            )
            self._state.put(resource)
            self._report.step(urn, "read", "done", parent=asked.parent)
            return answer(resource)
        except ProvisionError as error:
            return self._resources.gave_up(urn, error, "read", parent=asked.parent)
        except Exception as error:
            return self._resources.gave_up(urn, Fault(error), "read", parent=asked.parent)

    def invoke(self, token: str, arguments: Properties) -> dict[str, Any]:
        """What a function of the package answers.

        Raises:
            ProvisionError: it is not supported, or failed.
        """
        function = INVOKES.get(token)
        if function is None:
            near = difflib.get_close_matches(token, INVOKES, n=1, cutoff=0.8)
            raise ResourceRefused(
                f"function {token} is not supported",
                advice=f"Is {near[0]} meant?" if near else f"These are: {', '.join(sorted(INVOKES))}",
            )
        return function(self._cloud, plain(arguments.values))

    def set_outputs(self, urn: str, outputs: Properties) -> None:
        """The outputs of a component, or of the stack."""
        values = plain(outputs.values)
        self.secretive |= bool(outputs.secrets)
        if urns.type_of(urn) == urns.STACK_TYPE:
            self._unknown_outputs = contains_unknown(outputs.values)
            if self.dry_run or not self._resources.failures:
                self._state.set_outputs(values, sorted(outputs.secrets))
            return
        component = self._state.get(urn)
        if component is not None:
            secrets = sorted({*component.secrets, *outputs.secrets})
            self._state.put(replace(component, outputs=values, secrets=secrets))

    def _reference(self, urn: str, asked: Reading) -> Registered:
        """Another stack's outputs."""
        if not asked.id or self._references is None:
            return Registered(urn=urn)
        outputs, hidden = self._references.outputs(asked.id)
        self._report.step(urn, "read", "done", parent=asked.parent)
        values = {"name": asked.id, "outputs": outputs, "secretOutputNames": hidden}
        return Registered(urn=urn, id=asked.id, outputs=values, secrets=("outputs",) if hidden else ())

    # --- what the run asks -------------------------------------------------------------------------------

    @property
    def settled(self) -> bool:
        """Whether a plan found nothing that takes a call: its copy of the state is the new state."""
        nothing = set(self._report.counts()) <= {"same", "read"}
        return nothing and not self._unknown_outputs and not self.leftovers() and not self._report.problems

    def leftovers(self) -> list[Resource]:
        """What the state has and the program doesn't declare any more, and what was replaced."""
        undeclared = [resource for resource in self._state.resources() if resource.urn not in self._seen]
        chosen = self._selection.among(self._state.resources())
        replaced = [r for r in self._state.condemned() if self._selection.takes(r.urn)]
        return [r for r in undeclared if r in chosen] + replaced

    def remove_leftovers(self) -> None:
        """Deletes them, dependents first. In a plan it only tells of it."""
        remove(self.leftovers(), self._resources.operations, self._report, dry_run=self.dry_run)

    def check_names(self) -> None:
        """A target, an exclusion or a replacement that names nothing is a mistake."""
        known = {r.urn for r in self._state.resources()} | self._seen
        for target in sorted(self._selection.names | self._replaces):
            if not any(target in (urn, urns.name_of(urn)) for urn in known):
                self._report.problem(
                    Problem(
                        message=f"No resource is named {target}", advice="Give its URN or its logical name"
                    )
                )

    # --- inside ------------------------------------------------------------------------------------------

    def _declared(self, asked: Registration | Reading) -> str:
        """The URN of what the program declares, whose place is remembered."""
        urn = urns.build(self._stack, self._project, asked.parent, asked.type, asked.name)
        self._report.declared(urn, asked.place)
        return urn

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


def _complete(kind: ResourceType, outputs: dict[str, Any]) -> dict[str, Any]:
    if "tags" in kind.properties and outputs.get("tagsAll"):
        outputs.setdefault("tags", outputs["tagsAll"])
    return outputs
