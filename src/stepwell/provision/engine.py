"""Runs a command from its request to its outcome.

`up` goes over the program twice: a plan that calls nothing which writes, and, only when there is something
to do and nothing wrong, an apply. A plan that finds nothing to do is the whole run.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from stepwell.provision import diff, graph, program, project, providers, remains, removal, state, urns
from stepwell.provision.aws import TYPES
from stepwell.provision.cloud import ClientFactory, Cloud, boto3_clients
from stepwell.provision.deployment import Deployment
from stepwell.provision.operations import Operations
from stepwell.provision.problems import Fault, Problem, ProvisionError
from stepwell.provision.progress import Observer
from stepwell.provision.references import References
from stepwell.provision.registration import Registrar
from stepwell.provision.report import Report
from stepwell.provision.request import Outcome, Output, Remaining, Request
from stepwell.provision.selection import Selection
from stepwell.provision.state import Resource, StackState

#: makes a program's registrations, and says why it did not run to its end
Play = Callable[[Registrar, Report], Problem | None]


def run(
    request: Request, observer: Observer, *, clients: ClientFactory | None = None, play: Play | None = None
) -> Outcome:
    """See `stepwell.provision.run`. `play` stands in for the program's process."""
    told = project.read(request.program, request.stack, passphrase=request.passphrase, config=request.config)
    make = clients or boto3_clients(
        endpoint=request.endpoint,
        access_key=request.access_key,
        secret_key=request.secret_key,
        region=request.region,
    )
    cloud = Cloud(endpoint=request.endpoint, account=request.account, region=request.region, clients=make)
    fresh = state.new(
        project=told.name,
        stack=request.stack,
        account=request.account,
        region=request.region,
        server=request.server,
    )
    reads = request.command == "preview"
    with state.held(
        request.state, fresh, reads=reads, passphrase=request.passphrase, salt=told.salt
    ) as stack:
        if request.command == "destroy":
            return _destroy(request, cloud, stack, observer)
        if request.command == "refresh":
            return _refresh(request, cloud, stack, observer)
        passes = _Passes(request, told, cloud, observer, play or process(request, told))
        return _up(passes, stack)


def process(request: Request, told: project.Project) -> Play:
    """What runs the program as a process of its own, which sees of its surroundings what `request` says."""

    def play(registrar: Registrar, report: Report) -> Problem | None:
        def line(text: str, is_error: bool) -> None:
            report.say("warning" if is_error else "info", text)

        with program.started(request, told) as run_at:
            # imported here, beside the process, which does the same
            from stepwell.provision import monitor

            answering = monitor.Monitor(registrar, told, stack=request.stack, parallel=request.parallel)
            with monitor.served(answering, monitor.Engine(report), parallel=request.parallel) as address:
                return run_at(address, registrar.dry_run, line)

    return play


class _Passes:
    """What both passes over a program have in common."""

    def __init__(
        self, request: Request, told: project.Project, cloud: Cloud, observer: Observer, play: Play
    ) -> None:
        self._play = play
        self.request = request
        self._project = told
        self._cloud = cloud
        self._observer = observer
        self._provider: Mapping[str, Any] = providers.configured(cloud, told.config)

    def over(self, stack: StackState, *, dry_run: bool) -> tuple[Deployment, Report]:
        """One pass, with its leftovers deleted when all else went well."""
        report = Report("plan" if dry_run else "apply", self._observer)
        deployment = Deployment(
            project=self._project.name,
            stack=self.request.stack,
            folder=self._project.folder,
            cloud=self._cloud,
            state=stack,
            report=report,
            dry_run=dry_run,
            selection=_selection(self.request),
            replaces=self.request.replaces,
            provider=self._provider,
            references=References(
                self.request.state, project=self._project.name, passphrase=self.request.passphrase
            ),
        )
        problem = self._play(deployment, report)
        if problem is not None:
            report.problem(problem)
        deployment.check_names()
        if not report.problems:
            deployment.remove_leftovers()
        return deployment, report


