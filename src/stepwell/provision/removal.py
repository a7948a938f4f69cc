"""Deletes resources, dependents first, several at once."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from stepwell.provision import graph, urns
from stepwell.provision.operations import Operations
from stepwell.provision.problems import Fault, ProvisionError, ResourceRefused
from stepwell.provision.progress import Operation
from stepwell.provision.report import Report
from stepwell.provision.state import Resource

_AT_ONCE = 8


def remove(resources: Iterable[Resource], operations: Operations, report: Report, *, dry_run: bool) -> None:
    """Deletes `resources`. What a failed one needs stays; all else goes.

    What another one of them takes along (`deleted_with`) is not deleted by a call of its own, but forgotten
    once that is gone. With `dry_run` it only tells what would go.
    """
    kept: set[str] = set()
    listed = list(resources)
    # A replaced resource goes by a call in any case: what took it along is there under its old URN anew.
    going = {resource.urn for resource in listed if resource.status != "condemned"}
    taken_along = [
        resource
        for resource in listed
        if resource.deleted_with in going - {resource.urn}
        and resource.status != "condemned"
        and not resource.protect
    ]

    def one(resource: Resource) -> None:
        operation: Operation = "replace" if resource.status == "condemned" else "delete"
        if resource.urn in kept and resource.status != "condemned":
            name = urns.name_of(resource.urn)
            report.say("warning", f"{name} is kept: what needs it could not be deleted", resource.urn)
            kept.update(graph.needs(resource))
            return
        try:
            _remove(resource, operation, operations, report, dry_run)
        except Exception as error:
            told = error if isinstance(error, ProvisionError) else Fault(error)
            report.failed(resource.urn, told)
            report.step(resource.urn, operation, "failed", parent=resource.parent, message=str(told))
            kept.update(graph.needs(resource))

    with ThreadPoolExecutor(_AT_ONCE) as pool:
        for wave in graph.waves(listed):
            list(pool.map(one, [resource for resource in wave if resource not in taken_along]))
    for resource in taken_along:
        name, container = urns.name_of(resource.urn), urns.name_of(resource.deleted_with)
        if operations.knows(resource.deleted_with) and not dry_run:
            report.say("warning", f"{name} is kept: {container}, which takes it along, is", resource.urn)
            continue
        if not dry_run:
            operations.forget(resource)
        report.step(resource.urn, "delete", "done", parent=resource.parent, message=f"goes with {container}")


def _remove(
    resource: Resource, operation: Operation, operations: Operations, report: Report, dry_run: bool
) -> None:
    if resource.protect:
        raise ResourceRefused("it is protected", advice="Take `protect` off, run `up`, then delete it")
    forgotten = resource.retain or resource.external
    message = "the old one goes" if resource.status == "condemned" else ""
    message = "only forgotten, not deleted" if forgotten else message
    if not dry_run:
        if resource.custom:
            report.step(resource.urn, operation, "started", parent=resource.parent, message=message)
        operations.delete(resource)
    report.step(resource.urn, operation, "done", parent=resource.parent, message=message)
