"""Which resources hang on which others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stepwell.provision.schema import ResourceType
from stepwell.provision.state import Resource


def needs(resource: Resource) -> set[str]:
    """The URNs that have to exist as long as `resource` does."""
    return {*resource.dependencies, resource.parent, resource.provider} - {"", resource.urn}


def waves(resources: Iterable[Resource]) -> list[list[Resource]]:
    """`resources` in the order of their deletion: nothing in a wave is needed by what a later one holds."""
    left = list(resources)
    ordered: list[list[Resource]] = []
    while left:
        needed = {urn for resource in left for urn in needs(resource)}
        wave = [resource for resource in left if resource.urn not in needed] or left
        ordered.append(wave)
        left = [resource for resource in left if resource not in wave]
    return ordered


def dependents(urn: str, resources: Iterable[Resource]) -> list[Resource]:
    """The resources that need `urn`, directly or not."""
    reached, listed = {urn}, list(resources)
    found: list[Resource] = []
    grew = True
    while grew:
        grew = False
        for resource in listed:
            if resource.urn not in reached and needs(resource) & reached:
                reached.add(resource.urn)
                found.append(resource)
                grew = True
    return found


def needed(resource: Resource, resources: Iterable[Resource]) -> set[str]:
    """The URNs of `resource` and of all that it needs, directly or not."""
    by_urn = {r.urn: r for r in resources}
    reached: set[str] = set()
    left = [resource.urn]
    while left:
        urn = left.pop()
        if urn not in reached:
            reached.add(urn)
            left += needs(by_urn[urn]) if urn in by_urn else ()
    return reached


def doomed(urn: str, resources: Iterable[Resource], types: Mapping[str, ResourceType]) -> list[Resource]:
    """The resources that can't outlive a deletion of `urn`: those that it replaces through a property."""
    reached, listed = {urn}, [resource for resource in resources if resource.custom and not resource.external]
    found: list[Resource] = []
    grew = True
    while grew:
        grew = False
        for resource in listed:
            kind = types.get(resource.type)
            if resource.urn in reached or kind is None:
                continue
            if any(
                (row := kind.properties.get(name)) is not None
                and (row.replaces or kind.update is None)
                and reached & set(mentioned)
                for name, mentioned in resource.property_dependencies.items()
            ):
                reached.add(resource.urn)
                found.append(resource)
                grew = True
    return found