def _up(passes: _Passes, stack: StackState) -> Outcome:
    copy = StackState(None, stack.content)
    deployment, report = passes.over(copy, dry_run=True)
    if passes.request.command == "preview":
        return _outcome(copy, report)
    if report.problems:
        return replace(_outcome(stack, report), counts={}, changes=())
    if deployment.settled:
        stack.take(copy.content)
        return _outcome(stack, report)
    if deployment.secretive:
        stack.prepare()
    stack.begin(time.time())
    _, report = passes.over(stack, dry_run=False)
    return _outcome(stack, report)


def _destroy(request: Request, cloud: Cloud, stack: StackState, observer: Observer) -> Outcome:
    report = Report("apply", observer)
    selection = _selection(request)
    chosen = selection.among(stack.resources())
    left = [r for r in stack.resources() if r not in chosen]
    chosen += [r for r in stack.condemned() if selection.takes(r.urn)]
    for resource in chosen:
        needing = [r for r in graph.dependents(resource.urn, stack.resources()) if r.custom and r in left]
        if request.targets and needing:
            report.problem(
                Problem(
                    message=f"{urns.name_of(resource.urn)!r} is needed by {urns.name_of(needing[0].urn)!r}",
                    advice="Add it to the targets, or say --target-dependents",
                    urn=resource.urn,
                    name=urns.name_of(resource.urn),
                )
            )
    operations = Operations(cloud, stack, TYPES)
    planned = Report("plan", observer)
    removal.remove(chosen, operations, planned, dry_run=True)
    for problem in planned.problems:
        report.problem(problem)
    if not report.problems:
        removal.remove(chosen, operations, report, dry_run=False)
    if stack.resources() or stack.condemned():
        return _outcome(stack, report)
    stack.set_outputs({}, [])
    return replace(_outcome(stack, report), remains=_remains(request, cloud, stack, report))


def _remains(request: Request, cloud: Cloud, stack: StackState, report: Report) -> tuple[Remaining, ...]:
    began = stack.content.began
    if not began:
        return ()
    declared = remains.declared(request.state)
    return tuple(remains.found(cloud, began, declared, lambda text: report.say("warning", text)))


def _refresh(request: Request, cloud: Cloud, stack: StackState, observer: Observer) -> Outcome:
    report = Report("apply", observer)
    operations = Operations(cloud, stack, TYPES)

    def one(resource: Resource) -> None:
        try:
            _read_back(resource, operations, stack, report)
        except Exception as error:
            told = error if isinstance(error, ProvisionError) else Fault(error)
            report.failed(resource.urn, told)
            report.step(resource.urn, "read", "failed", parent=resource.parent, message=str(told))

    selection = _selection(request)
    custom = [r for r in stack.resources() if r.custom and r.type in TYPES and selection.takes(r.urn)]
    with ThreadPoolExecutor(request.parallel) as pool:
        list(pool.map(one, custom))
    return _outcome(stack, report)


def _read_back(resource: Resource, operations: Operations, stack: StackState, report: Report) -> None:
    kind = TYPES[resource.type]
    found = operations.read(kind, resource)
    if found is None:
        stack.forget(resource)
        report.step(resource.urn, "delete", "done", parent=resource.parent, message="it is gone")
        return
    drift = diff.drifted(kind.properties, resource.inputs, found)
    inputs = {name: value for name, value in {**resource.inputs, **drift}.items() if value is not None}
    status = "unsettled" if resource.status == "creating" else resource.status
    stack.put(replace(resource, inputs=inputs, outputs={**resource.outputs, **found}, status=status))
    changes = diff.masked(diff.compare({}, resource.inputs, inputs), resource.secrets)
    report.step(resource.urn, "update" if drift else "same", "done", parent=resource.parent, changes=changes)


def _selection(request: Request) -> Selection:
    return Selection(
        targets=frozenset(request.targets),
        dependents=request.target_dependents,
        excludes=frozenset(request.excludes),
    )


def _outcome(stack: StackState, report: Report) -> Outcome:
    content = stack.content
    outputs = {
        name: Output(value=value, secret=name in content.secret_outputs)
        for name, value in content.outputs.items()
    }
    return Outcome(
        ok=not report.problems,
        outputs=outputs,
        counts=report.counts(),
        changes=report.changes(),
        errors=tuple(report.problems),
    )
