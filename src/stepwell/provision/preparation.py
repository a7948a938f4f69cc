"""From what a program declares to what is compared and sent: read, checked, defaulted, named, tagged."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stepwell.provision import assets, diff, schema, urns
from stepwell.provision.problems import Finding, ResourceRefused
from stepwell.provision.progress import MASK
from stepwell.provision.registration import Registration
from stepwell.provision.schema import ResourceType
from stepwell.provision.state import Resource
from stepwell.provision.values import UNKNOWN


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A resource's inputs."""

    #: checked, with defaults, name and all tags; contents and unknown values in them
    inputs: dict[str, Any]
    #: whether the name is automatic
    autonamed: bool


def prepare(
    urn: str,
    kind: ResourceType,
    asked: Registration,
    old: Resource | None,
    *,
    folder: Path,
    region: str,
    seed: str,
    tags: Mapping[str, Any],
) -> Prepared:
    """The inputs of a declared resource.

    Args:
        folder: what the paths of assets are relative to.
        seed: what automatic names are derived from.
        tags: those that the provider adds.

    Raises:
        ResourceRefused: with all that is wrong.
    """
    inputs, faults = _contents(asked.values.values, folder)
    inputs = schema.with_texts(kind.properties, inputs)
    if old is not None and asked.ignore_changes:
        inputs = diff.ignoring(asked.ignore_changes, old.inputs, inputs)
    hidden = [value for name, value in inputs.items() if name in asked.values.secrets]
    faults += [_covered(fault, hidden) for fault in schema.check(kind, inputs, region)]
    findings = [
        replace(found, excerpt="") if found.property in asked.values.secrets else found
        for found in schema.inspect(kind, inputs)
    ]
    if faults:
        findings.insert(0, Finding(message="; ".join(faults)))
    if findings:
        raise ResourceRefused("; ".join(found.message for found in findings), findings=findings)
    inputs = schema.with_defaults(kind, inputs)
    if "tags" in kind.properties:
        own = inputs.get("tags") or {}
        inputs["tagsAll"] = UNKNOWN if own is UNKNOWN else {**tags, **own}
    naming = kind.naming
    if naming is None or naming.property in inputs:
        return Prepared(inputs=inputs, autonamed=False)
    if old is not None and old.autonamed and old.inputs.get(naming.prefix) == inputs.get(naming.prefix):
        return Prepared(inputs={**inputs, naming.property: old.inputs[naming.property]}, autonamed=True)
    generation = old.generation if old is not None else 0
    return Prepared(inputs=named(urn, kind, inputs, seed=seed, generation=generation), autonamed=True)


def _covered(text: str, hidden: Any) -> str:
    """`text` without the quotations of a secret, at any depth of `hidden`."""
    if isinstance(hidden, Mapping | list):
        for item in hidden.values() if isinstance(hidden, Mapping) else hidden:
            text = _covered(text, item)
        return text
    return text.replace(repr(hidden), MASK) if isinstance(hidden, str) else text


def _contents(values: Mapping[str, Any], folder: Path) -> tuple[dict[str, Any], list[str]]:
    """The values with their files read, and what could not be read; its value counts as unknown."""
    inputs: dict[str, Any] = {}
    faults: list[str] = []
    for name, value in values.items():
        try:
            inputs[name] = assets.read_all(value, folder)
        except ResourceRefused as error:
            inputs[name] = UNKNOWN
            faults.append(f"property {name}: {error}")
    return inputs, faults


def named(
    urn: str, kind: ResourceType, inputs: Mapping[str, Any], *, seed: str, generation: int
) -> dict[str, Any]:
    """`inputs` with an automatic name: the logical one (or the given prefix) and seven digits."""
    naming = kind.naming
    if naming is None:
        return dict(inputs)
    prefix = inputs.get(naming.prefix)
    start = f"{urns.name_of(urn)}-" if prefix is None else str(prefix)
    end = urns.suffix(seed, urn, generation) + naming.ending(inputs)
    name = start[: naming.longest - len(end)] + end if naming.suffixed else urns.name_of(urn)
    return {**inputs, naming.property: name.lower() if naming.lower else name}
